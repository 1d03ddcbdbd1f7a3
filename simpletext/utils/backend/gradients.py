"""Gradients written by hand, and gradients of functions."""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from .current import name


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a gradient written by hand.

    Args:
        function: returns its result, and a function from the result's gradient to those of the
            arguments.
    """

    @ops.custom_gradient
    @functools.wraps(function)
    def with_gradient(*arguments: Any) -> tuple[Any, Callable[..., Any]]:
        result, gradient = function(*arguments)

        def from_backend(*upstream: Any, **named: Any) -> Any:
            return gradient(named["upstream"] if named else upstream[0])  # PyTorch gives the name

        return result, from_backend

    return with_gradient


def has_gradients() -> bool:
    """Whether `value_and_gradient` works on this backend."""
    return name() in ("tensorflow", "jax", "torch")


def value_and_gradient(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    """`function`, and the gradients of its sum by its first argument, a list of arrays.

    Args:
        function: of a list of arrays, and of further arguments, to an array.
        specs: for each argument its shapes and types, as `keras.KerasTensor`. On TensorFlow the
            function is compiled for them once.
    """
    makers = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
    return makers[name()](function, specs)


def _on_tensorflow(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    import tensorflow as tf

    def value_and_gradient(arrays: list, *others: Any) -> tuple[Any, list]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(arrays)
            values = function(arrays, *others)
        return values, tape.gradient(values, arrays)

    signature = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), specs)
    return tf.function(value_and_gradient, signature, autograph=False)


def _on_jax(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    import jax

    def value_and_gradient(arrays: list, *others: Any) -> tuple[Any, list]:
        values, pull = jax.vjp(lambda rows: function(rows, *others), arrays)
        return values, pull(ops.ones_like(values))[0]

    return value_and_gradient


def _on_torch(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    import torch

    def value_and_gradient(arrays: list, *others: Any) -> tuple[Any, tuple]:
        rows = [ops.convert_to_tensor(array).requires_grad_() for array in arrays]
        values = function(rows, *others)
        return values, torch.autograd.grad(values.sum(), rows)

    return value_and_gradient
