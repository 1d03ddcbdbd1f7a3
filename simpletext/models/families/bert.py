"""BERT (https://arxiv.org/abs/1810.04805)."""

from dataclasses import dataclass

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias
from ...layers.embeddings import Embeddings
from ...layers.transformer_block import TransformerBlock
from ..heads import PoolerHead
from .family import Family


@dataclass(frozen=True)
class Sizes:
    """The config.json settings of nearly every encoder; the defaults are BERT's."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: int | float = 0.1
    attention_probs_dropout_prob: int | float = 0.1
    max_position_embeddings: int = 512
    initializer_range: int | float = 0.02


@dataclass(frozen=True)
class BertConfig(Sizes):
    """The config.json settings of a BERT encoder; defaults as in the original."""

    type_vocab_size: int = 2
    layer_norm_eps: int | float = 1e-12
    classifier_dropout: int | float | None = None


def encode(config, inputs: dict, dtype, seed: int, block=TransformerBlock, **options):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length).

    Families whose layers differ from BERT's pass their class as `block`; `options` are further
    arguments of `Embeddings`.
    """
    x = embed(config, inputs, dtype, seed, **options)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    return stack(config, x, bias, dtype, seed, block)


def embed(config, inputs: dict, dtype, seed: int, layer=Embeddings, **options):
    """The embeddings of the ids: (batch, length) -> (batch, length, hidden)."""
    sizes = {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "max_positions": config.max_position_embeddings,
        "type_vocab_size": config.type_vocab_size,
    }
    return layer(
        **sizes | options,
        epsilon=config.layer_norm_eps,
        dropout=config.hidden_dropout_prob,
        seed=seed,
        name="embeddings",
        dtype=dtype,
    )(inputs["input_ids"], inputs.get("token_type_ids"))


def stack(config, x, bias, dtype, seed: int, block=TransformerBlock, **options):
    """The layers one after the other: (batch, length, hidden) -> the same shape."""
    for i in range(config.num_hidden_layers):
        layer = make_block(config, dtype, seed + 100 * (i + 1), f"layer_{i}", block, **options)
        x = layer(x, bias)
    return x


def make_block(config, dtype, seed: int, name: str, block=TransformerBlock, **options):
    """One encoder layer, built from the config."""
    if config.hidden_size % config.num_attention_heads:
        raise UnsupportedModelError(
            f"config.json has hidden_size={config.hidden_size} and "
            f"num_attention_heads={config.num_attention_heads}; the first must be a multiple of "
            "the second."
        )
    return block(
        config.num_attention_heads,
        config.intermediate_size,
        config.hidden_act,
        config.layer_norm_eps,
        config.hidden_dropout_prob,
        config.attention_probs_dropout_prob,
        seed,
        name=name,
        dtype=dtype,
        **options,
    )


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
    leftovers=("embeddings.position_ids", "cls.*", "qa_outputs.*"),
    kept=("pooler.*",),
)
