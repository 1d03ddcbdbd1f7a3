"""RemBERT (https://arxiv.org/abs/2010.12821): BERT's layers on small embeddings."""

from dataclasses import dataclass, replace

from . import bert


@dataclass(frozen=True)
class RemBertConfig(bert.BertConfig):
    """The config.json settings of a RemBERT encoder; defaults as in the original."""

    vocab_size: int = 250300
    hidden_size: int = 1152
    num_hidden_layers: int = 32
    num_attention_heads: int = 18
    input_embedding_size: int = 256
    intermediate_size: int = 4608
    hidden_dropout_prob: int | float = 0.0
    attention_probs_dropout_prob: int | float = 0.0
    classifier_dropout: int | float = 0.1


def encode(config: RemBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    return bert.encode(
        config,
        inputs,
        dtype,
        seed,
        hidden_size=config.input_embedding_size,
        projected_size=config.hidden_size,
    )


FAMILY = replace(
    bert.FAMILY,
    model_type="rembert",
    config=RemBertConfig,
    encode=encode,
    table=bert.TABLE | {"embeddings/project": "encoder.embedding_hidden_mapping_in"},
    base="rembert.",
    encoder_class="RemBertModel",
    classifier_class="RemBertForSequenceClassification",
    names={"classifier_dropout": "classifier_dropout_prob"},
)
