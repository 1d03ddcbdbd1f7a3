"""The parts of a model, for freezing them: embeddings, blocks, encoder, head."""

import re
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError
from .loading import Architecture

NAMES = ("embeddings", "encoder")


def layers_to_freeze(
    model: keras.Model, freeze_range: int | str | None = None, blocks: int | None = None
) -> list[Any]:
    """The layers of a part.

    Args:
        model: any Keras model; the parts by name need one of ours.
        freeze_range: "embeddings"; "encoder" (all but the head); a number n for the first n of
            `model.layers`; by default all but the head.
        blocks: instead, a number k for the embeddings and the first k blocks.

    Raises:
        ArgumentError: a part that the model doesn't have.
    """
    if blocks is not None:
        if freeze_range is not None:
            raise ArgumentError("Give a part or blocks, not both.")
        return _lower_blocks(model, blocks)
    if freeze_range is None or freeze_range == "encoder":
        head = head_of(model)
        return [layer for layer in model.layers if layer.name not in head]
    if freeze_range == "embeddings":
        return _lower_blocks(model, 0)
    if isinstance(freeze_range, str):
        raise ArgumentError(f"There is no part {freeze_range!r}; there are {', '.join(NAMES)}.")
    return model.layers[: _number("freeze_range", freeze_range, len(model.layers))]


def head_of(model: keras.Model) -> set[str]:
    """The names of the head's layers: of ours what the checkpoint's head has, else the last."""
    architecture = getattr(model, "architecture", None)
    if isinstance(architecture, Architecture) and architecture.head is not None:
        return {path.split("/")[0] for path in architecture.head.table}
    return {[layer.name for layer in model.layers if layer.weights][-1]}


def _lower_blocks(model: keras.Model, count: int) -> list[Any]:
    """The embeddings and the first blocks: all that lies below the next block."""
    places = [i for i, part in enumerate(model.layers) if re.fullmatch(r"layer_\d+", part.name)]
    if not places:
        raise ArgumentError(
            "The model has no blocks by the names of an encoder of simpletext. "
            "Use freeze(n) for the first n of model.layers."
        )
    count = _number("blocks", count, len(places))
    # Keras lists a model's layers from the inputs upwards.
    return model.layers[: places[count] if count < len(places) else places[-1] + 1]


def _number(name: str, value: Any, most: int) -> int:
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or not 0 <= value <= most:
        raise ArgumentError(f"{name}={value!r}; it must be a whole number from 0 to {most}.")
    return int(value)


def describe_layers(model: keras.Model, weight_decay: float | None = None) -> str:
    """A line a layer: its number, whether it trains, its name, kind and number of weights."""
    lines = []
    for number, layer in enumerate(model.layers):
        decay = f", weight decay {weight_decay}" if weight_decay is not None else ""
        trains = "frozen" if layer.weights and not layer.trainable_weights else "trainable"
        state = trains if layer.weights else "no weights"
        kind = f"{layer.name} ({type(layer).__name__})"
        lines.append(f"{number:>3}  {kind:<40} {state}, {layer.count_params():,} numbers{decay}")
    return "\n".join(lines)
