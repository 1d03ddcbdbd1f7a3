"""Tables of texts in, tables with predictions out: what `simpletext predict` and `serve` write."""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import ArgumentError, DataError

if TYPE_CHECKING:
    from ..data.tables import Stream

CHUNK = 1000  # rows predicted at a time


def is_translator(predictor: Any) -> bool:
    """Whether the answers are texts."""
    from ..translator import Translator

    return isinstance(predictor, Translator)


def finds_entities(predictor: Any) -> bool:
    """Whether the answers are entities."""
    return not is_translator(predictor) and predictor.labels.kind.per_token


def lines_of(path: Path, encoding: str | None) -> Iterator[str]:
    """The texts of a file with one per line, without empty lines."""
    from ..data.text_files import encoding_of, existing_file

    path = existing_file(path)
    with path.open(encoding=encoding_of(path, encoding)) as opened:
        yield from (line.rstrip("\n") for line in opened if line.strip())


def texts_of(table: "Stream", places: list[int]) -> Iterator[Any]:
    """The texts of a table's rows, or the pairs."""
    yield from (text_of([row[i] for i in places]) for row in table.rows)


def write_entities(target: TextIO, predictor: Any, texts: Iterator[Any]) -> None:
    """One JSON object per text: the text and its entities."""
    while chunk := list(islice(texts, CHUNK)):
        for text, entities in zip(chunk, predictor.predict(chunk, long_text="chunk"), strict=True):
            row = {"text": text, "entities": entities}
            target.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_rows(
    target: TextIO, predictor: Any, table: "Stream", places: list[int], proba: bool, long_text: str
) -> None:
    """The rows of a table with the prediction, and with `proba` the probability of each class."""
    if is_translator(predictor):
        _refuse_proba(proba)
    classes = [str(name) for name in predictor.get_classes()] if proba else []
    require_new(table, classes)
    _write_row(target, table.sep, [*table.columns, "predicted", *classes])
    rows = iter(table.rows)
    while chunk := list(islice(rows, CHUNK)):
        texts = [text_of([row[i] for i in places]) for row in chunk]
        results = predicted(predictor, texts, proba, long_text)
        for row, result in zip(chunk, results, strict=True):
            _write_row(target, table.sep, [*row, *result])


def _refuse_proba(proba: bool) -> None:
    if proba:
        raise ArgumentError("A translator has no classes, so --proba has nothing to write.")


def text_of(parts: list[str]) -> Any:
    """One text, or a pair, from what --text was given."""
    if len(parts) > 2:
        raise ArgumentError(f"--text was given {len(parts)} times: once, or twice for a pair.")
    return parts[0] if len(parts) == 1 else tuple(parts)


def places_in(table: "Stream", names: list[str]) -> list[int]:
    """Which fields hold the texts; an error names the nearest columns."""
    from ..data.tables import column_of

    for name in names:
        column_of({column: [] for column in table.columns}, name)
    return [table.columns.index(name) for name in names]


def require_new(table: "Stream", names: list[str]) -> None:
    """Refuse a table in which a column to be written is there already."""
    taken = [name for name in names if name in table.columns]
    if taken:
        raise DataError(
            f"The table has a column {taken[0]!r} already, the name of a column that predict "
            "writes. Rename or remove it."
        )


def predicted(predictor: Any, texts: list[Any], proba: bool, long_text: str) -> Iterator[list[str]]:
    """For each text the prediction, and with `proba` the probability of each class."""
    from ..inference.predictions import Predictions

    if is_translator(predictor):
        _refuse_proba(proba)
        yield from ([translation] for translation in predictor.predict(texts))
        return
    # Used for both columns, so that each text is predicted once.
    values = predictor.predict_proba(texts, long_text=long_text)
    found = Predictions(values, predictor.labels)
    decided = found.decoded(predictor.thresholds, None)
    for result, row in zip(decided, values, strict=True):
        shown = "; ".join(map(str, result)) if isinstance(result, list) else str(result)
        yield [shown, *(f"{value:.6f}" for value in row if proba)]


def _write_row(target: TextIO, sep: str, row: list[str]) -> None:
    """Write a CSV row; before Python 3.13 the csv module leaves a lone CR without quotes."""
    quoting: Any = csv.QUOTE_ALL if any("\r" in field for field in row) else csv.QUOTE_MINIMAL
    csv.writer(target, delimiter=sep, lineterminator="\n", quoting=quoting).writerow(row)
