"""A model's weights: backup, saving and loading."""

import os
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from ..errors import CheckpointError
from ..models.loading import (
    architecture_of,
    newly_initialised,
    save_checkpoint,
)
from ..utils.files import check_absent, local_path, plain_path
from ..utils.processes import is_first
from ..utils.validation import shown
from .checkpointing import assign, read_checkpoint


@dataclass(frozen=True)
class WeightsBackup:
    """All variables of a model as they were, and which of them were newly initialised."""

    values: list[np.ndarray]
    newly_initialised: frozenset[str]

    @classmethod
    def of(cls, model: keras.Model) -> "WeightsBackup":
        """The state of a model now."""
        values = [keras.ops.convert_to_numpy(variable).copy() for variable in model.variables]
        return cls(values, frozenset(newly_initialised(model)))

    def restore(self, model: keras.Model) -> None:
        """Put the model back into this state."""
        for variable, value in zip(model.variables, self.values, strict=True):
            variable.assign(value)
        newly_initialised(model).clear()
        newly_initialised(model).update(self.newly_initialised)


@dataclass(frozen=True)
class TrainingState:
    """A model, its optimizer and its metrics as they were.

    Unlike `WeightsBackup` it needs the same optimizer, whose traced step it leaves as it is.
    """

    variables: list[keras.Variable]
    values: list[np.ndarray]
    newly_initialised: frozenset[str]

    @classmethod
    def of(cls, model: keras.Model) -> "TrainingState":
        """The state of a compiled model now."""
        model.optimizer.build(model.trainable_variables)
        variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
        values = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
        return cls(variables, values, frozenset(newly_initialised(model)))

    def restore(self, model: keras.Model) -> None:
        """Put the model back into this state."""
        for variable, value in zip(self.variables, self.values, strict=True):
            variable.assign(value)
        newly_initialised(model).clear()
        newly_initialised(model).update(self.newly_initialised)


def save_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """See `Learner.save_model`."""
    local_path(path)
    if str(path).endswith(".keras"):
        check_absent(path)
        if is_first():
            model.save(local_path(path))
    else:
        save_checkpoint(model, path)


def load_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """See `Learner.load_model`."""
    file = plain_path(path)
    if not file.exists():
        raise CheckpointError(
            f"There is no file or folder {shown(os.fspath(path))}. Check the path; to start from a "
            "model of the Hub, pass its name to Transformer."
        )
    if file.is_file() and file.suffix == ".safetensors":
        assign(model.variables, read_checkpoint(file).model, file)
        newly_initialised(model).clear()
        return
    loaded = _load(model, file)
    shapes = [[tuple(w.shape) for w in each.weights] for each in (model, loaded)]
    if shapes[0] != shapes[1]:
        raise CheckpointError(f"{path} holds a model of another architecture or other classes.")
    untrained = newly_initialised(loaded)  # of a folder without a head
    newly_initialised(model).clear()
    for mine, theirs in zip(model.weights, loaded.weights, strict=True):
        mine.assign(theirs)
        if theirs.path in untrained:
            newly_initialised(model).add(mine.path)


def _load(model: keras.Model, file: Path) -> keras.Model:
    if file.is_file() and file.suffix == ".keras":
        return keras.saving.load_model(file, compile=False)
    return architecture_of(model).load_like(file)
