"""BART (https://arxiv.org/abs/1910.13461) as a text classifier: encoder and decoder.

The decoder's input is the same text, shifted right by one token; its state at the last `</s>` is
classified. `load_encoder` returns the decoder's states, as the original does.
"""

from dataclasses import dataclass

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias, CausalBias
from ...layers.base import Part
from ...layers.decoder_block import DecoderBlock, EncoderBlock
from ...layers.seq2seq_embeddings import EPSILON, Seq2SeqEmbeddings
from ..heads import DenseHead
from .family import Family


@dataclass(frozen=True)
class BartConfig:
    """The config.json settings of a BART model; defaults as in the original."""

    vocab_size: int = 50265
    hidden_size: int = 1024
    max_position_embeddings: int = 1024
    encoder_layers: int = 12
    encoder_attention_heads: int = 16
    encoder_ffn_dim: int = 4096
    encoder_layerdrop: int | float = 0.0
    decoder_layers: int = 12
    decoder_attention_heads: int = 16
    decoder_ffn_dim: int = 4096
    decoder_layerdrop: int | float = 0.0
    hidden_act: str = "gelu"
    hidden_dropout_prob: int | float = 0.1
    attention_probs_dropout_prob: int | float = 0.0
    activation_dropout: int | float = 0.0
    classifier_dropout: int | float = 0.0
    initializer_range: int | float = 0.02
    scale_embedding: bool = False
    pad_token_id: int = 1
    eos_token_id: int = 2
    decoder_start_token_id: int = 2


NAMES = {
    "hidden_size": "d_model",
    "hidden_act": "activation_function",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "initializer_range": "init_std",
}


