"""Scripts that put no spaces between words; words in them are the tokenizer's tokens."""

import unicodedata
from functools import lru_cache

# By the start of their characters' Unicode names.
DENSE = ("BOPOMOFO", "CJK", "HIRAGANA", "KATAKANA", "KHMER", "LAO", "MYANMAR", "THAI", "TIBETAN")


@lru_cache(maxsize=4096)
def is_dense(letter: str) -> bool:
    """Whether a character is of a script without spaces.

    Example:
        >>> is_dense("漢"), is_dense("a")
        (True, False)
    """
    return unicodedata.name(letter, "").startswith(DENSE)


def has_dense(text: str) -> bool:
    """Whether a text has characters of such a script."""
    return not text.isascii() and any(map(is_dense, text))
