"""Old weight files, pytorch_model.bin, read with PyTorch's safe loader if it is installed."""

import importlib.util
import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..errors import WeightsError

HOW_TO_CONVERT = (
    "Convert it once where PyTorch is installed: "
    "`AutoModel.from_pretrained(folder).save_pretrained(new_folder)`."
)


# Older versions can run code from a file in spite of weights_only (CVE-2025-32434, CVE-2026-24747).
SAFE_TORCH = (2, 10)


def _require_safe_torch(path: Path) -> None:
    found = version("torch")
    numbers = tuple(int(part) for part in found.split("+")[0].split(".")[:2])
    if numbers < SAFE_TORCH:
        raise WeightsError(
            f"{path} is a pickle, and PyTorch {found} can be made to run code from it "
            "(CVE-2025-32434, CVE-2026-24747). Install PyTorch 2.10 or later, or use a checkpoint "
            "with a model.safetensors."
        )


def _not_a_zip(path: Path) -> str:
    with path.open("rb") as file:
        is_pickle = file.read(1) == b"\x80"
    if is_pickle:
        return (
            f"{path} was written by PyTorch before version 1.6, in a format that isn't "
            f"supported. {HOW_TO_CONVERT}"
        )
    return (
        f"{path} isn't a weight file of PyTorch: it is truncated, damaged or something else. Get "
        "it again, or use the checkpoint's model.safetensors."
    )


class TorchFile:
    """The tensors of a pickled state dict, with the interface of `safetensors.safe_open`.

    Only tensors are unpickled (`weights_only`): the file can't run code.

    Raises:
        WeightsError: PyTorch isn't installed; the file is damaged, or holds more than tensors.
    """

    def __init__(self, path: Path) -> None:
        if importlib.util.find_spec("torch") is None:
            raise WeightsError(
                f"{path} is a pickle, which simpletext reads only if PyTorch is installed, and "
                f"without running code from it. {HOW_TO_CONVERT}"
            )
        _require_safe_torch(path)
        if not zipfile.is_zipfile(path):
            raise WeightsError(_not_a_zip(path))
        import pickle  # only for the name of its error: torch reads the tensors

        import torch

        try:
            self._tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WeightsError(
                f"{path} can't be read ({reason}). It is truncated, damaged, or holds more than "
                "tensors; get it again, or use the checkpoint's model.safetensors."
            ) from error

    def keys(self) -> Iterable[str]:
        """The tensors' names."""
        return self._tensors.keys()

    def get_tensor(self, name: str) -> np.ndarray:
        """One tensor as float32 (integers as they are)."""
        tensor = self._tensors[name]
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
