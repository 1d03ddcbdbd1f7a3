"""Encoded texts in flat arrays."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

import numpy as np

from ..errors import DataError
from ..tasks.labels import Labels
from ..utils import backend
from ..utils.notebook import Described
from ..utils.ragged import flattened, ragged
from .layout import Layout

# Shuffled texts are sorted by their length times a random factor up to this one, drawn anew each
# epoch: the texts of a batch are about equally long, and its members still change.
LENGTH_JITTER = 1.05


@dataclass(frozen=True, kw_only=True, repr=False)
class EncodedTexts(Described):
    """Texts as ids, in one flat array.

    Attributes:
        ids, type_ids: all texts' tokens one after the other, (tokens,), int32 and uint8.
        offsets: where each text starts in them, (texts + 1,), int64.
        layout: how they are padded.
        texts: the texts themselves, for reports.
        pairs: the second texts of sentence pairs, or None.
        full_lengths: tokens per text before truncation to maxlen, (texts,).
        word_ids: for each token the number of the word whose first token it is, else -1,
            (tokens,) int32; None where words have no labels.
        words: for each text the first character and the end of its words, (words, 2); or None.
        maxlen: the length at which texts were truncated, in tokens; None where it isn't known.
    """

    ids: np.ndarray
    type_ids: np.ndarray
    offsets: np.ndarray
    layout: Layout
    full_lengths: np.ndarray
    texts: Sequence[str]
    pairs: Sequence[str] | None = None
    word_ids: np.ndarray | None = None
    words: Sequence[np.ndarray] | None = None
    maxlen: int | None = None

    @classmethod
    def gather(
        cls,
        ids: Sequence[Sequence[int]],
        type_ids: Sequence[Sequence[int]],
        full_lengths: Sequence[int],
        layout: Layout,
        texts: Sequence[str] = (),
        pairs: Sequence[str] | None = None,
    ) -> "EncodedTexts":
        """Build from one list of ids per text. An array per text would take too much memory."""
        lengths = np.fromiter(map(len, ids), "int64", len(ids))
        total = int(lengths.sum())
        return cls(
            ids=np.fromiter(chain.from_iterable(ids), "int32", total),
            type_ids=np.fromiter(chain.from_iterable(type_ids), "uint8", total),
            offsets=offsets_of(lengths),
            layout=layout,
            full_lengths=np.asarray(full_lengths, dtype="int64"),
            texts=texts,
            pairs=pairs,
        )

    @classmethod
    def concat(
        cls,
        chunks: Iterable["EncodedTexts"],
        layout: Layout,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
    ) -> "EncodedTexts":
        """Concatenate chunks of encoded texts; `layout` and `texts` are those of all of them."""
        chunks = list(chunks)

        def joined(name: str, dtype: str) -> np.ndarray:
            return np.concatenate([np.zeros(0, dtype), *(getattr(c, name) for c in chunks)])

        tagged = bool(chunks) and chunks[0].word_ids is not None
        return cls(
            ids=joined("ids", "int32"),
            word_ids=joined("word_ids", "int32") if tagged else None,
            type_ids=joined("type_ids", "uint8"),
            offsets=offsets_of(joined("lengths", "int64")),
            layout=layout,
            full_lengths=joined("full_lengths", "int64"),
            texts=texts,
            pairs=pairs,
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def _facts(self) -> dict[str, Any]:
        truncated = int(self.truncated.sum())
        return {"texts": len(self), "tokens": len(self.ids), "truncated": truncated}

    def rows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The ids and type ids of each text."""
        ends = self.offsets[1:-1]
        return zip(np.split(self.ids, ends), np.split(self.type_ids, ends), strict=True)

    def laid_out(self, values: np.ndarray, rows: np.ndarray, fill: float) -> np.ndarray:
        """What the words of some rows have, at the places of their first tokens in the batch.

        Args:
            values: for each text one number per word that has a token (see `utils.ragged`).
            rows: the texts.
            fill: what the other tokens have.

        Returns:
            (rows, length), of the type of the values.
        """
        mask, given = self.first_tokens(rows), flattened(values[rows])
        batch = np.full(mask.shape, fill, given.dtype)
        batch[mask] = given
        return batch

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per text, (texts,)."""
        return np.diff(self.offsets)

    @property
    def truncated(self) -> np.ndarray:
        """Whether each text was truncated to maxlen, (texts,)."""
        return self.full_lengths > self.lengths

    def by_length(self, rng: np.random.Generator | None = None) -> np.ndarray:
        """The rows sorted by length, (texts,); with a generator roughly so, in another order."""
        if rng is None:
            return np.argsort(self.lengths, kind="stable")
        return np.argsort(-self.lengths * rng.uniform(1, LENGTH_JITTER, len(self)))

    def cut(self, rows: np.ndarray, batch_size: int) -> list[np.ndarray]:
        """Sorted rows as batches."""
        return pieces(rows, batch_size)

    def with_labels(self, y: np.ndarray, labels: Labels) -> "LabelledTexts":
        """The same texts with labels."""
        mine = {part.name: getattr(self, part.name) for part in fields(EncodedTexts)}
        if self.word_ids is not None:
            y = ragged(row[self.read_words(i)] for i, row in enumerate(y))
        return LabelledTexts(**mine, y=y, labels=labels)

    def with_word_ids(self, word_ids: np.ndarray) -> "EncodedTexts":
        """The same texts with the words whose first token each token is."""
        return replace(self, word_ids=word_ids)

    def with_words(self, words: Sequence[np.ndarray]) -> "EncodedTexts":
        """The same texts with the places of their words."""
        return replace(self, words=words)

    def read_words(self, row: int) -> np.ndarray:
        """The numbers of a text's words that have a token: those behind maxlen have none."""
        numbers = self.word_ids_of(row)
        return numbers[numbers >= 0]

    def word_ids_of(self, row: int) -> np.ndarray:
        """The `word_ids` of one text, (tokens,)."""
        return self._word_ids()[self.offsets[row] : self.offsets[row + 1]]

    def read_places(self) -> list[np.ndarray]:
        """Where the words that have a token stand, (words, 2) for each text."""
        return [places[self.read_words(row)] for row, places in enumerate(self.words or ())]

    def first_tokens(self, rows: np.ndarray) -> np.ndarray:
        """Which places of a padded batch are words' first tokens, (rows, length) booleans."""
        mask, tokens = self._places(rows)
        mask[mask] = self._word_ids()[tokens] >= 0
        return mask

    def _word_ids(self) -> np.ndarray:
        if self.word_ids is None:
            raise DataError("These texts were encoded without their words.")
        return self.word_ids

    def _places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a padded batch has tokens, (rows, length), and which these are in `ids`."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        width = longest = int(lengths.max(initial=1))
        if backend.padded_length(longest) > longest:
            width = min(backend.padded_length(longest), max(longest, int(self.lengths.max())))
        columns = np.arange(width)[None, :]
        if self.layout.padding_side == "left":
            columns = columns - (width - lengths[:, None])
        mask = (columns >= 0) & (columns < lengths[:, None])
        return mask, (starts[:, None] + columns)[mask]

    def padded(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The model's inputs for some rows, each (rows, length of the longest) int32.

        On JAX, which compiles for every length, lengths are rounded up to one of a few, though
        never above that of the longest of all texts.
        """
        mask, tokens = self._places(rows)
        values = {"input_ids": (self.layout.pad_id, self.ids)}
        if self.layout.segments:
            values["token_type_ids"] = (self.layout.pad_type_id, self.type_ids)
        # No tokenizer returns a language; -1 means unknown (see `families.xlm`).
        batch = {
            "attention_mask": mask.astype("int32"),
            "langs": np.full(mask.shape, -1, "int32"),
            "token_type_ids": np.zeros(mask.shape, "int32"),
        }
        for name, (fill, flat) in values.items():
            batch[name] = np.full(mask.shape, fill, dtype="int32")
            batch[name][mask] = flat[tokens]
        return {name: batch[name] for name in self.layout.inputs}


@dataclass(frozen=True, kw_only=True, repr=False)
class LabelledTexts(EncodedTexts):
    """Encoded texts with labels.

    Attributes:
        y: labels as numbers (see `Labels.encode`); of words, those that have a token.
        labels: what those numbers mean.
    """

    y: np.ndarray
    labels: Labels

    def _facts(self) -> dict[str, Any]:
        return super()._facts() | {"task": self.labels.summary}


def pieces(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """The rows in pieces of one size; the last one may be smaller."""
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """The start of each piece in a flat array, and the end of the last, (pieces + 1,)."""
    return np.concatenate([[0], np.cumsum(lengths, dtype="int64")])
