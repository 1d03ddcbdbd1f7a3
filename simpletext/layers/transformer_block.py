"""The transformer block: attention, then feed-forward."""

import keras

from ..utils import backend
from .attention import SelfAttention
from .base import Part
from .dense import Dense
from .dropout import dropout
from .normalisation import LayerNorm


@keras.saving.register_keras_serializable("simpletext")
class TransformerBlock(Part):
    """Attention, then feed-forward, each with dropout, a residual and a norm after it."""

    def __init__(
        self,
        num_heads,
        intermediate_size,
        hidden_act,
        epsilon,
        dropout=0.0,
        attention_dropout=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.intermediate_size, self.hidden_act = (
            num_heads,
            intermediate_size,
            hidden_act,
        )
        self.epsilon, self.dropout, self.attention_dropout = epsilon, dropout, attention_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, x_shape, bias_shape=None):
        policy = {"dtype": self.dtype_policy}
        self.attention = self.make_attention(name="attention", **policy)
        self.attention_norm = LayerNorm(self.epsilon, name="attention_norm", **policy)
        self.intermediate = self.make_dense("intermediate", self.intermediate_size, self.hidden_act)
        self.output_dense = self.make_dense("output", x_shape[-1])
        self.output_norm = LayerNorm(self.epsilon, name="output_norm", **policy)
        for part in (self.attention, self.attention_norm, self.intermediate, self.output_norm):
            part.build(x_shape)
        self.output_dense.build((*x_shape[:-1], self.intermediate_size))

    def make_attention(self, **kwargs):
        """The attention layer; families with another kind of attention override this."""
        return SelfAttention(self.num_heads, self.attention_dropout, self.seed + 1, **kwargs)

    compute_output_spec = SelfAttention.compute_output_spec

    @backend.traced_once_if_alike
    def call(self, x, bias, training=None, only_first=False):
        """The next hidden states of all tokens, or with `only_first` of the first token.

        Args:
            x: (batch, length, hidden).
            bias: (batch, 1, 1, length), or broadcastable to (batch, heads, length, length).
            training: whether dropout is active.
            only_first: return (batch, 1, hidden).
        """
        x, attended = self._attended(x, bias, training, only_first)
        x = self.attention_norm(x + self._drop(attended, training))
        return self.output_norm(x + self._drop(self._feed_forward(x, training), training))

    def _attended(self, x, bias, training, only_first):
        """The requested tokens' states, and the attention's output for them."""
        if not only_first:
            return x, self.attention(x, bias, training=training)
        if type(self.attention) is SelfAttention:
            return x[:, :1], self.attention(x, bias, training=training, only_first=True)
        return x[:, :1], self.attention(x, bias, training=training)[:, :1]

    def make_dense(self, name, units, activation="linear"):
        """One of the feed-forward's two dense layers; families with other layers override this."""
        return Dense(units, activation, name=name, dtype=self.dtype_policy)

    def _feed_forward(self, x, training):  # (batch, length, hidden)
        inner, outer = self.intermediate, self.output_dense
        if training and inner.is_gelu and type(inner) is type(outer) is Dense:
            return outer.linear(inner.linear(x), of_gelu=True)
        return outer(inner(x))

    def _drop(self, x, training):
        return dropout(x, self.dropout, self.seed_generator, training)
