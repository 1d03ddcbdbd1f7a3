"""Talking-heads BERT (https://arxiv.org/abs/2003.02436), as tf-models-official trained it.

The heads' scores are mixed before the softmax and their weights after it, and the feed-forward is
gated (https://arxiv.org/abs/2002.05202). transformers has no class for it.
"""

from dataclasses import replace
from functools import partial

import keras
from keras import ops

from ...layers.attention import SelfAttention
from ...layers.dropout import dropout
from ...layers.recomputation import join_heads, softmax
from ...layers.transformer_block import TransformerBlock
from . import bert


@keras.saving.register_keras_serializable("simpletext")
class TalkingHeadsAttention(SelfAttention):
    """Attention whose heads' scores and weights are mixed by learned matrices."""

    def build(self, x_shape, bias_shape=None):
        super().build(x_shape, bias_shape)
        shape = (self.num_heads, self.num_heads)
        self.pre_softmax = self.add_weight(name="pre_softmax", shape=shape, initializer="identity")
        self.post_softmax = self.add_weight(
            name="post_softmax", shape=shape, initializer="identity"
        )

    def _context(self, query, key, value, bias, training):  # -> (batch, length, hidden)
        scores = ops.matmul(query * query.shape[-1] ** -0.5, ops.transpose(key, (0, 1, 3, 2)))
        weights = softmax(_mixed(scores, self.pre_softmax) + bias)
        weights = _mixed(weights, self.post_softmax)  # (batch, heads, length, length)
        weights = dropout(weights, self.dropout, self.seed_generator, training)
        return join_heads(ops.matmul(weights, value))


def _mixed(x, weights):  # (batch, heads, length, length) by (heads, heads)
    return ops.einsum("bnts,nl->blts", x, weights)


@keras.saving.register_keras_serializable("simpletext")
class TalkingHeadsBlock(TransformerBlock):
    """BERT's block with talking heads and a gated feed-forward."""

    def build(self, x_shape, bias_shape=None):
        super().build(x_shape, bias_shape)
        self.gate = self.make_dense("gate", self.intermediate_size)
        self.gate.build(x_shape)

    def make_attention(self, **kwargs):
        """Attention with talking heads."""
        return TalkingHeadsAttention(
            self.num_heads, self.attention_dropout, self.seed + 1, **kwargs
        )

    def _feed_forward(self, x, training):  # (batch, length, hidden)
        return self.output_dense(self.intermediate(x) * self.gate(x))


FAMILY = replace(
    bert.FAMILY,
    model_type="talking_heads_bert",
    encode=partial(bert.encode, block=TalkingHeadsBlock),
    table=bert.TABLE
    | {
        "layer_{i}/attention/pre_softmax": "encoder.layer.{i}.attention.self.pre_softmax.weight",
        "layer_{i}/attention/post_softmax": "encoder.layer.{i}.attention.self.post_softmax.weight",
        "layer_{i}/gate": "encoder.layer.{i}.intermediate.gate",
    },
    token_head=None,
    encoder_class="TalkingHeadsBertModel",
    classifier_class="TalkingHeadsBertForSequenceClassification",
)
