"""Parquet files, by pyarrow, which is an extra."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DataError


@contextmanager
def parquet_file(path: Path) -> Iterator[Any]:
    """A `pyarrow.parquet.ParquetFile`; what pyarrow can't read in this block is an error of ours.

    Raises:
        DataError: pyarrow isn't installed, or the file is no Parquet file or damaged.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise DataError(
            "Reading Parquet needs pyarrow: pip install 'simpletext-keras[parquet]'."
        ) from error
    try:
        with ParquetFile(path) as file:
            yield file
    except (ArrowException, OSError) as error:
        raise DataError(f"{path} can't be read as Parquet: {error}.") from error
