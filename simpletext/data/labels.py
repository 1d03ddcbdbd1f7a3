"""Labels as a user passes them, as plain Python rows; their task is inferred in `tasks`."""

from collections.abc import Iterator, Mapping, Sequence, Set
from enum import Enum
from typing import Any

import numpy as np

from ..errors import DataError
from ..utils.validation import shown
from .texts import shown_rows


def collected(y: Any) -> Any:
    """Labels that can be read twice: an iterator becomes a list, others are unchanged."""
    return list(y) if isinstance(y, Iterator) else y


def as_rows(y: Any) -> list:
    """Labels as a list of plain Python values, one per text, or a list of values per text.

    Args:
        y: a list, an array, a Series or DataFrame, a sparse matrix, or a tensor of TensorFlow,
            PyTorch or JAX. An array with one column has one label per text.

    Raises:
        DataError: a label that is missing (None or NaN), with its row; not a list at all; dates.
    """
    scalar = getattr(y, "ndim", 1) == 0
    if scalar or isinstance(y, (str, bytes, Mapping, Set)) or not hasattr(y, "__iter__"):
        raise DataError(
            "Labels must be a list or an array with one label per text; got "
            f"{shown(y)} ({type(y).__name__})."
        )
    values = _listed(y)
    rows = [[plain(v) for v in _row(row)] if is_row(row) else plain(row) for row in values]
    missing = [i for i, row in enumerate(rows) if _is_missing(row)]
    if missing:
        raise DataError(
            f"{len(missing)} labels are missing (None or NaN), at rows {shown_rows(missing)}. "
            "Remove those rows (row 0 is the first)."
        )
    return rows


def is_table(y: Any) -> bool:
    """Whether labels come as columns: a DataFrame, a matrix or a tensor of two or more columns."""
    shape = getattr(y, "shape", None)
    return shape is not None and len(shape) == 2 and int(shape[1]) > 1


def _listed(y: Any) -> list:
    """Labels of any supported type as a list."""
    if hasattr(y, "toarray"):  # a sparse matrix
        y = y.toarray()
    elif hasattr(y, "detach"):  # a PyTorch tensor
        y = y.detach().cpu().numpy()
    elif hasattr(y, "to_numpy"):  # pandas
        y = y.to_numpy()
    elif hasattr(y, "__array__") and not isinstance(y, np.ndarray):  # TensorFlow, JAX
        y = np.asarray(y)
    if not isinstance(y, np.ndarray):
        rows = list(y)
        return [row.numpy() if hasattr(row, "numpy") else row for row in rows]
    if y.dtype.kind in "Mm":
        raise DataError(
            f"The labels are dates or times ({y.dtype}). Convert them first: to strings for "
            "classes, as with astype(str), or to numbers for a regression."
        )
    return (y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y).tolist()


def _row(row: Any) -> list:
    return row.tolist() if isinstance(row, np.ndarray) else list(row)


def check_counts(texts: Sequence[Any], y: Any) -> None:
    """Raise if the numbers of texts and labels differ."""
    count = len(as_rows(y))
    if len(texts) != count:
        raise DataError(
            f"There are {len(texts)} texts and {count} labels; every text needs one label. "
            "Nothing was cut: check where they came apart."
        )


def is_row(value: Any) -> bool:
    """Whether a text's label is a list of values."""
    return isinstance(value, (list, tuple, set, frozenset, np.ndarray)) and (
        not _is_scalar_array(value)
    )


def is_indicator(row: Any) -> bool:
    """Whether a text's label is a list of 0 and 1 only."""
    return is_row(row) and all(not isinstance(v, str) and v in (0, 1) for v in row)


def require_indicators(rows: list) -> None:
    """Raise for values other than 0 and 1 in columns that are one class each.

    Raises:
        DataError: a value that is neither, with its row and column.
    """
    for i, row in enumerate(rows):
        for column, value in enumerate(row if is_row(row) else ()):
            if isinstance(value, str) or value not in (0, 1):
                raise DataError(
                    f"Row {i} of the labels has {shown(value)} in column {column}; with one column "
                    "per class every value must be 0 or 1. For one number per column pass "
                    "task='regression'; for several names per text pass a list of names per text."
                )


def all_labels(rows: list) -> Iterator[Any]:
    """All labels of all texts, flattened."""
    for row in rows:
        if is_row(row):
            yield from row
        else:
            yield row


def plain(value: Any) -> Any:
    """A NumPy scalar, 0-d array or Enum member as a Python value; anything else unchanged."""
    if isinstance(value, Enum):
        return value.value
    return value.item() if isinstance(value, np.generic) or _is_scalar_array(value) else value


def _is_scalar_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 0


def _is_missing(value: Any) -> bool:
    if isinstance(value, list):  # of one text; what is nested deeper is no label
        return any(_is_missing(v) for v in value if not isinstance(v, list))
    return value is None or (value != value) is not False  # pandas' NA isn't even unequal to NA
