"""Disentangled attention (https://arxiv.org/abs/2006.03654): scores by content and by distance.

Three scores are added: content to content, content to position, position to content, where a
position is the distance between two tokens.
"""

import keras
from keras import ops

from .attention import SelfAttention
from .base import Part
from .dense import Dense
from .dropout import dropout
from .embeddings import Embedding
from .normalisation import LayerNorm
from .positions import by_distance, distances
from .transformer_block import TransformerBlock


@keras.saving.register_keras_serializable("simpletext")
class DistanceEmbeddings(Part):
    """The embeddings of all distances in a text, in the order of `positions.distances`.

    Args:
        count: rows of the table.
        width: size of an embedding.
        rows: the table's row for each distance from -n to n; further distances count as n.
        epsilon: of the norm over the embeddings; None for a model without one.
    """

    def __init__(self, count, width, rows, epsilon=None, **kwargs):
        super().__init__(**kwargs)
        self.count, self.width, self.rows, self.epsilon = count, width, list(rows), epsilon

    def build(self, ids_shape):
        policy = {"dtype": self.dtype_policy}
        self.table = Embedding(self.count, self.width, name="table", **policy)
        self.table.build()
        if self.epsilon is not None:
            self.norm = LayerNorm(self.epsilon, name="norm", **policy)
            self.norm.build((None, self.width))

    def compute_output_spec(self, ids):
        length = ids.shape[1]
        count = None if length is None else 2 * length + 1
        return keras.KerasTensor((count, self.width), self.compute_dtype)

    def call(self, ids):  # (batch, length) -> (2 * length + 1, width)
        limit = len(self.rows) // 2
        near = ops.clip(distances(ops.shape(ids)[1]), -limit, limit)
        rows = ops.take(ops.convert_to_tensor(self.rows, "int32"), near + limit)
        x = self.table(rows)
        return x if self.epsilon is None else self.norm(x)


@keras.saving.register_keras_serializable("simpletext")
class DebertaAttention(SelfAttention):
    """Disentangled attention. Called with a pair: the bias, and the distance embeddings.

    Args:
        scores: which of "c2p" and "p2c" are added to the content-to-content scores.
        parts: number of kinds of scores; the sum is scaled by it.
        position_dropout: dropout rate of the distance embeddings.
    """

    def __init__(
        self, num_heads, scores, parts, position_dropout=0.0, dropout=0.0, seed=0, **kwargs
    ):
        super().__init__(num_heads, dropout, seed, **kwargs)
        self.scores, self.parts = tuple(scores), parts
        self.position_dropout = position_dropout

    def build(self, x_shape, bias_shape=None):
        hidden, policy = x_shape[-1], {"dtype": self.dtype_policy}
        self.in_proj = Dense(3 * hidden, use_bias=False, name="in_proj", **policy)
        self.query_bias = self.add_weight(name="query_bias", shape=(hidden,), initializer="zeros")
        self.value_bias = self.add_weight(name="value_bias", shape=(hidden,), initializer="zeros")
        self.output_dense = Dense(hidden, name="output", **policy)
        self.in_proj.build(x_shape)
        self.output_dense.build(x_shape)
        self._build_positions(x_shape, {"c2p": False, "p2c": True})

    def _build_positions(self, x_shape, use_bias):
        names = {"c2p": "position_key", "p2c": "position_query"}
        for kind in set(self.scores).intersection(names):
            dense = Dense(
                x_shape[-1], use_bias=use_bias[kind], name=names[kind], dtype=self.dtype_policy
            )
            setattr(self, names[kind], dense)
            dense.build(x_shape)

    def call(self, x, bias, training=None):  # (batch, length, hidden), a pair
        bias, rows = bias  # (batch, 1, 1, length), (2 * length + 1, hidden) or None
        query, key, value = self._project(x)  # (batch, heads, length, width) each
        query = query * self.parts**-0.5
        if rows is not None:
            rows = dropout(rows, self.position_dropout, self.seed_generator, training)
            bias = bias + self._position_scores(query, key, rows)
        return self._attend(query, key, value, bias, training)

    def _project(self, x):
        shape = ops.shape(x)
        width = x.shape[-1] // self.num_heads
        qkv = ops.reshape(self.in_proj(x), (*shape[:2], self.num_heads, 3 * width))
        query, key, value = ops.split(ops.transpose(qkv, (0, 2, 1, 3)), 3, axis=-1)
        return query + self._by_head(self.query_bias), key, value + self._by_head(self.value_bias)

    def _by_head(self, bias):  # (hidden,) -> (1, heads, 1, width)
        return ops.reshape(bias, (1, self.num_heads, 1, -1))

    def _position_scores(self, query, key, rows):  # -> (batch, heads, length, length)
        width = query.shape[-1]
        total = 0.0
        if "c2p" in self.scores:
            position_key = self._as_keys(self.position_key(rows)) * width**-0.5
            total = total + by_distance(ops.matmul(query, position_key))
        if "p2c" in self.scores:  # seen from a key, a distance has the opposite sign
            rows = ops.flip(rows, axis=0)
            position_query = self._as_keys(self.position_query(rows)) * (self.parts * width) ** -0.5
            scores = by_distance(ops.matmul(key, position_query))
            total = total + ops.transpose(scores, (0, 1, 3, 2))
        return total

    def _as_keys(self, rows):  # (distances, hidden) -> (1, heads, width, distances)
        count, hidden = ops.shape(rows)[0], rows.shape[-1]
        rows = ops.reshape(rows, (1, count, self.num_heads, hidden // self.num_heads))
        return ops.transpose(rows, (0, 2, 3, 1))


@keras.saving.register_keras_serializable("simpletext")
class DebertaV2Attention(DebertaAttention):
    """Disentangled attention with separate projections.

    Args:
        share_key: whether positions share the projections of the content.
    """

    def __init__(self, num_heads, scores, parts, share_key=False, **kwargs):
        super().__init__(num_heads, scores, parts, **kwargs)
        self.share_key = share_key

    def build(self, x_shape, bias_shape=None):
        SelfAttention.build(self, x_shape, bias_shape)
        if self.share_key:
            self.position_key, self.position_query = self.key, self.query
        else:
            self._build_positions(x_shape, {"c2p": True, "p2c": True})

    def _project(self, x):
        return tuple(self._split(part(x)) for part in (self.query, self.key, self.value))


@keras.saving.register_keras_serializable("simpletext")
class DebertaBlock(TransformerBlock):
    """A transformer block with disentangled attention.

    Args:
        scores, parts: see `DebertaAttention`.
        version: 1 or 2.
        share_key: see `DebertaV2Attention`.
    """

    def __init__(self, *args, scores=(), parts=1, version=1, share_key=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.scores, self.parts = tuple(scores), parts
        self.version, self.share_key = version, share_key

    def make_attention(self, **kwargs):
        """The disentangled attention of this version."""
        kind, more = DebertaAttention, {}
        if self.version == 2:
            kind, more = DebertaV2Attention, {"share_key": self.share_key}
        return kind(
            self.num_heads,
            self.scores,
            self.parts,
            position_dropout=self.dropout,
            dropout=self.attention_dropout,
            seed=self.seed + 1,
            **more,
            **kwargs,
        )
