"""EuroBERT (https://arxiv.org/abs/2503.05500): the layers of Llama without the causal mask."""

from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import ops

from ...layers.attention import AttentionBias, SelfAttention
from ...layers.base import Part
from ...layers.dense import Dense
from ...layers.embeddings import WordEmbeddings
from ...layers.positions import Rotary, rotary_settings, rotate
from ...utils import backend
from ..heads import MaskedMean, TokenHead, output_layer, pooled
from .family import Family


@dataclass(frozen=True)
class EuroBertConfig:
    """The config.json settings of a EuroBERT encoder; defaults as in the original."""

    vocab_size: int = 128256
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    intermediate_size: int = 3072
    hidden_act: str = "silu"
    max_position_embeddings: int = 8192
    rms_norm_eps: int | float = 1e-5
    attention_bias: bool = False
    attention_dropout: int | float = 0.0
    mlp_bias: bool = False
    rope_theta: int | float = 10000.0
    rope_scaling: dict | None = None
    rope_parameters: dict | None = None
    initializer_range: int | float = 0.02
    classifier_pooling: str = "late"

    @property
    def width(self) -> int:
        """Size of an attention head."""
        return self.head_dim or self.hidden_size // self.num_attention_heads


@keras.saving.register_keras_serializable("simpletext")
class RMSNorm(Part):
    """Root mean square normalisation (https://arxiv.org/abs/1910.07467), in float32."""

    def __init__(self, epsilon, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shape):
        self.gamma = self.add_weight(
            name="gamma", shape=(shape[-1],), initializer="ones", autocast=False
        )

    def call(self, x):
        x = ops.cast(x, "float32")
        square = ops.mean(ops.square(x), axis=-1, keepdims=True)
        return ops.cast(x * ops.rsqrt(square + self.epsilon) * self.gamma, self.compute_dtype)


@keras.saving.register_keras_serializable("simpletext")
class GroupedAttention(SelfAttention):
    """Grouped-query attention (https://arxiv.org/abs/2305.13245) with rotary positions.

    Args:
        num_groups: number of key and value heads.
        width: size of a head.
        use_bias: whether the projections have biases.
    """

    def __init__(self, num_heads, num_groups, width, use_bias, dropout=0.0, seed=0, **kwargs):
        super().__init__(num_heads, dropout, seed, **kwargs)
        self.num_groups, self.width, self.use_bias = num_groups, width, use_bias

    def build(self, x_shape, *shapes):
        hidden, all_heads = x_shape[-1], self.num_heads * self.width
        units = {
            "query": all_heads,
            "key": self.num_groups * self.width,
            "value": self.num_groups * self.width,
            "output_dense": hidden,
        }
        for name, count in units.items():
            dense = Dense(
                count, use_bias=self.use_bias, name=name.removesuffix("_dense"),
                dtype=self.dtype_policy,
            )  # fmt: skip
            setattr(self, name, dense)
            dense.build((*x_shape[:-1], all_heads) if name == "output_dense" else x_shape)

    def call(self, x, bias, rotary, training=None):  # (batch, length, hidden), its bias
        query = rotate(self._split(self.query(x)), rotary)
        key = self._shared(rotate(self._groups(self.key(x)), rotary))
        value = self._shared(self._groups(self.value(x)))
        return self._attend(query, key, value, bias, training)

    def _groups(self, x):  # (batch, length, groups * width) -> (batch, groups, length, width)
        shape = ops.shape(x)
        x = ops.reshape(x, (shape[0], shape[1], self.num_groups, self.width))
        return ops.transpose(x, (0, 2, 1, 3))

    def _shared(self, x):  # (batch, groups, length, width) -> (batch, heads, length, width)
        if self.num_groups == self.num_heads:
            return x
        batch, length = ops.shape(x)[0], ops.shape(x)[2]
        times = self.num_heads // self.num_groups
        x = ops.broadcast_to(x[:, :, None], (batch, self.num_groups, times, length, self.width))
        return ops.reshape(x, (batch, self.num_heads, length, self.width))


