"""ModernBERT (https://arxiv.org/abs/2412.13663).

Norms before attention and feed-forward, rotary positions, a gated feed-forward, and attention to
the whole text in every third layer, and to a window around each token in the others.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.activations import activation
from ...layers.attention import AttentionBias
from ...layers.base import Part
from ...layers.dense import Dense
from ...layers.dropout import dropout
from ...layers.embeddings import WordEmbeddings
from ...layers.normalisation import LayerNorm
from ...layers.positions import Rotary, rotary_settings, rotate
from ...layers.windows import WindowAttention, WindowBias
from ...utils import backend
from ..heads import Dropout, pooled
from .family import Family

FULL, SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True)
class ModernBertConfig:
    """The config.json settings of a ModernBERT encoder; defaults as in the original."""

    vocab_size: int = 50368
    hidden_size: int = 768
    num_hidden_layers: int = 22
    num_attention_heads: int = 12
    intermediate_size: int = 1152
    hidden_activation: str = "gelu"
    embedding_dropout: int | float = 0.0
    attention_dropout: int | float = 0.0
    mlp_dropout: int | float = 0.0
    attention_bias: bool = False
    mlp_bias: bool = False
    norm_bias: bool = False
    norm_eps: int | float = 1e-5
    max_position_embeddings: int = 8192
    local_attention: int = 128
    global_attn_every_n_layers: int = 3
    layer_types: list | None = None
    global_rope_theta: int | float = 160000.0
    local_rope_theta: int | float = 10000.0
    rope_parameters: dict | None = None
    rope_scaling: dict | None = None
    initializer_range: int | float = 0.02
    initializer_cutoff_factor: int | float | None = 2.0
    classifier_pooling: str = "cls"
    classifier_dropout: int | float = 0.0
    classifier_bias: bool = False
    classifier_activation: str = "gelu"

    @property
    def kinds(self) -> list[str]:
        """Per layer the kind of its attention, `FULL` or `SLIDING`."""
        every = self.global_attn_every_n_layers
        kinds = self.layer_types or [
            SLIDING if i % every else FULL for i in range(self.num_hidden_layers)
        ]
        if len(kinds) != self.num_hidden_layers or not {FULL, SLIDING}.issuperset(kinds):
            raise UnsupportedModelError(
                f"config.json has layer_types={kinds!r}; simpletext supports {FULL!r} and "
                f"{SLIDING!r}, one for each of the {self.num_hidden_layers} layers."
            )
        return kinds

    def rotary(self, kind: str) -> dict:
        """The settings of `Rotary` for the layers of that kind."""
        theta = {FULL: self.global_rope_theta, SLIDING: self.local_rope_theta}[kind]
        own = (self.rope_parameters or {}).get(kind) or {}
        return rotary_settings(own | (self.rope_scaling or {}), theta)


@keras.saving.register_keras_serializable("simpletext")
class ModernBertEmbeddings(WordEmbeddings):
    """Word embeddings, a norm and dropout."""

    def __init__(self, vocab_size, hidden_size, epsilon, norm_bias, **kwargs):
        super().__init__(vocab_size, hidden_size, **kwargs)
        self.epsilon, self.norm_bias = epsilon, norm_bias

    def build(self, ids_shape=None):
        super().build(ids_shape)
        self.norm = LayerNorm(self.epsilon, self.norm_bias, name="norm", dtype=self.dtype_policy)
        self.norm.build((None, None, self.hidden_size))

    def call(self, ids, training=None):  # (batch, length) -> (batch, length, hidden)
        x = self.norm(self.word_embeddings(ids))
        return dropout(x, self.dropout, self.seed_generator, training)


@keras.saving.register_keras_serializable("simpletext")
class ModernBertAttention(WindowAttention):
    """Self-attention with rotary positions; one projection for query, key and value.

    Args:
        use_bias: whether the projections have biases.
    """

    def __init__(self, num_heads, reach, use_bias, **kwargs):
        super().__init__(num_heads, reach, **kwargs)
        self.use_bias = use_bias

    def build(self, x_shape, bias_shape=None):
        hidden, policy = x_shape[-1], {"dtype": self.dtype_policy}
        self.qkv = Dense(3 * hidden, use_bias=self.use_bias, name="qkv", **policy)
        self.output_dense = Dense(hidden, use_bias=self.use_bias, name="output", **policy)
        self.qkv.build(x_shape)
        self.output_dense.build(x_shape)

    def call(self, x, bias, rotary, training=None):  # (batch, length, hidden)
        query, key, value = (self._split(part) for part in ops.split(self.qkv(x), 3, axis=-1))
        query, key = rotate(query, rotary), rotate(key, rotary)
        attended = self._attend(query, key, value, bias, training)
        return dropout(attended, self.dropout, self.seed_generator, training)


@keras.saving.register_keras_serializable("simpletext")
class ModernBertBlock(Part):
    """Norm, attention, residual; norm, gated feed-forward, residual.

    Args:
        reach: see `WindowAttention`.
        is_first: no norm before attention; the embeddings are normalised.
    """

    def __init__(
        self,
        num_heads,
        intermediate_size,
        hidden_act,
        epsilon,
        reach=None,
        is_first=False,
        attention_bias=False,
        mlp_bias=False,
        norm_bias=False,
        attention_dropout=0.0,
        dropout=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.intermediate_size = num_heads, intermediate_size
        self.hidden_act, self.epsilon = hidden_act, epsilon
        self.reach, self.is_first = reach, is_first
        self.attention_bias, self.mlp_bias, self.norm_bias = attention_bias, mlp_bias, norm_bias
        self.attention_dropout, self.dropout, self.seed = attention_dropout, dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, x_shape, *shapes):
        hidden, policy = x_shape[-1], {"dtype": self.dtype_policy}
        if not self.is_first:
            self.attention_norm = LayerNorm(
                self.epsilon, self.norm_bias, name="attention_norm", **policy
            )
            self.attention_norm.build(x_shape)
        self.attention = ModernBertAttention(
            self.num_heads, self.reach, self.attention_bias, dropout=self.attention_dropout,
            seed=self.seed + 1, name="attention", **policy,
        )  # fmt: skip
        self.norm = LayerNorm(self.epsilon, self.norm_bias, name="norm", **policy)
        self.intermediate = Dense(
            2 * self.intermediate_size, use_bias=self.mlp_bias, name="intermediate", **policy
        )
        self.output_dense = Dense(hidden, use_bias=self.mlp_bias, name="output", **policy)
        for part in (self.attention, self.norm, self.intermediate):
            part.build(x_shape)
        self.output_dense.build((*x_shape[:-1], self.intermediate_size))

    def compute_output_spec(self, x, bias, rotary, training=None):
        return keras.KerasTensor(x.shape, self.compute_dtype)

    @backend.traced_once_if_alike
    def call(self, x, bias, rotary, training=None):  # (batch, length, hidden)
        normed = x if self.is_first else self.attention_norm(x)
        x = x + self.attention(normed, bias, rotary, training=training)
        inner, gate = ops.split(self.intermediate(self.norm(x)), 2, axis=-1)
        gated = activation(self.hidden_act)(inner) * gate
        return x + self.output_dense(dropout(gated, self.dropout, self.seed_generator, training))


@dataclass(frozen=True)
class ModernBertHead:
    """The first token or the mean, dense, activation, norm, dropout, classifier."""

    output = "classifier"
    table: ClassVar = {"head": "head.dense", "head_norm": "head.norm", "classifier": "classifier"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        size, cutoff = config.hidden_size, config.initializer_cutoff_factor
        cutoff = 3 if cutoff is None else cutoff
        x = self.pooled(config, hidden, mask, dtype)
        x = Dense(
            size, config.classifier_activation,
            config.initializer_range / math.sqrt(2.0 * config.num_hidden_layers),
            config.classifier_bias, seed, cutoff, name="head", dtype=dtype,
        )(x)  # fmt: skip
        x = LayerNorm(config.norm_eps, config.norm_bias, name="head_norm", dtype=dtype)(x)
        x = Dropout(config.classifier_dropout, seed + 1, name="classifier_dropout", dtype=dtype)(x)
        return Dense(
            num_labels, stddev=size**-0.5, seed=seed + 2, cutoff=cutoff, name="classifier",
            dtype="float32",
        )(x)  # fmt: skip

    def pooled(self, config, hidden, mask, dtype):
        """What is classified: (batch, length, hidden) -> (batch, hidden)."""
        return pooled(config, "cls", hidden, mask, dtype)


class ModernBertTokenHead(ModernBertHead):
    """The same on every token, without pooling."""

    def pooled(self, config, hidden, mask, dtype):
        """Every token's state, unchanged."""
        return hidden


