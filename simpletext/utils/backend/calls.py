"""Calls of layers within layers."""

from typing import Any

import keras
from keras.src.backend.common import global_state

from .current import name


class OutsideCall:
    """What `training_within_call` returns where no layer's call is under way."""


def training_within_call(layer: keras.layers.Layer, first: Any) -> Any:
    """PyTorch: whether the layer around this one trains, if this one can be called straight away.

    Keras' own call looks after masks, types and losses, for a quarter of a millisecond each time:
    as long as a layer's arithmetic on a GPU.

    Args:
        layer: a layer that is built, and makes no losses.
        first: its first argument.

    Returns:
        `OutsideCall` if Keras has to call it: on other backends, from outside of another layer's
        call, and with a tensor that it has to convert.
    """
    context = global_state.get_global_attribute("current_call_ctx")
    if name() != "torch" or context is None or not layer.built:
        return OutsideCall
    dtype = getattr(first, "dtype", None)
    if dtype is None or not hasattr(dtype, "is_floating_point"):
        return OutsideCall
    if dtype.is_floating_point and str(dtype) != f"torch.{layer.compute_dtype}":
        return OutsideCall
    return context.get_value("training")
