"""DeBERTa (https://arxiv.org/abs/2006.03654) and DeBERTa-v2 and v3 (https://arxiv.org/abs/2111.09543).

Attention adds up three scores: content to content, content to position, position to content, where
a position is the distance between two tokens. Its embeddings are one table for all layers.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.blocks import (
    AttentionBias,
    Dense,
    LayerNorm,
    Part,
    SelfAttention,
    TransformerBlock,
    activation,
    dropout,
)
from ...layers.embeddings import Embedding
from ...layers.positions import by_distance, distances
from ..heads import Dropout, first_token, output_layer
from . import bert
from .family import Family


@dataclass(frozen=True)
class DebertaConfig(bert.Sizes):
    """The config.json settings of a DeBERTa encoder; defaults as in the original."""

    vocab_size: int = 50265
    type_vocab_size: int = 0
    embedding_size: int | None = None
    layer_norm_eps: int | float = 1e-7
    relative_attention: bool = False
    max_relative_positions: int = -1
    position_biased_input: bool = True
    pos_att_type: str | list | None = None
    pooler_dropout: int | float = 0.0
    pooler_hidden_act: str = "gelu"
    cls_dropout: int | float | None = None

    @property
    def scores(self) -> tuple[str, ...]:
        """The kinds of scores that are added to content-to-content: "c2p", "p2c"."""
        kinds = self.pos_att_type or []
        kinds = kinds.lower().split("|") if isinstance(kinds, str) else kinds
        return tuple(kind.strip() for kind in kinds)

    @property
    def relative_scores(self) -> tuple[str, ...]:
        """Those of them that are computed, which need the embeddings of distances."""
        return self.scores if self.relative_attention else ()

    @property
    def max_distance(self) -> int:
        """Distances further than this one share its embedding."""
        limit = self.max_relative_positions
        return limit if limit >= 1 else self.max_position_embeddings

    def distance_rows(self) -> np.ndarray:
        """The row of the embedding table for each distance from -n to n; further ones go with n."""
        far = np.arange(-self.max_distance, self.max_distance + 1)
        return np.clip(far + self.max_distance, 0, 2 * self.max_distance - 1)


@dataclass(frozen=True)
class DebertaV2Config(DebertaConfig):
    """The config.json settings of a DeBERTa-v2 or v3 encoder; defaults as in the original."""

    vocab_size: int = 128100
    hidden_size: int = 1536
    num_hidden_layers: int = 24
    num_attention_heads: int = 24
    intermediate_size: int = 6144
    share_att_key: bool = False
    position_buckets: int = -1
    norm_rel_ebd: str = "none"
    conv_kernel_size: int = 0
    conv_groups: int = 1
    conv_act: str = "tanh"

    @property
    def scores(self) -> tuple[str, ...]:
        """The kinds of scores that are added to content-to-content: "c2p", "p2c"."""
        scores = super().scores
        return tuple(kind for kind in ("c2p", "p2c") if kind in scores)

    def distance_rows(self) -> np.ndarray:
        """The row of the embedding table for each distance from -n to n; further ones go with n.

        Near distances have a row each, far ones share rows that widen with their logarithm.
        """
        buckets, middle, last = self.position_buckets, self.position_buckets // 2, self.max_distance
        if buckets < 1:
            return super().distance_rows()
        if middle in (0, last - 1):
            raise UnsupportedModelError(
                f"config.json has position_buckets={buckets}; with distances up to {last} the "
                "logarithm that spreads them over the buckets would be divided by zero."
            )
        far = np.arange(middle + 1, max(last, self.max_position_embeddings) + 1, dtype="float32")
        steps = np.log(far / np.float32(middle)) / np.log(np.float32((last - 1) / middle))
        shared = np.ceil(steps * np.float32(middle - 1)) + middle
        rows = np.concatenate([np.arange(middle + 1), shared]).astype("int32")  # 0 to n
        return np.clip(np.concatenate([-rows[:0:-1], rows]) + buckets, 0, 2 * buckets - 1)


@keras.saving.register_keras_serializable("simpletext")
class DebertaEmbeddings(Part):
    """The sum of up to three embeddings, projected if narrower than the model, normalised."""

    def __init__(
        self,
        vocab_size,
        embedding_size,
        hidden_size,
        max_positions,
        type_vocab_size,
        epsilon,
        dropout=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.embedding_size = vocab_size, embedding_size
        self.hidden_size, self.max_positions = hidden_size, max_positions
        self.type_vocab_size, self.epsilon = type_vocab_size, epsilon
        self.dropout, self.seed = dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, ids_shape, mask_shape=None, types_shape=None):
        policy = {"dtype": self.dtype_policy}
        rows = {
            "word_embeddings": self.vocab_size,
            "position_embeddings": self.max_positions,
            "token_type_embeddings": self.type_vocab_size,
        }
        for name, count in rows.items():
            table = Embedding(count, self.embedding_size, name=name, **policy) if count else None
            setattr(self, name, table)
            if count:
                table.build()
        if self.embedding_size != self.hidden_size:
            self.project = Dense(self.hidden_size, use_bias=False, name="project", **policy)
            self.project.build((None, None, self.embedding_size))
        self.norm = LayerNorm(self.epsilon, name="norm", **policy)
        self.norm.build((None, None, self.hidden_size))

    def compute_output_spec(self, ids, mask, types=None, training=None):
        return keras.KerasTensor((*ids.shape, self.hidden_size), self.compute_dtype)

    def call(self, ids, mask, types=None, training=None):  # (batch, length) each
        x = self.word_embeddings(ids)
        if self.max_positions:
            x = x + self.position_embeddings(ops.arange(ops.shape(ids)[1]))
        if self.type_vocab_size:
            types = ops.zeros_like(ids) if types is None else types
            x = x + self.token_type_embeddings(types)
        if self.embedding_size != self.hidden_size:
            x = self.project(x)
        x = self.norm(x) * ops.cast(mask, self.compute_dtype)[:, :, None]
        return dropout(x, self.dropout, self.seed_generator, training)


@keras.saving.register_keras_serializable("simpletext")
class DistanceEmbeddings(Part):
    """The embeddings of all distances in a text, in the order of `positions.distances`.

    Args:
        count: rows of the table.
        width: size of an embedding.
        rows: for each distance from -n to n its row in the table; further ones go with n.
        epsilon: of the norm over them; None for a model without one.
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
    """Disentangled attention. Called with a pair: the bias, and the embeddings of distances.

    Args:
        scores: which of "c2p" and "p2c" are added to the scores of content to content.
        parts: how many kinds of scores share the scale.
        position_dropout: for the embeddings of distances.
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
        if "p2c" in self.scores:  # each key looks at the queries: their distances are the opposite
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
    """The same with separate projections, which may serve the positions, too.

    Args:
        share_key: whether positions go through the projections of the content.
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


