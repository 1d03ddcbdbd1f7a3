"""Old weight files, pytorch_model.bin, read with PyTorch's own safe loader where it is there."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..errors import WeightsError

HOW_TO_CONVERT = (
    "Convert it once where PyTorch is installed: "
    "`AutoModel.from_pretrained(folder).save_pretrained(new_folder)`."
)


class TorchFile:
    """The tensors of a pickled state dict, as `safetensors.safe_open` would give them.

    Only tensors are unpickled (`weights_only`): the file can't run code.

    Raises:
        WeightsError: PyTorch isn't installed; the file is damaged, or holds more than tensors.
    """

    def __init__(self, path: Path) -> None:
        if importlib.util.find_spec("torch") is None:
            raise WeightsError(
                f"{path} is a pickle, which simpletext reads only where PyTorch is installed, and "
                f"then without running anything from it. {HOW_TO_CONVERT}"
            )
        import pickle  # for the name of its error alone: torch reads the tensors

        import torch

        try:
            self._tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WeightsError(
                f"{path} can't be read ({reason}). It is cut short, damaged, or holds more than "
                "tensors; get it again, or take the checkpoint's model.safetensors."
            ) from error

    def keys(self) -> Iterable[str]:
        """The tensors' names."""
        return self._tensors.keys()

    def get_tensor(self, name: str) -> np.ndarray:
        """One tensor as float32 (integers as they are)."""
        tensor = self._tensors[name]
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
