"""Marian (https://aclanthology.org/P18-4020), the models of OPUS-MT: a Transformer that translates.

It is the Transformer of https://arxiv.org/abs/1706.03762: sinusoidal positions, a norm after each
half of a block, and the logits by the table of the decoder's words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...layers.decoder_block import VocabularyLogits
from ...layers.seq2seq_embeddings import Seq2SeqEmbeddings
from ..families import bart
from ..families.family import Family
from .bart import FAMILY as BART


@dataclass(frozen=True)
class MarianConfig(bart.BartConfig):
    """The config.json settings of a Marian model: BART's with other defaults, and two more."""

    vocab_size: int = 58101
    decoder_vocab_size: int | None = None
    share_encoder_decoder_embeddings: bool = True
    pad_token_id: int = 58100
    eos_token_id: int = 0
    decoder_start_token_id: int = 58100


def encode(config: MarianConfig, inputs: dict[str, Any], dtype: Any, seed: int) -> Any:
    """The logits (batch, target length, vocabulary) of the ids in `inputs` (batch, length)."""
    own = config.decoder_vocab_size or config.vocab_size
    embeddings = Seq2SeqEmbeddings(
        config.vocab_size,
        config.hidden_size,
        config.max_position_embeddings,
        config.hidden_size**0.5 if config.scale_embedding else 1.0,
        learned_positions=False,
        decoder_vocab_size=None if config.share_encoder_decoder_embeddings else own,
        dropout=config.hidden_dropout_prob,
        seed=seed,
        name="embeddings",
        dtype=dtype,
    )
    states = bart.decoder_states(config, inputs, embeddings, dtype, seed)
    return VocabularyLogits(name="lm_head", dtype=dtype)(*states)


# Without a shared table each side has its own, and `shared` isn't in the file.
OWN_TABLES = {
    "embeddings/word_embeddings": "encoder.embed_tokens",
    "embeddings/decoder_word_embeddings": "decoder.embed_tokens",
}


class MarianFamily(Family):
    """The family, whose table depends on whether both sides share their words."""

    def table_of(self, config: MarianConfig) -> Mapping[str, str]:
        """The rows of the weight table for a model with this config."""
        return {**self.table, **({} if config.share_encoder_decoder_embeddings else OWN_TABLES)}


FAMILY = MarianFamily(
    **{
        **vars(BART),
        "model_type": "marian",
        "config": MarianConfig,
        "encode": encode,
        "encoder_class": "MarianModel",
        "classifier_class": "MarianMTModel",
        "table": bart.BLOCKS | {"embeddings/word_embeddings": "shared"},
        "leftovers": (*BART.leftovers, "*.embed_positions.weight"),
        "required": {
            "tie_word_embeddings": (True,),
            "normalize_before": (False,),
            "normalize_embedding": (False,),
            "add_final_layer_norm": (False,),
        },
    }
)
