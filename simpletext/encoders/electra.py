"""ELECTRA (https://arxiv.org/abs/2003.10555): BERT's layers on embeddings of another width."""

from dataclasses import dataclass

from ..heads import DenseHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class ElectraConfig(bert.BertConfig):
    """What config.json says about an ELECTRA encoder; the defaults are the original's."""

    embedding_size: int = 128
    hidden_size: int = 256
    num_attention_heads: int = 4
    intermediate_size: int = 1024


def encode(config: ElectraConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    width = config.embedding_size
    projected = config.hidden_size if width != config.hidden_size else None
    return bert.encode(config, inputs, dtype, seed, hidden_size=width, projected_size=projected)


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
