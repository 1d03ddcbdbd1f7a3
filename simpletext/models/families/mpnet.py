"""MPNet (https://arxiv.org/abs/2004.09297): BERT's layers with a bias for token distances."""

from dataclasses import dataclass
from operator import attrgetter

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias
from ...layers.base import Part
from ..heads import DenseHead, TokenHead
from . import bert, roberta
from .family import Family

# Whatever config.json has, the original's padding id is 1, and it sorts distances into 32 buckets:
# half for tokens before, half for tokens after. 8 of each half are for the distances 0 to 7; the
# others begin at 8 and at these distances (8 times powers of the root of 2).
PADDING = 1
BUCKETS = 32
STEPS = (12, 16, 23, 32, 46, 64, 91)


@dataclass(frozen=True)
class MPNetConfig(bert.Sizes):
    """The config.json settings of an MPNet encoder; defaults as in the original."""

    vocab_size: int = 30527
    layer_norm_eps: int | float = 1e-12
    relative_attention_num_buckets: int = BUCKETS
    # Fixed here; in config.json for other families.
    type_vocab_size = 0
    classifier_dropout = None


def bucket(distance):
    """The bucket of a distance (the key's position minus the query's), elementwise."""
    far = ops.abs(distance)
    later = ops.cast(distance > 0, "int32") * (BUCKETS // 2)
    return later + ops.minimum(far, 8) + sum(ops.cast(far >= step, "int32") for step in STEPS)


@keras.saving.register_keras_serializable("simpletext")
class PositionBias(Part):
    """Adds a learned value per head and distance bucket to an attention bias."""

    def __init__(self, rows, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.rows, self.num_heads = rows, num_heads

    def build(self, bias_shape):
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.rows, self.num_heads), initializer="zeros"
        )

    def compute_output_spec(self, bias):
        batch, _, _, length = bias.shape
        return keras.KerasTensor((batch, self.num_heads, length, length), self.compute_dtype)

    def call(self, bias):  # (batch, 1, 1, length) -> (batch, heads, length, length)
        length = ops.shape(bias)[3]
        circle = ops.arange(2 * length)  # the distances 0, 1, ..., -2, -1
        buckets = bucket(ops.where(circle < length, circle, circle - 2 * length))
        values = ops.matmul(
            ops.transpose(self.embeddings), ops.transpose(ops.one_hot(buckets, self.rows))
        )
        return bias + self._spread(ops.cast(values, self.compute_dtype), length)

    def _spread(self, values, length):
        """(heads, 2 * length), circular -> (heads, query, key).

        The circle is repeated per query and reshaped to rows one shorter than the circle: so each
        row starts one place earlier. Cheaper to train than a gather.
        """
        rows = ops.broadcast_to(values[:, None], (self.num_heads, length, 2 * length))
        flat = ops.reshape(rows, (self.num_heads, -1))[:, : length * (2 * length - 1)]
        return ops.reshape(flat, (self.num_heads, length, 2 * length - 1))[:, :, :length]


def encode(config: MPNetConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    rows = config.relative_attention_num_buckets
    if rows < BUCKETS:
        raise UnsupportedModelError(
            f"config.json has relative_attention_num_buckets={rows}; the smallest number that "
            f"simpletext supports is {BUCKETS}."
        )
    x = bert.embed(config, inputs, dtype, seed, pad_token_id=PADDING)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    bias = PositionBias(rows, config.num_attention_heads, name="position_bias", dtype=dtype)(bias)
    return bert.stack(config, x, bias, dtype, seed)


TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/position_embeddings": "embeddings.position_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
    "position_bias": "encoder.relative_attention_bias",
    "layer_{i}/attention/query": "encoder.layer.{i}.attention.attn.q",
    "layer_{i}/attention/key": "encoder.layer.{i}.attention.attn.k",
    "layer_{i}/attention/value": "encoder.layer.{i}.attention.attn.v",
    "layer_{i}/attention/output": "encoder.layer.{i}.attention.attn.o",
    "layer_{i}/attention_norm": "encoder.layer.{i}.attention.LayerNorm",
    "layer_{i}/intermediate": "encoder.layer.{i}.intermediate.dense",
    "layer_{i}/output": "encoder.layer.{i}.output.dense",
    "layer_{i}/output_norm": "encoder.layer.{i}.output.LayerNorm",
}

FAMILY = Family(
    model_type="mpnet",
    config=MPNetConfig,
    inputs=("input_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="mpnet.",
    head=DenseHead(),
    token_head=TokenHead(attrgetter("hidden_dropout_prob")),
    encoder_class="MPNetModel",
    classifier_class="MPNetForSequenceClassification",
    leftovers=roberta.FAMILY.leftovers,
    poolers=roberta.FAMILY.poolers,
    max_length=lambda config: config.max_position_embeddings - PADDING - 1,
)
