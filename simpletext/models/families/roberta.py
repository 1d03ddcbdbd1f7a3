"""RoBERTa (https://arxiv.org/abs/1907.11692) and the families close to it.

XLM-RoBERTa (https://arxiv.org/abs/1911.02116), CamemBERT (https://arxiv.org/abs/1911.03894) and
data2vec's text encoder (https://arxiv.org/abs/2202.03555) have other names;
RoBERTa-PreLayerNorm (https://arxiv.org/abs/1904.01038) has the norms elsewhere.
"""

from dataclasses import dataclass, replace

import keras

from ...layers.normalisation import LayerNorm
from ...layers.transformer_block import TransformerBlock
from ...utils import backend
from ..heads import DenseHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class RobertaConfig(bert.BertConfig):
    """The config.json settings of a RoBERTa encoder; defaults as in the original."""

    vocab_size: int = 50265
    pad_token_id: int = 1


@dataclass(frozen=True)
class SmallVocabularyConfig(RobertaConfig):
    """The defaults of the families whose original kept BERT's vocabulary size."""

    vocab_size: int = 30522


def encode(config: RobertaConfig, inputs: dict, dtype, seed: int, block=TransformerBlock):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    return bert.encode(config, inputs, dtype, seed, block, pad_token_id=config.pad_token_id)


def max_length(config: RobertaConfig) -> int:
    """The longest text in tokens: no token has a position up to and including the padding's."""
    return config.max_position_embeddings - config.pad_token_id - 1


FAMILY = Family(
    model_type="roberta",
    config=RobertaConfig,
    inputs=bert.FAMILY.inputs,
    segments=False,
    encode=encode,
    table=bert.TABLE,
    base="roberta.",
    head=DenseHead(),
    encoder_class="RobertaModel",
    classifier_class="RobertaForSequenceClassification",
    required=bert.FAMILY.required,
    leftovers=(
        "embeddings.position_ids",
        "lm_head.*",
        "qa_outputs.*",
        "classifier.weight",
        "classifier.bias",
    ),
    poolers=("pooler.*",),
    max_length=max_length,
)

XLM_ROBERTA = replace(
    FAMILY,
    model_type="xlm-roberta",
    config=SmallVocabularyConfig,
    encoder_class="XLMRobertaModel",
    classifier_class="XLMRobertaForSequenceClassification",
)

CAMEMBERT = replace(
    FAMILY,
    model_type="camembert",
    config=SmallVocabularyConfig,
    encoder_class="CamembertModel",
    classifier_class="CamembertForSequenceClassification",
)

DATA2VEC_TEXT = replace(
    FAMILY,
    model_type="data2vec-text",
    config=SmallVocabularyConfig,
    base="data2vec_text.",
    encoder_class="Data2VecTextModel",
    classifier_class="Data2VecTextForSequenceClassification",
)


@keras.saving.register_keras_serializable("simpletext")
class PreNormBlock(TransformerBlock):
    """BERT's block with the norms before attention and feed-forward instead of after them."""

    @backend.traced_once_if_alike
    def call(self, x, bias, training=None):  # (batch, length, hidden), (batch, 1, 1, length)
        attended = self.attention(self.attention_norm(x), bias, training=training)
        x = x + self._drop(attended, training)
        y = self._feed_forward(self.output_norm(x), training)
        return x + self._drop(y, training)


def encode_prenorm(config: RobertaConfig, inputs: dict, dtype, seed: int):
    """`encode` with the norms first and one more norm at the end."""
    x = encode(config, inputs, dtype, seed, PreNormBlock)
    return LayerNorm(config.layer_norm_eps, name="final_norm", dtype=dtype)(x)


PRELAYERNORM = replace(
    FAMILY,
    model_type="roberta-prelayernorm",
    encode=encode_prenorm,
    table=bert.TABLE
    | {
        "layer_{i}/attention_norm": "encoder.layer.{i}.attention.LayerNorm",
        "layer_{i}/output_norm": "encoder.layer.{i}.intermediate.LayerNorm",
        "final_norm": "LayerNorm",
    },
    base="roberta_prelayernorm.",
    encoder_class="RobertaPreLayerNormModel",
    classifier_class="RobertaPreLayerNormForSequenceClassification",
)
