"""Longformer (https://arxiv.org/abs/2004.05150).

RoBERTa with attention to a window around each token. For classification the first token has global
attention: it attends to all tokens, with its own projections, and all tokens attend to it.
"""

from dataclasses import dataclass, replace
from operator import attrgetter

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias, SelfAttention
from ...layers.transformer_block import TransformerBlock
from ...layers.windows import WindowAttention, WindowBias
from ..heads import DenseHead, TokenHead
from . import bert, roberta


@dataclass(frozen=True)
class LongformerConfig(roberta.RobertaConfig):
    """The config.json settings of a Longformer encoder; defaults as in the original."""

    vocab_size: int = 30522
    attention_window: int | list = 512

    @property
    def reaches(self) -> list[int]:
        """The window's size to either side, per layer."""
        windows = self.attention_window
        if isinstance(windows, int):
            windows = [windows] * self.num_hidden_layers
        if len(windows) != self.num_hidden_layers or any(w < 2 or w % 2 for w in windows):
            raise UnsupportedModelError(
                f"config.json has attention_window={self.attention_window!r}; it must be an even "
                f"number of 2 or more, or one for each of the {self.num_hidden_layers} layers."
            )
        return [window // 2 for window in windows]


@keras.saving.register_keras_serializable("simpletext")
class LongformerAttention(WindowAttention):
    """Attention to a window; with `sees_first` the first token attends to all tokens.

    Called with the pair of the bias and its `WindowBias`.
    """

    def build(self, x_shape, bias_shape=None):
        super().build(x_shape, bias_shape)
        for name in ("first_query", "first_key", "first_value") if self.sees_first else ():
            dense = self.make_dense(name, x_shape[-1])
            setattr(self, name, dense)
            dense.build(x_shape)

    def call(self, x, bias, training=None):  # (batch, length, hidden), a pair
        query, key, value = (self._split(part(x)) for part in (self.query, self.key, self.value))
        context = self._context(query, key, value, bias, training)
        if self.sees_first:
            query = self._split(self.first_query(x[:, :1]))
            key, value = self._split(self.first_key(x)), self._split(self.first_value(x))
            first = SelfAttention._context(self, query, key, value, bias[0], training)
            context = ops.concatenate([first, context[:, 1:]], axis=1)
        return self.output_dense(context)


@keras.saving.register_keras_serializable("simpletext")
class LongformerBlock(TransformerBlock):
    """A transformer block with attention to a window.

    Args:
        reach, sees_first: see `WindowAttention`.
    """

    def __init__(self, *args, reach=1, sees_first=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.reach, self.sees_first = reach, sees_first

    def make_attention(self, **kwargs):
        """Attention to a window."""
        return LongformerAttention(
            self.num_heads, self.reach, self.sees_first, self.attention_dropout, self.seed + 1,
            **kwargs,
        )  # fmt: skip


def encode(config: LongformerConfig, inputs: dict, dtype, seed: int, sees_first: bool = False):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    x = bert.embed(config, inputs, dtype, seed, pad_token_id=config.pad_token_id)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    window_bias = {
        reach: WindowBias(reach, sees_first, name=f"window_bias_{reach}", dtype=dtype)(bias)
        for reach in sorted(set(config.reaches))
    }
    for i, reach in enumerate(config.reaches):
        options = {"reach": reach, "sees_first": sees_first}
        block_seed = seed + 100 * (i + 1)
        block = bert.make_block(config, dtype, block_seed, f"layer_{i}", LongformerBlock, **options)
        x = block(x, (bias, window_bias[reach]))
    return x


@dataclass(frozen=True)
class LongformerHead(DenseHead):
    """RoBERTa's head, over an encoder whose first token attends to the whole text."""

    @staticmethod
    def encode(config, inputs: dict, dtype, seed: int):
        """The hidden states for this head."""
        return encode(config, inputs, dtype, seed, sees_first=True)


FAMILY = replace(
    roberta.FAMILY,
    model_type="longformer",
    config=LongformerConfig,
    encode=encode,
    table=bert.TABLE
    | {
        f"layer_{{i}}/attention/first_{name}": f"encoder.layer.{{i}}.attention.self.{name}_global"
        for name in ("query", "key", "value")
    },
    base="longformer.",
    head=LongformerHead(),
    token_head=TokenHead(attrgetter("hidden_dropout_prob")),
    encoder_class="LongformerModel",
    classifier_class="LongformerForSequenceClassification",
    kept=("encoder.layer.*.attention.self.*_global.*",),
)
