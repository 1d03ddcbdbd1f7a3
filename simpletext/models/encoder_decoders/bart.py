"""BART (https://arxiv.org/abs/1910.13461) with its language-model head: it writes texts."""

from dataclasses import replace
from typing import Any

from ...layers.decoder_block import VocabularyLogits
from ..families import bart

INPUTS = ("input_ids", "attention_mask", "decoder_input_ids")


def encode(config: bart.BartConfig, inputs: dict[str, Any], dtype: Any, seed: int) -> Any:
    """The logits (batch, target length, vocabulary) of the ids in `inputs` (batch, length)."""
    states = bart.decoder_states(config, inputs, bart.embeddings(config, dtype, seed), dtype, seed)
    return VocabularyLogits(name="lm_head", dtype=dtype)(*states)


FAMILY = replace(
    bart.FAMILY,
    inputs=INPUTS,
    encode=encode,
    head=None,
    classifier_class="BartForConditionalGeneration",
    leftovers=(
        "encoder.embed_tokens.weight",
        "decoder.embed_tokens.weight",
        "encoder.version",
        "decoder.version",
        "lm_head.weight",
        "classification_head.*",
        "qa_outputs.*",
    ),
    required={"tie_word_embeddings": (True,)},
)
