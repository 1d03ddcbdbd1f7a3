"""Self-attention, and the biases that leave padding or later tokens out of it."""

import keras
from keras import ops

from . import kernels
from .base import Part
from .dense import Dense


@keras.saving.register_keras_serializable("simpletext")
class AttentionBias(Part):
    """What is added to attention scores: 0 where the mask is 1, very negative where it is 0."""

    def compute_output_shape(self, shape):
        return (shape[0], 1, 1, shape[1])

    def call(self, attention_mask):  # (batch, length) -> (batch, 1, 1, length)
        mask = ops.cast(attention_mask, self.compute_dtype)
        return (1.0 - ops.expand_dims(mask, (1, 2))) * -1e9


@keras.saving.register_keras_serializable("simpletext")
class CausalBias(Part):
    """What is added to a decoder's attention scores: very negative for all later tokens."""

    def compute_output_spec(self, ids):
        return keras.KerasTensor((1, 1, ids.shape[1], ids.shape[1]), self.compute_dtype)

    def call(self, ids):  # (batch, length) -> (1, 1, length, length)
        places = ops.arange(ops.shape(ids)[1])
        later = places[None, :] > places[:, None]
        return ops.cast(later, self.compute_dtype)[None, None] * -1e9


@keras.saving.register_keras_serializable("simpletext")
class SelfAttention(Part):
    """Scaled dot-product attention in several heads (https://arxiv.org/abs/1706.03762)."""

    def __init__(self, num_heads, dropout=0.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.dropout, self.seed = num_heads, dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, x_shape, bias_shape=None):
        for name in ("query", "key", "value", "output_dense"):
            dense = self.make_dense(name.removesuffix("_dense"), x_shape[-1])
            setattr(self, name, dense)
            dense.build(x_shape)

    def make_dense(self, name, units):
        """One of the four projections."""
        return Dense(units, name=name, dtype=self.dtype_policy)

    def compute_output_spec(self, x, bias, training=None, only_first=False):
        length = 1 if only_first else x.shape[1]
        return keras.KerasTensor((x.shape[0], length, x.shape[2]), self.compute_dtype)

    def call(self, x, bias, training=None, only_first=False):
        """The attention's output, with the shapes of `TransformerBlock.call`."""
        selected = x[:, :1] if only_first else x
        if only_first and bias.shape[2] != 1:
            bias = bias[:, :, :1]
        query, key, value = self.query(selected), self.key(x), self.value(x)
        return self._attend(*map(self._split, (query, key, value)), bias, training)

    def keys_and_values(self, x):  # (batch, length, hidden) -> twice (batch, heads, length, width)
        """What other tokens find of these ones."""
        return self._split(self.key(x)), self._split(self.value(x))

    def split_beams(self, x, beams):  # (batch * beams, hidden) -> (batch, heads, beams, width)
        """Split the features of single tokens, one for each beam, into heads."""
        split = ops.reshape(x, (-1, beams, self.num_heads, x.shape[-1] // self.num_heads))
        return ops.transpose(split, (0, 2, 1, 3))

    def _attend(self, query, key, value, bias, training):  # each (batch, heads, length, width)
        return self.output_dense(self._context(query, key, value, bias, training))

    def _context(self, query, key, value, bias, training):  # -> (batch, length, hidden)
        return kernels.attention(
            query, key, value, bias, self.dropout, self.seed_generator, training
        )

    def _split(self, x):  # (batch, length, hidden) -> (batch, heads, length, hidden / heads)
        return kernels.split_heads(x, self.num_heads)