def encode(config: ModernBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    x = ModernBertEmbeddings(
        config.vocab_size, config.hidden_size, config.norm_eps, config.norm_bias,
        dropout=config.embedding_dropout, seed=seed, name="embeddings", dtype=dtype,
    )(inputs["input_ids"])  # fmt: skip
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    reach = config.local_attention // 2
    window = (bias, WindowBias(reach, name="window_bias", dtype=dtype)(bias))
    width = config.hidden_size // config.num_attention_heads
    rotary = {
        kind: Rotary(width, **config.rotary(kind), name=f"rotary_{kind}", dtype=dtype)(
            inputs["input_ids"]
        )
        for kind in set(config.kinds)
    }
    for i, kind in enumerate(config.kinds):
        x = ModernBertBlock(
            config.num_attention_heads,
            config.intermediate_size,
            config.hidden_activation,
            config.norm_eps,
            reach if kind == SLIDING else None,
            i == 0,
            config.attention_bias,
            config.mlp_bias,
            config.norm_bias,
            config.attention_dropout,
            config.mlp_dropout,
            seed + 100 * (i + 1),
            name=f"layer_{i}",
            dtype=dtype,
        )(x, window if kind == SLIDING else bias, rotary[kind])
    return LayerNorm(config.norm_eps, config.norm_bias, name="final_norm", dtype=dtype)(x)


TABLE = {
    "embeddings/word_embeddings": "embeddings.tok_embeddings",
    "embeddings/norm": "embeddings.norm",
    "layer_{i}/attention_norm": "layers.{i}.attn_norm",
    "layer_{i}/attention/qkv": "layers.{i}.attn.Wqkv",
    "layer_{i}/attention/output": "layers.{i}.attn.Wo",
    "layer_{i}/norm": "layers.{i}.mlp_norm",
    "layer_{i}/intermediate": "layers.{i}.mlp.Wi",
    "layer_{i}/output": "layers.{i}.mlp.Wo",
    "final_norm": "final_norm",
}

FAMILY = Family(
    model_type="modernbert",
    config=ModernBertConfig,
    inputs=("input_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="model.",
    head=ModernBertHead(),
    token_head=ModernBertTokenHead(),
    encoder_class="ModernBertModel",
    classifier_class="ModernBertForSequenceClassification",
    leftovers=("decoder.*",),
)
