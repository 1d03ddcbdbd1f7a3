"""Sources become translations, and targets get their losses, batch by batch."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ..tasks.translation import TRANSLATED
from ..tokenization.encoded_pairs import EncodedPairs
from ..tokenization.pair_tokenizer import PairTokenizer
from ..utils import console
from .decoder import decoder_of
from .generation import Generated, generate, settings_of

# Limits of what a batch holds: source tokens, and scores of the words that may come next.
TOKENS_AT_ONCE, SCORES_AT_ONCE = 2**13, 2**25


def padded(rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, np.ndarray]:
    """Ids of sources as a model's inputs, each (sources, length of the longest) int32."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), pad_id, "int32")
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    mask = np.arange(width) < np.array([[len(row)] for row in rows])
    return {"input_ids": ids, "attention_mask": mask.astype("int32")}


def translate(
    model: keras.Model,
    tokenizer: PairTokenizer,
    sources: Sequence[Sequence[int]],
    batch_size: int,
    verbose: int = 0,
    **options: Any,
) -> list[list[tuple[str, float]]]:
    """For each source, as ids, its translations with their scores, best first.

    Sources of about equal length share a batch, so that little is spent on padding. There are
    `batch_size` of them in a batch, or fewer where they are long or the vocabulary is large.
    """
    beams = settings_of(model, **options).num_beams
    most = min(batch_size, SCORES_AT_ONCE // (beams * decoder_of(model).vocab_size))
    left = np.argsort([-len(row) for row in sources], kind="stable")
    results: list[Any] = [None] * len(sources)
    with console.bar(len(sources), "translate", verbose) as bar:
        while len(left):
            count = max(1, min(most, TOKENS_AT_ONCE // len(sources[left[0]])))
            rows, left = left[:count], left[count:]
            batch = padded([sources[i] for i in rows], tokenizer.pad_id)
            texts = _texts(generate(model, batch, **options), tokenizer, len(rows))
            for i, found in zip(rows, texts, strict=True):
                results[i] = found
            bar.update(len(rows))
    return results


def _texts(found: Generated, tokenizer: PairTokenizer, rows: int) -> list[list[tuple[str, float]]]:
    texts = tokenizer.decode(found.ids.tolist())
    pairs = list(zip(texts, found.scores.tolist(), strict=True))
    each = len(pairs) // rows
    return [pairs[i * each : (i + 1) * each] for i in range(rows)]


def translated(model: keras.Model, data: EncodedPairs, batch_size: int, **options: Any) -> Any:
    """What the model makes of sources and their targets, a `TRANSLATED` array."""
    result = np.zeros(len(data), TRANSLATED)
    ends = data.offsets[1:-1]
    sources = [row.tolist() for row in np.split(data.ids, ends)]
    found = translate(model, data.tokenizer, sources, batch_size, **options)
    result["text"] = [best[0][0] for best in found]
    result["tokens"] = data.y.lengths
    result["loss"] = losses_of(model, data, batch_size) / result["tokens"]
    return result


def losses_of(model: keras.Model, data: EncodedPairs, batch_size: int) -> np.ndarray:
    """The cross-entropy of each target, summed over its tokens, (rows,)."""
    decoder, losses, order = decoder_of(model), np.zeros(len(data)), data.by_length()
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        losses[rows] = decoder.losses(data.padded(rows), data.y[rows])
    return losses
