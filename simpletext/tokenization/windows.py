"""Long texts as overlapping windows, and one prediction from those of the windows."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..errors import ArgumentError, DataError
from ..utils.validation import require_choice
from .encoded_texts import EncodedTexts
from .layout import Layout
from .tokenizer import Tokenizer

CHOICES = ("truncate", "chunk")
OVERLAP = 0.25  # share of a window: what one window splits is whole in the next


def check_long_text(long_text: str) -> None:
    """Refuse values that aren't in `CHOICES`."""
    require_choice("long_text", long_text, CHOICES)


def windows_of(
    tokenizer: Tokenizer,
    texts: list[str],
    pairs: list[str] | None,
    maxlen: int,
    layout: Layout,
) -> tuple[EncodedTexts, np.ndarray]:
    """All windows of all texts one after the other, and how many each text has, (texts,).

    Raises:
        DataError: pairs of texts.
        ArgumentError: the tokenizer is written in Python and has no windows.
    """
    if pairs is not None:
        raise DataError('long_text="chunk" is for single texts; pairs are cut to maxlen.')
    if not tokenizer.is_fast:
        raise ArgumentError(
            'long_text="chunk" needs a tokenizer with a tokenizer.json; this model\'s has none.'
        )
    counts: list[int] = []

    def chunks() -> Iterator[EncodedTexts]:
        for windows, numbers in tokenizer.windows(texts, maxlen, int(maxlen * OVERLAP)):
            counts.extend(numbers)
            yield windows

    data = EncodedTexts.concat(chunks(), layout, [])
    owners = [text for text, count in zip(texts, counts, strict=True) for _ in range(count)]
    return replace(data, texts=owners), np.array(counts)


def pooled(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean over each text's windows: (windows, classes) -> (texts, classes).

    Example:
        >>> pooled(np.array([[1.0], [3.0], [5.0]]), np.array([2, 1])).tolist()
        [[2.0], [5.0]]
    """
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.add.reduceat(values, starts, axis=0) / counts[:, None].astype(values.dtype)
