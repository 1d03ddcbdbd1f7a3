"""BART (https://arxiv.org/abs/1910.13461) as a text classifier: encoder and decoder.

The decoder's input is the same text, shifted right by one token; its state at the last `</s>` is
classified. `load_encoder` returns the decoder's states, as the original does.
"""

from dataclasses import dataclass

import keras
from keras import ops

from ...errors import UnsupportedModelError
from ...layers.attention import AttentionBias, SelfAttention
from ...layers.base import Part
from ...layers.dropout import dropout
from ...layers.embeddings import Embedding
from ...layers.normalisation import LayerNorm
from ...layers.transformer_block import TransformerBlock
from ..heads import DenseHead
from .family import Family

EPSILON = 1e-5
OFFSET = 2  # the first position's row of the position tables


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
class BartEmbeddings(Part):
    """The embeddings of the encoder and of the decoder, each (batch, length, hidden).

    Args:
        scale: a factor for the word embeddings.
        start: the decoder's first id, before the text.
    """

    def __init__(
        self, vocab_size, hidden_size, max_positions, scale, start, dropout=0.0, seed=0, **kwargs
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.hidden_size, self.max_positions = (
            vocab_size,
            hidden_size,
            max_positions,
        )
        self.scale, self.start, self.dropout, self.seed = scale, start, dropout, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, ids_shape):
        policy = {"dtype": self.dtype_policy}
        self.word_embeddings = Embedding(
            self.vocab_size, self.hidden_size, name="word_embeddings", **policy
        )
        self.word_embeddings.build()
        for side in ("encoder", "decoder"):
            rows = self.max_positions + OFFSET
            positions = Embedding(rows, self.hidden_size, name=f"{side}_positions", **policy)
            norm = LayerNorm(EPSILON, name=f"{side}_norm", **policy)
            positions.build()
            norm.build((None, None, self.hidden_size))
            setattr(self, f"{side}_positions", positions)
            setattr(self, f"{side}_norm", norm)

    def compute_output_spec(self, ids, training=None):
        return tuple(
            keras.KerasTensor((*ids.shape, self.hidden_size), self.compute_dtype) for _ in range(2)
        )

    def call(self, ids, training=None):  # (batch, length) -> (batch, length, hidden) twice
        words = self.word_embeddings(ids) * self.scale
        first = self.word_embeddings(ops.full_like(ids[:, :1], self.start)) * self.scale
        shifted = ops.concatenate([first, words[:, :-1]], axis=1)
        where = ops.arange(ops.shape(ids)[1])[None] + OFFSET
        x = self.encoder_norm(words + self.encoder_positions(where))
        y = self.decoder_norm(shifted + self.decoder_positions(where))
        return tuple(dropout(z, self.dropout, self.seed_generator, training) for z in (x, y))


@keras.saving.register_keras_serializable("simpletext")
class CausalBias(Part):
    """The bias of a decoder's attention scores: 0, and very negative for all later tokens."""

    def compute_output_spec(self, ids):
        return keras.KerasTensor((1, 1, ids.shape[1], ids.shape[1]), self.compute_dtype)

    def call(self, ids):  # (batch, length) -> (1, 1, length, length)
        places = ops.arange(ops.shape(ids)[1])
        later = places[None, :] > places[:, None]
        return ops.cast(later, self.compute_dtype)[None, None] * -1e9


@keras.saving.register_keras_serializable("simpletext")
class CrossAttention(SelfAttention):
    """Attention of one text's tokens to another's."""

    def call(self, x, other, bias, training=None):  # (batch, length, hidden) twice
        query, key, value = self.query(x), self.key(other), self.value(other)
        return self._attend(*map(self._split, (query, key, value)), bias, training)


@keras.saving.register_keras_serializable("simpletext")
class BartBlock(TransformerBlock):
    """BERT's block with dropout inside the feed-forward, and LayerDrop.

    Args:
        activation_dropout: dropout rate inside the feed-forward.
        layerdrop: the probability that training skips the whole block.
    """

    def __init__(self, *args, activation_dropout=0.0, layerdrop=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.activation_dropout, self.layerdrop = activation_dropout, layerdrop

    def call(self, x, bias, training=None):  # (batch, length, hidden), (batch, 1, 1, length)
        attended = self.attention(x, bias, training=training)
        y = self.attention_norm(x + self._drop(attended, training))
        return self._maybe(x, self._feed_forward(y, training), training)

    def _feed_forward(self, x, training):
        y = self.intermediate(x)
        y = dropout(y, self.activation_dropout, self.seed_generator, training)
        return self.output_norm(x + self._drop(self.output_dense(y), training))

    def _maybe(self, before, after, training):
        if not training or self.layerdrop == 0.0:
            return after
        chance = keras.random.uniform((), seed=self.seed_generator)
        return ops.where(chance < self.layerdrop, before, after)


@keras.saving.register_keras_serializable("simpletext")
class BartDecoderBlock(BartBlock):
    """`BartBlock` with attention to the encoder's states between its two halves."""

    def build(self, x_shape, *shapes):
        super().build(x_shape)
        policy = {"dtype": self.dtype_policy}
        self.cross_attention = CrossAttention(
            self.num_heads, self.attention_dropout, self.seed + 2, name="cross_attention", **policy
        )
        self.cross_norm = LayerNorm(self.epsilon, name="cross_norm", **policy)
        self.cross_attention.build(x_shape)
        self.cross_norm.build(x_shape)

    def compute_output_spec(self, x, bias, states, states_bias, training=None):
        return super().compute_output_spec(x, bias)

    def call(self, x, bias, states, states_bias, training=None):
        attended = self.attention(x, bias, training=training)
        y = self.attention_norm(x + self._drop(attended, training))
        attended = self.cross_attention(y, states, states_bias, training=training)
        y = self.cross_norm(y + self._drop(attended, training))
        return self._maybe(x, self._feed_forward(y, training), training)


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
    ids = inputs["input_ids"]
    x, y = BartEmbeddings(
        config.vocab_size,
        config.hidden_size,
        config.max_position_embeddings,
        config.hidden_size**0.5 if config.scale_embedding else 1.0,
        config.decoder_start_token_id,
        config.hidden_dropout_prob,
        seed,
        name="embeddings",
        dtype=dtype,
    )(ids)
    bias = AttentionBias(name="attention_bias", dtype=dtype)(inputs["attention_mask"])
    causal = CausalBias(name="causal_bias", dtype=dtype)(ids)
    for i in range(config.encoder_layers):
        x = _block(config, "encoder", BartBlock, f"layer_{i}", dtype, seed + 100 * (i + 1))(x, bias)
    for i in range(config.decoder_layers):
        own_seed = seed + 100 * (config.encoder_layers + i + 1)
        block = _block(config, "decoder", BartDecoderBlock, f"decoder_layer_{i}", dtype, own_seed)
        y = block(y, causal, x, bias)
    return y


def _block(config: BartConfig, side: str, block: type, name: str, dtype, seed: int):
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
TABLE = (
    {
        "embeddings/word_embeddings": "shared",
        "embeddings/encoder_positions": "encoder.embed_positions",
        "embeddings/decoder_positions": "decoder.embed_positions",
        "embeddings/encoder_norm": "encoder.layernorm_embedding",
        "embeddings/decoder_norm": "decoder.layernorm_embedding",
    }
    | {"layer_{i}/" + own: "encoder.layers.{i}." + theirs for own, theirs in BLOCK.items()}
    | {
        "decoder_layer_{i}/" + own: "decoder.layers.{i}." + theirs
        for own, theirs in (BLOCK | CROSS).items()
    }
)

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