@keras.saving.register_keras_serializable("simpletext")
class EuroBertBlock(Part):
    """Norm, attention, residual; norm, gated feed-forward, residual."""

    def __init__(
        self,
        num_heads,
        num_groups,
        width,
        intermediate_size,
        hidden_act,
        epsilon,
        attention_bias=False,
        mlp_bias=False,
        attention_dropout=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads, self.num_groups, self.width = num_heads, num_groups, width
        self.intermediate_size, self.hidden_act = intermediate_size, hidden_act
        self.epsilon, self.attention_bias, self.mlp_bias = epsilon, attention_bias, mlp_bias
        self.attention_dropout, self.seed = attention_dropout, seed

    def build(self, x_shape, *shapes):
        policy, inner = {"dtype": self.dtype_policy}, self.intermediate_size
        self.attention_norm = RMSNorm(self.epsilon, name="attention_norm", **policy)
        self.attention = GroupedAttention(
            self.num_heads, self.num_groups, self.width, self.attention_bias,
            self.attention_dropout, self.seed, name="attention", **policy,
        )  # fmt: skip
        self.norm = RMSNorm(self.epsilon, name="norm", **policy)
        self.gate = Dense(inner, self.hidden_act, use_bias=self.mlp_bias, name="gate", **policy)
        self.intermediate = Dense(inner, use_bias=self.mlp_bias, name="intermediate", **policy)
        self.output_dense = Dense(x_shape[-1], use_bias=self.mlp_bias, name="output", **policy)
        for part in (self.attention_norm, self.attention, self.norm, self.gate, self.intermediate):
            part.build(x_shape)
        self.output_dense.build((*x_shape[:-1], inner))

    def compute_output_spec(self, x, bias, rotary, training=None):
        return keras.KerasTensor(x.shape, self.compute_dtype)

    @backend.traced_once_if_alike
    def call(self, x, bias, rotary, training=None):  # (batch, length, hidden)
        x = x + self.attention(self.attention_norm(x), bias, rotary, training=training)
        normed = self.norm(x)
        return x + self.output_dense(self.gate(normed) * self.intermediate(normed))


@dataclass(frozen=True)
class EuroBertHead:
    """Dense, gelu and classifier, on the first token, the mean, or each token ("late").

    "late" averages the logits of all tokens.
    """

    output = "classifier"
    table: ClassVar = {"head": "dense", "classifier": "classifier"}

    def __call__(self, config, hidden, mask, num_labels, dtype, seed):
        late = config.classifier_pooling == "late"
        x = hidden if late else pooled(config, "bos", hidden, mask, dtype)
        x = Dense(
            config.hidden_size, "gelu", config.initializer_range, seed=seed, name="head",
            dtype=dtype,
        )(x)  # fmt: skip
        logits = output_layer(config, num_labels, seed + 1)(x)
        return MaskedMean(name="mean_logits", dtype="float32")(logits, mask) if late else logits


def encode(config: EuroBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    ids, policy = inputs["input_ids"], {"dtype": dtype}
    x = WordEmbeddings(config.vocab_size, config.hidden_size, name="embeddings", **policy)(ids)
    bias = AttentionBias(name="attention_bias", **policy)(inputs["attention_mask"])
    settings = rotary_settings(
        config.rope_scaling or config.rope_parameters or {}, config.rope_theta
    )
    rotary = Rotary(config.width, **settings, name="rotary", **policy)(ids)
    for i in range(config.num_hidden_layers):
        x = EuroBertBlock(
            config.num_attention_heads,
            config.num_key_value_heads or config.num_attention_heads,
            config.width,
            config.intermediate_size,
            config.hidden_act,
            config.rms_norm_eps,
            config.attention_bias,
            config.mlp_bias,
            config.attention_dropout,
            seed + 100 * (i + 1),
            name=f"layer_{i}",
            **policy,
        )(x, bias, rotary)
    return RMSNorm(config.rms_norm_eps, name="final_norm", **policy)(x)


TABLE = {
    "embeddings/word_embeddings": "embed_tokens",
    "layer_{i}/attention_norm": "layers.{i}.input_layernorm",
    "layer_{i}/attention/query": "layers.{i}.self_attn.q_proj",
    "layer_{i}/attention/key": "layers.{i}.self_attn.k_proj",
    "layer_{i}/attention/value": "layers.{i}.self_attn.v_proj",
    "layer_{i}/attention/output": "layers.{i}.self_attn.o_proj",
    "layer_{i}/norm": "layers.{i}.post_attention_layernorm",
    "layer_{i}/gate": "layers.{i}.mlp.gate_proj",
    "layer_{i}/intermediate": "layers.{i}.mlp.up_proj",
    "layer_{i}/output": "layers.{i}.mlp.down_proj",
    "final_norm": "norm",
}

FAMILY = Family(
    model_type="eurobert",
    config=EuroBertConfig,
    inputs=("input_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="model.",
    head=EuroBertHead(),
    token_head=TokenHead(lambda config: 0.0),
    encoder_class="EuroBertModel",
    classifier_class="EuroBertForSequenceClassification",
    leftovers=("lm_head.*",),
)
