"""The dense layer, with an activation."""

import functools
import math

import keras
from keras import ops

from . import activations, kernels
from .base import Part


def truncated_normal(stddev: float, cutoff: float, seed: int):
    """An initializer: normal values within `cutoff` standard deviations."""

    def draw(shape, dtype=None):
        share = math.erf(cutoff / math.sqrt(2.0))
        uniform = keras.random.uniform(shape, -share, share, dtype="float32", seed=seed)
        return ops.cast(ops.erfinv(uniform) * (stddev * math.sqrt(2.0)), dtype or "float32")

    return draw


@keras.saving.register_keras_serializable("simpletext")
class Dense(Part):
    """`activation(x @ kernel + bias)` over the last axis."""

    def __init__(
        self, units, activation="linear", stddev=0.0, use_bias=True, seed=0, cutoff=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.units, self.activation, self.stddev = units, activation, stddev
        self.use_bias, self.seed, self.cutoff = use_bias, seed, cutoff
        self._activate = activations.activation(activation)

    def build(self, shape):
        init = keras.initializers.RandomNormal(stddev=self.stddev, seed=self.seed)
        if self.cutoff is not None:
            init = truncated_normal(self.stddev, self.cutoff, self.seed)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(shape[-1], self.units),
            initializer=init if self.stddev else "zeros",
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def call(self, x, training=None):  # (..., features) -> (..., units)
        activate = self._activate
        if self.is_gelu:
            activate = functools.partial(kernels.gelu, training=training)
        return self.linear(x, activate)

    def linear(self, x, activate=activations.ACTIVATIONS["linear"], of_gelu=False):
        """The layer with another activation, (..., features) -> (..., units).

        With `of_gelu` that of gelu of `x`, in training.
        """
        bias = self.bias if self.use_bias else None
        return kernels.linear(x, self.kernel, bias, activate, of_gelu)

    @property
    def is_gelu(self) -> bool:
        """Whether the activation is the exact gelu, which has a custom gradient."""
        return self._activate is activations.ACTIVATIONS["gelu"]