@keras.saving.register_keras_serializable("simpletext")
class TokenConvolution(Part):
    """A convolution over neighbouring embeddings, added to what the first block made of them."""

    def __init__(self, kernel_size, groups, activation, epsilon, dropout=0.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size, self.groups, self.activation = kernel_size, groups, activation
        self.epsilon, self.dropout, self.seed = epsilon, dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, embedded_shape, x_shape=None, mask_shape=None):
        hidden = embedded_shape[-1]
        self.kernel = self.add_weight(
            name="kernel", shape=(self.kernel_size, hidden // self.groups, hidden)
        )
        self.bias = self.add_weight(name="bias", shape=(hidden,), initializer="zeros")
        self.norm = LayerNorm(self.epsilon, name="norm", dtype=self.dtype_policy)
        self.norm.build(embedded_shape)

    def compute_output_spec(self, embedded, x, mask, training=None):
        return keras.KerasTensor(x.shape, self.compute_dtype)

    def call(self, embedded, x, mask, training=None):  # (batch, length, hidden) twice
        mask = ops.cast(mask, self.compute_dtype)[:, :, None]
        y = ops.conv(embedded, self.kernel, padding="same", data_format="channels_last")
        y = dropout((y + self.bias) * mask, self.dropout, self.seed_generator, training)
        return self.norm(x + activation(self.activation)(y)) * mask


@dataclass(frozen=True)
class ContextHead:
    """The first token through dropout, dense, activation, dropout, classifier."""

    output = "classifier"
    table: ClassVar = {"pooler": "pooler.dense", "classifier": "classifier"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        x = first_token(hidden, dtype)
        x = Dropout(config.pooler_dropout, seed + 3, name="pooler_dropout", dtype=dtype)(x)
        x = Dense(
            config.hidden_size, config.pooler_hidden_act, config.initializer_range, seed=seed,
            name="pooler", dtype=dtype,
        )(x)  # fmt: skip
        rate = config.hidden_dropout_prob if config.cls_dropout is None else config.cls_dropout
        x = Dropout(rate, seed + 1, name="classifier_dropout", dtype=dtype)(x)
        return output_layer(config, num_labels, seed + 2)(x)


def encode(config: DebertaConfig, inputs: dict, dtype, seed: int, version: int = 1):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    embedded = x = DebertaEmbeddings(
        config.vocab_size,
        config.embedding_size or config.hidden_size,
        config.hidden_size,
        config.max_position_embeddings if config.position_biased_input else 0,
        config.type_vocab_size,
        config.layer_norm_eps,
        config.hidden_dropout_prob,
        seed,
        name="embeddings",
        dtype=dtype,
    )(ids, mask, inputs.get("token_type_ids"))
    bias = AttentionBias(name="attention_bias", dtype=dtype)(mask)
    rows = _distance_embeddings(config, dtype)(ids) if config.relative_scores else None
    for i in range(config.num_hidden_layers):
        x = DebertaBlock(
            config.num_attention_heads,
            config.intermediate_size,
            config.hidden_act,
            config.layer_norm_eps,
            config.hidden_dropout_prob,
            config.attention_probs_dropout_prob,
            seed + 100 * (i + 1),
            scores=config.relative_scores,
            parts=1 + len(config.scores),
            version=version,
            share_key=getattr(config, "share_att_key", False),
            name=f"layer_{i}",
            dtype=dtype,
        )(x, (bias, rows))
        if i == 0 and getattr(config, "conv_kernel_size", 0) > 0:
            x = _convolution(config, dtype, seed)(embedded, x, mask)
    return x


def encode_v2(config: DebertaV2Config, inputs: dict, dtype, seed: int):
    """As `encode`, for version 2."""
    return encode(config, inputs, dtype, seed, version=2)


def _distance_embeddings(config, dtype):
    norms = getattr(config, "norm_rel_ebd", "none").lower().split("|")
    epsilon = config.layer_norm_eps if "layer_norm" in map(str.strip, norms) else None
    buckets = getattr(config, "position_buckets", -1)
    return DistanceEmbeddings(
        2 * (buckets if buckets > 0 else config.max_distance),
        config.hidden_size,
        config.distance_rows().tolist(),
        epsilon,
        name="distance_embeddings",
        dtype=dtype,
    )


def _convolution(config, dtype, seed):
    if config.conv_kernel_size % 2 == 0:
        raise UnsupportedModelError(
            f"config.json has conv_kernel_size={config.conv_kernel_size}; simpletext supports "
            "odd sizes only."
        )
    return TokenConvolution(
        config.conv_kernel_size,
        config.conv_groups,
        config.conv_act,
        config.layer_norm_eps,
        config.hidden_dropout_prob,
        seed + 50,
        name="convolution",
        dtype=dtype,
    )


def longest(config: DebertaConfig) -> int | None:
    """The longest text in tokens: only absolute positions end somewhere."""
    return config.max_position_embeddings if config.position_biased_input else None


SHARED = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/token_type_embeddings": "embeddings.token_type_embeddings",
    "embeddings/project": "embeddings.embed_proj",
    "embeddings/norm": "embeddings.LayerNorm",
    "distance_embeddings/table": "encoder.rel_embeddings",
    "layer_{i}/attention/output": "encoder.layer.{i}.attention.output.dense",
    "layer_{i}/attention_norm": "encoder.layer.{i}.attention.output.LayerNorm",
    "layer_{i}/intermediate": "encoder.layer.{i}.intermediate.dense",
    "layer_{i}/output": "encoder.layer.{i}.output.dense",
    "layer_{i}/output_norm": "encoder.layer.{i}.output.LayerNorm",
}
TABLE = SHARED | {
    "layer_{i}/attention/in_proj": "encoder.layer.{i}.attention.self.in_proj",
    "layer_{i}/attention/query_bias": "encoder.layer.{i}.attention.self.q_bias",
    "layer_{i}/attention/value_bias": "encoder.layer.{i}.attention.self.v_bias",
    "layer_{i}/attention/position_key": "encoder.layer.{i}.attention.self.pos_proj",
    "layer_{i}/attention/position_query": "encoder.layer.{i}.attention.self.pos_q_proj",
}
TABLE_V2 = SHARED | {
    "distance_embeddings/norm": "encoder.LayerNorm",
    "convolution": "encoder.conv.conv",
    "convolution/norm": "encoder.conv.LayerNorm",
    "layer_{i}/attention/query": "encoder.layer.{i}.attention.self.query_proj",
    "layer_{i}/attention/key": "encoder.layer.{i}.attention.self.key_proj",
    "layer_{i}/attention/value": "encoder.layer.{i}.attention.self.value_proj",
    "layer_{i}/attention/position_key": "encoder.layer.{i}.attention.self.pos_key_proj",
    "layer_{i}/attention/position_query": "encoder.layer.{i}.attention.self.pos_query_proj",
}

DEBERTA = Family(
    model_type="deberta",
    config=DebertaConfig,
    inputs=("input_ids", "token_type_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="deberta.",
    head=ContextHead(),
    encoder_class="DebertaModel",
    classifier_class="DebertaForSequenceClassification",
    required={"talking_head": (False,)},
    leftovers=(
        "embeddings.position_ids",
        "embeddings.position_embeddings.*",
        "cls.*",
        "lm_predictions.*",
        "mask_predictions.*",
    ),
    kept=("encoder.rel_embeddings.*", "encoder.LayerNorm.*"),
    max_length=longest,
)
DEBERTA_V2 = replace(
    DEBERTA,
    model_type="deberta-v2",
    config=DebertaV2Config,
    encode=encode_v2,
    table=TABLE_V2,
    encoder_class="DebertaV2Model",
    classifier_class="DebertaV2ForSequenceClassification",
    required={},
)
