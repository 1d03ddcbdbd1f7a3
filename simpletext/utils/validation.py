"""Checks of arguments that several modules share."""

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ArgumentError


def require_count(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """A whole number as an int, numpy's integers included.

    Args:
        name: the argument's name, for the message.
        value: what was passed.
        least: the smallest number allowed.
        most: the largest number allowed; None for no limit.

    Raises:
        ArgumentError: not a whole number, or outside of the limits.
    """
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        allowed = f", {least} or more" if most is None else f" from {least} to {most}"
        raise ArgumentError(f"{name}={value!r}; it must be a whole number{allowed}.")
    return int(value)


def did_you_mean(value: Any, known: Iterable[Any], count: int = 3) -> str:
    """A hint with the nearest of the known names, or nothing: " Did you mean 'text'?".

    Args:
        value: what was passed.
        known: the names that there are.
        count: how many names the hint has at most.

    Example:
        >>> did_you_mean("txt", ["text", "label"])
        " Did you mean 'text'?"
    """
    near = difflib.get_close_matches(str(value), [str(name) for name in known], n=count)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
