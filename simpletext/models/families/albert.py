"""ALBERT (https://arxiv.org/abs/1909.11942): layers that share weights."""

from dataclasses import dataclass

import keras

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias
from ...layers.transformer_block import TransformerBlock
from ..heads import PoolerHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class AlbertConfig(bert.BertConfig):
    """The config.json settings of an ALBERT encoder; defaults as in the original."""

    vocab_size: int = 30000
    embedding_size: int = 128
    hidden_size: int = 4096
    num_hidden_groups: int = 1
    num_attention_heads: int = 64
    intermediate_size: int = 16384
    inner_group_num: int = 1
    hidden_act: str = "gelu_new"
    hidden_dropout_prob: int | float = 0.0
    attention_probs_dropout_prob: int | float = 0.0
    classifier_dropout: int | float = 0.1


@keras.saving.register_keras_serializable("simpletext")
class AlbertBlock(TransformerBlock):
    """BERT's block without dropout after the feed-forward."""

    def call(self, x, bias, training=None):  # (batch, length, hidden), (batch, 1, 1, length)
        attended = self.attention(x, bias, training=training)
        x = self.attention_norm(x + self._drop(attended, training))
        return self.output_norm(x + self._feed_forward(x, training))


@keras.saving.register_keras_serializable("simpletext")
class AlbertGroup(TransformerBlock):
    """The blocks of a group, one after the other; takes the arguments of one block."""

    def __init__(self, *args, blocks=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.blocks = blocks

    def build(self, x_shape, bias_shape=None):
        names = "num_heads", "intermediate_size", "hidden_act", "epsilon", "dropout"
        options = {name: getattr(self, name) for name in (*names, "attention_dropout")}
        self.inner = [
            AlbertBlock(
                **options, seed=self.seed + 10 * j, name=f"block_{j}", dtype=self.dtype_policy
            )
            for j in range(self.blocks)
        ]
        for block in self.inner:
            block.build(x_shape)

    def call(self, x, bias, training=None):  # (batch, length, hidden), (batch, 1, 1, length)
        for block in self.inner:
            x = block(x, bias, training=training)
        return x


def encode(config: AlbertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length).

    The groups are named `layer_0`, `layer_1` and so on; each runs for its share of the layers.
    """
    layers, groups = config.num_hidden_layers, config.num_hidden_groups
    if not 1 <= groups <= layers:
        raise UnsupportedModelError(
            f"config.json has num_hidden_groups={groups} and num_hidden_layers={layers}; "
            "there must be at least one group, and no more groups than layers."
        )
    sizes = {"hidden_size": config.embedding_size, "projected_size": config.hidden_size}
    x = bert.embed(config, inputs, dtype, seed, **sizes)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    blocks = [
        bert.make_block(
            config,
            dtype,
            seed + 100 * (i + 1),
            f"layer_{i}",
            AlbertGroup,
            blocks=config.inner_group_num,
        )
        for i in range(groups)
    ]
    for i in range(layers):
        x = blocks[int(i / (layers / groups))](x, bias)
    return x


LAYER = "encoder.albert_layer_groups.{i}.albert_layers.{j}."
BLOCK = {
    "attention/query": "attention.query",
    "attention/key": "attention.key",
    "attention/value": "attention.value",
    "attention/output": "attention.dense",
    "attention_norm": "attention.LayerNorm",
    "intermediate": "ffn",
    "output": "ffn_output",
    "output_norm": "full_layer_layer_norm",
}
TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/token_type_embeddings": "embeddings.token_type_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
    "embeddings/project": "encoder.embedding_hidden_mapping_in",
} | {"layer_{i}/block_{j}/" + own: LAYER + theirs for own, theirs in BLOCK.items()}

FAMILY = Family(
    model_type="albert",
    config=AlbertConfig,
    inputs=bert.FAMILY.inputs,
    encode=encode,
    table=TABLE,
    base="albert.",
    head=PoolerHead("{base}pooler"),
    encoder_class="AlbertModel",
    classifier_class="AlbertForSequenceClassification",
    names={"classifier_dropout": "classifier_dropout_prob"},
    required=bert.FAMILY.required,
    leftovers=("embeddings.position_ids", "predictions.*", "sop_classifier.*", "qa_outputs.*"),
    kept=("pooler.*",),
)
