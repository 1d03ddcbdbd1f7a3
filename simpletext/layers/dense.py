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
    """`activation(x @ kernel + bias)` over the last axis.

    Tokens are flattened to two dimensions first: one large product is faster than a batched one.
    """

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
        return self.linear(x, activate=activate)

    def linear(self, x, product=ops.matmul, activate=activations.ACTIVATIONS["linear"]):
        """The layer without its activation or with another, (..., features) -> (..., units).

        `product` multiplies the tokens by the kernel.
        """
        leading = ops.shape(x)[:-1]
        y = product(ops.reshape(x, (-1, x.shape[-1])), self.kernel)
        if self.use_bias:
            y = ops.add(y, self.bias)
        # Activated before the reshape: then TensorFlow fuses product, bias and activation.
        return ops.reshape(activate(y), (*leading, self.units))

    @property
    def is_gelu(self) -> bool:
        """Whether the activation is the exact gelu, which has a custom gradient."""
        return self._activate is activations.ACTIVATIONS["gelu"]
