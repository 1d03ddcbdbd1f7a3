"""Texts as ids, and how batches of them are laid out for a model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np


@dataclass(frozen=True)
class Layout:
    """How a batch is laid out for the model.

    Attributes:
        inputs: the model's inputs that the tokenizer makes, such as `input_ids`.
        pad_id, pad_type_id: what fills a batch's shorter rows.
        padding_side: "right" or "left".
        segments: whether token types tell a pair's texts apart; else all of them are 0.
    """

    inputs: tuple[str, ...]
    pad_id: int
    pad_type_id: int
    padding_side: str
    segments: bool = True

    def for_model(self, inputs: Sequence[str], segments: bool) -> "Layout":
        """The same layout for a model that takes these inputs.

        Token types mean something where the model was trained with them, or the tokenizer's own
        settings name them; to the original all others are 0.
        """
        told = segments or "token_type_ids" in self.inputs
        return replace(self, inputs=tuple(inputs), segments=told)

    @property
    def told(self) -> list[str]:
        """What the original's tokenizer has to make to lay out the same batches."""
        makes = ("input_ids", "attention_mask", *(["token_type_ids"] if self.segments else []))
        return [name for name in self.inputs if name in makes]


@dataclass(frozen=True)
class Encodings:
    """Some texts as ids, one text after the other.

    Attributes:
        ids, type_ids: their tokens, (tokens,), int32 and uint8.
        lengths: tokens of each text, (texts,).
        full_lengths: tokens of each text before it was cut, (texts,).
    """

    ids: np.ndarray
    type_ids: np.ndarray
    lengths: np.ndarray
    full_lengths: np.ndarray

    @classmethod
    def gather(
        cls,
        ids: Sequence[Sequence[int]],
        type_ids: Sequence[Sequence[int]],
        full_lengths: Sequence[int],
    ) -> "Encodings":
        """From one list of ids a text; without an array a text, which would cost more than it."""
        lengths = np.fromiter(map(len, ids), "int64", len(ids))
        total = int(lengths.sum())
        return cls(
            np.fromiter(chain.from_iterable(ids), "int32", total),
            np.fromiter(chain.from_iterable(type_ids), "uint8", total),
            lengths,
            np.asarray(full_lengths, dtype="int64"),
        )

    def rows(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The ids and type ids of each text."""
        ends = np.cumsum(self.lengths)[:-1]
        return zip(np.split(self.ids, ends), np.split(self.type_ids, ends), strict=True)
