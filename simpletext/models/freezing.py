"""The parts of a model, for freezing them: embeddings, blocks, encoder, head."""

import operator
import re
from typing import Any

import keras

from ..errors import ArgumentError
from ..utils.validation import require_choice, require_count, shown
from .loading import Architecture

NAMES = ("embeddings", "encoder")


def layers_to_freeze(
    model: keras.Model, freeze_range: int | str | None = None, blocks: int | None = None
) -> list[Any]:
    """The layers of one part of a model.

    Args:
        model: any Keras model; the parts by name need one of ours.
        freeze_range: "embeddings"; "encoder" (all but the head, the default); or n, the first n of
            `model.layers`.
        blocks: instead of `freeze_range`: k for the embeddings and the first k blocks.

    Raises:
        ArgumentError: a part that the model doesn't have.
    """
    if blocks is not None:
        if freeze_range is not None:
            raise ArgumentError("Pass freeze_range or blocks, not both.")
        return _lower_blocks(model, blocks)
    if freeze_range is None or isinstance(freeze_range, str):
        if require_choice("freeze_range", freeze_range or "encoder", NAMES) == "embeddings":
            return _lower_blocks(model, 0)
        head = head_of(model)
        return [layer for layer in model.layers if layer.name not in head]
    return model.layers[: require_count("freeze_range", freeze_range, 0, len(model.layers))]


def layers_to_unfreeze(model: keras.Model, exclude_range: int | str | None) -> list[Any]:
    """All layers but those of a part (see `layers_to_freeze`); None excludes nothing."""
    excluded = [] if exclude_range is None else layers_to_freeze(model, exclude_range)
    names = {layer.name for layer in excluded}
    return [layer for layer in model.layers if layer.name not in names]


def set_trainable(layers: list[Any], trainable: bool) -> None:
    """Freeze or unfreeze layers."""
    for layer in layers:
        layer.trainable = trainable


def head_of(model: keras.Model) -> set[str]:
    """The names of the head's layers; for a model that isn't ours, of the last layer."""
    architecture = getattr(model, "architecture", None)
    if isinstance(architecture, Architecture) and architecture.head is not None:
        return {path.split("/")[0] for path in architecture.head.table}
    return {[layer.name for layer in model.layers if layer.weights][-1]}


def _lower_blocks(model: keras.Model, count: int) -> list[Any]:
    """The embeddings and the first blocks: all layers below the next block."""
    places = [i for i, part in enumerate(model.layers) if re.fullmatch(r"layer_\d+", part.name)]
    if not places:
        raise ArgumentError(
            "The model has no layers named like the blocks of simpletext's encoders. "
            "Use freeze(n) for the first n of model.layers."
        )
    count = require_count("blocks", count, 0, len(places))
    # Keras lists a model's layers from the inputs upwards.
    return model.layers[: places[count] if count < len(places) else places[-1] + 1]


def describe_layers(model: keras.Model, weight_decay: float | None = None) -> str:
    """One line per layer: its number, name, class, whether it trains, its number of weights."""
    lines = []
    for number, layer in enumerate(model.layers):
        decay = f", weight decay {weight_decay}" if weight_decay is not None else ""
        trains = "frozen" if layer.weights and not layer.trainable_weights else "trainable"
        state = trains if layer.weights else "no weights"
        kind = f"{layer.name} ({type(layer).__name__})"
        lines.append(f"{number:>3}  {kind:<40} {state}, {layer.count_params():,} numbers{decay}")
    return "\n".join(lines)


def layer_output(model: keras.Model, layer_id: int, inputs: Any) -> Any:
    """The output of one layer for a batch of inputs.

    Args:
        model: any functional or Sequential Keras model.
        layer_id: the layer's index in `model.layers`; negative numbers count from the end.
        inputs: a batch in the model's input format.

    Raises:
        ArgumentError: no such layer.
    """
    count = len(model.layers)
    try:
        layer = model.layers[operator.index(layer_id)]
    except (TypeError, IndexError):
        raise ArgumentError(
            f"layer_id={shown(layer_id)}; the model has layers 0 to {count - 1}."
        ) from None
    # Keras 3 has a Sequential's input only in `inputs`, and the names of a dict's only in `input`.
    start = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.Model(start, layer.output).predict_on_batch(inputs)
