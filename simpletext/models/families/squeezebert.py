"""SqueezeBERT (https://arxiv.org/abs/2006.11316): BERT with grouped dense layers."""

from dataclasses import dataclass, replace
from operator import attrgetter

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.activations import activation
from ...layers.attention import AttentionBias, SelfAttention
from ...layers.dense import Dense
from ...layers.transformer_block import TransformerBlock
from ..heads import PoolerHead, TokenHead
from . import bert
from .family import Family

EPSILON = 1e-12  # of the layers' norms; config.json's is that of the embeddings' norm alone


@dataclass(frozen=True)
class SqueezeBertConfig(bert.BertConfig):
    """The config.json settings of a SqueezeBERT encoder; defaults as in the original."""

    embedding_size: int = 768
    q_groups: int = 4
    k_groups: int = 4
    v_groups: int = 4
    post_attention_groups: int = 1
    intermediate_groups: int = 4
    output_groups: int = 4


def grouped_product(x, kernels):
    """Multiply each group of channels by its own kernel.

    Args:
        x: (tokens, groups * inner).
        kernels: (groups, inner, outer).

    Returns:
        (tokens, groups * outer).
    """
    groups, inner, outer = kernels.shape
    parts = ops.transpose(ops.reshape(x, (-1, groups, inner)), (1, 0, 2))
    return ops.reshape(ops.transpose(ops.matmul(parts, kernels), (1, 0, 2)), (-1, groups * outer))


@keras.saving.register_keras_serializable("simpletext")
class GroupedDense(Dense):
    """A grouped dense layer, with weights in the shape of the original's convolution of width 1."""

    def __init__(self, units, groups=1, activation="linear", **kwargs):
        super().__init__(units, activation, **kwargs)
        self.groups = groups

    def build(self, shape):
        self.inner = shape[-1] // self.groups
        self.kernel = self.add_weight(
            name="kernel", shape=(1, self.inner, self.units), initializer="zeros"
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x):  # (..., features) -> (..., units)
        leading, x = ops.shape(x)[:-1], ops.reshape(x, (-1, x.shape[-1]))
        if self.groups == 1:
            y = ops.matmul(x, self.kernel[0])
        else:
            outer = self.units // self.groups
            kernels = ops.reshape(self.kernel, (self.inner, self.groups, outer))
            y = grouped_product(x, ops.transpose(kernels, (1, 0, 2)))
        y = y + self.bias if self.use_bias else y
        return ops.reshape(activation(self.activation)(y), (*leading, self.units))


@keras.saving.register_keras_serializable("simpletext")
class GroupedAttention(SelfAttention):
    """Self-attention with grouped projections; `groups` has the number of groups by name."""

    def __init__(self, *args, groups, **kwargs):
        super().__init__(*args, **kwargs)
        self.groups = groups

    def make_dense(self, name, units):
        return GroupedDense(units, self.groups[name], name=name, dtype=self.dtype_policy)


@keras.saving.register_keras_serializable("simpletext")
class SqueezeBertBlock(TransformerBlock):
    """BERT's block with grouped dense layers.

    Args:
        groups: number of groups of each dense layer of the feed-forward, by its name.
        attention_groups: the same for the attention.
    """

    def __init__(self, *args, groups, attention_groups, **kwargs):
        super().__init__(*args, **kwargs)
        self.groups, self.attention_groups = groups, attention_groups

    def make_attention(self, **kwargs):
        return GroupedAttention(
            self.num_heads,
            self.attention_dropout,
            self.seed + 1,
            groups=self.attention_groups,
            **kwargs,
        )

    def make_dense(self, name, units, activation="linear"):
        return GroupedDense(
            units, self.groups[name], activation, name=name, dtype=self.dtype_policy
        )


def encode(config: SqueezeBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    _check(config)
    groups = {"intermediate": config.intermediate_groups, "output": config.output_groups}
    attention_groups = {
        "query": config.q_groups,
        "key": config.k_groups,
        "value": config.v_groups,
        "output": config.post_attention_groups,
    }
    x = bert.embed(config, inputs, dtype, seed)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    return bert.stack(
        replace(config, layer_norm_eps=EPSILON),
        x,
        bias,
        dtype,
        seed,
        SqueezeBertBlock,
        groups=groups,
        attention_groups=attention_groups,
    )


def _check(config: SqueezeBertConfig) -> None:
    if config.embedding_size != config.hidden_size:
        raise UnsupportedModelError(
            f"config.json has embedding_size={config.embedding_size}, but simpletext supports "
            f"only the hidden_size, {config.hidden_size}, for model_type 'squeezebert'."
        )


TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/token_type_embeddings": "embeddings.token_type_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
    "layer_{i}/attention/query": "encoder.layers.{i}.attention.query",
    "layer_{i}/attention/key": "encoder.layers.{i}.attention.key",
    "layer_{i}/attention/value": "encoder.layers.{i}.attention.value",
    "layer_{i}/attention/output": "encoder.layers.{i}.post_attention.conv1d",
    "layer_{i}/attention_norm": "encoder.layers.{i}.post_attention.layernorm",
    "layer_{i}/intermediate": "encoder.layers.{i}.intermediate.conv1d",
    "layer_{i}/output": "encoder.layers.{i}.output.conv1d",
    "layer_{i}/output_norm": "encoder.layers.{i}.output.layernorm",
}

FAMILY = Family(
    model_type="squeezebert",
    config=SqueezeBertConfig,
    inputs=bert.FAMILY.inputs,
    encode=encode,
    table=TABLE,
    base="transformer.",
    head=PoolerHead(),
    token_head=TokenHead(attrgetter("hidden_dropout_prob")),
    token_pooler=True,
    encoder_class="SqueezeBertModel",
    classifier_class="SqueezeBertForSequenceClassification",
    names={"classifier_dropout": "hidden_dropout_prob"},  # the head has no rate of its own
    required=bert.FAMILY.required,
    leftovers=bert.FAMILY.leftovers,
    kept=bert.FAMILY.kept,
)
