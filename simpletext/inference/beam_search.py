"""Beam search: several texts are followed at a time, and the best finished ones are kept.

Equal to the search of transformers, token by token: which candidates count as finished, when a
search ends, and how scores are compared follow it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import KerasTensor, ops

from .decoder import Decoder, Reading
from .generation_options import GenerationOptions

NEVER = np.float32(-1e9)  # what a text that isn't to be chosen loses


@dataclass
class Beams:
    """The texts that are followed for each source, (sources, beams, ...), and the finished ones.

    Attributes:
        sources: which row of the result each source has, (sources,).
        texts: the tokens so far, (sources, beams, max_length).
        scores: their log-probabilities, (sources, beams), best first.
        finished: the best finished texts, (sources, beams, max_length).
        finished_scores: theirs, with the length penalty, (sources, beams).
        is_finished: whether there is a finished text in that place, (sources, beams).
    """

    sources: np.ndarray
    texts: np.ndarray
    scores: np.ndarray
    finished: np.ndarray
    finished_scores: np.ndarray
    is_finished: np.ndarray

    @classmethod
    def begin(cls, sources: int, options: GenerationOptions) -> "Beams":
        """All beams at the first token; the first one alone goes on from there."""
        shape = (sources, options.num_beams)
        texts = np.full((*shape, options.max_length), options.pad_token_id, "int32")
        texts[:, :, 0] = options.decoder_start_token_id
        scores = np.zeros(shape, "float32")
        scores[:, 1:] = NEVER
        return cls(
            np.arange(sources), texts, scores, texts.copy(), np.full(shape, NEVER),
            np.zeros(shape, bool),
        )  # fmt: skip

    def of(self, kept: np.ndarray) -> "Beams":
        """Those of some sources."""
        return Beams(*(part[kept] for part in vars(self).values()))


def beam_search(reading: Reading, options: GenerationOptions) -> tuple[np.ndarray, np.ndarray]:
    """The best texts for each source.

    Args:
        reading: the encoded sources.
        options: how they are written.

    Returns:
        Their tokens, (sources, num_return_sequences, max_length), padded; and their scores.
    """
    count, vocab_size = options.num_return_sequences, reading.decoder.vocab_size
    candidates = _candidates_of(reading.decoder, options)
    beams = Beams.begin(len(reading.mask), options)
    texts = np.full((len(reading.mask), count, options.max_length), options.pad_token_id, "int32")
    scores = np.zeros((len(reading.mask), count), "float32")
    for length in range(1, options.max_length):
        logits = reading.next_logits(beams.texts[:, :, length - 1].reshape(-1))
        values, places = candidates(logits, beams, length)
        chosen = _advance(beams, values, places // vocab_size, places % vocab_size, length, options)
        done = _is_done(beams, length, options)
        texts[beams.sources[done]] = beams.finished[done][:, :count]
        scores[beams.sources[done]] = beams.finished_scores[done][:, :count]
        if done.all():
            break
        first = np.arange(len(done))[:, None] * options.num_beams
        reading.keep(~done, (first + chosen)[~done].reshape(-1))
        beams = beams.of(~done)
    return texts, scores


def _candidates_of(decoder: Decoder, options: GenerationOptions) -> Callable:
    """What finds the best continuations: values, and beam * vocabulary + token, best first."""
    beams, vocab_size = options.num_beams, decoder.vocab_size
    count = max(2, 1 + len(options.eos_token_id)) * beams
    never = ops.convert_to_tensor(options.never(vocab_size))

    def best(logits: Any, never: Any, banned: Any, scores: Any) -> tuple:
        values = ops.log_softmax(logits) + never
        values = ops.scatter_update(values, banned, ops.full(ops.shape(banned)[:1], -np.inf))
        values = ops.reshape(values, (-1, beams, vocab_size)) + scores[:, :, None]
        return tuple(ops.top_k(ops.reshape(values, (-1, beams * vocab_size)), count))

    specs = [
        KerasTensor((None, vocab_size), "float32"),
        KerasTensor((vocab_size,), "float32"),
        KerasTensor((None, 2), "int32"),
        KerasTensor((None, beams), "float32"),
    ]
    compiled = decoder.compiled(("beams", beams, count), best, specs)

    def candidates(logits: Any, state: Beams, length: int) -> tuple[np.ndarray, np.ndarray]:
        token = options.forced(length)
        if token is not None:
            return _forced(state.scores, token, count, vocab_size)
        banned = options.banned(state.texts[:, :, :length].reshape(-1, length))
        tensors = (ops.convert_to_tensor(part) for part in (banned, state.scores))
        found = compiled(logits, never, *tensors)
        return ops.convert_to_numpy(found[0]), ops.convert_to_numpy(found[1])

    return candidates


def _forced(
    scores: np.ndarray, token: int, count: int, vocab_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The only continuation of each beam, at no cost; the places left over lead nowhere."""
    values = np.full((len(scores), count), -np.inf, "float32")
    places = np.zeros((len(scores), count), int)
    order = np.argsort(-scores, axis=1, kind="stable")
    values[:, : scores.shape[1]] = np.take_along_axis(scores, order, axis=1)
    places[:, : scores.shape[1]] = order * vocab_size + token
    return values, places


