"""Tables of texts and labels, from files, DataFrames and datasets, as plain columns."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DataError
from ..utils.validation import did_you_mean, require_list, shown
from .delimited import require_label_sep, split_labels
from .parquet import parquet_file
from .text_files import CsvFile, existing_file, json_rows, separator_hint

INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)")  # "007" is a name, no number
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
JSON, PARQUET = (".jsonl", ".ndjson", ".json"), (".parquet", ".pq")
TYPED = (*JSON, *PARQUET)  # whose values have types
SPREADSHEETS = (".xlsx", ".xls", ".ods")
KINDS = ".csv, .tsv, .jsonl, .json and .parquet"


class Examples(NamedTuple):
    """Texts (or pairs of texts), their labels, and the classes if the columns name them."""

    texts: list[Any]
    labels: list[Any] | None
    class_names: list[str] | None = None


def read_texts(
    source: Any,
    text: str | Sequence[str] = "text",
    label: str | Sequence[str] | None = "label",
    *,
    encoding: str | None = None,
    sep: str | None = None,
    label_sep: str | None = None,
) -> Examples:
    """Read texts and labels from a table of any supported type.

    Args:
        source: a .csv, .tsv, .jsonl, .json or .parquet file; a pandas DataFrame; a Hugging Face
            `Dataset`; a `tf.data.Dataset` of strings, (text, label) or dicts; a dict of columns.
        text: the column with the texts, or two columns with pairs of texts.
        label: the column with the labels; several columns are one 0/1 indicator, or one
            regression target, each; None for texts alone.
        encoding: of a text file; by default UTF-8, else detected, with a message.
        sep: of a CSV file; by default a comma, a tab in a .tsv file.
        label_sep: what separates the labels in a column whose fields have several, such as ";".

    Returns:
        The texts, the labels and the class names (those of several label columns, else None).

    Raises:
        DataError: a file that can't be read, a column that isn't there, with the nearest names.

    Example:
        >>> read_texts({"text": ["good", "bad"], "label": ["pos", "neg"]})
        Examples(texts=['good', 'bad'], labels=['pos', 'neg'], class_names=None)
    """
    names = None if label is None else column_names(label)
    label_sep = require_label_sep(label_sep, names)
    table = read_table(source, encoding, sep)
    texts = _texts(table, column_names(text))
    if names is None:
        return Examples(texts, None)
    if label_sep is not None:
        return Examples(texts, split_labels(column_of(table, names[0]), label_sep))
    columns = [labels_in(table, name) for name in names]
    if len(names) == 1:
        return Examples(texts, columns[0])
    _refuse_words(names, columns)
    return Examples(texts, [list(row) for row in zip(*columns, strict=True)], names)


def _refuse_words(names: list[Any], columns: list[list[Any]]) -> None:
    """Refuse several label columns of words: each stands for one class, or one number."""
    for name, column in zip(names, columns, strict=True):
        row = next((i for i, value in enumerate(column) if isinstance(value, str)), None)
        if row is not None:
            raise DataError(
                f"The label column {shown(name)} has {shown(column[row])} in row {row}. With "
                "several label columns each stands for one class, with 1 where a text has it and 0 "
                "where it hasn't: convert the columns, as with (table == 'yes').astype(int). If "
                "the column has the classes' names, pass it alone."
            )


def column_names(columns: Any) -> list[Any]:
    """One column's name, which may be a number in a DataFrame, or several, as a list.

    Raises:
        ArgumentError: another value than a name or a list of them.
    """
    is_one = isinstance(columns, (str, bytes)) or not isinstance(columns, Iterable)
    names = [columns] if is_one or getattr(columns, "ndim", 1) == 0 else list(columns)
    wrong = [name for name in names if not isinstance(name, (str, int, np.integer))]
    if wrong:
        raise ArgumentError(f"{shown(wrong[0])} can't be a column's name; name it as a string.")
    return names


class Table(dict[str, list[Any]]):
    """Columns by name; `is_text` where all fields are strings because the file has no types."""

    is_text = False


def read_table(source: Any, encoding: str | None = None, sep: str | None = None) -> Table:
    """The columns of a table of any kind (see `read_texts`)."""
    if isinstance(source, (str, os.PathLike)):
        return _read_file(source, encoding, sep)
    if hasattr(source, "as_numpy_iterator"):
        return _from_tensorflow(source)
    if type(source).__module__.startswith("pyarrow"):
        return _from_arrow(source)
    if hasattr(source, "column_names"):
        return _from_hugging_face(source)
    if hasattr(source, "columns"):
        return _from_pandas(source)
    if isinstance(source, Mapping):
        return _same_lengths({str(n): require_list(str(n), c, "values") for n, c in source.items()})
    raise DataError(
        f"The data are of the kind {type(source).__name__}; allowed are a file ({KINDS}), a "
        "pandas DataFrame, a Hugging Face Dataset, a tf.data.Dataset and a dict of columns."
    )


class Stream(NamedTuple):
    """A table's columns, the separator to write it with, and its rows as strings."""

    columns: list[str]
    sep: str
    rows: Iterable[list[str]]


