"""Checkpoints of a training: all it needs to continue after a crash, in one safetensors file.

A file is written beside its place and renamed into it, so it is complete at every moment, also
after `kill -9`.
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import CheckpointError

FORMAT = 1
LAST, BEST = "last.safetensors", "best.safetensors"


@dataclass(frozen=True)
class TrainingCheckpoint:
    """A training between two epochs.

    Attributes:
        state: JSON values: the plan and the progress.
        model: the model's variables, seeds of dropout included.
        optimizer: the optimizer's variables; empty in `best`, which no training continues.
        history: name -> values so far.
    """

    state: Mapping[str, Any]
    model: Mapping[str, np.ndarray]
    optimizer: Mapping[str, np.ndarray]
    history: Mapping[str, np.ndarray]


def numbered(variables: list[Any]) -> dict[str, np.ndarray]:
    """Variables by number: Keras numbers names within a process, so they don't last."""
    return {str(i): keras.ops.convert_to_numpy(variable) for i, variable in enumerate(variables)}


def write_checkpoint(path: Path, checkpoint: TrainingCheckpoint) -> None:
    """Write the file at `path`, completely or not at all."""
    from safetensors.numpy import save_file

    parts = {
        "model": checkpoint.model,
        "optimizer": checkpoint.optimizer,
        "history": checkpoint.history,
    }
    tensors = {
        f"{part}/{name}": np.asarray(value, order="C")
        for part, values in parts.items()
        for name, value in values.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")  # the same each time: a crash leaves one
    state = json.dumps({"format": FORMAT, **checkpoint.state})
    try:
        save_file(tensors, temporary, metadata={"simpletext": state})
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> TrainingCheckpoint:
    """What `write_checkpoint` wrote.

    Raises:
        CheckpointError: not such a file, a damaged one, or one of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("simpletext")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} can't be read ({error}). Remove it, and train from the start."
        ) from error
    if text is None:
        raise CheckpointError(f"{path} isn't a checkpoint of a simpletext training.")
    state = json.loads(text)
    if state.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {state.get('format')!r}; this version of simpletext reads format "
            f"{FORMAT}. A newer simpletext wrote it: pip install --upgrade simpletext-keras."
        )
    return TrainingCheckpoint(
        state, *(_part(tensors, part) for part in ("model", "optimizer", "history"))
    )


def _part(tensors: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    prefix = f"{part}/"
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def assign(variables: list[Any], values: Mapping[str, np.ndarray], path: Path) -> None:
    """Assign a checkpoint's values to variables, if it is of the same model.

    Raises:
        CheckpointError: other variables, or other shapes.
    """
    theirs = [values[str(i)] for i in range(len(values))]
    shapes = [tuple(value.shape) for value in theirs]
    ours = [tuple(variable.shape) for variable in variables]
    if shapes != ours:
        raise CheckpointError(
            f"{path} is of another model or optimizer: {len(shapes)} variables of together "
            f"{sum(map(math.prod, shapes))} numbers, where this one has {len(ours)} of "
            f"{sum(map(math.prod, ours))}. Use the same checkpoint, classes and optimizer, or "
            "another checkpoint_folder."
        )
    for variable, value in zip(variables, theirs, strict=True):
        variable.assign(value)
