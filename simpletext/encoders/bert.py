"""BERT (https://arxiv.org/abs/1810.04805)."""

from dataclasses import dataclass

from ..heads import PoolerHead
from ..layers import AttentionBias, Embeddings, TransformerBlock
from .family import Family


@dataclass(frozen=True)
class BertConfig:
    """What config.json says about a BERT encoder; the defaults are the original's."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: int | float = 0.1
    attention_probs_dropout_prob: int | float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: int | float = 0.02
    layer_norm_eps: int | float = 1e-12
    classifier_dropout: int | float | None = None


def encode(config: BertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    x = Embeddings(
        config.vocab_size,
        config.hidden_size,
        config.max_position_embeddings,
        config.type_vocab_size,
        config.layer_norm_eps,
        config.hidden_dropout_prob,
        seed,
        name="embeddings",
        dtype=dtype,
    )(inputs["input_ids"], inputs["token_type_ids"])
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    for i in range(config.num_hidden_layers):
        x = TransformerBlock(
            config.num_attention_heads,
            config.intermediate_size,
            config.hidden_act,
            config.layer_norm_eps,
            config.hidden_dropout_prob,
            config.attention_probs_dropout_prob,
            seed + 100 * (i + 1),
            name=f"layer_{i}",
            dtype=dtype,
        )(x, bias)
    return x


TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/token_type_embeddings": "embeddings.token_type_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
    "layer_{i}/attention/query": "encoder.layer.{i}.attention.self.query",
    "layer_{i}/attention/key": "encoder.layer.{i}.attention.self.key",
    "layer_{i}/attention/value": "encoder.layer.{i}.attention.self.value",
    "layer_{i}/attention/output": "encoder.layer.{i}.attention.output.dense",
    "layer_{i}/attention_norm": "encoder.layer.{i}.attention.output.LayerNorm",
    "layer_{i}/intermediate": "encoder.layer.{i}.intermediate.dense",
    "layer_{i}/output": "encoder.layer.{i}.output.dense",
    "layer_{i}/output_norm": "encoder.layer.{i}.output.LayerNorm",
}

FAMILY = Family(
    model_type="bert",
    config=BertConfig,
    inputs=("input_ids", "token_type_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="bert.",
    head=PoolerHead(),
    encoder_class="BertModel",
    classifier_class="BertForSequenceClassification",
    required={"position_embedding_type": ("absolute",)},
    leftovers=("embeddings.position_ids", "cls.*"),
    kept=("pooler.*",),
)
