"""`Passage`: a text, or a pair, and its words in any language; variations without some of them."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

from ..errors import DataError
from ..tokenization.scripts import is_dense
from ..tokenization.tokenizer import Place, Tokenizer

APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
WHOLE = 10**9  # tokens: no text is truncated
JOINERS = "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"


@dataclass(frozen=True)
class Passage:
    """A text or a pair to explain.

    Attributes:
        texts: the text, or the two of a pair.
        words: of each word the number of its text, its first character and its end.
    """

    texts: tuple[str, ...]
    words: tuple[Place, ...]

    @property
    def doc(self) -> Any:
        """A predictor's input: a text, or a tuple of two."""
        return self.texts[0] if len(self.texts) == 1 else self.texts

    def keeping(self, kept: Collection[int]) -> Any:
        """The text or pair with these words only; characters between words stay.

        Example:
            >>> Passage(("not bad, ok",), ((0, 0, 3), (0, 4, 7), (0, 9, 11))).keeping({1, 2})
            'bad, ok'
        """
        parts = tuple(self._part(number, kept) for number in range(len(self.texts)))
        return parts[0] if len(parts) == 1 else parts

    def _part(self, number: int, kept: Collection[int]) -> str:
        pieces, last = [], self._pieces[number]
        for index, before, word in last[:-1]:
            # Also remove the space before the word: two spaces could become another token.
            pieces.append(before + word if index in kept else before.rstrip())
        return "".join([*pieces, last[-1][1]]).strip()

    @cached_property
    def _pieces(self) -> list[list[tuple[int, str, str]]]:
        """Per text its words (number, characters before it, word), and the rest of the text."""
        pieces = []
        for number, text in enumerate(self.texts):
            rows, at = [], 0
            for index, (part, start, end) in enumerate(self.words):
                if part == number:
                    rows.append((index, text[at:start], text[start:end]))
                    at = end
            pieces.append([*rows, (-1, text[at:], "")])
        return pieces


def passage_of(doc: Any, tokenizer: Tokenizer, truncate_len: int) -> Passage:
    """The passage of a document, each text cut after its first `truncate_len` words.

    Raises:
        DataError: neither a text nor a pair, or one without words.
    """
    texts = (doc,) if isinstance(doc, str) else doc
    is_pair = isinstance(texts, (tuple, list)) and len(texts) in (1, 2)
    if not is_pair or not all(isinstance(text, str) for text in texts):
        raise DataError(
            "explain takes one text, a string, or one pair, a tuple of two strings; this is a "
            f"{type(doc).__name__}."
        )
    if not isinstance(doc, str) and len(texts) == 1:
        raise DataError("explain takes one text, a string; this is a list. Take its element.")
    cut, words = [], []
    for number, text in enumerate(texts):
        spans = words_of(text, _token_starts(text, tokenizer))
        if len(spans) > truncate_len:
            spans = spans[:truncate_len]
            text = text[: spans[-1][1]]
        cut.append(text)
        words += [(number, start, end) for start, end in spans]
    if not words:
        raise DataError(
            f"There is no word in {doc!r:.60}, so there is nothing to weigh. "
            "An explanation needs a text with at least one word."
        )
    return Passage(tuple(cut), tuple(words))


def words_of(text: str, token_starts: Collection[int]) -> list[tuple[int, int]]:
    """The start and end of each word; emoji are words, too.

    Args:
        text: in any language.
        token_starts: the tokens' starts, which split scripts without spaces.

    Example:
        >>> words_of("it's bad \N{PILE OF POO} $()", [])
        [(0, 4), (5, 8), (9, 10)]
    """
    kinds = [_kind(letter) for letter in text]
    for i, letter in enumerate(text):
        inside = 0 < i < len(text) - 1
        if letter in APOSTROPHES and inside and kinds[i - 1] == "word" == _kind(text[i + 1]):
            kinds[i] = "word"
        elif kinds[i] == "mark" and i:  # belongs to the letter before it
            kinds[i] = kinds[i - 1]
    edges = [i for i in range(1, len(text)) if kinds[i] != kinds[i - 1]]
    edges += [i for i in token_starts if 0 < i < len(text) and kinds[i] == "dense" == kinds[i - 1]]
    bounds = sorted({0, len(text), *edges})
    return [(a, b) for a, b in pairwise(bounds) if kinds[a] in ("word", "dense", "symbol")]


@lru_cache(maxsize=4096)
def _kind(letter: str) -> str:
    category = unicodedata.category(letter)
    if category[0] == "M" or letter in JOINERS or category == "Sk":
        return "mark"
    if category == "So":
        return "symbol"
    if category[0] in "LN" or category == "Pc":
        return "dense" if is_dense(letter) else "word"
    return "between"


def _token_starts(text: str, tokenizer: Tokenizer) -> Collection[int]:
    """The tokens' starts, if the text's script has no spaces between words."""
    if not tokenizer.is_fast:  # it returns no token offsets
        return range(len(text))
    if not any(_kind(letter) == "dense" for letter in text):
        return ()
    return {place[1] for place in tokenizer.places(text, None, WHOLE) if place is not None}