def stream_rows(source: Path, encoding: str | None = None, sep: str | None = None) -> Stream:
    """The rows of a file; those of a CSV file are read one by one (see `read_texts`)."""
    if source.suffix.lower() not in TYPED:
        file = CsvFile(source, encoding, sep)
        return Stream(file.columns, file.sep, file)
    table = read_table(source, encoding, sep)
    rows = zip(*table.values(), strict=True)
    return Stream(list(table), ",", ([_field(value) for value in row] for row in rows))


def _field(value: Any) -> str:
    return "" if value is None else str(value)


def labels_in(table: Table, name: str) -> list[Any]:
    """A column of labels; where the file has no types, numbers if all fields are numbers."""
    column = column_of(table, name)
    if not table.is_text:
        return column
    filled = [value for value in column if value]
    if filled and all(INTEGER.fullmatch(value) for value in filled):
        return [int(value) if value else None for value in column]
    if filled and all(NUMBER.fullmatch(value) for value in filled) and not _padded(filled):
        return [float(value) if value else None for value in column]
    return [value or None for value in column]


def _padded(values: Iterable[str]) -> bool:
    return any(len(value) > 1 and value[0] == "0" and value.isdigit() for value in values)


def column_of(table: Mapping[str, list[Any]], name: str) -> list[Any]:
    """The column of that name.

    Raises:
        DataError: no such column; the message lists the nearest and all names.
    """
    try:
        name = str(name)  # a DataFrame's columns may be numbers
    except Exception:  # noqa: BLE001 - an object of the user's, which can't be shown
        name = shown(name)
    if name in table:
        return table[name]
    hint = did_you_mean(name, table) or _column_hint(name, list(table))
    known = ", ".join(map(repr, list(table)[:20])) + (", ..." if len(table) > 20 else "")
    raise DataError(f"There is no column {shown(name)}; the columns are {known}.{hint}")


def _column_hint(name: str, columns: list[str]) -> str:
    if hint := separator_hint(columns):
        return hint
    if name in ("text", "label"):  # the defaults of the arguments of that name
        return f" If it has another name, pass it as {name}=."
    return ""


def _texts(table: Table, names: list[str]) -> list[Any]:
    if len(names) == 1:
        return column_of(table, names[0])
    if len(names) != 2:
        raise ArgumentError(f"text={shown(names)}; name one column, or two for pairs of texts.")
    first, second = (column_of(table, name) for name in names)
    return list(zip(first, second, strict=True))


def _read_file(source: str | os.PathLike, encoding: str | None, sep: str | None) -> Table:
    path = existing_file(source)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return _from_csv(CsvFile(path, encoding, sep))
    if suffix in JSON:
        return _from_rows(json_rows(path, encoding), path)
    if suffix in PARQUET:
        return _from_parquet(path)
    hint = " Save it as CSV in the spreadsheet program." if suffix in SPREADSHEETS else ""
    raise DataError(f"{path} has an unknown file type; allowed are {KINDS}.{hint}")


