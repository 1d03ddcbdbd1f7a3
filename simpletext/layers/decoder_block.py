"""The decoder's block: attention to earlier tokens, attention to the source, feed-forward."""

import keras
from keras import ops

from ..utils import backend
from .attention import SelfAttention
from .base import Part
from .dropout import dropout
from .normalisation import LayerNorm
from .recomputation import softmax
from .transformer_block import TransformerBlock


@keras.saving.register_keras_serializable("simpletext")
class CausalAttention(SelfAttention):
    """Self-attention that can also go on by one token, with the keys and values so far."""

    def step(self, x, past, bias):
        """What one more token of each beam attends to, and the last part with the new tokens.

        Args:
            x: (batch * beams, hidden).
            past: keys and values of the tokens so far in one part or more, a pair for each, each
                (batch, heads, places, width). Beams share their places, so that nothing moves when
                a beam goes on from another one.
            bias: very negative at the places of other beams, (batch, 1, beams, all places); the
                new tokens' places are the last ones.
        """
        beams, dense = ops.shape(bias)[2], (self.query, self.key, self.value)
        query, *new = (self.split_beams(project(x), beams) for project in dense)
        *older, last = past
        last = tuple(ops.concatenate(pair, axis=2) for pair in zip(last, new, strict=True))
        query, parts = query * query.shape[-1] ** -0.5, [*older, last]
        scores = [ops.matmul(query, ops.transpose(keys, (0, 1, 3, 2))) for keys, _ in parts]
        weights = softmax((ops.concatenate(scores, axis=-1) if older else scores[0]) + bias)
        context = ops.transpose(self._summed(weights, parts), (0, 2, 1, 3))
        return self.output_dense(ops.reshape(context, (-1, x.shape[-1]))), last

    def _summed(self, weights, parts):
        """The values of all parts, by their weights, (batch, heads, beams, width)."""
        if len(parts) == 1:
            return ops.matmul(weights, parts[0][1])
        context, begin = 0.0, 0
        for keys, values in parts:
            end = begin + ops.shape(keys)[2]
            context, begin = context + ops.matmul(weights[..., begin:end], values), end
        return context


@keras.saving.register_keras_serializable("simpletext")
class CrossAttention(SelfAttention):
    """Attention of one text's tokens to another's."""

    def call(self, x, other, bias, training=None):  # (batch, length, hidden) twice
        keys, values = self.keys_and_values(other)
        return self._attend(self._split(self.query(x)), keys, values, bias, training)

    def step(self, x, beams, keys, values, bias):  # (batch * beams, hidden), see `keys_and_values`
        """What one token of each beam attends to: beams share the source's keys and values."""
        query = self.split_beams(self.query(x), beams)
        context = self._context(query, keys, values, bias, False)
        return self.output_dense(ops.reshape(context, (-1, x.shape[-1])))

    def shares(self, x, other, bias):
        """How much each token attends to those of the other text, (batch, length, others).

        The mean over the heads.
        """
        query, keys = self._split(self.query(x)), self._split(self.key(other))
        query = query * query.shape[-1] ** -0.5
        scores = ops.matmul(query, ops.transpose(keys, (0, 1, 3, 2))) + bias
        return ops.mean(softmax(scores), axis=1)


@keras.saving.register_keras_serializable("simpletext")
class EncoderBlock(TransformerBlock):
    """BERT's block with dropout inside the feed-forward, too; in training it may be left out.

    Args:
        activation_dropout: the rate inside the feed-forward.
        layerdrop: how often the whole block is left out.
    """

    def __init__(self, *args, activation_dropout=0.0, layerdrop=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.activation_dropout, self.layerdrop = activation_dropout, layerdrop

    @backend.traced_once_if_alike
    def call(self, x, bias, training=None):  # (batch, length, hidden), (batch, 1, 1, length)
        attended = self.attention(x, bias, training=training)
        y = self.attention_norm(x + self._drop(attended, training))
        return self._maybe(x, self._feed_forward_and_norm(y, training), training)

    def _feed_forward_and_norm(self, x, training):
        y = self.intermediate(x)
        y = dropout(y, self.activation_dropout, self.seed_generator, training)
        return self.output_norm(x + self._drop(self.output_dense(y), training))

    def _maybe(self, before, after, training):
        if not training or self.layerdrop == 0.0:
            return after
        chance = keras.random.uniform((), seed=self.seed_generator)
        return ops.where(chance < self.layerdrop, before, after)


@keras.saving.register_keras_serializable("simpletext")
class DecoderBlock(EncoderBlock):
    """`EncoderBlock` with attention to the encoder's states between its two halves."""

    def make_attention(self, **kwargs):
        return CausalAttention(self.num_heads, self.attention_dropout, self.seed + 1, **kwargs)

    def build(self, x_shape, *shapes):
        super().build(x_shape)
        policy = {"dtype": self.dtype_policy}
        self.cross_attention = CrossAttention(
            self.num_heads, self.attention_dropout, self.seed + 2, name="cross_attention", **policy
        )
        self.cross_norm = LayerNorm(self.epsilon, name="cross_norm", **policy)
        self.cross_attention.build(x_shape)
        self.cross_norm.build(x_shape)

    def compute_output_spec(self, x, bias, states, states_bias, training=None):
        return super().compute_output_spec(x, bias)

    @backend.traced_once_if_alike
    def call(self, x, bias, states, states_bias, training=None):
        y = self._before_cross(x, bias, training)
        attended = self.cross_attention(y, states, states_bias, training=training)
        y = self.cross_norm(y + self._drop(attended, training))
        return self._maybe(x, self._feed_forward_and_norm(y, training), training)

    def _before_cross(self, x, bias, training=False):
        attended = self.attention(x, bias, training=training)
        return self.attention_norm(x + self._drop(attended, training))

    def step(self, x, past, bias, source, source_bias):
        """The state of one more token for each beam, and the last part with its keys and values.

        Args:
            x: (batch * beams, hidden).
            past: see `CausalAttention.step`.
            bias: likewise.
            source: keys and values of the source, each (batch, heads, source length, width).
            source_bias: (batch, 1, 1, source length).
        """
        attended, last = self.attention.step(x, past, bias)
        y = self.attention_norm(x + attended)
        beams = ops.shape(bias)[2]
        y = self.cross_norm(y + self.cross_attention.step(y, beams, *source, source_bias))
        return self._feed_forward_and_norm(y, False), last

    def attention_to_source(self, x, bias, states, states_bias):
        """How much each token attends to the source's, (batch, length, source length)."""
        return self.cross_attention.shares(self._before_cross(x, bias), states, states_bias)


@keras.saving.register_keras_serializable("simpletext")
class VocabularyLogits(Part):
    """Scores of all tokens by the table of their embeddings, (batch, length, vocabulary)."""

    def build(self, x_shape, table_shape):
        self.bias = self.add_weight(
            name="bias", shape=(1, table_shape[0]), initializer="zeros", trainable=False
        )

    def compute_output_spec(self, x, table):
        return keras.KerasTensor((*x.shape[:2], table.shape[0]), self.compute_dtype)

    def call(self, x, table):  # (batch, length, hidden), (vocabulary, hidden)
        logits = self.of_rows(ops.reshape(x, (-1, x.shape[-1])), table)
        return ops.reshape(logits, (*ops.shape(x)[:2], table.shape[0]))

    def of_rows(self, x, table):  # (rows, hidden), (vocabulary, hidden) -> (rows, vocabulary)
        """The same for states in two dimensions."""
        return ops.matmul(x, ops.transpose(ops.cast(table, self.compute_dtype))) + self.bias
