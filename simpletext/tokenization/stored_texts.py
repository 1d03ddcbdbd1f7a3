"""Texts in a file instead of in memory, read one by one."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from .encoded_texts import offsets_of

ENCODING = ("utf-8", "surrogatepass")


class StoredTexts(Sequence[str]):
    """The texts in a file that `TextWriter` wrote; memory-mapped.

    Args:
        path: the file.
        lengths: bytes of each text, (texts,).
    """

    def __init__(self, path: Path, lengths: np.ndarray) -> None:
        self._made_of = (path, lengths)
        self._bytes: Any = np.memmap(path, "uint8", "r") if path.stat().st_size else b""
        self._offsets = offsets_of(lengths)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle: the path, not the texts."""
        return StoredTexts, self._made_of

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        row = range(len(self))[row]  # negative ones too
        return bytes(self._bytes[self._offsets[row] : self._offsets[row + 1]]).decode(*ENCODING)


class TextWriter:
    """Writes texts one after the other.

    Args:
        path: the file of the bytes.
        lengths: the file of each text's bytes.
    """

    def __init__(self, path: Path, lengths: Path) -> None:
        self._bytes, self._lengths = path.open("wb"), lengths.open("wb")

    def write(self, texts: Iterable[str]) -> None:
        """Append texts."""
        encoded = [text.encode(*ENCODING) for text in texts]
        self._bytes.write(b"".join(encoded))
        self._lengths.write(np.fromiter(map(len, encoded), "int64", len(encoded)).tobytes())

    def close(self) -> None:
        """Close the files."""
        self._bytes.close()
        self._lengths.close()
