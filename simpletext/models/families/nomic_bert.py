"""Nomic BERT (https://arxiv.org/abs/2402.01613): BERT, rotary positions, gated feed-forward.

Neither attention nor feed-forward has biases.
"""

from dataclasses import dataclass

import keras
from keras import ops

from ...layers.attention import AttentionBias, SelfAttention
from ...layers.dense import Dense
from ...layers.positions import Rotary, rotary_settings, rotate
from ...layers.transformer_block import TransformerBlock
from ...utils import backend
from ..heads import PoolerHead
from . import bert
from .family import Family


@dataclass(frozen=True)
class NomicBertConfig(bert.BertConfig):
    """The config.json settings of a Nomic BERT encoder; defaults as in the original."""

    vocab_size: int = 30528
    head_dim: int | None = None
    hidden_act: str = "silu"
    hidden_dropout_prob: int | float = 0.0
    attention_probs_dropout_prob: int | float = 0.0
    max_position_embeddings: int = 2048
    rope_parameters: dict | None = None
    rope_theta: int | float = 1000.0


# The fields' names in older files, which the family's own code wrote.
OLDER = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "intermediate_size": "n_inner",
    "hidden_dropout_prob": "resid_pdrop",
    "attention_probs_dropout_prob": "attn_pdrop",
    "max_position_embeddings": "max_trained_positions",
    "layer_norm_eps": "layer_norm_epsilon",
    "rope_theta": "rotary_emb_base",
}
# Older files have these settings, too; of the released checkpoints, only the mixture of experts has
# other values.
REQUIRED = {
    "activation_function": ("swiglu",),
    "causal": (False,),
    "mlp_fc1_bias": (False,),
    "mlp_fc2_bias": (False,),
    "moe_every_n_layers": (0, None),
    "parallel_block": (False,),
    "prenorm": (False,),
    "qkv_proj_bias": (False,),
    "rotary_emb_fraction": (1.0,),
    "rotary_emb_interleaved": (False,),
    "rotary_emb_scale_base": (None,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "scale_attn_weights": (True,),
    "use_rms_norm": (False, None),
}


@keras.saving.register_keras_serializable("simpletext")
class NomicAttention(SelfAttention):
    """Self-attention with rotary positions; one projection for query, key and value.

    Args:
        head_dim: size of a head.
    """

    def __init__(self, *args, head_dim, **kwargs):
        super().__init__(*args, **kwargs)
        self.head_dim = head_dim

    def build(self, x_shape, bias_shape=None, *shapes):
        width, policy = self.num_heads * self.head_dim, {"dtype": self.dtype_policy}
        self.qkv = Dense(3 * width, use_bias=False, name="qkv", **policy)
        self.output_dense = Dense(x_shape[-1], use_bias=False, name="output", **policy)
        self.qkv.build(x_shape)
        self.output_dense.build((*x_shape[:-1], width))

    def call(self, x, bias, rotary, training=None):  # (batch, length, hidden), its bias
        query, key, value = (self._split(part) for part in ops.split(self.qkv(x), 3, axis=-1))
        return self._attend(rotate(query, rotary), rotate(key, rotary), value, bias, training)


@keras.saving.register_keras_serializable("simpletext")
class NomicBlock(TransformerBlock):
    """BERT's block with `NomicAttention` and a gated feed-forward."""

    def __init__(self, *args, head_dim, **kwargs):
        super().__init__(*args, **kwargs)
        self.head_dim = head_dim

    def build(self, x_shape, *shapes):
        super().build(x_shape)
        self.gated = self.make_dense("gated", self.intermediate_size)
        self.gated.build(x_shape)

    def make_attention(self, **kwargs):
        return NomicAttention(
            self.num_heads, self.attention_dropout, self.seed + 1, head_dim=self.head_dim, **kwargs
        )

    def make_dense(self, name, units, activation="linear"):
        return Dense(units, activation, use_bias=False, name=name, dtype=self.dtype_policy)

    def compute_output_spec(self, x, bias, rotary, training=None):
        return super().compute_output_spec(x, bias)

    @backend.traced_once_if_alike
    def call(self, x, bias, rotary, training=None):  # (batch, length, hidden), its bias
        attended = self.attention(x, bias, rotary, training=training)
        x = self.attention_norm(x + self._drop(attended, training))
        y = self.output_dense(self.intermediate(x) * self.gated(x))
        return self.output_norm(x + self._drop(y, training))


def encode(config: NomicBertConfig, inputs: dict, dtype, seed: int):
    """Hidden states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    width = config.head_dim or config.hidden_size // config.num_attention_heads
    settings = rotary_settings(config.rope_parameters or {}, config.rope_theta)
    x = bert.embed(config, inputs, dtype, seed, max_positions=0)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    rotary = Rotary(width, **settings, name="rotary", dtype=dtype)(inputs["input_ids"])
    for i in range(config.num_hidden_layers):
        block_seed = seed + 100 * (i + 1)
        block = bert.make_block(config, dtype, block_seed, f"layer_{i}", NomicBlock, head_dim=width)
        x = block(x, bias, rotary)
    return x


LAYER = "encoder.layers.{i}."
TABLE = {
    "embeddings/word_embeddings": "embeddings.word_embeddings",
    "embeddings/token_type_embeddings": "embeddings.token_type_embeddings",
    "embeddings/norm": "emb_ln",
    "layer_{i}/attention/qkv": LAYER + "attn.Wqkv",
    "layer_{i}/attention/output": LAYER + "attn.out_proj",
    "layer_{i}/attention_norm": LAYER + "norm1",
    "layer_{i}/intermediate": LAYER + "mlp.fc12",
    "layer_{i}/gated": LAYER + "mlp.fc11",
    "layer_{i}/output": LAYER + "mlp.fc2",
    "layer_{i}/output_norm": LAYER + "norm2",
}

FAMILY = Family(
    model_type="nomic_bert",
    config=NomicBertConfig,
    inputs=bert.FAMILY.inputs,
    encode=encode,
    table=TABLE,
    base="nomic_bert.",
    head=PoolerHead(),
    encoder_class="NomicBertModel",
    classifier_class="NomicBertForSequenceClassification",
    names={ours: (ours, older) for ours, older in OLDER.items()},
    required=REQUIRED,
    leftovers=("cls.*", "*inv_freq"),
)
