"""Batches of rows, of encoded texts or of arrays, as a Keras dataset."""

from typing import Any

import keras
import numpy as np

from ..utils.ragged import is_ragged
from .encoded_texts import EncodedTexts, pieces

NO_LABEL = -1  # of tokens that aren't the first of a word


class Batches(keras.utils.PyDataset):
    """Batches `(x,)`, `(x, y)` or `(x, y, sample_weight)` in an order fixed by seed and epoch.

    A batch of texts is padded to its longest text. Without shuffling, texts are sorted by their
    length, shortest first, and arrays keep their order.

    Args:
        data: encoded texts; or an array, or a dict or list of arrays, each with one row per
            example.
        batch_size: rows per batch; the last one may be smaller.
        shuffle: draw a new order each epoch.
        seed: with the epoch's number it fixes the order.
        epoch: the number of the first epoch.
        y: labels, one row per example; by default those of the encoded texts, if they have any.
            Labels of words are laid out as (batch, length), with -1 for no label.
        weights: sample weights, (rows,), or as labels of words are; or None.
    """

    def __init__(
        self,
        data: Any,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        *,
        y: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.data, self.batch_size = data, batch_size
        self.shuffle, self.seed, self.epoch = shuffle, seed, epoch
        self.y = getattr(data, "y", None) if y is None else y
        self.weights = weights
        self._draw()

    @property
    def are_texts(self) -> bool:
        """Whether the rows are encoded texts, whose batches differ in width."""
        return isinstance(self.data, EncodedTexts)

    @property
    def varying(self) -> int:
        """How many of a batch's parts differ in width: inputs are texts, and targets may be."""
        if not self.are_texts:
            return 0
        parts = [part for part in (self.y, self.weights) if part is not None]
        return 1 + sum(is_ragged(part) or not isinstance(part, np.ndarray) for part in parts)

    @property
    def order(self) -> np.ndarray:
        """The data's row of each result, for the results of all batches concatenated."""
        return np.concatenate(self.rows) if self.rows else np.zeros(0, int)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self.rows[index]
        others = ((self.y, NO_LABEL), (self.weights, 0))
        parts = (self._taken(part, rows, fill) for part, fill in others if part is not None)
        return (take_rows(self.data, rows), *parts)

    def _taken(self, part: np.ndarray, rows: np.ndarray, fill: float) -> np.ndarray:
        """Some rows of labels or weights, those of words where their first tokens stand."""
        return self.data.laid_out(part, rows, fill) if is_ragged(part) else part[rows]

    def on_epoch_end(self) -> None:
        """Called by Keras after an epoch: draws the next order."""
        self.epoch += 1
        if self.shuffle:
            self._draw()

    def _draw(self) -> None:
        order = self._by_length if self.are_texts else self._at_random
        self.rows = order(np.random.default_rng((self.seed, self.epoch)))

    def _by_length(self, rng: np.random.Generator) -> list[np.ndarray]:
        if not self.shuffle:
            return self.data.cut(self.data.by_length(), self.batch_size)
        rows = self.data.cut(self.data.by_length(rng), self.batch_size)
        return [rows[i] for i in rng.permutation(len(rows))]

    def _at_random(self, rng: np.random.Generator) -> list[np.ndarray]:
        count = len(keras.tree.flatten(self.data)[0])
        return pieces(rng.permutation(count) if self.shuffle else np.arange(count), self.batch_size)


def take_rows(data: Any, rows: np.ndarray) -> Any:
    """Some rows as a model's input."""
    if isinstance(data, EncodedTexts):
        return data.padded(rows)
    return keras.tree.map_structure(lambda part: part[rows], data)
