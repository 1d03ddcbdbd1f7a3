"""Hugging Face folders with weights of TensorFlow or PyTorch's pickles, as old checkpoints."""

from functools import partial
from pathlib import Path

from ..errors import ArgumentError
from .folder import open_folder
from .old_checkpoint import LazyTensors, OldCheckpoint
from .weight_files import INDEX, TF_FILES, WEIGHTS


def read_huggingface(folder: Path) -> OldCheckpoint:
    """A Hugging Face folder whose weights are to be converted to safetensors.

    Raises:
        ArgumentError: it has PyTorch's safetensors already.
        CheckpointError: no config.json, or no weights.
    """
    checkpoint = open_folder(folder, str(folder))
    weights = checkpoint.weights
    plain = any((folder / name).is_file() for name in (WEIGHTS, INDEX))
    if plain and not weights.is_of_tensorflow:
        raise ArgumentError(
            f"{folder} is a Hugging Face folder with safetensors already: load it as it is."
        )
    names = checkpoint.config.get("architectures")
    own = [n.removeprefix("TF") for n in names if isinstance(n, str)] if isinstance(
        names, list) else []  # fmt: skip
    tensorflow = any((folder / name).is_file() for name in TF_FILES) or weights.is_of_tensorflow
    kind = "TensorFlow" if tensorflow else "PyTorch's pickle"
    version = checkpoint.config.get("transformers_version")
    return OldCheckpoint(
        source=folder,
        format=f"a Hugging Face folder with weights of {kind}"
        + (f" (transformers {version})" if isinstance(version, str) else ""),
        config=dict(checkpoint.config),
        tensors=LazyTensors(
            weights.name, {name: partial(weights.__getitem__, name) for name in weights}
        ),
        architecture=own[0] if own else None,
        files=folder,
    )
