"""Sources and targets of a translation as ids, and the batches that they make."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..tasks.translation import IGNORED
from .encoded_texts import LabelledTexts, offsets_of


@dataclass(frozen=True)
class TargetIds:
    """The ids of the targets, with their end, in one flat array.

    Attributes:
        ids: all targets' tokens one after the other, (tokens,) int32.
        offsets: where each target starts in them, (targets + 1,) int64.
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def gather(cls, rows: list[list[int]]) -> "TargetIds":
        """From one list of ids per target."""
        lengths = np.fromiter(map(len, rows), "int64", len(rows))
        ids = np.concatenate([np.zeros(0, "int32"), *(np.array(row, "int32") for row in rows)])
        return cls(ids.astype("int32"), offsets_of(lengths))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.ids, dtype)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Some targets, `IGNORED` where they are padded, (rows, length of the longest) int32."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        columns = np.arange(int(lengths.max(initial=1)))[None, :]
        is_token = columns < lengths[:, None]
        batch = np.full(is_token.shape, IGNORED, "int32")
        batch[is_token] = self.ids[(starts[:, None] + columns)[is_token]]
        return batch

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per target, (targets,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, kw_only=True, repr=False)
class EncodedPairs(LabelledTexts):
    """Encoded sources with their targets; `pairs` has the targets as texts.

    Attributes:
        y: the targets' ids.
        start_id: what the decoder sees before a target.
        tokenizer: what made the ids, a `PairTokenizer`.
        batch_tokens: tokens per batch, with padding, of its sources or its targets, whichever are
            more; None for a number of rows.
    """

    y: Any
    start_id: int
    tokenizer: Any = field(repr=False)
    batch_tokens: int | None = None

    def padded(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The model's inputs for some rows: sources, and the targets one place later."""
        targets = self.y[rows]
        before = np.full(targets.shape, self.layout.pad_id, "int32")
        before[:, 0] = self.start_id
        before[:, 1:] = np.where(targets[:, :-1] == IGNORED, self.layout.pad_id, targets[:, :-1])
        return super().padded(rows) | {"decoder_input_ids": before}

    @property
    def widths(self) -> np.ndarray:
        """Tokens of the longer one of source and target, (rows,)."""
        return np.maximum(self.lengths, self.y.lengths)

    def by_length(self, rng: np.random.Generator | None = None) -> np.ndarray:
        """The rows sorted by width, (rows,); with a generator equally wide ones in any order.

        So the number of batches is the same in each epoch.
        """
        ties = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        return np.lexsort((ties, self.widths))

    def cut(self, rows: np.ndarray, batch_size: int) -> list[np.ndarray]:
        """Sorted rows as batches of so many rows, or of `batch_tokens`."""
        if self.batch_tokens is None:
            return super().cut(rows, batch_size)
        widths, starts = self.widths[rows], [0]
        for i, width in enumerate(widths):
            if (i + 1 - starts[-1]) * width > self.batch_tokens and i > starts[-1]:
                starts.append(i)
        return np.split(rows, starts[1:])
