"""Which tokens may come next, by the settings of a `GenerationOptions`."""

from typing import Any

import numpy as np
from keras import ops

from .generation_options import GenerationOptions


def restricted(values: Any, texts: Any, length: Any, options: GenerationOptions) -> Any:
    """The values of all tokens, minus infinity for those that may not come next.

    A token that has to come gets 0, and all others minus infinity.

    Args:
        values: logits or log-probabilities, (rows, vocabulary).
        texts: what is written, (rows, max_length).
        length: tokens of each text so far, a whole number or a tensor of one.
        options: how texts are written.
    """
    vocab_size = values.shape[-1]
    never = np.zeros(vocab_size, "float32")
    never[[words[0] for words in options.bad_words_ids if len(words) == 1]] = -np.inf
    values = values + ops.convert_to_tensor(never)
    banned = _banned(texts, length, options, vocab_size)
    if banned:
        values = _without(values, ops.concatenate(banned, axis=1))
    for at, token in options.forced.items():
        only = np.full((1, vocab_size), -np.inf, "float32")
        only[0, token] = 0.0
        values = ops.where(ops.equal(length, at), ops.convert_to_tensor(only), values)
    return values


def _banned(texts: Any, length: Any, options: GenerationOptions, nothing: int) -> list:
    """Tokens that may not come next, each (rows, n) int32, with `nothing` in free places."""
    found = []
    if options.no_repeat_ngram_size:
        found.append(_repeated(texts, length, options.no_repeat_ngram_size, nothing))
    for *before, last in (words for words in options.bad_words_ids if len(words) > 1):
        places = ops.maximum(length - len(before) + ops.arange(len(before)), 0)
        wanted = ops.convert_to_tensor([before], "int32")
        same = ops.equal(ops.take(texts, places, axis=1), wanted)
        comes = ops.all(same, axis=1, keepdims=True) & (length >= len(before))
        found.append(_where(comes, last, nothing))
    if options.min_length:
        ends = texts[:, :1] * 0 + ops.convert_to_tensor([options.eos_token_id], "int32")
        found.append(_where(length < options.min_length, ends, nothing))
    return found


def _repeated(texts: Any, length: Any, size: int, nothing: int) -> Any:
    """Tokens that would make `size` tokens in a row come twice, (rows, windows)."""
    windows = texts.shape[1] - size + 1
    if windows < 1:
        return ops.zeros_like(texts[:, :1]) + nothing
    places = ops.maximum(length + 1 - size + ops.arange(size - 1), 0)
    last = ops.take(texts, places, axis=1)  # the tokens that the next one completes
    same = ops.arange(windows)[None] + size <= length
    for i in range(size - 1):
        same = same & ops.equal(texts[:, i : i + windows], last[:, i : i + 1])
    return _where(same, texts[:, size - 1 :], nothing)


def _where(condition: Any, token: Any, nothing: int) -> Any:
    return ops.cast(ops.where(condition, token, nothing), "int32")


def _without(values: Any, tokens: Any) -> Any:
    """The values, (rows, vocabulary), with minus infinity for the tokens of each row."""
    spare = ops.concatenate([values, values[:, :1]], axis=1)  # a place for no token
    rows = ops.zeros_like(tokens) + ops.arange(ops.shape(tokens)[0], dtype="int32")[:, None]
    pairs = ops.reshape(ops.stack([rows, tokens], axis=-1), (-1, 2))
    fill = ops.full(ops.shape(pairs)[:1], -np.inf)
    return ops.scatter_update(spare, pairs, fill)[:, :-1]
