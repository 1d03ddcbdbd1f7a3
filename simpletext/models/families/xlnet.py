"""XLNet (https://arxiv.org/abs/1906.08237) for fine-tuning: one stream, no memory.

Attention adds three scores: content, distance, and whether two tokens share a segment. The
tokenizer pads on the left, so that the last token, the text's summary, is never padding.
"""

from dataclasses import dataclass

import keras
from keras import ops

from ...layers.attention import SelfAttention
from ...layers.base import Part
from ...layers.embeddings import WordEmbeddings
from ...layers.positions import DistanceSinusoids, by_distance
from ...layers.transformer_block import TransformerBlock
from ..heads import Dropout, SummaryHead, TokenHead
from .family import Family


@dataclass(frozen=True)
class XlnetConfig:
    """The config.json settings of an XLNet encoder; defaults as in the original."""

    vocab_size: int = 32000
    hidden_size: int = 1024
    num_hidden_layers: int = 24
    num_attention_heads: int = 16
    intermediate_size: int = 4096
    hidden_act: str = "gelu"
    dropout: int | float = 0.1
    layer_norm_eps: int | float = 1e-12
    initializer_range: int | float = 0.02
    attn_type: str = "bi"
    same_length: bool = False
    clamp_len: int = -1
    summary_type: str = "last"
    summary_use_proj: bool = True
    summary_activation: str | None = "tanh"
    summary_first_dropout: int | float = 0.0
    summary_last_dropout: int | float = 0.1


@keras.saving.register_keras_serializable("simpletext")
class XlnetBias(Part):
    """An attention bias with which every token, padding too, attends to itself.

    Args:
        causal: mask later tokens.
        alone: mask all other tokens.
    """

    def __init__(self, causal=False, alone=False, **kwargs):
        super().__init__(**kwargs)
        self.causal, self.alone = causal, alone

    def compute_output_spec(self, mask):
        batch, length = mask.shape
        return keras.KerasTensor((batch, 1, length, length), self.compute_dtype)

    def call(self, mask):  # (batch, length) -> (batch, 1, length, length)
        positions = ops.arange(ops.shape(mask)[1])
        hidden = ops.equal(mask, 0)[:, None, None, :]
        if self.causal:
            later = positions[None, :] > positions[:, None]
            hidden = ops.logical_or(hidden, ops.ones_like(later) if self.alone else later)
        hidden = ops.logical_and(hidden, positions[None, :] != positions[:, None])
        return ops.cast(hidden, self.compute_dtype) * -1e9


@keras.saving.register_keras_serializable("simpletext")
class OtherSegment(Part):
    """1 where two tokens have different segments, else 0: (batch, 1, length, length)."""

    def compute_output_spec(self, types):
        batch, length = types.shape
        return keras.KerasTensor((batch, 1, length, length), self.compute_dtype)

    def call(self, types):
        other = ops.not_equal(types[:, None, :, None], types[:, None, None, :])
        return ops.cast(other, self.compute_dtype)


@keras.saving.register_keras_serializable("simpletext")
class XlnetAttention(SelfAttention):
    """Attention by content, distance and segment.

    Called with the triple of bias, sinusoids of distances, and `OtherSegment`. The weights have
    the original's shapes: (hidden, heads, width).
    """

    def build(self, x_shape, bias_shape=None):
        hidden, heads = x_shape[-1], self.num_heads
        width = hidden // heads
        for name in ("query", "key", "value", "output", "position"):
            self._add(f"{name}_weights", (hidden, heads, width))
        for name in ("content_bias", "position_bias", "segment_bias"):
            self._add(name, (heads, width))
        self._add("segment_embeddings", (2, heads, width))

    def _add(self, name, shape):
        setattr(self, name, self.add_weight(name=name, shape=shape, initializer="zeros"))

    def call(self, x, bias, training=None):  # (batch, length, hidden), a triple
        bias, distances, other = bias
        query, key, value = (
            self._split(_project(x, weights))
            for weights in (self.query_weights, self.key_weights, self.value_weights)
        )
        position_key = self._split(_project(distances[None], self.position_weights))
        by_position = ops.matmul(
            query + self.position_bias[:, None], ops.transpose(position_key, (0, 1, 3, 2))
        )
        # What all keys of a query have in common cancels in the softmax: only differences count.
        same, different = ops.split(self.segment_embeddings, 2, axis=0)
        by_segment = ops.matmul(
            query + self.segment_bias[:, None], ops.transpose(different - same, (1, 2, 0))[None]
        )  # (batch, heads, length, 1)
        scores = by_distance(by_position) + other * by_segment
        bias = bias + scores * query.shape[-1] ** -0.5
        return self._attend(query + self.content_bias[:, None], key, value, bias, training)

    def output_dense(self, x):
        """The projection back to the hidden size."""
        flat = ops.reshape(self.output_weights, (x.shape[-1], x.shape[-1]))
        return _flat_product(x, ops.transpose(flat))


