"""`tf_model.h5`: weight files of transformers' TensorFlow classes, read without TensorFlow.

Names and shapes are converted to those of the PyTorch files, so that the families' tables apply.
Only the data sets in the file's own lists are opened; links out of the file, external storage and
virtual data sets are refused.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from .hdf5 import local_array, opened, require_no_links, values_of

LEAVES = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias"}
# ConvBERT's separable convolutions: Keras has one layer where PyTorch has two modules.
SEPARABLE = {"depthwise_kernel": "depthwise.weight", "pointwise_kernel": "pointwise.weight"}


class TfH5File:
    """The tensors of a `tf_model.h5` or of one of its shards, under PyTorch's names.

    Contiguous float32 data are views of the file's memory map: copy them to keep them.

    Args:
        path: the file.

    Raises:
        WeightsError: another kind of file, a damaged one, or one with links out of it.
    """

    def __init__(self, path: Path) -> None:
        with opened(path) as file:
            self._tensors = dict(_entries(file, path))
        self._path = path
        # Copy-on-write: PyTorch warns about read-only arrays.
        self._content = np.memmap(path, mode="c").view(np.ndarray)

    def keys(self) -> Iterable[str]:
        """The tensors' names."""
        return self._tensors.keys()

    def get_tensor(self, name: str) -> np.ndarray:
        """One tensor in PyTorch's orientation, in the file's type."""
        place, dtype, shape, offset = self._tensors[name]
        if offset is not None:
            size = dtype.itemsize * int(np.prod(shape, dtype="int64"))
            value = self._content[offset : offset + size].view(dtype).reshape(shape)
        else:
            with opened(self._path) as file:  # it isn't contiguous
                value = values_of(file[place])
        return as_torch(value, place)


class TorchNames:
    """A safetensors file of a TensorFlow class (metadata `format: tf`) under PyTorch's names.

    Args:
        file: the file as it is.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._own = {torch_name(name, scoped=False): name for name in file.keys()}  # noqa: SIM118

    def keys(self) -> Iterable[str]:
        """The tensors' names."""
        return self._own.keys()

    def get_tensor(self, name: str) -> np.ndarray:
        """One tensor in PyTorch's orientation."""
        own = self._own[name]
        return as_torch(self._file.get_tensor(own), own)


def torch_name(name: str, scoped: bool) -> str:
    """The PyTorch name of a TensorFlow variable.

    Args:
        name: such as "tf_bert_model/bert/encoder/layer_._0/output/dense/kernel:0".
        scoped: whether it begins with the model's scope, as in files without shards.

    Example:
        >>> torch_name("tf_bert_model/bert/encoder/layer_._0/output/dense/kernel:0", True)
        'bert.encoder.layer.0.output.dense.weight'
        >>> torch_name("tf_bert_for_pre_training/nsp___cls/seq_relationship/bias:0", True)
        'cls.seq_relationship.bias'
    """
    parts = name.split(":")[0].split("/")[1 if scoped else 0 :]
    parts = [part.rpartition("___")[2] for part in parts]
    parts = "/".join(parts).replace("_._", "/").split("/")
    leaf = parts[-1]
    if len(parts) > 1 and parts[-2].endswith("_conv_attn_layer"):
        return ".".join([*parts[:-1], SEPARABLE.get(leaf, leaf)])
    return ".".join([*parts[:-1], LEAVES.get(leaf, leaf)])


def as_torch(value: np.ndarray, name: str) -> np.ndarray:
    """A TensorFlow variable's value in PyTorch's orientation.

    Args:
        value: the value.
        name: the variable's name in TensorFlow; its last part decides.
    """
    module, _, leaf = name.split(":")[0].rpartition("/")
    if leaf == "depthwise_kernel":  # (k, in, 1) -> (in, 1, k)
        return value.transpose(1, 2, 0)
    if leaf == "bias" and module.endswith("_conv_attn_layer"):
        return value.reshape(-1, 1)
    if leaf not in ("kernel", "pointwise_kernel"):
        return value
    # 4-D: (height, width, in, out) -> (out, in, height, width)
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T


Entry = tuple[str, np.dtype, tuple[int, ...], int | None]  # data set, type, shape, offset or None


def _entries(file: Any, path: Path) -> Iterator[tuple[str, Entry]]:
    """Each tensor's PyTorch name and place; of duplicates, the first."""
    seen = set()
    for place, name, scoped in _listed(file, path):
        key = torch_name(name, scoped)
        if key not in seen:
            seen.add(key)
            yield key, _entry(local_array(file, path, place), place)


def _entry(data: Any, place: str) -> Entry:
    offset = data.id.get_offset() if data.chunks is None else None
    return place, data.dtype, tuple(data.shape), offset


def _listed(file: Any, path: Path) -> Iterator[tuple[str, str, bool]]:
    """The data sets in the file's lists: place, variable's name, and whether it is scoped."""
    layers = _names(file, "layer_names")
    if "model_config" in file.attrs or "layers" in file or not layers:
        raise WeightsError(
            f"{path} isn't a weight file of transformers' TensorFlow classes: it was written by "
            "Keras' own save or by another program. Load it with the program that wrote it, and "
            "save the encoder with `save_pretrained`."
        )
    if any("/" in name for name in layers):  # a shard lists the data sets themselves
        yield from ((name, name, False) for name in layers)
        return
    for layer in [*layers, "top_level_model_weights"]:
        if layer in file:
            require_no_links(file, path, layer)
            yield from ((f"{layer}/{n}", n, True) for n in _names(file[layer], "weight_names"))


def _names(node: Any, attribute: str) -> list[str]:
    """A list of names in an attribute; Keras splits a long one into name0, name1, ..."""
    found = [attribute] if attribute in node.attrs else []
    while not found or found[-1] != attribute:
        part = f"{attribute}{len(found)}"
        if part not in node.attrs:
            break
        found.append(part)
    names = [name for part in found for name in node.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
