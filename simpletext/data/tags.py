"""Tags of words as entities, in the schemes of the field.

| scheme | tags |
|---|---|
| IOB2 (also BIO) | `B-` on an entity's first word, `I-` on the others, `O` outside |
| IOB1 | `I-` on all words; `B-` only where an entity follows another of its type at once |
| IOBES | as IOB2, with `E-` on the last word and `S-` on a single one |
| BILOU | the same with the letters `L-` and `U-` |
| IO | the type itself; neighbouring words of one type are one entity |
| plain | a class for every word, such as a part of speech; there is no `O` |

Tags are read leniently, as conlleval does: an entity also begins where the scheme doesn't allow it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ArgumentError, DataError
from ..utils import console
from ..utils.validation import shown

OUTSIDE = "O"
LETTERS = {"IOB2": "BI", "IOB1": "BI", "IOBES": "BIES", "BILOU": "BILU"}
SCHEMES = (*LETTERS, "IO", "plain")
NAMES = {"BIO": "IOB2", "BIOES": "IOBES", "BIOLU": "BILOU"}  # other names of the same
PREFIXED = re.compile(r"[BIESLU]-.+", re.DOTALL)
COMMON = {"L": "E", "U": "S"}  # BILOU's letters as IOBES has them
ORDER = "BIEL" + "SU"

Span = tuple[str, int, int]  # the type, the first word, and the word after the last
Part = tuple[str, str]  # a tag's letter, as in IOBES, and its type
NONE: Part = (OUTSIDE, "")


def scheme_named(name: str) -> str:
    """The scheme of that name, or of another usual name of it.

    Raises:
        ArgumentError: there is no such scheme.
    """
    found = NAMES.get(name, name) if isinstance(name, str) else None
    if found is None or found not in SCHEMES:
        raise ArgumentError(
            f"scheme={shown(name)}; allowed are {', '.join(map(repr, SCHEMES))}, and 'BIO' for "
            "'IOB2'."
        )
    return found


def scheme_of(rows: Iterable[Sequence[Any]]) -> str:
    """The scheme that sentences' tags are in.

    Where no tag decides between IOB1 and IOB2, it is IOB2.

    Example:
        >>> scheme_of([["B-PER", "I-PER", "O"]]), scheme_of([["I-PER", "O"]])
        ('IOB2', 'IOB1')
        >>> scheme_of([["PER", "O"]]), scheme_of([["NOUN", "VERB"]])
        ('IO', 'plain')
    """
    rows = list(rows)
    tags = {tag for row in rows for tag in row}
    inside = tags - {OUTSIDE}
    if not all(isinstance(tag, str) and PREFIXED.fullmatch(tag) for tag in inside):
        return "IO" if OUTSIDE in tags else "plain"
    letters = {tag[0] for tag in inside}
    if not letters <= set("BI"):
        return next((s for s in ("IOBES", "BILOU") if letters <= set(LETTERS[s])), "IO")
    if inside and illegal(rows, "IOB2") and not illegal(rows, "IOB1"):
        return "IOB1"
    return "IOB2"


def part_of(tag: Any, scheme: str) -> Part:
    """A tag's letter in IOBES and its type.

    Example:
        >>> part_of("L-PER", "BILOU"), part_of("PER", "IO"), part_of("O", "IOB2")
        (('E', 'PER'), ('I', 'PER'), ('O', ''))
    """
    if scheme == "plain":
        return "S", str(tag)
    if tag == OUTSIDE or tag is None:
        return NONE
    if scheme == "IO":
        return "I", str(tag)
    return COMMON.get(tag[0], tag[0]), tag[2:]


def spans_of(tags: Sequence[Any], scheme: str) -> list[Span]:
    """The entities in a sentence's tags.

    Example:
        >>> spans_of(["B-PER", "I-PER", "O", "I-LOC"], "IOB2")
        [('PER', 0, 2), ('LOC', 3, 4)]
    """
    spans: list[Span] = []
    before, start = NONE, 0
    for place, tag in enumerate([*tags, None]):
        after = NONE if place == len(tags) else part_of(tag, scheme)
        if continues(before, after):
            before = after
            continue
        if before != NONE:
            spans.append((before[1], start, place))
        before, start = after, place
    return spans


def continues(before: Part, after: Part) -> bool:
    """Whether a word is of the same entity as the one before it."""
    return before[1] == after[1] and after[0] in "IE" and before[0] in "BI"


def tags_of(spans: Iterable[Span], words: int, scheme: str) -> list[str]:
    """The tags of a sentence with these entities, the reverse of `spans_of`.

    Example:
        >>> tags_of([("PER", 0, 2), ("PER", 2, 3)], 4, "IOB1")
        ['I-PER', 'I-PER', 'B-PER', 'O']
    """
    tags, before = [OUTSIDE] * words, ("", 0, 0)
    for kind, start, end in spans:
        touches = before[0] == kind and before[2] == start
        for place in range(start, end):
            letter = _letter(place == start, place == end - 1, touches, scheme)
            tags[place] = f"{letter}-{kind}" if letter else kind
        before = (kind, start, end)
    return tags


def _letter(first: bool, last: bool, touches: bool, scheme: str) -> str:
    if scheme not in LETTERS:
        return ""
    if scheme == "IOB1":
        return "B" if first and touches else "I"
    if scheme == "IOB2":
        return "B" if first else "I"
    end, single = ("E", "S") if scheme == "IOBES" else ("L", "U")
    if last:
        return single if first else end
    return "B" if first else "I"


def illegal(rows: Iterable[Sequence[Any]], scheme: str) -> list[tuple[int, int]]:
    """The row and word of each tag that may not follow the one before it.

    Example:
        >>> illegal([["O", "I-PER"]], "IOB2"), illegal([["O", "I-PER"]], "IOB1")
        ([(0, 1)], [])
    """
    if scheme not in LETTERS:
        return []
    return [(row, place) for row, tags in enumerate(rows) for place in _wrong(tags, scheme)]


def _wrong(tags: Sequence[Any], scheme: str) -> list[int]:
    parts = [part_of(tag, scheme) for tag in tags]
    pairs = zip([NONE, *parts], [*parts, NONE], strict=True)
    wrong = [i for i, (before, after) in enumerate(pairs) if not _may_follow(before, after, scheme)]
    return [min(i, len(parts) - 1) for i in wrong]


def _may_follow(before: Part, after: Part, scheme: str) -> bool:
    same = before[1] == after[1]
    if scheme == "IOB2":
        return after[0] != "I" or (same and before[0] in "BI")
    if scheme == "IOB1":
        return after[0] != "B" or (same and before[0] in "BI")
    is_open = before[0] in "BI"
    return (same and after[0] in "IE") if is_open else after[0] in "OBS"


def repair_tags(rows: Iterable[Sequence[Any]], scheme: str | None = None) -> list[list[str]]:
    """Tags with the same entities, and no tag that may not follow the one before it.

    Args:
        rows: one list of tags per sentence.
        scheme: one of "IOB2" (or "BIO"), "IOB1", "IOBES", "BILOU", "IO" and "plain"; by default
            the one that the tags are in.

    Raises:
        ArgumentError: another scheme.
        DataError: what isn't a list of tags per sentence.

    Example:
        >>> repair_tags([["I-PER", "I-PER", "O"]], "IOB2")
        [['B-PER', 'I-PER', 'O']]
    """
    given = [_tag_row(row, number) for number, row in enumerate(several(rows))]
    found = scheme_of(given) if scheme is None else scheme_named(scheme)
    return [tags_of(spans_of(row, found), len(row), found) for row in given]


def unified(rows: list[list[Any]], scheme: str | None, verbose: int) -> list[list[Any]]:
    """Tags to train on: IOB1 as IOB2, others as they are; illegal ones are counted and reported.

    Args:
        rows: one list of tags per sentence.
        scheme: what the tags are in; by default detected.
        verbose: 0 prints nothing.
    """
    found = scheme_of(rows) if scheme is None else scheme_named(scheme)
    wrong = illegal(rows, found)
    if wrong and verbose:
        row, place = wrong[0]
        console.note(
            f"{len(wrong)} tags may not stand where they do in {found}; the first is "
            f"{rows[row][place]!r} at row {row}, word {place}. They are kept; "
            "simpletext.repair_tags(tags) repairs them."
        )
    if found != "IOB1":
        return rows
    if verbose:
        console.note("The tags are in IOB1 and were converted to IOB2.")
    return [tags_of(spans_of(row, found), len(row), "IOB2") for row in rows]


def several(rows: Any) -> Iterable[Any]:
    """Rows of tags or spans.

    Raises:
        DataError: what has no rows.
    """
    single = isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable)
    if single or getattr(rows, "ndim", 1) == 0:
        raise DataError(f"Tags must be a list of tags per sentence; this is {shown(rows)}.")
    return rows


def _tag_row(row: Any, number: int) -> list[str]:
    tags: list[Any] = list(row) if isinstance(row, (list, tuple)) else [None]
    if not all(isinstance(tag, str) for tag in tags):
        raise DataError(f"Row {number} of the tags is {shown(row)}; it must be a list of strings.")
    return tags


def in_order(tags: Iterable[Any]) -> tuple:
    """Tags as classes: `O`, then by type, each from its first to its last word.

    Example:
        >>> in_order(["I-LOC", "O", "B-PER", "B-LOC"])
        ('O', 'B-LOC', 'I-LOC', 'B-PER')
    """

    def key(tag: Any) -> tuple:
        if isinstance(tag, str) and PREFIXED.fullmatch(tag):
            return 1, tag[2:], ORDER.index(tag[0])
        return (0, "", 0) if tag == OUTSIDE else (1, str(tag), 0)

    return tuple(sorted(set(tags), key=key))
