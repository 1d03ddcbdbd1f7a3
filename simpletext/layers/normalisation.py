"""Layer normalisation."""

import keras
from keras import ops

from . import recomputation
from .base import Part


@keras.saving.register_keras_serializable("simpletext")
class LayerNorm(Part):
    """Layer normalisation over the last axis (https://arxiv.org/abs/1607.06450), in float32."""

    def __init__(self, epsilon, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.use_bias = epsilon, use_bias

    def build(self, shape):
        self.gamma = self.add_weight(
            name="gamma", shape=(shape[-1],), initializer="ones", autocast=False
        )
        if self.use_bias:
            self.beta = self.add_weight(
                name="beta", shape=(shape[-1],), initializer="zeros", autocast=False
            )

    def call(self, x, training=None):
        if training:
            weights = [self.gamma, self.beta] if self.use_bias else [self.gamma]
            tensors = [ops.reshape(weight, (-1,)) for weight in weights]  # not variables
            return recomputation.layer_norm(ops.cast(x, self.compute_dtype), self.epsilon, *tensors)
        x = ops.cast(x, "float32")
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        y = centred * ops.rsqrt(variance + self.epsilon) * self.gamma
        return ops.cast(y + self.beta if self.use_bias else y, self.compute_dtype)