def _project(x, weights):  # (batch, length, hidden) by (hidden, heads, width)
    return _flat_product(x, ops.reshape(weights, (x.shape[-1], -1)))


def _flat_product(x, weights):
    shape = ops.shape(x)
    y = ops.matmul(ops.reshape(x, (-1, x.shape[-1])), weights)
    return ops.reshape(y, (*shape[:-1], y.shape[-1]))


@keras.saving.register_keras_serializable("simpletext")
class XlnetBlock(TransformerBlock):
    """A transformer block with XLNet's attention, and dropout inside the feed-forward."""

    def make_attention(self, **kwargs):
        """XLNet's attention."""
        return XlnetAttention(self.num_heads, self.attention_dropout, self.seed + 1, **kwargs)

    def call(self, x, bias, training=None):  # (batch, length, hidden), a triple
        attended = self.attention(x, bias, training=training)
        x = self.attention_norm(x + self._drop(attended, training))
        inner = self._drop(self.intermediate(x), training)
        return self.output_norm(x + self._drop(self.output_dense(inner), training))


def encode(config: XlnetConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    ids, policy = inputs["input_ids"], {"dtype": dtype}
    x = WordEmbeddings(
        config.vocab_size, config.hidden_size, config.dropout, seed, name="embeddings", **policy
    )(ids)
    bias = XlnetBias(
        config.attn_type == "uni", config.same_length, name="attention_bias", **policy
    )(inputs["attention_mask"])
    other = OtherSegment(name="other_segment", **policy)(inputs["token_type_ids"])
    limit = config.clamp_len if config.clamp_len > 0 else None
    distances = DistanceSinusoids(config.hidden_size, limit, name="distances", **policy)(ids)
    distances = Dropout(config.dropout, seed + 1, name="distances_dropout", **policy)(distances)
    for i in range(config.num_hidden_layers):
        x = XlnetBlock(
            config.num_attention_heads,
            config.intermediate_size,
            config.hidden_act,
            config.layer_norm_eps,
            config.dropout,
            config.dropout,
            seed + 100 * (i + 1),
            name=f"layer_{i}",
            **policy,
        )(x, (bias, distances, other))
    return Dropout(config.dropout, seed + 2, name="output_dropout", **policy)(x)


ATTENTION = {
    "query_weights": "q",
    "key_weights": "k",
    "value_weights": "v",
    "output_weights": "o",
    "position_weights": "r",
    "content_bias": "r_w_bias",
    "position_bias": "r_r_bias",
    "segment_bias": "r_s_bias",
    "segment_embeddings": "seg_embed",
}
TABLE = {
    "embeddings/word_embeddings": "word_embedding",
    **{
        f"layer_{{i}}/attention/{own}": f"layer.{{i}}.rel_attn.{theirs}"
        for own, theirs in ATTENTION.items()
    },
    "layer_{i}/attention_norm": "layer.{i}.rel_attn.layer_norm",
    "layer_{i}/intermediate": "layer.{i}.ff.layer_1",
    "layer_{i}/output": "layer.{i}.ff.layer_2",
    "layer_{i}/output_norm": "layer.{i}.ff.layer_norm",
}

FAMILY = Family(
    model_type="xlnet",
    config=XlnetConfig,
    inputs=("input_ids", "token_type_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="transformer.",
    head=SummaryHead(),
    token_head=TokenHead(lambda config: 0.0),
    encoder_class="XLNetModel",
    classifier_class="XLNetForSequenceClassification",
    names={
        "vocab_size": ("vocab_size", "n_token"),
        "hidden_size": ("d_model", "hidden_size"),
        "num_hidden_layers": ("n_layer", "num_hidden_layers"),
        "num_attention_heads": ("n_head", "num_attention_heads"),
        "intermediate_size": "d_inner",
        "hidden_act": "ff_activation",
    },
    required={
        "attn_type": ("bi", "uni"),
        "bi_data": (False,),
        "summary_proj_to_labels": (False,),
    },
    leftovers=("lm_loss.*", "qa_outputs.*"),
    kept=("mask_emb",),
    max_length=lambda config: None,
)
