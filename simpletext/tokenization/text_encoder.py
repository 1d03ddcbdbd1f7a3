"""`TextEncoder`: raw texts in, token ids for one model out."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..errors import DataError
from ..utils import console
from .cache import cached, fingerprint
from .encoded_texts import EncodedTexts
from .layout import Layout
from .tokenizer import Tokenizer
from .windows import OVERLAP, windows_of
from .words import encode_words

LONG = 20_000  # texts that take long enough for a progress bar


class TextEncoder:
    """Raw texts in, token ids out: used for training and for prediction alike.

    Args:
        tokenizer: the checkpoint's.
        maxlen: maximum number of tokens per text; longer texts are truncated.
        layout: how the model's batches are laid out.
        paired: whether texts must be pairs; None allows both.
    """

    def __init__(
        self, tokenizer: Tokenizer, maxlen: int, layout: Layout, paired: bool | None = None
    ) -> None:
        self.tokenizer, self.maxlen, self.layout, self.paired = tokenizer, maxlen, layout, paired

    def encode(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        cache_dir: str | os.PathLike | None = None,
        verbose: int = 0,
    ) -> EncodedTexts:
        """Checked texts (see `as_texts`) as token ids, without labels.

        Args:
            texts: the texts, or the first ones of pairs.
            pairs: the second texts of pairs, or None.
            cache_dir: a folder for the ids, which are then memory-mapped.
            verbose: 1 shows a progress bar for many texts.

        Raises:
            DataError: pairs for a model of single texts, or the other way round.
        """
        self.check_pairs(pairs)

        def chunks() -> Iterator[EncodedTexts]:
            with console.bar(len(texts), "tokenizing", verbose and len(texts) > LONG) as bar:
                for chunk in self.tokenizer.encode(texts, pairs, self.maxlen):
                    yield chunk
                    bar.update(len(chunk))

        if cache_dir is None:
            data = EncodedTexts.concat(chunks(), self.layout, texts, pairs)
            return replace(data, maxlen=self.maxlen)
        parts = [self.tokenizer.fingerprint(), str(self.maxlen).encode()]
        name = fingerprint(parts, texts, pairs)
        data = cached(cache_dir, name, chunks, self.layout, texts, pairs)
        return replace(data, maxlen=self.maxlen)

    def windows(
        self, texts: list[str], pairs: list[str] | None = None
    ) -> tuple[EncodedTexts, np.ndarray]:
        """Long texts in overlapping windows, and how many each text has, (texts,)."""
        self.check_pairs(pairs)
        return windows_of(self.tokenizer, texts, pairs, self.maxlen, self.layout)

    def encode_words(
        self, texts: Sequence[str], words: Sequence[np.ndarray] | None = None
    ) -> EncodedTexts:
        """Texts as token ids, with the words whose first tokens have labels.

        Args:
            texts: single texts.
            words: where their words stand (see `Sentences`); None to find them.
        """
        data, _ = encode_words(self.tokenizer, texts, words, self.maxlen, self.layout)
        return replace(data, maxlen=self.maxlen)

    def word_windows(
        self, texts: Sequence[str], words: Sequence[np.ndarray] | None = None
    ) -> tuple[EncodedTexts, np.ndarray]:
        """The same in overlapping windows, and how many each text has, (texts,)."""
        stride = int(self.maxlen * OVERLAP)
        return encode_words(self.tokenizer, texts, words, self.maxlen, self.layout, stride)

    def check_pairs(self, pairs: Sequence[str] | None) -> None:
        """Refuse pairs for a model of single texts, and single texts for a model of pairs."""
        paired = pairs is not None
        if self.paired not in (None, paired):
            kinds = {True: "pairs of texts", False: "single texts"}
            raise DataError(
                f"These are {kinds[paired]}, but the model was trained on {kinds[self.paired]}. "
                f"Pass {kinds[self.paired]}."
            )
