"""Weight files in the safetensors format, with float32 memory-mapped."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is a Git LFS pointer, a small text in place of a large file."""
    with path.open("rb") as file:
        return file.read(40).startswith(b"version https://git-lfs")


class TensorFile:
    """The tensors of a safetensors file, like `safetensors.safe_open` but without copies.

    A float32 array is a view of the file's memory map: copy it to keep it. The format is described
    at https://github.com/huggingface/safetensors.

    Raises:
        SafetensorError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import safe_open

        self._file: Any = safe_open(path, framework="numpy")  # checks the whole header
        # Copy-on-write: PyTorch warns about read-only arrays.
        content = np.memmap(path, mode="c").view(np.ndarray)
        start = 8 + int(content[:8].view("<u8")[0])
        self._header = json.loads(content[8:start].tobytes())
        self._data = content[start:]

    @property
    def is_of_tensorflow(self) -> bool:
        """Whether a TensorFlow class wrote the file, with its own names and orientation."""
        return self._header.get("__metadata__", {}).get("format") == "tf"

    def keys(self) -> Iterable[str]:
        """The tensors' names."""
        return self._header.keys() - {"__metadata__"}

    def get_tensor(self, name: str) -> np.ndarray:
        """One tensor, in the file's type."""
        entry = self._header[name]
        if entry["dtype"] != "F32":
            return np.asarray(self._file.get_tensor(name))
        begin, end = entry["data_offsets"]
        return self._data[begin:end].view("<f4").reshape(entry["shape"])
