"""Labels as a user passes them, as plain Python rows; what they mean is decided in `tasks`."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from ..errors import DataError
from .texts import shown_rows


def as_rows(y: Any) -> list:
    """Labels as a list of plain Python values, one per text, or a list of values per text.

    Raises:
        DataError: a label that is missing (None or NaN), with its row; not a list at all.
    """
    if isinstance(y, (str, bytes, Mapping, Set)) or not hasattr(y, "__iter__"):
        shown = repr(y)
        raise DataError(
            "Labels must be a list or an array with one label per text; got "
            f"{shown if len(shown) <= 60 else shown[:57] + '...'} ({type(y).__name__})."
        )
    y = y.to_numpy() if hasattr(y, "columns") else y
    if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
        y = y[:, 0]
    values = y.tolist() if hasattr(y, "tolist") else list(y)
    rows = [[plain(v) for v in row] if is_row(row) else plain(row) for row in values]
    missing = [i for i, row in enumerate(rows) if _is_missing(row)]
    if missing:
        raise DataError(
            f"{len(missing)} labels are missing (None or NaN), at rows {shown_rows(missing)}. "
            "Remove those rows."
        )
    return rows


def check_counts(texts: Sequence[Any], y: Any) -> None:
    """Refuse texts and labels that differ in number."""
    count = len(as_rows(y))
    if len(texts) != count:
        raise DataError(
            f"There are {len(texts)} texts and {count} labels; every text needs one label. "
            "Nothing was cut: check where they came apart."
        )


def is_row(value: Any) -> bool:
    """Whether a text's label is a list of values."""
    return isinstance(value, (list, tuple, set, frozenset, np.ndarray))


def is_indicator(row: Any) -> bool:
    """Whether a text's label is a list of 0 and 1 only."""
    return is_row(row) and all(not isinstance(v, str) and v in (0, 1) for v in row)


def all_labels(rows: list) -> Iterator[Any]:
    """Every label of every text, one after the other."""
    for row in rows:
        if is_row(row):
            yield from row
        else:
            yield row


def plain(value: Any) -> Any:
    """A NumPy scalar as a Python value; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _is_missing(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_missing(v) for v in value)
    return value is None or (value != value) is not False  # pandas' NA isn't even unequal to NA
