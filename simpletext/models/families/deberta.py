"""DeBERTa (https://arxiv.org/abs/2006.03654) and DeBERTa-v2 and v3 (https://arxiv.org/abs/2111.09543).

Attention adds three scores: content to content, content to position, position to content, where a
position is the distance between two tokens. All layers share one table of distance embeddings.
"""

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.activations import activation
from ...layers.attention import AttentionBias
from ...layers.base import Part
from ...layers.dense import Dense
from ...layers.disentangled_attention import DebertaBlock, DistanceEmbeddings
from ...layers.dropout import dropout
from ...layers.embeddings import Embedding
from ...layers.normalisation import LayerNorm
from ..heads import Dropout, TokenHead, first_token, output_layer
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
        """The scores that are computed; they need the distance embeddings."""
        return self.scores if self.relative_attention else ()

    @property
    def max_distance(self) -> int:
        """The largest distance; further ones share its embedding."""
        limit = self.max_relative_positions
        return limit if limit >= 1 else self.max_position_embeddings

    def distance_rows(self) -> np.ndarray:
        """The table's row for each distance from -n to n; further distances count as n."""
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
        """The table's row for each distance from -n to n; further distances count as n.

        Short distances have a row each; long ones share rows, spaced by their logarithm.
        """
        buckets, middle, last = self.position_buckets, self.position_buckets // 2, self.max_distance
        if buckets < 1:
            return super().distance_rows()
        if middle in (0, last - 1):
            raise UnsupportedModelError(
                f"config.json has position_buckets={buckets} with distances up to {last}; with "
                "these, the logarithmic spacing of the buckets divides by zero."
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
class TokenConvolution(Part):
    """A convolution over the embeddings, added to the first block's output."""

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
    """`encode` for version 2."""
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
    """The longest text in tokens; only absolute positions limit it."""
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
    token_head=TokenHead(attrgetter("hidden_dropout_prob")),
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
