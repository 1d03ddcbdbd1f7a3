"""`generate`: a model of `Seq2Seq` writes texts, as ids."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import KerasTensor, ops

from ..errors import ArgumentError
from ..models.seq2seq import require_seq2seq
from ..utils.validation import shown
from .beam_search import beam_search
from .decoder import Reading, decoder_of
from .generation_options import GenerationOptions, options_for


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
    architecture = require_seq2seq(model)
    decoder = decoder_of(model)
    settings = options_for(
        architecture.generation, decoder.config, decoder.vocab_size, max_new_tokens,
        num_beams=num_beams, num_return_sequences=num_return_sequences, **options,
    )  # fmt: skip
    arrays = _checked(inputs, decoder.config)
    if settings.num_beams > 1:
        texts, scores = beam_search(decoder.read(arrays, settings.num_beams), settings)
    else:
        repeated = {n: np.repeat(x, settings.num_return_sequences, 0) for n, x in arrays.items()}
        texts, scores = _one_by_one(decoder.read(repeated), settings)
    return Generated(_cut(texts.reshape(-1, settings.max_length), settings), scores.reshape(-1))


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


def _one_by_one(reading: Reading, options: GenerationOptions) -> tuple[np.ndarray, np.ndarray]:
    """One text for each source: the likeliest token each time, or a drawn one."""
    count = len(reading.mask)
    texts = np.full((count, options.max_length), options.pad_token_id, "int32")
    texts[:, 0] = options.decoder_start_token_id
    scores, rows, choose = np.zeros(count, "float32"), np.arange(count), _chooser(reading, options)
    for length in range(1, options.max_length):
        logits = reading.next_logits(texts[rows, length - 1])
        tokens, values = choose(logits, texts[rows, :length])
        texts[rows, length] = tokens
        scores[rows] += values
        goes_on = ~np.isin(tokens, options.eos_token_id) & (length + 1 < options.max_length)
        scores[rows[~goes_on]] /= length**options.length_penalty
        rows = rows[goes_on]
        if not len(rows):
            break
        reading.keep(goes_on, np.flatnonzero(goes_on))
    return texts, scores


def _chooser(reading: Reading, options: GenerationOptions) -> Callable:
    """What chooses the next token of each row, and says its log-probability."""
    vocab_size, rng = reading.decoder.vocab_size, np.random.default_rng(options.seed)
    never = ops.convert_to_tensor(options.never(vocab_size))

    def allowed(logits: Any, never: Any, banned: Any) -> Any:
        fill = ops.full(ops.shape(banned)[:1], -np.inf)
        return ops.scatter_update(logits + never, banned, fill)

    def likeliest(logits: Any, never: Any, banned: Any) -> tuple:
        tokens = ops.argmax(allowed(logits, never, banned), axis=-1)
        value = ops.take_along_axis(logits, tokens[:, None], axis=1)[:, 0]
        return tokens, value - ops.logsumexp(logits, axis=-1)

    specs = [
        KerasTensor((None, vocab_size), "float32"),
        KerasTensor((vocab_size,), "float32"),
        KerasTensor((None, 2), "int32"),
    ]
    function = allowed if options.do_sample else likeliest
    chosen = reading.decoder.compiled((function.__name__,), function, specs)

    def choose(logits: Any, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        token = options.forced(texts.shape[1])
        if token is not None:
            return np.full(len(texts), token), np.zeros(len(texts), "float32")
        found = chosen(logits, never, ops.convert_to_tensor(options.banned(texts)))
        if options.do_sample:
            return _drawn(ops.convert_to_numpy(found).astype("float64"), options, rng)
        return ops.convert_to_numpy(found[0]), ops.convert_to_numpy(found[1])

    return choose


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
