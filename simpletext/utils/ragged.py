"""Rows of different lengths: NumPy object arrays of one array per row."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def ragged(rows: Iterable[np.ndarray]) -> np.ndarray:
    """An object array with one array per row, which can be indexed by rows.

    Example:
        >>> ragged([np.array([1, 2]), np.array([3])])[[1]][0].tolist()
        [3]
    """
    found = list(rows)
    array = np.empty(len(found), dtype=object)
    for i, row in enumerate(found):  # at once, NumPy would make a matrix of rows of equal length
        array[i] = row
    return array


def is_ragged(values: Any) -> bool:
    """Whether these are rows as `ragged` makes them."""
    return isinstance(values, np.ndarray) and values.dtype == object


def flattened(values: np.ndarray) -> np.ndarray:
    """All rows one after the other; an array of another kind is returned unchanged.

    Example:
        >>> flattened(ragged([np.array([1, 2]), np.array([3])])).tolist()
        [1, 2, 3]
    """
    return np.concatenate(list(values)) if is_ragged(values) and len(values) else values


def split_as(flat: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """A flat array in rows as long as those of `rows`.

    Example:
        >>> [r.tolist() for r in split_as(np.arange(3), ragged([np.zeros(2), np.zeros(1)]))]
        [[0, 1], [2]]
    """
    ends = np.cumsum([len(row) for row in rows])[:-1]
    return ragged(np.split(flat, ends))
