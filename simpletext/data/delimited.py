"""Several labels in one field, such as "sport;politics"."""

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, DataError
from ..utils.validation import shown

USUAL = (";", "|", ",")
SHARE = 0.25  # of the names that have a separator, from which on they look delimited


def require_label_sep(sep: Any, columns: Sequence[Any] | None) -> str | None:
    """What separates labels, or None.

    Args:
        sep: what was passed.
        columns: the label columns; None for texts alone.

    Raises:
        ArgumentError: not a string, or an empty one; not one label column.
    """
    if sep is None:
        return None
    if not isinstance(sep, str) or not sep.strip():
        raise ArgumentError(f"label_sep={shown(sep)}; it must be a string such as ';'.")
    if columns is None or len(columns) != 1:
        raise ArgumentError(
            f"label_sep={shown(sep)} is for one column with several labels per field; there are "
            f"{len(columns or ())} label columns. Leave label_sep out, or name one column."
        )
    return sep


def split_labels(column: Sequence[Any], sep: str) -> list[list[str]]:
    """A list of labels per field; an empty field has none.

    Raises:
        DataError: a field that is neither text nor a whole number.

    Example:
        >>> split_labels(["a; b", "a", None, 7], ";")
        [['a', 'b'], ['a'], [], ['7']]
    """
    return [_split(value, sep) for value in column]


def _split(value: Any, sep: str) -> list[str]:
    if value is None or (value != value) is True:  # pandas' empty field is NaN
        return []
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise DataError(
            f"label_sep={shown(sep)}, but the column has the label {shown(value)} "
            f"({type(value).__name__}); only strings can be split. Leave label_sep out, or convert "
            "the column to strings."
        )
    return _parts(str(value), sep)


def _parts(text: str, sep: str) -> list[str]:
    return [part.strip() for part in text.split(sep) if part.strip()]


def separator_in(names: Sequence[Any]) -> str | None:
    """What separates the labels in class names that look delimited, or None.

    They do if a quarter of them have the separator, and the parts are no more than the names:
    parts of several labels occur again and again, those of names with a comma don't.

    Example:
        >>> separator_in(["a;b", "b;c", "a", "a;b;c"]), separator_in(["Oslo, NO", "Bergen, NO"])
        (';', None)
    """
    words = {name for name in names if isinstance(name, str)}
    for sep in USUAL:
        delimited = sum(len(_parts(word, sep)) > 1 for word in words)
        parts = {part for word in words for part in _parts(word, sep)}
        if delimited and delimited >= SHARE * len(names) and len(parts) <= len(words):
            return sep
    return None


def list_hint(names: Sequence[Any]) -> str:
    """A hint if class names look like several labels in one string, else an empty string."""
    written = [n for n in names if isinstance(n, str) and n.strip()[:1] + n.strip()[-1:] == "[]"]
    if names and len(written) > len(names) / 4:
        return (
            f"hint: {shown(written[0])} looks like several labels in one string. If texts have "
            "several labels, pass a list of names per text instead of its text."
        )
    if (sep := separator_in(names)) is None:
        return ""
    example = next(name for name in names if isinstance(name, str) and len(_parts(name, sep)) > 1)
    return (
        f"hint: {shown(example)} looks like several labels in one string. To split them, pass "
        f"label_sep={sep!r} (--label-sep) where the table is read, or a list of names per text."
    )
