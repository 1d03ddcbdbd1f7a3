"""How a text is written: the settings of generation_config.json, and what they forbid."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import ArgumentError, UnsupportedModelError
from ..utils.validation import (
    did_you_mean,
    require_count,
    require_flag,
    require_list,
    require_number,
    shown,
)

# Settings that change what is written and aren't supported -> the values that change nothing.
UNSUPPORTED: dict[str, tuple] = {
    "repetition_penalty": (None, 1.0),
    "encoder_repetition_penalty": (None, 1.0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "num_beam_groups": (None, 1),
    "diversity_penalty": (None, 0.0),
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "sequence_bias": (None,),
    "exponential_decay_length_penalty": (None,),
    "renormalize_logits": (None, False),
    "guidance_scale": (None, 1, 1.0),
    "min_new_tokens": (None, 0),
    "penalty_alpha": (None, 0.0),
    "constraints": (None,),
    "force_words_ids": (None,),
    "typical_p": (None, 1.0),
    "min_p": (None, 0.0),
}


@dataclass(frozen=True)
class GenerationOptions:
    """How texts are written; names and meanings as in transformers' GenerationConfig.

    Attributes:
        max_length: most tokens of a text, including the start token.
        min_length: fewest tokens of a text, including the start token.
        num_beams: beginnings that beam search keeps; 1 is greedy search.
        num_return_sequences: how many texts are returned for each source.
        length_penalty: a text's score is its log-probability / its length to this power.
        early_stopping: True ends at `num_beams` finished texts, False where no better one is
            likely, "never" where none is possible.
        no_repeat_ngram_size: length of token sequences that may not be repeated; 0 allows all.
        bad_words_ids: token sequences that are never written.
        forced_bos_token_id: the first token that is written.
        forced_eos_token_id: the last token of a text that reaches `max_length`.
        do_sample: draw tokens by their probability.
        temperature: what logits are divided by before a token is drawn.
        top_k: draw one of so many likeliest tokens; 0 for all.
        top_p: draw one of the likeliest tokens that have this probability together.
        seed: for drawing.
        eos_token_id, pad_token_id, decoder_start_token_id: the marks of a text.
    """

    max_length: int
    eos_token_id: tuple[int, ...]
    pad_token_id: int
    decoder_start_token_id: int
    min_length: int = 0
    num_beams: int = 1
    num_return_sequences: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | str = False
    no_repeat_ngram_size: int = 0
    bad_words_ids: tuple[tuple[int, ...], ...] = ()
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | None = None
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    seed: int = 0

    @property
    def forced(self) -> dict[int, int]:
        """The token that has to come after so many tokens, for each such number of tokens."""
        tokens = {1: self.forced_bos_token_id, self.max_length - 1: self.forced_eos_token_id}
        return {at: token for at, token in tokens.items() if token is not None}


def options_for(
    generation: Mapping[str, Any],
    config: Any,
    vocab_size: int,
    max_new_tokens: int | None = None,
    **given: Any,
) -> GenerationOptions:
    """The settings of a checkpoint, with those that were passed in their place.

    Args:
        generation: the content of generation_config.json.
        config: the model's, which says what is missing there.
        vocab_size: how many tokens there are to choose from.
        max_new_tokens: tokens that are written at most; by default up to `max_length`.
        given: fields of `GenerationOptions`; None for the checkpoint's value.

    Raises:
        ArgumentError: an unknown setting, or a value outside of what is allowed.
        UnsupportedModelError: the checkpoint has a setting that isn't supported.
    """
    for name, allowed in UNSUPPORTED.items():
        if generation.get(name) not in allowed:
            raise UnsupportedModelError(
                f"generation_config.json says {name}={generation[name]!r}, which simpletext "
                "doesn't support. Take the setting out of the file to go on without it."
            )
    names = {part.name for part in fields(GenerationOptions)}
    for name in given:
        if name not in names:
            raise ArgumentError(
                f"generate has no setting {name!r}.{did_you_mean(name, names)} There are: "
                f"{', '.join(sorted(names))} and max_new_tokens."
            )
    said = {name: generation[name] for name in names if generation.get(name) is not None}
    marks = ("eos_token_id", "pad_token_id", "decoder_start_token_id")
    values = {name: getattr(config, name) for name in marks}
    values["max_length"] = config.max_position_embeddings
    passed = {name: value for name, value in given.items() if value is not None}
    if max_new_tokens is not None:
        passed["max_length"] = 1 + require_count("max_new_tokens", max_new_tokens)
    values |= said | passed
    eos = values["eos_token_id"]
    values["eos_token_id"] = tuple(eos) if isinstance(eos, (list, tuple)) else (eos,)
    ends = {(token,) for token in values["eos_token_id"]}  # the original lets a text end
    words = map(tuple, _token_lists(values.get("bad_words_ids", ())))
    values["bad_words_ids"] = tuple(each for each in words if each not in ends)
    options = GenerationOptions(**{n: _plain(n, value) for n, value in values.items()})
    _check(options, config.max_position_embeddings, "max_length" in passed)
    _check_tokens(options, vocab_size)
    limit = min(options.max_length, config.max_position_embeddings)
    stopping = options.num_beams == 1 or options.early_stopping  # one text: its end is the end
    return replace(options, max_length=limit, early_stopping=stopping)


# The least value of each whole number, and the limits of each other number.
COUNTS = {"max_length": 2, "min_length": 0, "num_beams": 1, "num_return_sequences": 1,
          "no_repeat_ngram_size": 0, "top_k": 0, "seed": 0, "pad_token_id": 0,
          "decoder_start_token_id": 0, "forced_bos_token_id": 0,
          "forced_eos_token_id": 0}  # fmt: skip
NUMBERS = {"length_penalty": (-100.0, 100.0), "temperature": (1e-6, 1e6), "top_p": (1e-9, 1.0)}


def _plain(name: str, value: Any) -> Any:
    """A setting as a plain value of its kind; an error for another kind."""
    if value is None:
        return None
    if name in COUNTS:
        return require_count(name, value, COUNTS[name])
    if name in NUMBERS:
        return require_number(name, value, *NUMBERS[name])
    return require_flag(name, value) if name == "do_sample" else value


def _token_lists(value: Any) -> list[list[int]]:
    """Lists of token ids, as `bad_words_ids` has them."""
    rows = [require_list("bad_words_ids", row, "token ids")
            for row in require_list("bad_words_ids", value, "lists of token ids")]  # fmt: skip
    if not all(rows):
        raise ArgumentError("bad_words_ids has an empty list; each needs one token id or more.")
    return [[require_count("bad_words_ids", token, 0) for token in row] for row in rows]


def _check(options: GenerationOptions, positions: int, length_passed: bool) -> None:
    if length_passed and options.max_length > positions:
        raise ArgumentError(
            f"Texts of {options.max_length} tokens, the first one included, were asked for, but "
            f"the model has positions for {positions}. Use max_new_tokens={positions - 1} or less."
        )
    if options.num_return_sequences > options.num_beams and not options.do_sample:
        raise ArgumentError(
            f"num_return_sequences={options.num_return_sequences}, but num_beams="
            f"{options.num_beams}: as many texts as beams can be returned. Raise num_beams."
        )
    if options.do_sample and options.num_beams > 1:
        raise ArgumentError("do_sample=True draws token by token; use num_beams=1 with it.")
    if not _is_stopping(options.early_stopping):
        raise ArgumentError(
            f"early_stopping={shown(options.early_stopping)}; allowed are True, False and 'never'."
        )


def _check_tokens(options: GenerationOptions, vocab_size: int) -> None:
    ids = {
        "bad_words_ids": [token for words in options.bad_words_ids for token in words],
        "forced_bos_token_id": [options.forced_bos_token_id or 0],
        "forced_eos_token_id": [options.forced_eos_token_id or 0],
    }
    for name, tokens in ids.items():
        if max(tokens, default=0) >= vocab_size:
            raise ArgumentError(
                f"{name} has the token id {max(tokens)}; the model has 0 to {vocab_size - 1}."
            )


def _is_stopping(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value == "never")
