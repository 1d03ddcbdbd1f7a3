"""Beam search: several texts are followed at a time, and the best finished ones are kept.

Equal to the search of transformers, token by token: which candidates count as finished, when a
search ends, and how scores are compared follow it. With one beam that stops early it is the greedy
search. Exported models have the same functions in their graphs.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from keras import KerasTensor, ops

from .decoder import Decoder, Reading, of_beams
from .generation_options import GenerationOptions
from .restrictions import restricted

NEVER = np.float32(-1e9)  # what a text that isn't to be chosen loses
# Where so many of a batch's searches are over, the others go on without them: it costs a copy.
DONE_SHARE = 0.1


class Beams(NamedTuple):
    """The texts that are followed for each source, and the finished ones.

    Attributes:
        texts: the tokens so far, (sources, beams, max_length).
        scores: their log-probabilities, (sources, beams), best first.
        finished: the best finished texts, (sources, beams, max_length).
        finished_scores: theirs, with the length penalty, (sources, beams).
        is_finished: whether there is a finished text in that place, (sources, beams).
        done: whether the search is over; nothing changes then, (sources,).
    """

    texts: Any
    scores: Any
    finished: Any
    finished_scores: Any
    is_finished: Any
    done: Any


def beam_search(reading: Reading, options: GenerationOptions) -> tuple[np.ndarray, np.ndarray]:
    """The best texts for each source.

    Args:
        reading: the encoded sources.
        options: how they are written.

    Returns:
        Their tokens, (sources, num_return_sequences, max_length), padded; and their scores.
    """
    sources, count = len(reading.mask), options.num_return_sequences
    one_more, specs = partial(go_on, reading.decoder, options), _specs(options)
    texts = np.full((sources, count, options.max_length), options.pad_token_id, "int32")
    scores, rows = np.zeros((sources, count), "float32"), np.arange(sources)
    beams = begin(ops.convert_to_tensor(reading.mask, "int32"), options)
    parents = beams.texts[:, :, 0] * 0
    for _ in range(1, options.max_length):
        beams, parents = reading.go_on(one_more, specs, options, beams, parents)
        done = ops.convert_to_numpy(beams.done)
        if done.mean() < DONE_SHARE:
            continue
        texts[rows[done]] = ops.convert_to_numpy(beams.finished)[done][:, :count]
        scores[rows[done]] = ops.convert_to_numpy(beams.finished_scores)[done][:, :count]
        if done.all():
            break
        kept = np.flatnonzero(~done)
        rows, beams = rows[kept], Beams(*(ops.take(part, kept, axis=0) for part in beams))
        parents = ops.take(parents, kept, axis=0)
        reading.keep(kept)
    return texts, scores


def go_on(
    decoder: Decoder,
    options: GenerationOptions,
    beams: "Beams",
    parents: Any,
    place: Any,
    *state: Any,
) -> tuple:
    """One more token of all beams: beams and parents as of `advance`, and what is written then.

    Args:
        decoder: the model's.
        options: how texts are written.
        beams: the beams so far.
        parents: the beams that they continue, (sources, beams).
        place: tokens of the beams so far without the last one.
        state: further arguments of `Decoder.step`.
    """
    last = ops.take(beams.texts, place, axis=2)
    logits, written = decoder.step(last, parents, place, *state)
    return advance(beams, logits, place + 1, options), written


def _specs(options: GenerationOptions) -> list:
    texts = KerasTensor((None, options.num_beams, options.max_length), "int32")
    scores = KerasTensor((None, options.num_beams), "float32")
    flags, done = KerasTensor((None, options.num_beams), "bool"), KerasTensor((None,), "bool")
    parents = KerasTensor((None, options.num_beams), "int32")
    return [Beams(texts, scores, texts, scores, flags, done), parents]


def begin(mask: Any, options: GenerationOptions) -> Beams:
    """All beams at the first token; the first one alone goes on from there.

    Args:
        mask: which tokens of the sources are no padding, (sources, length) int32.
        options: how texts are written.
    """
    beams, nothing = options.num_beams, mask[:, :1] * 0  # (sources, 1)
    first = np.full((1, beams, options.max_length), options.pad_token_id, "int32")
    first[:, :, 0] = options.decoder_start_token_id
    texts = nothing[:, :, None] + ops.convert_to_tensor(first)
    scores = np.where(np.arange(beams) == 0, np.float32(0), NEVER)[None]
    none = ops.cast(nothing, "float32") + ops.convert_to_tensor(np.full((1, beams), NEVER))
    is_finished = none > 0
    return Beams(
        texts, ops.cast(nothing, "float32") + ops.convert_to_tensor(scores), texts, none,
        is_finished, is_finished[:, 0],
    )  # fmt: skip


def advance(beams: Beams, logits: Any, length: Any, options: GenerationOptions) -> tuple:
    """The beams with one more token, and the beam that each one continues, (sources, beams).

    Args:
        beams: the beams so far.
        logits: of the next token, (sources * beams, vocabulary).
        length: tokens of the beams so far.
        options: how texts are written.
    """
    vocab_size, count = logits.shape[-1], options.num_beams
    texts = ops.reshape(beams.texts, (-1, options.max_length))
    values = restricted(ops.log_softmax(logits), texts, length, options)
    values = ops.reshape(values, (-1, count, vocab_size)) + beams.scores[:, :, None]
    # One beam takes the likeliest token, whether it ends the text or not.
    candidates = 1 if count == 1 else max(2, 1 + len(options.eos_token_id)) * count
    values, places = ops.top_k(ops.reshape(values, (-1, count * vocab_size)), candidates)
    parents, tokens = places // vocab_size, ops.cast(places % vocab_size, "int32")
    is_next = ops.arange(options.max_length) == length
    texts = ops.where(is_next, tokens[:, :, None], of_beams(beams.texts, parents))
    ends = ops.any(ops.equal(tokens[:, :, None], np.array(options.eos_token_id)), axis=-1)
    ends = ends | (length + 1 >= options.max_length)
    after = _finish(beams, texts, values, ends, length, options)
    scores, best = ops.top_k(values + ops.where(ends, NEVER, np.float32(0)), count)
    after = after._replace(texts=of_beams(texts, best), scores=scores)
    after = after._replace(done=beams.done | _is_done(after, length, options))
    return after, ops.cast(of_beams(parents, best), "int32")


def _finish(
    beams: Beams, texts: Any, values: Any, ends: Any, length: Any, options: GenerationOptions
) -> Beams:
    """The beams with the best of the finished texts and of those that have just ended."""
    ended = ends & (ops.arange(values.shape[1]) < options.num_beams)
    scores = values / _penalty(length, options) + ops.where(ended, np.float32(0), NEVER)
    scores = ops.concatenate([beams.finished_scores, scores], axis=1)
    scores, best = ops.top_k(scores, options.num_beams)
    texts = of_beams(ops.concatenate([beams.finished, texts], axis=1), best)
    flags = of_beams(ops.concatenate([beams.is_finished, ended], axis=1), best)
    over = beams.done[:, None]
    return beams._replace(
        finished=ops.where(over[:, :, None], beams.finished, texts),
        finished_scores=ops.where(over, beams.finished_scores, scores),
        is_finished=ops.where(over, beams.is_finished, flags),
    )


def _is_done(beams: Beams, length: Any, options: GenerationOptions) -> Any:
    """For which sources the search is over, (sources,) booleans."""
    furthest = options.early_stopping == "never" and options.length_penalty > 0
    penalty = _penalty(options.max_length - 1 if furthest else length, options)
    worst = ops.min(beams.finished_scores, axis=1, keepdims=True)
    hopeful = beams.scores[:, :1] / penalty > ops.where(beams.is_finished, worst, NEVER)
    done = ops.logical_not(ops.any(hopeful, axis=1)) | (length + 1 >= options.max_length)
    if options.early_stopping is True:
        done = done | ops.all(beams.is_finished, axis=1)
    return done


def _penalty(length: Any, options: GenerationOptions) -> Any:
    """What a log-probability is divided by for its length without the first token."""
    lengths = np.maximum(np.arange(options.max_length), 1).astype("float64")
    with np.errstate(over="ignore"):  # of an extreme penalty
        table = (lengths**options.length_penalty).astype("float32")
    return ops.take(ops.convert_to_tensor(table), length)
