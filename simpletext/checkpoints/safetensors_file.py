"""Weight files in the safetensors format, float32 read where it lies in the file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is the small text that Git LFS keeps in the place of a large file."""
    with path.open("rb") as file:
        return file.read(40).startswith(b"version https://git-lfs")


class TensorFile:
    """The tensors of a safetensors file, as `safetensors.safe_open` gives them, but not copied.

    A float32 array is a view of the file's memory map: whoever keeps it has to copy it. The format
    is described at https://github.com/huggingface/safetensors.

    Raises:
        SafetensorError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import safe_open

        self._file: Any = safe_open(path, framework="numpy")  # checks the whole header
        # Private pages: PyTorch warns of arrays that can't be written.
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
        """One tensor, of the type that it has in the file."""
        told = self._header[name]
        if told["dtype"] != "F32":
            return np.asarray(self._file.get_tensor(name))
        begin, end = told["data_offsets"]
        return self._data[begin:end].view("<f4").reshape(told["shape"])
