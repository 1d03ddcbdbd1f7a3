"""Predictions one after the other, for more texts than fit in memory."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any

from ..data.texts import require_several
from ..utils import console
from ..utils.validation import require_count, require_verbose


def streamed(
    predict: Callable[[list], Iterable[Any]], texts: Iterable[Any], size: int, verbose: int
) -> Iterator[Any]:
    """What `predict` makes of the texts, read and held `size` at a time.

    Raises:
        DataError: one text, or nothing to iterate over.
        ArgumentError: a size that isn't a number of texts.
    """
    require_verbose(verbose)
    require_several(texts)
    return _chunks(predict, texts, require_count("chunk_size", size), verbose)


def _chunks(predict: Callable, texts: Iterable[Any], size: int, verbose: int) -> Iterator[Any]:
    source, total = iter(texts), len(texts) if isinstance(texts, Sized) else None
    with console.bar(total, "predict", verbose) as bar:
        while chunk := list(itertools.islice(source, size)):
            yield from predict(chunk)
            bar.update(len(chunk))
