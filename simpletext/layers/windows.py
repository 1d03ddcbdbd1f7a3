"""Attention to a window around each token (https://arxiv.org/abs/2004.05150).

Texts longer than a few windows are split into chunks that attend to themselves and their two
neighbours, so that time and memory grow linearly with the length. Shorter texts are one chunk
without neighbours.
"""

import keras
from keras import ops

from .attention import SelfAttention
from .base import Part
from .dropout import dropout
from .recomputation import join_heads, softmax

NEVER = -1e9


@keras.saving.register_keras_serializable("simpletext")
class WindowBias(Part):
    """Converts an attention bias to that of `WindowAttention`, which masks distant keys, too.

    Args:
        reach: largest distance of a key.
        sees_first: mask the first key, which `WindowAttention` treats separately.
    """

    def __init__(self, reach, sees_first=False, **kwargs):
        super().__init__(**kwargs)
        self.reach, self.sees_first = reach, sees_first

    def compute_output_spec(self, bias):
        return keras.KerasTensor((bias.shape[0], 1, None, None, None), self.compute_dtype)

    def call(self, bias):  # (batch, 1, 1, length) -> (batch, 1, chunks, size, size + 2 * edge)
        length = ops.shape(bias)[3]
        size, edge = layout(length, max(self.reach, 1), 3 * self.reach)
        if self.sees_first:
            is_first = ops.cast(ops.equal(ops.arange(length), 0), bias.dtype)
            bias = ops.minimum(bias, is_first * NEVER)
        by_key = ops.transpose(bias, (0, 1, 3, 2))  # (batch, 1, length, 1)
        by_key = with_neighbours(chunks(by_key, size, NEVER), size, edge, NEVER)
        steps = ops.arange(size + 2 * edge)[None, :] - ops.arange(size)[:, None] - edge
        far = ops.cast(ops.abs(steps) > self.reach, bias.dtype) * NEVER
        return ops.minimum(ops.transpose(by_key, (0, 1, 2, 4, 3)), far)


@keras.saving.register_keras_serializable("simpletext")
class WindowAttention(SelfAttention):
    """Self-attention within a window. Called with the pair of the bias and its `WindowBias`.

    Args:
        reach: largest distance of a key; None for attention to the whole text and a plain bias.
        sees_first: whether all tokens also attend to the first one.
    """

    def __init__(self, num_heads, reach, sees_first=False, dropout=0.0, seed=0, **kwargs):
        super().__init__(num_heads, dropout, seed, **kwargs)
        self.reach, self.sees_first = reach, sees_first

    def _context(self, query, key, value, bias, training):  # -> (batch, length, hidden)
        if self.reach is None:
            return super()._context(query, key, value, bias, training)
        bias, window_bias = bias
        length = ops.shape(query)[2]
        size, edge = layout(length, max(self.reach, 1), 3 * self.reach)
        queries = chunks(query * query.shape[-1] ** -0.5, size)
        keys, values = (with_neighbours(chunks(x, size), size, edge) for x in (key, value))
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 2, 4, 3))) + window_bias
        if self.sees_first:
            first = ops.transpose(key[:, :, :1], (0, 1, 3, 2))[:, :, None]
            of_first = ops.matmul(queries, first) + bias[:, :, None, :, :1]
            scores = ops.concatenate([of_first, scores], axis=-1)
        weights = dropout(softmax(scores), self.dropout, self.seed_generator, training)
        if self.sees_first:
            of_first, weights = weights[..., :1], weights[..., 1:]
        context = ops.matmul(weights, values)  # (batch, heads, chunks, size, width)
        if self.sees_first:
            context = context + of_first * value[:, :, None, :1]
        batch, heads, count = ops.shape(context)[:3]
        flat = ops.reshape(context, (batch, heads, count * size, context.shape[-1]))
        return join_heads(flat[:, :, :length])


def layout(length, size: int, limit: int):
    """The size of a chunk, and how many tokens of each neighbour it attends to.

    Args:
        length: of the text; a tensor in TensorFlow's graphs.
        size: of a long text's chunks, which attend to the whole of their neighbours.
        limit: up to this length a text is one chunk.
    """
    is_long = length > limit
    return pick(is_long, size, length), pick(is_long, size, 0)


def pick(condition, yes, no):
    """`yes` or `no`, both integers, by a condition that is a tensor in TensorFlow's graphs."""
    if isinstance(condition, bool):
        return yes if condition else no
    condition = ops.cast(condition, "int32")
    return condition * yes + (1 - condition) * no


def chunks(x, size, fill=0.0):
    """Split axis 2: (batch, heads, length, width) -> (batch, heads, chunks, size, width)."""
    batch, heads, length = ops.shape(x)[0], ops.shape(x)[1], ops.shape(x)[2]
    width = x.shape[3]
    missing = (size - length % size) % size
    x = ops.concatenate([x, ops.full((batch, heads, missing, width), fill, x.dtype)], axis=2)
    return ops.reshape(x, (batch, heads, (length + missing) // size, size, width))


def with_neighbours(x, size, edge, fill=0.0):
    """Each chunk with the last `edge` rows of the chunk before and the first of the one after."""
    batch, heads, _, _, width = ops.shape(x)
    nothing = ops.full((batch, heads, 1, edge, width), fill, x.dtype)
    before = ops.concatenate([nothing, x[:, :, :-1, size - edge :]], axis=2)
    after = ops.concatenate([x[:, :, 1:, :edge], nothing], axis=2)
    return ops.concatenate([before, x, after], axis=3)
