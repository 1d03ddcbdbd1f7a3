"""Texts and their translations, from the files that users have."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import DataError
from ..utils.validation import require_list, shown
from .tables import column_of, read_table
from .text_files import encoding_of, existing_file

TABLES = (".csv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
ATTRIBUTION = "CC-BY"  # in the third column of Tatoeba's and ManyThings' files


class ParallelTexts(NamedTuple):
    """Sources and targets, in the same order."""

    sources: list[str]
    targets: list[str]


def read_pairs(
    source: Any,
    target: str | os.PathLike | None = None,
    *,
    columns: Sequence[str] | None = None,
    encoding: str | None = None,
    sep: str | None = None,
) -> ParallelTexts:
    """Read texts and their translations.

    Args:
        source: a table with two columns (.csv, .tsv, .jsonl, .json, .parquet, a DataFrame, a
            Hugging Face `Dataset`); a file of Tatoeba or ManyThings, whose lines are source, tab,
            target and perhaps tab, attribution; or with `target` a file with one source per line.
        target: a file with one target per line.
        columns: the columns with the sources and the targets; by default the only two.
        encoding: of a text file; by default UTF-8, else detected, with a message.
        sep: of a CSV file; by default a comma, a tab in a .tsv file.

    Returns:
        The sources and the targets.

    Raises:
        DataError: a file that can't be read; not two columns; not as many sources as targets.

    Example:
        >>> read_pairs({"de": ["guten Tag"], "en": ["good day"]})
        ParallelTexts(sources=['guten Tag'], targets=['good day'])
    """
    if target is not None:
        return _two_files(source, target, encoding)
    is_file = isinstance(source, (str, os.PathLike))
    if is_file and Path(source).suffix.lower() not in (*TABLES, ".tsv"):
        return _tabbed(existing_file(source), encoding)
    if is_file and Path(source).suffix.lower() == ".tsv" and columns is None and sep is None:
        path = existing_file(source)
        if _has_no_header(path, encoding):
            return _tabbed(path, encoding)
    table = read_table(source, encoding, sep)
    names = list(table) if columns is None else require_list("columns", columns)
    if len(names) != 2:
        raise DataError(
            f"A translation needs two columns, sources and targets; these are {len(names)}: "
            f"{shown(names)}. Name two, as in columns=('de', 'en')."
        )
    return ParallelTexts(*(list(column_of(table, name)) for name in names))


def _two_files(source: Any, target: Any, encoding: str | None) -> ParallelTexts:
    paths = [existing_file(path) for path in (source, target)]
    sources, targets = (_lines(path, encoding) for path in paths)
    if len(sources) != len(targets):
        raise DataError(
            f"{paths[0]} has {len(sources)} lines and {paths[1]} {len(targets)}; line by line one "
            "must be the translation of the other."
        )
    return ParallelTexts(sources, targets)


def _has_no_header(path: Path, encoding: str | None) -> bool:
    """Whether the first line is a pair already: it has an attribution."""
    first = next(iter(_lines(path, encoding)), "")
    return ATTRIBUTION in first.rpartition("\t")[2]


def _tabbed(path: Path, encoding: str | None) -> ParallelTexts:
    """Lines of source, tab, target, and perhaps tab, attribution."""
    sources, targets = [], []
    for number, line in enumerate(_lines(path, encoding), 1):
        parts = line.split("\t")
        if len(parts) == 3 and ATTRIBUTION in parts[2]:
            parts.pop()
        if len(parts) != 2:
            raise DataError(
                f"{path}, line {number}: there are {len(parts)} columns; a line must be a source, "
                "a tab and a target. For a table with more columns, save it as .tsv with a header "
                "and name two of them with columns=."
            )
        sources.append(parts[0])
        targets.append(parts[1])
    return ParallelTexts(sources, targets)


def _lines(path: Path, encoding: str | None) -> list[str]:
    with path.open(encoding=encoding_of(path, encoding)) as file:
        return [line.rstrip("\n") for line in file]
