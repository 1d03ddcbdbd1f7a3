"""DistilBERT (https://arxiv.org/abs/1910.01108): BERT without token types and pooler."""

from dataclasses import dataclass
from operator import attrgetter

import keras

from ...layers.transformer_block import TransformerBlock
from ...utils import backend
from ..heads import DenseHead, TokenHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class DistilBertConfig(bert.Sizes):
    """The config.json settings of a DistilBERT encoder; defaults as in the original."""

    num_hidden_layers: int = 6
    classifier_dropout: int | float = 0.2
    # Fixed here; in config.json for other families.
    type_vocab_size = 0
    layer_norm_eps = 1e-12


NAMES = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "classifier_dropout": "seq_classif_dropout",
}


@keras.saving.register_keras_serializable("simpletext")
class DistilBertBlock(TransformerBlock):
    """BERT's block without dropout between attention and its residual."""

    @backend.traced_once_if_alike
    def call(self, x, bias, training=None, only_first=False):  # see `TransformerBlock`
        x, attended = self._attended(x, bias, training, only_first)
        x = self.attention_norm(x + attended)
        return self.output_norm(x + self._drop(self._feed_forward(x, training), training))


def encode(config: DistilBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    return bert.encode(config, inputs, dtype, seed, DistilBertBlock)


TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
    "layer_{i}/attention/query": "transformer.layer.{i}.attention.q_lin",
    "layer_{i}/attention/key": "transformer.layer.{i}.attention.k_lin",
    "layer_{i}/attention/value": "transformer.layer.{i}.attention.v_lin",
    "layer_{i}/attention/output": "transformer.layer.{i}.attention.out_lin",
    "layer_{i}/attention_norm": "transformer.layer.{i}.sa_layer_norm",
    "layer_{i}/intermediate": "transformer.layer.{i}.ffn.lin1",
    "layer_{i}/output": "transformer.layer.{i}.ffn.lin2",
    "layer_{i}/output_norm": "transformer.layer.{i}.output_layer_norm",
}

FAMILY = Family(
    model_type="distilbert",
    config=DistilBertConfig,
    inputs=("input_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="distilbert.",
    head=DenseHead("relu", dense="pre_classifier", classifier="classifier", drop_first=False),
    token_head=TokenHead(attrgetter("hidden_dropout_prob")),
    encoder_class="DistilBertModel",
    classifier_class="DistilBertForSequenceClassification",
    names=NAMES,
    leftovers=(
        "embeddings.position_ids",
        "vocab_transform.*",
        "vocab_layer_norm.*",
        "vocab_projector.*",
        "qa_outputs.*",
    ),
)