def _from_csv(file: CsvFile) -> Table:
    _refuse_duplicates(file.columns, file.path)
    table = Table({name: [] for name in file.columns})
    columns = list(table.values())
    for record in file:
        for column, value in zip(columns, record, strict=True):
            column.append(value)
    if not columns[0]:
        raise DataError(f"{file.path} has a header and no rows.")
    table.is_text = True
    return table


def _from_rows(rows: Iterable[dict[str, Any]], path: Any) -> Table:
    table, count = Table(), 0
    for count, row in enumerate(rows, start=1):
        for name in row:  # in the file's order
            table.setdefault(name, [None] * (count - 1))
        for name, column in table.items():
            column.append(row.get(name))
    if not count:
        raise DataError(f"{path} has no rows.")
    return table


def _from_parquet(path: Path) -> Table:
    with parquet_file(path) as file:
        return Table(file.read().to_pydict())


def _from_pandas(frame: Any) -> Table:
    names = [str(name) for name in frame.columns]
    _refuse_duplicates(names, "The DataFrame")
    columns = (frame.iloc[:, i].tolist() for i in range(len(names)))
    return Table(zip(names, columns, strict=True))


def _from_arrow(table: Any) -> Table:
    _refuse_duplicates(table.schema.names, "The Arrow table")
    return Table(table.to_pydict())


def _refuse_duplicates(names: list[str], what: Any) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{what} has the column {twice[0]!r} twice. Rename one.")


def _from_hugging_face(dataset: Any) -> Table:
    if isinstance(dataset.column_names, dict):
        splits = ", ".join(map(repr, dataset.column_names))
        raise DataError(f"This is a DatasetDict; pass one of its splits ({splits}).")
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        table = Table({name: list(dataset[name]) for name in dataset.column_names})
    else:  # a streamed one, whose columns may be None
        table = _from_rows(dataset, "The dataset")
    for name, feature in (dataset.features or {}).items():
        table[name] = class_names(table[name], feature)
    return table


def class_names(column: list[Any], feature: Any) -> list[Any]:
    """The names behind a ClassLabel's numbers, -1 for none; also of lists of them."""
    names = getattr(feature, "names", None)
    if names is not None:
        return [None if i in (None, -1) else names[i] for i in column]
    names = getattr(getattr(feature, "feature", None), "names", None)
    if names is not None:
        return [None if row is None else [names[i] for i in row] for row in column]
    return column


def _from_tensorflow(dataset: Any) -> Table:
    """A `tf.data.Dataset`, in batches or not, of strings, of (text, label), or of dicts."""
    table = Table()
    for element in dataset.as_numpy_iterator():
        parts = element if isinstance(element, (tuple, dict)) else (element,)
        if not isinstance(parts, dict):
            parts = dict(zip(("text", "label"), parts, strict=False))
        batched = getattr(next(iter(parts.values())), "ndim", 0) == 1
        for name, value in parts.items():
            values = value.tolist() if hasattr(value, "tolist") else value
            table.setdefault(name, []).extend(values if batched else [values])
    if not table:
        raise DataError("The tf.data.Dataset is empty.")
    return Table({name: decoded(name, column) for name, column in table.items()})


def decoded(name: str, column: list[Any]) -> list[Any]:
    """TensorFlow's bytes as strings."""
    decoded = []
    for row, value in enumerate(column):
        try:
            decoded.append(value.decode("utf-8") if isinstance(value, bytes) else value)
        except UnicodeDecodeError as error:
            raise DataError(f"Row {row} of {shown(name)} isn't UTF-8: {error}.") from error
    return decoded


def _same_lengths(table: dict[str, list[Any]]) -> Table:
    lengths = {name: len(column) for name, column in table.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"The columns differ in length: {lengths}.")
    return Table(table)
