"""What a Keras model keeps and compiles."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np

from .alike import layers_alike_traced_once
from .current import is_tensorflow, name


def compile_predict(model: keras.Model, inputs: Any) -> None:
    """Compile prediction at once for batches of all shapes, if it isn't compiled yet.

    TensorFlow would compile for the first batch's shape, and for the second one's again, for all.
    Nothing happens unless `inputs` is a dict of the model's inputs.
    """
    if model.predict_function is not None or not is_tensorflow() or model.run_eagerly:
        return
    tensors = {tensor.name: tensor for tensor in getattr(model, "inputs", None) or ()}
    if not isinstance(inputs, dict) or inputs.keys() != tensors.keys():
        return
    import tensorflow as tf

    shapes = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    model.make_predict_function()
    compiled: Any = model.predict_function
    with layers_alike_traced_once():
        compiled.get_concrete_function([(shapes,)])


def forget_training_step(model: keras.Model) -> None:
    """Have the training step compiled anew: it holds constants and the list of its variables."""
    model.train_function = None


def set_learning_rate(model: keras.Model, rate: float) -> None:
    """Set the rate of a model's optimizer, also from a callback in the midst of `fit`."""
    if name() == "jax":
        model.jax_state_sync()  # there Keras keeps the variables' values elsewhere meanwhile
    optimizer = model.optimizer
    optimizer.learning_rate = number_for(optimizer.learning_rate, rate)


def number_for(variable: Any, value: float) -> Any:
    """A number to assign to a variable.

    If the variable is on the devices of several JAX processes, so is the number: else JAX would
    compare it between all processes, at each step.
    """
    if name() != "jax" or variable.value.is_fully_addressable:
        return value
    import jax

    number = np.asarray(value, variable.dtype)
    return jax.make_array_from_callback((), variable.value.sharding, lambda places: number)


def producing_call(tensor: Any) -> tuple[keras.layers.Layer, tuple, dict[str, Any]]:
    """The layer that made a symbolic tensor, with the arguments of that call."""
    layer, call, _ = tensor._keras_history
    given = layer._inbound_nodes[call].arguments
    return layer, given.args, given.kwargs


def short_variable_names() -> AbstractContextManager:
    """A block in which TensorFlow calls a new variable `kernel`, without its layers' names.

    TensorFlow keeps a kernel for each name that it meets: those of a BERT take 0.2 of the 0.5
    seconds that its layers take to make. Keras' paths don't come from there.
    """
    if not is_tensorflow():
        return nullcontext()
    import tensorflow as tf

    return tf.name_scope("")


def in_order(tensor: Any) -> Any:
    """The tensor with its rows one after the other in memory.

    PyTorch keeps the order of a transposed array, and its fused optimizer wants this one.
    """
    return tensor.contiguous() if name() == "torch" else tensor
