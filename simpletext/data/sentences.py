"""Sentences with a tag per word, from what users have: lists of words, or texts and spans."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import DataError
from ..utils import console
from ..utils.validation import shown
from .labels import plain
from .tags import OUTSIDE, Span, in_order, several, tags_of
from .texts import as_texts, shown_rows

MISSING = ("none", "nan", "<na>", "nat")  # what stands where there is no tag
CharSpan = tuple[int, int, str]  # the first character, the end, and the label


@dataclass(frozen=True)
class Sentences:
    """Texts and where their words stand.

    Attributes:
        texts: the texts; words that came as a list are joined by spaces.
        words: for each text the first character and the end of its words, (words, 2) int32.
    """

    texts: list[str]
    words: list[np.ndarray]


def are_word_lists(rows: Any) -> bool:
    """Whether texts are lists of words; a list of strings is a list of texts.

    Example:
        >>> are_word_lists([["two", "words"]]), are_word_lists(["two", "texts"])
        (True, False)
    """
    first = next(iter(rows), None) if _is_iterable(rows) else None
    return _is_list(first)


def are_tagged(texts: Any, y: Any) -> bool:
    """Whether labels are tags of words, or spans of characters, and not labels of whole texts.

    Two words with two tags may also be a pair of texts with two labels: they don't decide.
    """
    texts, y = (list(rows) if _is_iterable(rows) else [] for rows in (texts, y))
    if not texts or len(texts) != len(y) or isinstance(texts[0], tuple):
        return False
    if are_word_lists(texts):
        if not all(map(_is_list, texts)) or not all(map(_is_list, y)):
            return False
        counts = [len(words) for words in texts]
        return counts == [len(tags) for tags in y] and set(counts) != {2}
    spans = [span for row in y if isinstance(row, (list, tuple)) for span in row]
    return bool(spans) and all(map(_looks_like_span, spans))


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _is_iterable(rows: Any) -> bool:
    """Whether there are rows that can be read twice; a 0-d array has none."""
    once = isinstance(rows, Iterator)
    return hasattr(rows, "__iter__") and not once and getattr(rows, "ndim", 1) != 0


def _looks_like_span(value: Any) -> bool:
    if isinstance(value, Mapping):
        return {"start", "end", "label"} <= value.keys()
    return isinstance(value, (list, tuple)) and len(value) == 3 and isinstance(value[2], str)


def joined(rows: Any) -> Sentences:
    """Lists of words as texts, the words joined by spaces.

    Raises:
        DataError: no sentences; a sentence without words, or one with something else than strings.

    Example:
        >>> joined([["New", "York"]]).words[0].tolist()
        [[0, 3], [4, 8]]
    """
    sentences = [list(row) if _is_list(row) else row for row in rows]
    if not sentences:
        raise DataError("The list of sentences is empty. Give at least one sentence.")
    for row, words in enumerate(sentences):
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise DataError(
                f"Row {row} of the sentences is {shown(words)}; it must be a list of words, as the "
                "first row is."
            )
    empty = [row for row, words in enumerate(sentences) if not words]
    if empty:
        raise DataError(
            f"{len(empty)} sentences have no words, at rows {shown_rows(empty)}. Remove them."
        )
    return Sentences([" ".join(words) for words in sentences], list(map(_places, sentences)))


def _places(words: Sequence[str]) -> np.ndarray:
    lengths = np.array([len(word) for word in words])
    starts = np.concatenate([[0], np.cumsum(lengths[:-1] + 1)])
    return np.stack([starts, starts + lengths], axis=1).astype("int32")


def checked_pair(texts: Any, y: Any) -> tuple[list[Any], list[Any]]:
    """Lists of words with their tags, or strings with their spans.

    Raises:
        DataError: see `joined`, `checked_tags` and `checked_spans`.
    """
    texts, y = (list(rows) if isinstance(rows, Iterator) else rows for rows in (texts, y))
    if not are_word_lists(texts):
        return checked_spans(texts, y)
    joined(texts)
    return list(texts), checked_tags(list(texts), y)


def checked_tags(sentences: Sequence[Sequence[Any]], y: Any) -> list[list[Any]]:
    """One list of tags per sentence, one tag per word.

    Raises:
        DataError: another number of rows or of tags, or a missing tag; with the row.
    """
    rows = [_tag_row(row, number) for number, row in enumerate(several(y))]
    if len(rows) != len(sentences):
        raise DataError(
            f"There are {len(sentences)} sentences and {len(rows)} lists of tags; every sentence "
            "needs one."
        )
    for number, (words, tags) in enumerate(zip(sentences, rows, strict=True)):
        if len(words) != len(tags):
            raise DataError(
                f"Row {number} has {len(words)} words and {len(tags)} tags; every word needs one. "
                f"The words begin with {list(words)[:5]!r}, the tags with {shown(tags[:5])}."
            )
        missing = [i for i, tag in enumerate(tags) if _is_missing(tag)]
        if missing:
            raise DataError(
                f"Row {number} has no tag for its word {missing[0]}, {words[missing[0]]!r}. Words "
                "outside of entities have the tag 'O'."
            )
    return rows


def _is_missing(tag: Any) -> bool:
    return tag == "" if isinstance(tag, str) else shown(tag).lower() in MISSING


def _tag_row(row: Any, number: int) -> list[Any]:
    single = isinstance(row, (str, bytes, Mapping)) or not hasattr(row, "__iter__")
    single = single or getattr(row, "ndim", 1) != 1
    tags = [] if single else list(row)
    if single or any(hasattr(tag, "__iter__") and not isinstance(tag, str) for tag in tags):
        raise DataError(f"Row {number} of the tags is {shown(row)}; it must be a list of tags.")
    return [plain(tag) for tag in tags]


def checked_spans(texts: Any, y: Any) -> tuple[list[str], list[list[CharSpan]]]:
    """Texts, and their spans of characters in the order in which they stand there.

    Args:
        texts: strings.
        y: for each text a list of `(start, end, label)`, or of dicts with these keys; the end is
            the character after the last.

    Raises:
        DataError: a span outside of its text, one that is empty or overlaps another; with the row.
    """
    texts, pairs = as_texts(texts)
    if pairs is not None:
        raise DataError("Entities are found in single texts; these are pairs of texts.")
    rows = [_span_row(row, number) for number, row in enumerate(several(y))]
    if len(rows) != len(texts):
        raise DataError(f"There are {len(texts)} texts and {len(rows)} lists of spans.")
    found = [
        sorted(_span(value, text, row) for value in spans)
        for row, (text, spans) in enumerate(zip(texts, rows, strict=True))
    ]
    for row, spans in enumerate(found):
        for one, other in pairwise(spans):
            if other[0] < one[1]:
                raise DataError(
                    f"Row {row}: the spans {one} and {other} overlap; a character has one label "
                    "at most. Remove one of them."
                )
    return texts, found


def _span_row(row: Any, number: int) -> Sequence[Any]:
    if row is not None and not _is_list(row):
        raise DataError(f"Row {number} of the spans is {shown(row)}; it must be a list of spans.")
    return () if row is None else row


def _span(value: Any, text: str, row: int) -> CharSpan:
    if isinstance(value, Mapping) and {"start", "end", "label"} <= value.keys():
        value = value["start"], value["end"], value["label"]
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise DataError(
            f"Row {row}: {shown(value)} is no span; a span is (start, end, label), such as "
            '(0, 5, "PERSON").'
        )
    start, end, label = map(plain, value)
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label:
        raise DataError(
            f"Row {row}: the span {shown(value)} must be two whole numbers and a label."
        )
    if not 0 <= start < end <= len(text):
        raise DataError(
            f"Row {row}: the span {shown(value)} isn't in the text, which has {len(text)} "
            "characters, or is empty. The end is the character after the last."
        )
    return start, end, label


def tags_in(y: Any) -> tuple:
    """All tags in rows of tags, or those that rows of spans become, in order.

    Example:
        >>> tags_in([[(0, 4, "LOC")]])
        ('O', 'B-LOC', 'I-LOC')
    """
    values = [value for row in y for value in row]
    if values and all(map(_looks_like_span, values)):
        labels = {v["label"] if isinstance(v, Mapping) else v[2] for v in values}
        return in_order([OUTSIDE, *(f"{letter}-{label}" for label in labels for letter in "BI")])
    return in_order(map(plain, values))


def tags_of_spans(
    sentences: Sentences, spans: Sequence[Sequence[CharSpan]], verbose: int
) -> list[list[str]]:
    """IOB2 tags of the words in spans of characters.

    A span that cuts a word is extended to the whole word, with one printed line for all.
    """
    cut, tags = [], []
    for row, (words, found) in enumerate(zip(sentences.words, spans, strict=True)):
        entities: list[Span] = []
        for start, end, label in found:
            inside = np.flatnonzero((words[:, 1] > start) & (words[:, 0] < end))
            taken = entities[-1][2] if entities else 0
            inside = inside[inside >= taken]  # a word is of one entity
            if len(inside):
                first, last = int(inside[0]), int(inside[-1]) + 1
                entities.append((label, first, last))
            if not len(inside) or (words[first, 0], words[last - 1, 1]) != (start, end):
                cut.append((row, sentences.texts[row][start:end]))
        tags.append(tags_of(entities, len(words), "IOB2"))
    if cut and verbose:
        row, text = cut[0]
        console.note(
            f"{len(cut)} spans don't begin and end where words do, and were fitted to whole "
            f"words; the first is {text!r} in row {row}."
        )
    return tags
