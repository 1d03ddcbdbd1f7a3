"""ELECTRA (https://arxiv.org/abs/2003.10555): BERT's layers on embeddings of another width."""

from dataclasses import dataclass

from ...layers.attention import AttentionBias
from ..heads import DenseHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class ElectraConfig(bert.BertConfig):
    """The config.json settings of an ELECTRA encoder; defaults as in the original."""

    embedding_size: int = 128
    hidden_size: int = 256
    num_attention_heads: int = 4
    intermediate_size: int = 1024


def embed(config, inputs: dict, dtype, seed: int):
    """The embeddings, projected if their size isn't the layers'."""
    width, hidden = config.embedding_size, config.hidden_size
    projected = None if width == hidden else hidden
    return bert.embed(config, inputs, dtype, seed, hidden_size=width, projected_size=projected)


def encode(config: ElectraConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    x = embed(config, inputs, dtype, seed)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    return bert.stack(config, x, bias, dtype, seed)


FAMILY = Family(
    model_type="electra",
    config=ElectraConfig,
    inputs=bert.FAMILY.inputs,
    encode=encode,
    table=bert.TABLE | {"embeddings/project": "embeddings_project"},
    base="electra.",
    head=DenseHead("gelu"),
    encoder_class="ElectraModel",
    classifier_class="ElectraForSequenceClassification",
    required=bert.FAMILY.required,
    leftovers=(
        "embeddings.position_ids",
        "discriminator_predictions.*",
        "generator_predictions.*",
        "generator_lm_head.*",
        "sequence_summary.*",
        "qa_outputs.*",
        "classifier.weight",
        "classifier.bias",
    ),
)
