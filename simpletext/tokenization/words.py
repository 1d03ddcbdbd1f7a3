"""Words and tokens: which token is a word's first one, whose label is the word's.

Words of raw text are those of PyTorch's token classification pipeline with
`aggregation_strategy="first"`, but for scripts without spaces, where each token is a word.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .encoded_texts import EncodedTexts
from .layout import Layout
from .scripts import has_dense, is_dense
from .tokenizer import Tokenizer

CHUNK = 1000  # texts per call, as in `Tokenizer`


def encode_words(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    words: Sequence[np.ndarray] | None,
    maxlen: int,
    layout: Layout,
    stride: int | None = None,
) -> tuple[EncodedTexts, np.ndarray]:
    """Texts with their words as token ids; and how many windows each text has, (texts,).

    Args:
        tokenizer: the checkpoint's.
        texts: the texts.
        words: where their words stand (see `Sentences.words`); None to find them.
        maxlen: tokens per text.
        layout: how batches are laid out.
        stride: tokens that windows of a long text have in common; None cuts it to maxlen.

    Raises:
        ArgumentError: a tokenizer that returns no offsets.
    """
    if not tokenizer.is_fast:
        raise ArgumentError(
            "This model's tokenizer is written in Python and returns no token offsets, which "
            "token classification needs. Use a checkpoint with a tokenizer.json."
        )
    counts: list[int] = []
    found: list[np.ndarray] = []

    def chunks() -> Iterator[EncodedTexts]:
        for start in range(0, len(texts), CHUNK):
            part = list(texts[start : start + CHUNK])
            known = None if words is None else words[start : start + CHUNK]
            encodings = tokenizer.encodings(part, maxlen, stride or 0, first_row=start)
            chunk, sizes = _chunk(tokenizer, encodings, part, known, layout, stride, found)
            counts.extend(sizes)
            yield chunk

    data = EncodedTexts.concat(chunks(), layout, texts)
    return data.with_words(found), np.array(counts, "int64")


def _chunk(
    tokenizer: Tokenizer, encodings: list[Any], texts: list[str], words: Any, layout: Layout,
    stride: int | None, found: list[np.ndarray],
) -> tuple[EncodedTexts, list[int]]:  # fmt: skip
    ids, types, word_ids, full, sizes = [], [], [], [], []
    for row, encoding in enumerate(encodings):
        parts = [encoding, *encoding.overflowing]
        places = words[row] if words is not None else words_in(texts[row], parts, tokenizer)
        found.append(places)
        taken = parts if stride is not None else parts[:1]
        ids += [part.ids for part in taken]
        types += [part.type_ids for part in taken]
        word_ids += [first_tokens(part, places, texts[row]) for part in taken]
        whole = sum(len(p.ids) - sum(p.special_tokens_mask) for p in parts)
        special = sum(encoding.special_tokens_mask)
        full += [whole + special] if stride is None else [len(part.ids) for part in taken]
        sizes.append(len(taken))
    chunk = EncodedTexts.gather(ids, types, full, layout)
    return chunk.with_word_ids(np.concatenate(word_ids)), sizes


def first_tokens(encoding: Any, words: np.ndarray, text: str) -> np.ndarray:
    """For each token the number of the word whose first one it is, else -1: (tokens,) int32.

    Args:
        encoding: of `tokenizers`.
        words: the words' places in the text, (words, 2).
        text: the text.
    """
    numbers = np.full(len(encoding.ids), -1, "int32")
    if not len(words):
        return numbers
    starts, ends = words.T.tolist()
    last, seen = -1, False
    places = zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
    for token, ((start, end), special) in enumerate(places):
        if end <= start or special:
            continue
        word = bisect_right(ends, _without_space(text, start, end))
        if word < len(starts) and starts[word] < end and word > last:
            last = word
            # A window may begin within a word, whose first token is then in the one before.
            if seen or start <= starts[word]:
                numbers[token] = word
        seen = True
    return numbers


def words_in(text: str, parts: Sequence[Any], tokenizer: Tokenizer) -> np.ndarray:
    """Where the words of a text stand, (words, 2) int32.

    Args:
        text: the text.
        parts: its encoding, and that of what is behind maxlen.
        tokenizer: what made them.
    """
    marked, unknown, dense = tokenizer.marks_subwords, tokenizer.unk_id, has_dense(text)
    words: list[list[int]] = []
    before, reached = None, 0
    for part in parts:
        rows = zip(part.ids, part.offsets, part.word_ids, part.special_tokens_mask, strict=True)
        for token, (start, end), group, special in rows:
            if special or end <= reached or start >= len(text):  # windows have tokens in common
                continue
            overlaps, reached = start < reached, end  # a lone space mark stands for a letter too
            goes_on = group == before if marked else _no_space(text, start)
            if dense and words and is_dense(text[start]) and is_dense(text[start - 1]):
                goes_on = False
            before = group
            if words and (overlaps or (goes_on and token != unknown)):
                words[-1][1] = end
            elif end > (begin := _without_space(text, start, end)):
                words.append([begin, end])
    return np.array(words, "int32").reshape(-1, 2)


def _no_space(text: str, start: int) -> bool:
    return start > 0 and " " not in text[start - 1 : start + 1]


def _without_space(text: str, start: int, end: int) -> int:
    """Where a token begins without the spaces that some tokenizers count to it."""
    while start < end and text[start].isspace():
        start += 1
    return start
