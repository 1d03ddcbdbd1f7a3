"""Tables that are read in chunks, for data that is larger than memory."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, DataError
from ..utils.files import plain_path
from ..utils.validation import shown
from .delimited import require_label_sep, split_labels
from .parquet import parquet_file
from .tables import PARQUET, class_names, column_names, column_of, decoded, stream_rows
from .text_files import existing_file

CHUNK = 10_000  # rows held at a time
FILES = (".csv", ".tsv", *PARQUET)

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class TextStream:
    """Texts and labels that are read in chunks. Made by `read_stream`.

    Attributes:
        text: the column with the texts, or the two of pairs.
        label: the columns with the labels; none for texts alone.
        columns: returns the chunks of some columns; reads the source anew each time.
        identity: names, sizes and times of the files; "" where the source has none.
        label_sep: what separates several labels in one field, or None.
    """

    text: list[str]
    label: list[str]
    columns: Callable[[Sequence[str]], Iterator[Columns]]
    identity: str = ""
    label_sep: str | None = None

    def chunks(self) -> Iterator[tuple[list[Any], list[Any]]]:
        """Texts, or pairs of texts, and their labels."""
        for chunk in self.columns([*self.text, *self.label]):
            yield _rows(chunk, self.text), self._labels(chunk)

    def labels(self) -> list[Any]:
        """All labels."""
        return [label for chunk in self.columns(self.label) for label in self._labels(chunk)]

    def _labels(self, chunk: Columns) -> list[Any]:
        rows = _rows(chunk, self.label) if self.label else []
        return rows if self.label_sep is None else split_labels(rows, self.label_sep)


def read_stream(
    source: Any,
    text: str | Sequence[str] = "text",
    label: str | Sequence[str] | None = "label",
    *,
    label_sep: str | None = None,
) -> TextStream:
    """A table that is larger than memory, for `preprocess_train` and `preprocess_test`.

    Nothing is read yet. `preprocess_train(stream, cache_dir=...)` reads it in chunks.

    Args:
        source: a .parquet, .csv or .tsv file, a folder with such files, or a list of them; a
            Hugging Face `IterableDataset` or `Dataset`; a `tf.data.Dataset` of dicts or of
            (text, label).
        text: the column with the texts, or two columns with pairs of texts.
        label: the column with the labels; several columns are one 0/1 indicator, or one
            regression target, each; None for texts alone.
        label_sep: what separates the labels in a column whose fields have several, such as ";".

    Raises:
        DataError: a file that isn't there, or a source of another kind.
        ArgumentError: `text` or `label` is no column's name.

    Example:
        >>> import datasets
        >>> rows = datasets.Dataset.from_dict({"text": ["good", "bad"], "label": ["pos", "neg"]})
        >>> next(read_stream(rows.to_iterable_dataset()).chunks())
        (['good', 'bad'], ['pos', 'neg'])
    """
    names = [str(name) for name in column_names(text)]
    labels = [] if label is None else [str(name) for name in column_names(label)]
    if len(names) not in (1, 2):
        raise ArgumentError(f"text={shown(text)}; name one column, or two for pairs of texts.")
    label_sep = require_label_sep(label_sep, labels)
    if hasattr(source, "as_numpy_iterator"):
        return TextStream(names, labels, partial(_from_tensorflow, source), label_sep=label_sep)
    if hasattr(source, "column_names") and hasattr(source, "iter"):
        return TextStream(names, labels, partial(_from_hugging_face, source), label_sep=label_sep)
    files = _files(source)
    marks = [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    identity = json.dumps([marks, names, labels])
    return TextStream(names, labels, partial(_from_files, files), identity, label_sep)


def _rows(chunk: Columns, names: Sequence[str]) -> list[Any]:
    columns = [chunk[name] for name in names]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _files(source: Any) -> list[Path]:
    if isinstance(source, (str, os.PathLike)):
        path = plain_path(source)
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        source = [file for file in inside if file is path or file.suffix.lower() in FILES]
    is_list = isinstance(source, Iterable) and getattr(source, "ndim", 1) > 0
    if not is_list or not (found := list(source)):
        raise DataError(
            f"The data are of the kind {type(source).__name__}; a stream is read from .parquet, "
            ".csv and .tsv files, a folder with such files, a Hugging Face IterableDataset or "
            "Dataset, or a tf.data.Dataset."
        )
    files = [existing_file(path).absolute() for path in found]
    for file in files:
        if file.suffix.lower() not in FILES:
            raise DataError(f"{file} can't be read in chunks; convert it to .parquet or .csv.")
    return files


def _from_files(files: Sequence[Path], names: Sequence[str]) -> Iterator[Columns]:
    for file in files:
        yield from (_from_parquet if file.suffix.lower() in PARQUET else _from_csv)(file, names)


def _from_parquet(file: Path, names: Sequence[str]) -> Iterator[Columns]:
    with parquet_file(file) as opened:
        _require(names, opened.schema_arrow.names)
        for batch in opened.iter_batches(CHUNK, columns=list(names)):
            yield batch.to_pydict()


def _from_csv(file: Path, names: Sequence[str]) -> Iterator[Columns]:
    table = stream_rows(file)
    _require(names, table.columns)
    places, rows = [table.columns.index(name) for name in names], iter(table.rows)
    while chunk := list(islice(rows, CHUNK)):
        yield {n: [row[i] for row in chunk] for n, i in zip(names, places, strict=True)}


def _from_hugging_face(dataset: Any, names: Sequence[str]) -> Iterator[Columns]:
    features = dataset.features or {}
    for chunk in dataset.iter(CHUNK):
        _require(names, chunk)
        yield {name: class_names(list(chunk[name]), features.get(name)) for name in names}


def _from_tensorflow(dataset: Any, names: Sequence[str]) -> Iterator[Columns]:
    spec = dataset.element_spec
    first = next(iter(spec.values())) if isinstance(spec, dict) else spec
    first = first[0] if isinstance(first, tuple) else first
    for element in (dataset if first.shape.rank else dataset.batch(CHUNK)).as_numpy_iterator():
        parts = element if isinstance(element, dict) else dict(zip(names, element, strict=False))
        _require(names, parts)
        yield {name: decoded(name, parts[name].tolist()) for name in names}


def _require(names: Sequence[str], columns: Iterable[str]) -> None:
    known: dict[str, list[Any]] = {name: [] for name in columns}
    for name in names:
        column_of(known, name)