@keras.saving.register_keras_serializable("simpletext")
class ShiftedIds(Part):
    """The ids one place later, (batch, length): what the decoder reads of the same text.

    Args:
        start: the id that the decoder sees before the text.
    """

    def __init__(self, start, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def compute_output_spec(self, ids):
        return keras.KerasTensor(ids.shape, ids.dtype)

    def call(self, ids):
        return ops.concatenate([ops.full_like(ids[:, :1], self.start), ids[:, :-1]], axis=1)


@keras.saving.register_keras_serializable("simpletext")
class LastEnd(Part):
    """The hidden state of a text's last `</s>`; without one, of its last token."""

    def __init__(self, eos, padding, **kwargs):
        super().__init__(**kwargs)
        self.eos, self.padding = eos, padding

    def compute_output_spec(self, x, ids):
        return keras.KerasTensor((x.shape[0], x.shape[2]), self.compute_dtype)

    def call(self, x, ids):  # (batch, length, hidden), (batch, length) -> (batch, hidden)
        length = ops.shape(ids)[1]
        places = ops.arange(length)[None]
        rank = ops.where(
            ids == self.eos, places + length, ops.where(ids == self.padding, -1, places)
        )
        chosen = ops.one_hot(ops.argmax(rank, axis=1), length, dtype=self.compute_dtype)
        return ops.squeeze(ops.matmul(chosen[:, None, :], x), axis=1)


@dataclass(frozen=True)
class BartHead(DenseHead):
    """RoBERTa's head on the state of the last `</s>`."""

    dense: str = "classification_head.dense"
    classifier: str = "classification_head.out_proj"
    reads = "input_ids"

    def token(self, config, hidden, ids, dtype):
        layer = LastEnd(config.eos_token_id, config.pad_token_id, name="last_end", dtype=dtype)
        return layer(hidden, ids)


def encode(config: BartConfig, inputs: dict, dtype, seed: int):
    """The decoder's states (batch, length, hidden) of the ids in `inputs` (batch, length)."""
    shifted = ShiftedIds(config.decoder_start_token_id, name="shifted_ids", dtype=dtype)
    ids = {**inputs, "decoder_input_ids": shifted(inputs["input_ids"])}
    return decoder_states(config, ids, embeddings(config, dtype, seed), dtype, seed)[0]


def embeddings(config: BartConfig, dtype, seed: int):
    """The layer that both sides start from."""
    return Seq2SeqEmbeddings(
        config.vocab_size,
        config.hidden_size,
        config.max_position_embeddings,
        config.hidden_size**0.5 if config.scale_embedding else 1.0,
        dropout=config.hidden_dropout_prob,
        seed=seed,
        name="embeddings",
        dtype=dtype,
    )


def decoder_states(config, inputs: dict, embeddings, dtype, seed: int):
    """The decoder's states, (batch, length, hidden), and its table of words, (rows, hidden)."""
    ids, decoder_ids = inputs["input_ids"], inputs["decoder_input_ids"]
    x, y, table = embeddings(ids, decoder_ids)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    causal = CausalBias(name="look_ahead_bias", dtype=dtype)(decoder_ids)
    for i in range(config.encoder_layers):
        own_seed = seed + 100 * (i + 1)
        x = _block(config, "encoder", EncoderBlock, f"layer_{i}", dtype, own_seed)(x, bias)
    for i in range(config.decoder_layers):
        own_seed = seed + 100 * (config.encoder_layers + i + 1)
        block = _block(config, "decoder", DecoderBlock, f"decoder_layer_{i}", dtype, own_seed)
        y = block(y, causal, x, bias)
    return y, table


def _block(config, side: str, block: type, name: str, dtype, seed: int):
    """A layer of the encoder or the decoder, built from that side's config."""
    heads = getattr(config, f"{side}_attention_heads")
    if config.hidden_size % heads:
        raise UnsupportedModelError(
            f"config.json has d_model={config.hidden_size} and {side}_attention_heads={heads}; "
            "the first must be a multiple of the second."
        )
    return block(
        heads,
        getattr(config, f"{side}_ffn_dim"),
        config.hidden_act,
        EPSILON,
        config.hidden_dropout_prob,
        config.attention_probs_dropout_prob,
        seed,
        activation_dropout=config.activation_dropout,
        layerdrop=getattr(config, f"{side}_layerdrop"),
        name=name,
        dtype=dtype,
    )


# Rows that the encoder's and the decoder's layers share.
BLOCK = {
    "attention/query": "self_attn.q_proj",
    "attention/key": "self_attn.k_proj",
    "attention/value": "self_attn.v_proj",
    "attention/output": "self_attn.out_proj",
    "attention_norm": "self_attn_layer_norm",
    "intermediate": "fc1",
    "output": "fc2",
    "output_norm": "final_layer_norm",
}
CROSS = {
    "cross_attention/query": "encoder_attn.q_proj",
    "cross_attention/key": "encoder_attn.k_proj",
    "cross_attention/value": "encoder_attn.v_proj",
    "cross_attention/output": "encoder_attn.out_proj",
    "cross_norm": "encoder_attn_layer_norm",
}
BLOCKS = {"layer_{i}/" + own: "encoder.layers.{i}." + theirs for own, theirs in BLOCK.items()} | {
    "decoder_layer_{i}/" + own: "decoder.layers.{i}." + theirs
    for own, theirs in (BLOCK | CROSS).items()
}
TABLE = {
    "embeddings/word_embeddings": "shared",
    "embeddings/encoder_positions": "encoder.embed_positions",
    "embeddings/decoder_positions": "decoder.embed_positions",
    "embeddings/encoder_norm": "encoder.layernorm_embedding",
    "embeddings/decoder_norm": "decoder.layernorm_embedding",
} | BLOCKS

FAMILY = Family(
    model_type="bart",
    config=BartConfig,
    inputs=("input_ids", "attention_mask"),
    encode=encode,
    table=TABLE,
    base="model.",
    head=BartHead(),
    token_head=None,
    encoder_class="BartModel",
    classifier_class="BartForSequenceClassification",
    names=NAMES,
    leftovers=(
        "encoder.embed_tokens.weight",
        "decoder.embed_tokens.weight",
        "encoder.version",
        "decoder.version",
        "final_logits_bias",
        "lm_head.weight",
        "qa_outputs.*",
    ),
    aliases={"shared.weight": ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")},
    default_labels=3,
)