def _advance(
    beams: Beams, values: np.ndarray, parents: np.ndarray, tokens: np.ndarray, length: int,
    options: GenerationOptions,
) -> np.ndarray:  # fmt: skip
    """Put the candidates into the beams; returns the beam that each one continues.

    Args:
        beams: changed in place.
        values: log-probabilities of the candidates, (sources, candidates), best first.
        parents: the beams that they continue, (sources, candidates).
        tokens: the tokens by which they do, (sources, candidates).
        length: tokens of the beams so far.
        options: how texts are written.
    """
    count = options.num_beams
    texts = np.take_along_axis(beams.texts, parents[:, :, None], axis=1)
    texts[:, :, length] = tokens
    ends = np.isin(tokens, options.eos_token_id) | (length + 1 >= options.max_length)
    _finish(beams, texts, values, ends & (np.arange(values.shape[1]) < count), length, options)
    running = values + ends * NEVER
    best = np.argsort(-running, axis=1, kind="stable")[:, :count]
    beams.scores = np.take_along_axis(running, best, axis=1)
    beams.texts = np.take_along_axis(texts, best[:, :, None], axis=1)
    return np.take_along_axis(parents, best, axis=1)


def _finish(
    beams: Beams, texts: np.ndarray, values: np.ndarray, ended: np.ndarray, length: int,
    options: GenerationOptions,
) -> None:  # fmt: skip
    """Keep the best of the finished texts and of those that have just ended."""
    scores = (values / np.float32(length**options.length_penalty)).astype("float32")
    scores = np.concatenate([beams.finished_scores, scores + ~ended * NEVER], axis=1)
    best = np.argsort(-scores, axis=1, kind="stable")[:, : options.num_beams]
    beams.finished_scores = np.take_along_axis(scores, best, axis=1)
    beams.finished = np.take_along_axis(
        np.concatenate([beams.finished, texts], axis=1), best[:, :, None], axis=1
    )
    beams.is_finished = np.take_along_axis(
        np.concatenate([beams.is_finished, ended], axis=1), best, axis=1
    )


def _is_done(beams: Beams, length: int, options: GenerationOptions) -> np.ndarray:
    """For which sources the search is over, (sources,) booleans."""
    if length + 1 >= options.max_length:
        return np.ones(len(beams.sources), bool)
    furthest = options.early_stopping == "never" and options.length_penalty > 0
    at = options.max_length - 1 if furthest else length
    possible = beams.scores[:, :1] / np.float32(at**options.length_penalty)
    worst = beams.finished_scores.min(axis=1, keepdims=True)
    hopeless = ~np.any(possible > np.where(beams.is_finished, worst, NEVER), axis=1)
    if options.early_stopping is True:
        hopeless |= np.all(beams.is_finished, axis=1)
    return np.asarray(hopeless)
