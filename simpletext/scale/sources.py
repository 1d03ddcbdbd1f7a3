"""What is predicted: Parquet files as they are, everything else as Parquet files made of it."""

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..data.tables import JSON, KINDS, PARQUET, column_of, read_table, stream_rows
from ..data.text_files import existing_file
from ..errors import ArgumentError, DataError
from ..utils.files import new_folder, plain_path
from ..utils.validation import shown

SUFFIXES = (".csv", ".tsv", *JSON, *PARQUET)
CHUNK = 10_000  # rows of a CSV file held at a time
STAGED = "_source"  # the folder within the output for what isn't Parquet


def is_dataset(source: Any) -> bool:
    """Whether it is a Ray Dataset."""
    return type(source).__module__.startswith("ray.data")


def files_of(source: Any) -> list[Path]:
    """The files of a file, of a folder (by name), or of a list of files.

    Raises:
        DataError: no such file or folder, none in it, or a file of another type.
    """
    if isinstance(source, (str, os.PathLike)):
        path = plain_path(source)
        if path.is_dir():
            found = [file for file in sorted(path.iterdir()) if file.suffix.lower() in SUFFIXES]
            files = [file for file in found if not file.name.startswith((".", "_"))]
            if not files:
                raise DataError(f"There is no file of type {KINDS} in the folder {str(path)!r}.")
        else:
            files = [path]
    elif isinstance(source, Iterable) and getattr(source, "ndim", 1) > 0:
        files = [plain_path(path) for path in source]
    else:
        files = []
    if not files:
        raise ArgumentError(
            f"source={shown(source)}; it must be a file, a folder, a list of files, or a Ray "
            "Dataset."
        )
    for file in files:
        existing_file(file)
        if file.suffix.lower() not in SUFFIXES:
            raise DataError(f"{file} has an unknown file type; allowed are {KINDS}.")
    return [file.absolute() for file in files]


def is_parquet(files: Sequence[Path]) -> bool:
    """Whether they are Parquet files, all of them."""
    return bool(files) and all(file.suffix.lower() in PARQUET for file in files)


def columns_of(source: Any, files: Sequence[Path]) -> list[str]:
    """The columns that all files have, or those of a Ray Dataset."""
    if is_dataset(source):
        return list(source.columns() or [])
    columns = [_columns(file) for file in files]
    return [name for name in columns[0] if all(name in others for others in columns)]


def _columns(file: Path) -> list[str]:
    if file.suffix.lower() in PARQUET:
        return list(_opened(file).schema_arrow.names)
    return stream_rows(file).columns


def require_columns(names: Iterable[str], columns: Sequence[str]) -> None:
    """Refuse a column that isn't there.

    Raises:
        DataError: such a column, with the nearest names.
    """
    for name in names:
        column_of({column: [] for column in columns}, name)


def counted(files: Sequence[Path]) -> list[tuple[str, int]]:
    """Parquet files with their numbers of rows."""
    return [(str(file), _opened(file).metadata.num_rows) for file in files]


def staged(source: Any, files: Sequence[Path], out: Path) -> list[Path]:
    """A Ray Dataset, or files of other types, as Parquet files in a folder within the output.

    The folder is there completely or not at all, so that a second run has the same rows.
    """
    folder = out / STAGED
    if not folder.is_dir():
        with new_folder(folder) as temporary:
            if is_dataset(source):
                source.write_parquet(str(temporary / "rows"))
            for number, file in enumerate(files):
                _write(file, temporary / f"{number:06d}.parquet")
    return sorted(folder.rglob("*.parquet"))


def _write(file: Path, target: Path) -> None:
    """One file of any type as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix.lower() in (*JSON, *PARQUET):
        try:
            pq.write_table(pa.table(dict(read_table(file))), target)
        except pa.ArrowException as error:
            raise DataError(
                f"{file} has a column with values of several types: {error}."
            ) from error
        return
    table = stream_rows(file)
    schema = pa.schema([(name, pa.string()) for name in table.columns])
    rows = iter(table.rows)
    with pq.ParquetWriter(target, schema) as writer:
        while chunk := list(islice(rows, CHUNK)):
            columns = dict(zip(table.columns, zip(*chunk, strict=True), strict=True))
            writer.write_table(pa.table(columns, schema))


def read_rows(file: str, start: int, stop: int, columns: Sequence[str]) -> Any:
    """Some rows of a Parquet file as an Arrow table; other row groups aren't read."""
    found = _opened(Path(file))
    groups, first, at = [], None, 0
    for group in range(found.num_row_groups):
        rows = found.metadata.row_group(group).num_rows
        if at < stop and at + rows > start:
            groups.append(group)
            first = at if first is None else first
        at += rows
    table = found.read_row_groups(groups, columns=list(columns))
    return table.slice(start - (first or 0), stop - start)


def _opened(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} can't be read as Parquet: {error}.") from error
