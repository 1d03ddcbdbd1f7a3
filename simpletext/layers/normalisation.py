"""Layer normalisation."""

import keras
from keras import ops

from . import kernels
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
        weights = [self.gamma, self.beta] if self.use_bias else [self.gamma]
        tensors = [ops.reshape(weight, (-1,)) for weight in weights]  # not variables
        x = ops.cast(x, self.compute_dtype)
        return kernels.layer_norm(x, self.epsilon, *tensors, training=training)
