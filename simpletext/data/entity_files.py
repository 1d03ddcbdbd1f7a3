"""`read_entities`: sentences with tags, or texts with spans, from files and tables of any kind."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..utils.validation import did_you_mean
from .conll import SUFFIXES, read_conll
from .tables import Examples, Table, column_of, labels_in, read_table

WORDS = ("tokens", "words", "token", "word", "Word")  # usual names, looked for in this order
TAGS = ("ner_tags", "tags", "labels", "tag", "Tag", "label")
SPANS = ("spans", "entities", "label", "labels")
SENTENCES = ("sentence_id", "SentenceID", "sentence", "Sentence #")


def read_entities(
    source: Any,
    words: str | None = None,
    tags: str | None = None,
    sentence: str | None = None,
    *,
    encoding: str | None = None,
    sep: str | None = None,
) -> Examples:
    """Read data for token classification from a file or table.

    A CoNLL file (.conll, .iob, .bio, .txt) is read by `simpletext.data.conll.read_conll`. A table
    has one sentence per row, with a list of words and a list of tags; or, with a column
    `sentence`, one word per row; or texts with a list of spans each, as in the JSON lines of spaCy
    and doccano.

    Args:
        source: such a file; or a DataFrame, a Hugging Face `Dataset` or a dict of columns.
        words: the column with the words, or with the texts; by default one of the usual names
            (`tokens`, `words`, `text`, ...).
        tags: the column with the tags, or with the spans; by default one of the usual names.
        sentence: the column that numbers or names the sentences, if there is one word per row; an
            empty field continues the sentence before it.
        encoding: of a text file; by default UTF-8, else detected, with a message.
        sep: of a CSV file.

    Returns:
        Lists of words and lists of tags, or texts and lists of spans.

    Raises:
        DataError: a file or column that can't be read.

    Example:
        >>> read_entities({"tokens": [["In", "Oslo"]], "tags": [["O", "B-LOC"]]}).labels
        [['O', 'B-LOC']]
    """
    if isinstance(source, (str, os.PathLike)) and Path(source).suffix.lower() in SUFFIXES:
        return Examples(*read_conll(source, encoding=encoding))
    table = read_table(source, encoding, sep)
    grouping = sentence if sentence is not None else _first(table, SENTENCES)
    if grouping is not None:
        return _grouped(table, words, tags, grouping)
    if words is None and "text" in table and _first(table, SPANS):
        words, tags = "text", _first(table, SPANS) if tags is None else tags
    texts = column_of(table, _chosen(words, table, WORDS, "words"))
    labels = column_of(table, _chosen(tags, table, TAGS, "tags"))
    if not labels:
        raise DataError("There are no rows.")
    if isinstance(labels[0], str):  # both are separated by spaces in one field, as in a CSV file
        return Examples([str(row).split() for row in texts], [str(row).split() for row in labels])
    return Examples([_listed(row) for row in texts], [_listed(row) for row in labels])


def _first(table: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in table), None)


def _chosen(column: str | None, table: Table, names: Sequence[str], argument: str) -> str:
    """The column that was passed, or else the one with a usual name."""
    if column is not None:
        return column
    found = _first(table, names)
    if found is None:
        shown = ", ".join(map(repr, list(table)[:20]))
        raise DataError(
            f"No column has a usual name for {argument} ({', '.join(names)}); the columns are "
            f"{shown}. Name it with {argument}=.{did_you_mean(argument, table)}"
        )
    return found


def _listed(row: Any) -> Any:
    """A list of words as it is; an array of them as a list; a text as it is."""
    return row.tolist() if hasattr(row, "tolist") else row


def _grouped(table: Table, words: str | None, tags: str | None, sentence: str) -> Examples:
    """One word per row: the rows of a sentence put together, in their order."""
    names = column_of(table, sentence)
    one = [str(w) for w in column_of(table, _chosen(words, table, WORDS, "words"))]
    other = labels_in(table, _chosen(tags, table, TAGS, "tags"))
    rows: list[list[str]] = []
    labels: list[list[Any]] = []
    before = object()
    for name, word, tag in zip(names, one, other, strict=True):
        goes_on = name in ("", None) or name != name
        if not rows or not (goes_on or name == before):
            rows.append([])
            labels.append([])
        before = before if goes_on else name
        rows[-1].append(word)
        labels[-1].append(tag)
    return Examples(rows, labels)
