"""The tensors of a checkpoint's folder, in any supported weight format."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, WeightsError
from ..utils.files import inside, read_json
from .safetensors_file import TensorFile, is_lfs_pointer
from .tf_h5 import TfH5File, TorchNames
from .torch_file import TorchFile

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
DENSE_FOLDER = "2_Dense"
TORCH_FILES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
TF_FILES = ("tf_model.h5", "tf_model.h5.index.json")
FORMATS = ((WEIGHTS, INDEX), TORCH_FILES, TF_FILES)  # whole file and index, the best first
# Weight files of other libraries: pattern -> format, for messages.
FOREIGN = {
    "*.gguf": "a GGUF file, for llama.cpp",
    "flax_model.msgpack": "Flax weights",
    "adapter_config.json": "an adapter (LoRA or another) without the model that it adapts",
    "*.onnx": "an ONNX export",
    "*.ckpt.index": "a TensorFlow 1 checkpoint",
    "saved_model.pb": "a TensorFlow SavedModel",
    "*.weights.h5": "Keras weights without a checkpoint's config",
    "*.keras": "a model saved by Keras itself",
}


class WeightFiles(Mapping[str, np.ndarray]):
    """The tensors of a folder by name, from one safetensors file or several shards.

    Each is read on access; half precision is converted to float32; the legacy names `gamma` and
    `beta` become `weight` and `bias`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder)
        self._files = {path: _open(path) for path in self._paths()}
        self._where = {
            _modern(key): (key, file)
            for file in self._files.values()
            for key in file.keys()  # noqa: SIM118 - it is no dict
        }

    def _paths(self) -> list[Path]:
        for whole, index in FORMATS:
            if (self.folder / whole).is_file():
                paths = [self.folder / whole]
            elif (self.folder / index).is_file():
                shards = sorted(set(weight_map_in(self.folder / index).values()))
                paths = [_shard(self.folder, shard) for shard in shards]
            else:
                continue
            self.name = str(paths[0])
            dense = self.folder / DENSE_FOLDER / WEIGHTS
            return [*paths, dense] if dense.is_file() else paths
        raise WeightsError(
            f"There is no {WEIGHTS} in {self.folder}{foreign_files(self.folder)}. The checkpoint "
            "is incomplete; get it again."
        )

    @property
    def is_of_tensorflow(self) -> bool:
        """Whether a TensorFlow class wrote the files."""
        return any(isinstance(file, (TfH5File, TorchNames)) for file in self._files.values())

    def __getitem__(self, key: str) -> np.ndarray:
        name, file = self._where[key]
        return np.asarray(file.get_tensor(name), dtype="float32")

    def __contains__(self, key: object) -> bool:
        return key in self._where  # Mapping's own would read the tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)


def weights_are_whole(folder: Path) -> bool:
    """Whether a folder has a weight file with all its shards."""
    for whole, index in FORMATS:
        if (folder / whole).is_file():
            return True
        if (folder / index).is_file():
            shards = set(weight_map_in(folder / index).values())
            return all((folder / shard).is_file() for shard in shards)
    return False


def weight_map_in(index: Path) -> dict[str, str]:
    """Each tensor's shard, from an index file."""
    content = read_json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not all(isinstance(v, str) for v in weight_map.values()):
        raise CheckpointError(f"{index} names no shards (weight_map); get the checkpoint again.")
    return weight_map


def foreign_files(folder: Path) -> str:
    """The weight files of other libraries in a folder, for messages."""
    found = [what for pattern, what in FOREIGN.items() if next(folder.glob(pattern), None)]
    return f", but {' and '.join(found)}, which simpletext doesn't load" if found else ""


def _shard(folder: Path, name: str) -> Path:
    """A shard that an index names, which has to be in the folder."""
    path = inside(folder, name)
    if not path.is_file():
        raise WeightsError(
            f"There is no file {path}, which the index names. The checkpoint is incomplete; get "
            "it again."
        )
    return path


def _open(path: Path) -> Any:
    from safetensors import SafetensorError

    if is_lfs_pointer(path):
        raise WeightsError(
            f"{path} is a Git LFS pointer, not the weights themselves. Run `git lfs pull` in the "
            "folder, or download the file."
        )
    if path.suffix == ".bin":
        return TorchFile(path)
    if path.suffix == ".h5":
        return TfH5File(path)
    try:
        file = TensorFile(path)
        return TorchNames(file) if file.is_of_tensorflow else file
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} can't be read ({error}). It is missing, truncated or damaged; get it again."
        ) from error


def _modern(key: str) -> str:
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if key.endswith(old):
            return key.removesuffix(old) + new
    return key


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a safetensors file in the form that PyTorch's tools expect."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), path, metadata={"format": "pt"})
    path.chmod(0o644)  # by default only its owner may read it, but servers run as other users
