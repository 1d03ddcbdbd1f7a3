"""Texts as users pass them, checked and converted to lists of strings."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from ..errors import DataError
from ..utils.validation import shown


def as_texts(texts: Any) -> tuple[list[str], list[str] | None]:
    """The texts, and the second texts where `texts` are sentence pairs.

    Args:
        texts: a list, tuple, array or Series of strings, or of pairs of strings.

    Raises:
        DataError: no texts; something among them that is no string, with its rows.
    """
    rows = _listed(texts)
    if not rows:
        raise DataError("The list of texts is empty. Give at least one text.")
    if isinstance(rows[0], (list, tuple)):
        _check(rows, _is_pair, "a pair of strings")
        return [row[0] for row in rows], [row[1] for row in rows]
    _check(rows, lambda row: isinstance(row, str), "a string")
    return rows, None


def listed(texts: Any) -> tuple[bool, Any]:
    """Whether `texts` is one text (or one pair, a tuple), and the texts as a list.

    Example:
        >>> listed("one"), listed(["a", "list"]), listed(("a", "pair"))
        ((True, ['one']), (False, ['a', 'list']), (True, [('a', 'pair')]))
    """
    if getattr(texts, "ndim", 1) == 0 and hasattr(texts, "item"):
        texts = texts.item()
    single = isinstance(texts, str) or (isinstance(texts, tuple) and _is_pair(texts))
    return single, [texts] if single else _listed(texts)


def require_several(texts: Any) -> None:
    """Refuse what can't be iterated over, text by text.

    Raises:
        DataError: one text, or something else.
    """
    scalar = isinstance(texts, (str, bytes)) or getattr(texts, "ndim", 1) == 0
    if scalar or not isinstance(texts, Iterable):
        raise DataError(f"predict_iter takes texts to iterate over; this is {_shown(texts)}.")


def _listed(texts: Any) -> list[Any]:
    if hasattr(texts, "columns"):
        columns = ", ".join(map(repr, list(texts.columns)[:10]))
        raise DataError(
            f"Texts must be a list of strings; this is a table with the columns {columns}. "
            'Give one of them, as in table["text"], or read the table with texts_from_df.'
        )
    unordered = isinstance(texts, (str, bytes, Mapping, Set))
    if unordered or not isinstance(texts, Iterable):
        raise DataError(f"Texts must be a list of strings; this is {_shown(texts)}.")
    shape: tuple = getattr(texts, "shape", (1,))
    if len(shape) == 0:
        raise DataError(f"Texts must be a list of strings; this is one value, {_shown(texts)}.")
    if len(shape) == 2 and shape[1] == 1:
        texts = np.asarray(texts)[:, 0]  # an array with one column has one text per row
    return texts.tolist() if hasattr(texts, "tolist") else list(texts)


def _is_pair(row: Any) -> bool:
    return (
        isinstance(row, (list, tuple))
        and len(row) == 2
        and isinstance(row[0], str)
        and isinstance(row[1], str)
    )


def _check(rows: list[Any], is_right: Callable[[Any], bool], what: str) -> None:
    wrong = [i for i, row in enumerate(rows) if not is_right(row)]
    if wrong:
        raise DataError(
            f"{len(wrong)} of {len(rows)} texts aren't {what}, at rows {shown_rows(wrong)}; row "
            f"{wrong[0]} is {_shown(rows[wrong[0]])}.{_advice(rows[wrong[0]], what)}"
        )


def _advice(wrong: Any, what: str) -> str:
    if isinstance(wrong, bytes):
        return ' Decode bytes first, as in text.decode("utf-8").'
    if isinstance(wrong, (list, tuple)) or (what != "a string" and isinstance(wrong, str)):
        return f" Every row must be of one kind: {what}, as the first row has it."
    if isinstance(wrong, (int, float)) and wrong == wrong:
        return " If numbers are meant as texts, convert them with str."
    return " Remove or fill them: an empty string is a text, None and NaN are not."


def shown_rows(rows: Sequence[int]) -> str:
    """The first few of some row numbers, for a message."""
    return ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")


def _shown(value: Any) -> str:
    return f"{shown(value)} ({type(value).__name__})"
