"""Texts as users bring them, checked and made into lists of strings."""

from collections.abc import Callable, Iterable
from typing import Any

from .errors import DataError


def as_texts(texts: Any) -> tuple[list[str], list[str] | None]:
    """The texts, and the second texts where `texts` are sentence pairs.

    Args:
        texts: a list, tuple, array or Series of strings, or of pairs of strings.

    Raises:
        DataError: no texts; something among them that is no string, with its rows.
    """
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise DataError(f"Texts must be a list of strings; this is {_shown(texts)}.")
    rows = texts.tolist() if hasattr(texts, "tolist") else list(texts)
    if not rows:
        raise DataError("The list of texts is empty. Give at least one text.")
    if _is_pair(rows[0]):
        _check(rows, _is_pair, "a pair of strings (as the first row is)")
        return [row[0] for row in rows], [row[1] for row in rows]
    _check(rows, lambda row: isinstance(row, str), "a string")
    return rows, None


def listed(texts: Any) -> tuple[bool, Any]:
    """Whether `texts` is one text (or one pair, a tuple), and the texts as a list.

    Example:
        >>> listed("one"), listed(["a", "list"]), listed(("a", "pair"))
        ((True, ['one']), (False, ['a', 'list']), (True, [('a', 'pair')]))
    """
    single = isinstance(texts, str) or (isinstance(texts, tuple) and _is_pair(texts))
    return single, [texts] if single else texts


def _is_pair(row: Any) -> bool:
    return (
        isinstance(row, (list, tuple))
        and len(row) == 2
        and all(isinstance(part, str) for part in row)
    )


def _check(rows: list[Any], is_right: Callable[[Any], bool], what: str) -> None:
    wrong = [i for i, row in enumerate(rows) if not is_right(row)]
    if wrong:
        some = ", ".join(map(str, wrong[:5])) + (", ..." if len(wrong) > 5 else "")
        raise DataError(
            f"{len(wrong)} of {len(rows)} texts aren't {what}, at rows {some}; row {wrong[0]} is "
            f"{_shown(rows[wrong[0]])}. Remove or fill them: an empty string is a text, "
            "None and NaN are not."
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
