"""`generate`: a model of `Seq2Seq` writes texts, as ids."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from ..errors import ArgumentError
from ..models.seq2seq import require_seq2seq
from ..utils.validation import shown
from .beam_search import beam_search
from .decoder import Reading, decoder_of
from .generation_options import GenerationOptions, options_for
from .restrictions import restricted


class Generated(NamedTuple):
    """What `generate` returns.

    Attributes:
        ids: the tokens of each text, (texts, length) int32, beginning with the start token and
            padded to the longest. `num_return_sequences` rows per source.
        scores: the log-probability of each text / its length to the power of `length_penalty`,
            (texts,) float32.
    """

    ids: np.ndarray
    scores: np.ndarray


def generate(
    model: keras.Model,
    inputs: Mapping[str, Any],
    *,
    num_beams: int | None = None,
    max_new_tokens: int | None = None,
    num_return_sequences: int | None = None,
    **options: Any,
) -> Generated:
    """Write a text for each source, as ids: greedy, by beam search, or drawn.

    Settings that aren't passed are those of the checkpoint's generation_config.json. With the same
    settings the ids are those of transformers' `generate`, except for drawn ones.

    Args:
        model: `Seq2Seq(...).get_model()`.
        inputs: `input_ids` and `attention_mask`, each (sources, length).
        num_beams: texts that are followed at a time; 1 takes the likeliest token each time.
        max_new_tokens: tokens that are written at most.
        num_return_sequences: texts that are returned for each source, best first.
        options: length_penalty, early_stopping, no_repeat_ngram_size, min_length, bad_words_ids,
            forced_bos_token_id, forced_eos_token_id; do_sample, temperature, top_k, top_p and seed
            (see `simpletext.inference.generation_options`).

    Raises:
        ArgumentError: another model, an unknown setting, or a value outside of what is allowed.
    """
    decoder = decoder_of(model)
    settings = settings_of(
        model, max_new_tokens=max_new_tokens, num_beams=num_beams,
        num_return_sequences=num_return_sequences, **options,
    )  # fmt: skip
    arrays = _checked(inputs, decoder.config)
    if settings.do_sample:
        repeated = {n: np.repeat(x, settings.num_return_sequences, 0) for n, x in arrays.items()}
        texts, scores = _drawn_texts(decoder.read(repeated), settings)
    else:
        texts, scores = beam_search(decoder.read(arrays, settings.num_beams), settings)
    return Generated(_cut(texts.reshape(-1, settings.max_length), settings), scores.reshape(-1))


def settings_of(model: keras.Model, **given: Any) -> GenerationOptions:
    """The settings that `generate` uses for a model, with those that are given."""
    generation, decoder = require_seq2seq(model).generation, decoder_of(model)
    return options_for(generation, decoder.config, decoder.vocab_size, **given)


def _checked(inputs: Mapping[str, Any], config: Any) -> dict[str, np.ndarray]:
    """`input_ids` and `attention_mask` as arrays that the model has embeddings for."""
    names = ("input_ids", "attention_mask")
    if not isinstance(inputs, Mapping) or any(name not in inputs for name in names):
        raise ArgumentError(
            f"inputs must be a dict with {' and '.join(names)}; this is {shown(inputs)}."
        )
    arrays = {name: _matrix(name, inputs[name]) for name in names}
    ids, shapes = arrays["input_ids"], [x.shape for x in arrays.values()]
    if shapes[0] != shapes[1]:
        raise ArgumentError(
            f"input_ids has the shape {shapes[0]} and attention_mask {shapes[1]}; both must be "
            "(sources, length)."
        )
    if ids.min() < 0 or ids.max() >= config.vocab_size:
        raise ArgumentError(
            f"input_ids has ids from {ids.min()} to {ids.max()}; the model has 0 to "
            f"{config.vocab_size - 1}."
        )
    if ids.shape[1] > config.max_position_embeddings:
        raise ArgumentError(
            f"input_ids has {ids.shape[1]} tokens per source; the model has positions for "
            f"{config.max_position_embeddings}."
        )
    return arrays


def _matrix(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RecursionError):
        array = np.zeros(0)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "iub":
        raise ArgumentError(
            f"{name}={shown(value)}; it must be whole numbers, (sources, length), with 1 or more."
        )
    return array


def _cut(texts: np.ndarray, options: GenerationOptions) -> np.ndarray:
    """Without the columns that are padding in all texts."""
    written = texts[:, 1:] != options.pad_token_id
    return texts[:, : 2 + int(np.flatnonzero(written.any(axis=0)).max(initial=0))]


def _drawn_texts(reading: Reading, options: GenerationOptions) -> tuple[np.ndarray, np.ndarray]:
    """One text for each source, drawn token by token, and its score."""
    count, rng = len(reading.mask), np.random.default_rng(options.seed)
    texts = np.full((count, options.max_length), options.pad_token_id, "int32")
    texts[:, 0] = options.decoder_start_token_id
    scores, rows = np.zeros(count, "float32"), np.arange(count)
    for length in range(1, options.max_length):
        written = ops.convert_to_tensor(texts[rows])
        last = written[:, length - 1 : length]
        logits = reading.next_logits(last, last * 0)
        allowed = ops.convert_to_numpy(restricted(logits, written, length, options))
        tokens, values = _drawn(allowed.astype("float64"), options, rng)
        texts[rows, length] = tokens
        scores[rows] += values
        goes_on = ~np.isin(tokens, options.eos_token_id) & (length + 1 < options.max_length)
        scores[rows[~goes_on]] /= length**options.length_penalty
        if not goes_on.any():
            break
        if not goes_on.all():
            rows = rows[goes_on]
            reading.keep(np.flatnonzero(goes_on))
    return texts, scores


def _drawn(
    logits: np.ndarray, options: GenerationOptions, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A token for each row, drawn among the likeliest ones, and its log-probability."""
    logits = logits / options.temperature
    order = np.argsort(-logits, axis=1, kind="stable")
    if options.top_k:
        order = order[:, : options.top_k]
    best = np.take_along_axis(logits, order, axis=1)
    chances = np.exp(best - best[:, :1])
    chances /= chances.sum(axis=1, keepdims=True)
    before = chances.cumsum(axis=1) - chances  # the probability of the likelier ones
    chances = np.where(before < options.top_p, chances, 0.0)
    chances /= chances.sum(axis=1, keepdims=True)
    at = (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1)
    at = np.minimum(at, (chances > 0).sum(axis=1) - 1)[:, None]
    values = np.log(np.take_along_axis(chances, at, axis=1))[:, 0]
    return np.take_along_axis(order, at, axis=1)[:, 0], values.astype("float32")
