"""CoNLL files: one word and its tag per line, a blank line between sentences."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import ArgumentError, DataError
from .text_files import encoding_of, existing_file

SUFFIXES = (".conll", ".conll2003", ".iob", ".iob2", ".bio", ".txt")
TAGGED_ONLY = SUFFIXES[:-1]  # a .txt file may hold something else
DOCUMENT = "-DOCSTART-"

Tagged = tuple[list[list[str]], list[list[str]]]  # words and tags of each sentence


def read_conll(
    path: str | os.PathLike,
    word: int = 0,
    tag: int = -1,
    *,
    encoding: str | None = None,
) -> Tagged:
    """Sentences and their tags from a CoNLL file.

    Columns are separated by tabs, or by spaces where a line has no tab. Lines `-DOCSTART-` are
    left out, and so are comments: lines such as `# sent_id = 1`, and others that begin with `#` and
    have another number of columns.

    Args:
        path: the file.
        word: the number of the words' column, counted from 0; a negative one from the end.
        tag: that of the tags' column.
        encoding: by default UTF-8, else detected, with a message.

    Returns:
        The words of each sentence, and their tags.

    Raises:
        DataError: no such file; a line with too few columns, with its number.
        ArgumentError: a column that isn't a whole number.
    """
    for name, column in (("word", word), ("tag", tag)):
        if type(column) is not int:
            raise ArgumentError(f"{name}={column!r}; it must be the number of a column.")
    file = existing_file(path)
    sentences: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for number, columns in _lines(file, encoding_of(file, encoding)):
        if columns and columns[0] != DOCUMENT:
            sentences[-1].append(_column(columns, word, file, number))
            tags[-1].append(_column(columns, tag, file, number))
        elif sentences[-1]:
            sentences.append([])
            tags.append([])
    if not sentences[-1]:
        sentences.pop()
        tags.pop()
    if not sentences:
        raise DataError(f"{file} has no words.")
    return sentences, tags


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """The number and the columns of each line; none for a blank one."""
    with path.open(encoding=encoding) as file:
        lines = [line.rstrip("\n") for line in file]
    usual = _usual_columns(lines)
    for number, line in enumerate(lines, start=1):
        columns = _columns(line)
        if line.startswith("# ") and " = " in line:  # as CoNLL-U has it
            continue
        if columns and columns[0] != DOCUMENT and len(columns) != usual:
            if line.startswith("#"):
                continue
            raise DataError(
                f"{path}, line {number}: {line!r:.60} has {len(columns)} columns, others have "
                f"{usual}. Columns are separated by tabs or spaces."
            )
        yield number, columns


def _columns(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else line.split()


def _usual_columns(lines: list[str]) -> int:
    """The number of columns of the first line with a word, for a comment may have any."""
    filled = [line for line in lines if line.strip() and not line.startswith(DOCUMENT)]
    words = [line for line in filled if not line.startswith("#")] or filled
    return len(_columns(words[0])) if words else 0


def _column(columns: list[str], index: int, path: Path, number: int) -> str:
    if not -len(columns) <= index < len(columns) or len(columns) < 2:
        raise DataError(
            f"{path}, line {number}: {' '.join(columns)!r:.60} has {len(columns)} columns; there "
            "must be a word and a tag, and the columns named in word= and tag=."
        )
    return columns[index]
