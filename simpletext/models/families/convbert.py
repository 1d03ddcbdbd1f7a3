"""ConvBERT (https://arxiv.org/abs/2008.02496): half of the heads are convolutions.

Each token's kernel is computed from the token, and convolves its neighbourhood. Convolutions see
padding: a text's outputs depend slightly on how far its batch is padded.
"""

from dataclasses import dataclass, replace

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.activations import activation
from ...layers.attention import AttentionBias, SelfAttention
from ...layers.base import Part
from ...layers.dense import Dense
from ...layers.recomputation import join_heads, softmax
from ...layers.transformer_block import TransformerBlock
from ..heads import DenseHead
from . import bert, electra
from .family import Family
from .squeezebert import GroupedDense, grouped_product


@dataclass(frozen=True)
class ConvBertConfig(bert.BertConfig):
    """The config.json settings of a ConvBERT encoder; defaults as in the original."""

    embedding_size: int = 768
    head_ratio: int = 2
    conv_kernel_size: int = 9
    num_groups: int = 1

    @property
    def heads(self) -> int:
        """Number of attention heads; there are as many convolution heads."""
        return max(self.num_attention_heads // self.head_ratio, 1)


@keras.saving.register_keras_serializable("simpletext")
class Depthwise(Part):
    """A depthwise convolution along the text: (batch, length, channels)."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self, shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(self.width, 1, shape[-1]), initializer="zeros"
        )

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        kernel = ops.reshape(self.kernel, (self.width, x.shape[-1], 1))
        return ops.depthwise_conv(x, kernel, padding="same")


@keras.saving.register_keras_serializable("simpletext")
class SeparableConv(Part):
    """A separable convolution: depthwise, then a product over the channels."""

    def __init__(self, units, width, **kwargs):
        super().__init__(**kwargs)
        self.units, self.width = units, width

    def build(self, shape):
        policy = {"dtype": self.dtype_policy}
        self.depthwise = Depthwise(self.width, name="depthwise", **policy)
        self.pointwise = GroupedDense(self.units, use_bias=False, name="pointwise", **policy)
        self.depthwise.build(shape)
        self.pointwise.build(shape)
        self.bias = self.add_weight(name="bias", shape=(self.units, 1), initializer="zeros")

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def call(self, x):  # (batch, length, channels) -> (batch, length, units)
        return self.pointwise(self.depthwise(x)) + self.bias[:, 0]


@keras.saving.register_keras_serializable("simpletext")
class ConvAttention(SelfAttention):
    """Attention heads, and as many heads that convolve with kernels of `width`."""

    def __init__(self, *args, width, **kwargs):
        super().__init__(*args, **kwargs)
        self.width = width

    def build(self, x_shape, bias_shape=None):
        hidden, half = x_shape[-1], x_shape[-1] // 2
        policy = {"dtype": self.dtype_policy}
        for name in ("query", "key", "value", "conv_value"):
            setattr(self, name, self.make_dense(name, half))
        self.conv_key = SeparableConv(half, self.width, name="conv_key", **policy)
        self.conv_kernel = self.make_dense("conv_kernel", self.num_heads * self.width)
        self.output_dense = self.make_dense("output", hidden)
        for part in (self.query, self.key, self.value, self.conv_value, self.conv_key):
            part.build(x_shape)
        self.conv_kernel.build((*x_shape[:-1], half))
        self.output_dense.build(x_shape)

    def call(self, x, bias, training=None):  # (batch, length, hidden), (batch, 1, 1, length)
        query = self.query(x)
        band = self._band(self.conv_kernel(self.conv_key(x) * query), ops.shape(x)[1])
        convolved = ops.matmul(band, self._split(self.conv_value(x)))
        query, key, value = (self._split(y) for y in (query, self.key(x), self.value(x)))
        attended = self._context(query, key, value, bias, training)
        return self.output_dense(ops.concatenate([attended, join_heads(convolved)], axis=-1))

    def _band(self, kernels, length):
        """(batch, length, heads * width) -> (batch, heads, length, length), zero off the band.

        Each kernel is padded with zeros to one column more than the result has. Reshaped to the
        result's width, each row then begins one place further right than the row before.
        """
        heads, width = self.num_heads, self.width
        kernels = ops.reshape(kernels, (-1, length, heads, width))
        kernels = softmax(ops.transpose(kernels, (0, 2, 1, 3)))  # (batch, heads, length, width)
        filler = ops.zeros((ops.shape(kernels)[0], heads, length, length), kernels.dtype)
        flat = ops.concatenate([kernels, filler], axis=-1)
        flat = ops.reshape(flat, (-1, heads, length * (length + width)))
        rows = flat[:, :, : length * (length + width - 1)]
        rows = ops.reshape(rows, (-1, heads, length, length + width - 1))
        return rows[:, :, :, width // 2 : width // 2 + length]


@keras.saving.register_keras_serializable("simpletext")
class GroupedLinear(Dense):
    """A dense layer in groups, laid out as (groups, inner, outer)."""

    def __init__(self, units, groups, activation="linear", **kwargs):
        super().__init__(units, activation, **kwargs)
        self.groups = groups

    def build(self, shape):
        size = (self.groups, shape[-1] // self.groups, self.units // self.groups)
        self.weight = self.add_weight(name="weight", shape=size, initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x):  # (..., features) -> (..., units)
        y = grouped_product(ops.reshape(x, (-1, x.shape[-1])), self.weight) + self.bias
        return ops.reshape(activation(self.activation)(y), (*ops.shape(x)[:-1], self.units))


@keras.saving.register_keras_serializable("simpletext")
class ConvBertBlock(TransformerBlock):
    """BERT's block with `ConvAttention`; its feed-forward may be grouped."""

    def __init__(self, *args, width, groups, **kwargs):
        super().__init__(*args, **kwargs)
        self.width, self.groups = width, groups

    def make_attention(self, **kwargs):
        return ConvAttention(
            self.num_heads, self.attention_dropout, self.seed + 1, width=self.width, **kwargs
        )

    def make_dense(self, name, units, activation="linear"):
        if self.groups == 1:
            return super().make_dense(name, units, activation)
        return GroupedLinear(units, self.groups, activation, name=name, dtype=self.dtype_policy)


def encode(config: ConvBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    _check(config)
    x = electra.embed(config, inputs, dtype, seed)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    sizes = {"width": config.conv_kernel_size, "groups": config.num_groups}
    config = replace(config, num_attention_heads=config.heads)
    return bert.stack(config, x, bias, dtype, seed, ConvBertBlock, **sizes)


def _check(config: ConvBertConfig) -> None:
    if config.hidden_size % (2 * config.heads):
        raise UnsupportedModelError(
            f"config.json has hidden_size={config.hidden_size}, "
            f"num_attention_heads={config.num_attention_heads} and head_ratio={config.head_ratio};"
            f" the first must be a multiple of {2 * config.heads}."
        )
    if config.conv_kernel_size % 2 == 0:
        raise UnsupportedModelError(
            f"config.json has conv_kernel_size={config.conv_kernel_size}; it must be odd."
        )


ATTENTION = "encoder.layer.{i}.attention.self."

FAMILY = Family(
    model_type="convbert",
    config=ConvBertConfig,
    inputs=bert.FAMILY.inputs,
    encode=encode,
    table=dict(electra.FAMILY.table)
    | {
        "layer_{i}/attention/conv_value": ATTENTION + "conv_out_layer",
        "layer_{i}/attention/conv_kernel": ATTENTION + "conv_kernel_layer",
        "layer_{i}/attention/conv_key": ATTENTION + "key_conv_attn_layer",
        "layer_{i}/attention/conv_key/depthwise": ATTENTION + "key_conv_attn_layer.depthwise",
        "layer_{i}/attention/conv_key/pointwise": ATTENTION + "key_conv_attn_layer.pointwise",
    },
    base="convbert.",
    head=DenseHead(activation=None),
    encoder_class="ConvBertModel",
    classifier_class="ConvBertForSequenceClassification",
    required=bert.FAMILY.required,
    leftovers=electra.FAMILY.leftovers,
)
