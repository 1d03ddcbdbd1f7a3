"""Checks of arguments that several modules share."""

import difflib
import math
import reprlib
import sys
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np

from ..errors import ArgumentError

MOST_SEED = 2**31 - 1  # so that seeds of single layers can be counted up from it


def shown(value: Any, length: int = 60) -> str:
    """A value for a message: its repr in at most `length` characters, whatever the value is.

    Example:
        >>> shown([1, 2]), shown("a" * 100, 10)
        ('[1, 2]', "'aa...aaa'")
    """
    writer = reprlib.Repr()
    writer.maxstring = writer.maxother = writer.maxlong = length
    try:
        text = writer.repr(value)
    except Exception:  # noqa: BLE001 - an object of the user's, whose repr fails
        text = f"<{type(value).__name__}>"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= length else text[: length - 3] + "..."


def require_count(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """A whole number as an int, numpy's integers included.

    Args:
        name: the argument's name, for the message.
        value: what was passed.
        least: the smallest number allowed.
        most: the largest number allowed; None for no limit but that of the machine.

    Raises:
        ArgumentError: not a whole number, or outside of the limits.
    """
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or value < least or value > (sys.maxsize if most is None else most):
        allowed = f", {least} or more" if most is None else f" from {least} to {most}"
        raise ArgumentError(f"{name}={shown(value)}; it must be a whole number{allowed}.")
    return int(value)


def require_number(
    name: str, value: Any, least: float, most: float = math.inf, what: str = ""
) -> float:
    """A number as a float, numpy's numbers included.

    Args:
        name: the argument's name, for the message.
        value: what was passed.
        least: the smallest number allowed.
        most: the largest number allowed.
        what: what is allowed, for the message; by default the limits.

    Raises:
        ArgumentError: not a finite number, or outside of the limits.
    """
    value = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(value, (int, float))
    highest = min(most, sys.float_info.max)
    if not is_number or isinstance(value, bool) or not least <= value <= highest:
        limits = f", {least:g} or more" if most == math.inf else f" from {least:g} to {most:g}"
        raise ArgumentError(f"{name}={shown(value)}; it must be {what or f'a number{limits}'}.")
    return float(value)


def require_choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """One of several words.

    Raises:
        ArgumentError: another value; the message lists the words.
    """
    words = tuple(allowed)
    if not isinstance(value, str) or value not in words:
        raise ArgumentError(
            f"{name}={shown(value)}; allowed are {', '.join(map(repr, words))}."
            + (did_you_mean(value, words, 1) if isinstance(value, str) else "")
        )
    return str(value)


def require_list(name: str, value: Any, of: str = "names") -> list[Any]:
    """Several values as a list: from a list, tuple, array, Series, generator and the like.

    Raises:
        ArgumentError: one value, a string, a dict or a set, which has no order.
    """
    unordered = isinstance(value, (str, bytes, bytearray, memoryview, Mapping, Set))
    if unordered or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        raise ArgumentError(f"{name}={shown(value)}; it must be a list of {of}.")
    return list(value)


def require_flag(name: str, value: Any) -> bool:
    """True or False, numpy's and 0 and 1 included.

    Raises:
        ArgumentError: anything else.
    """
    if not isinstance(value, (bool, np.bool_, int, np.integer)) or value not in (0, 1):
        raise ArgumentError(f"{name}={shown(value)}; it must be True or False.")
    return bool(value)


def require_verbose(value: Any) -> int:
    """How much is printed: nothing (0 or False), or progress and messages (1, 2 or True).

    Raises:
        ArgumentError: anything else.
    """
    if not isinstance(value, (bool, np.bool_, int, np.integer)) or value not in (0, 1, 2):
        raise ArgumentError(
            f"verbose={shown(value)}; it must be 0 (prints nothing) or 1 (2, as in Keras, is the "
            "same)."
        )
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
    word = value if isinstance(value, str) else shown(value)
    near = difflib.get_close_matches(word[:100], [str(name) for name in known], n=count)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
