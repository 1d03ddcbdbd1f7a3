"""Regression targets in standard units while a model trains, and in the user's units otherwise.

A head's outputs begin near 0 and move by about the learning rate per step, so they would never
reach targets such as prices. A regression model therefore ends in `TargetScaling`: logits * scale
+ shift. Training sets both from its targets, and at its end merges them into the output layer: a
saved checkpoint is an ordinary one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from ..checkpoints.weight_map import keras_value
from .heads import TargetScaling
from .loading import architecture_of, newly_initialised


@contextmanager
def standardised(model: keras.Model, targets: np.ndarray | None) -> Iterator[None]:
    """In this block the model's output layer computes in standard deviations of the targets.

    The model's outputs stay the same, unless its output layer is newly initialised: then they begin
    at the targets' mean.

    Args:
        model: any model; one without `TargetScaling` is left as it is.
        targets: (rows, outputs) or (rows,); None, if they aren't known, changes nothing.
    """
    scaling = scaling_of(model)
    if scaling is None or targets is None:
        yield
        return
    rows = np.reshape(targets, (len(targets), -1)).astype("float64")
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    output = model.get_layer(architecture_of(model).head.output)
    if output.kernel.path in newly_initialised(model):
        scaling.set(deviation, mean)
    else:
        _rescale(scaling, output, deviation, mean)
    try:
        yield
    finally:
        _rescale(scaling, output, np.ones_like(deviation), np.zeros_like(mean))


def scaling_of(model: keras.Model) -> TargetScaling | None:
    """The model's `TargetScaling`, or None."""
    return next((layer for layer in model.layers if isinstance(layer, TargetScaling)), None)


def _rescale(scaling: TargetScaling, output: Any, scale: np.ndarray, shift: np.ndarray) -> None:
    """Change the scaling, and the output layer so that the model's outputs stay the same."""
    old_scale, old_shift = (keras_value(v) for v in (scaling.scale, scaling.shift))
    kernel, bias = (keras_value(v).astype("float64") for v in (output.kernel, output.bias))
    output.kernel.assign(kernel * (old_scale / scale))
    output.bias.assign((bias * old_scale + old_shift - shift) / scale)
    scaling.set(scale, shift)
