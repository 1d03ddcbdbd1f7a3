"""`Pipeline`: raw texts in, a model's logits out."""

import os
from typing import Any

import keras
import numpy as np

from ..data.texts import as_texts
from ..errors import DataError
from ..models.loading import architecture_of, layout_for
from ..tokenization.encoded_texts import EncodedTexts, pack
from ..tokenization.tokenizer import Tokenizer
from ..tokenization.windows import check_long_text, windows_of
from ..utils import console
from .forward import check_process, predict_logits


class Pipeline:
    """Raw texts in, logits out; from any thread, but not in a fork.

    Args:
        model: dict of ids -> logits.
        tokenizer: the checkpoint's.
        maxlen: tokens of a text that the model sees.
        paired: whether it takes pairs of texts; None for both.
    """

    def __init__(
        self, model: keras.Model, tokenizer: Tokenizer, maxlen: int, paired: bool | None
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.maxlen, self.paired = maxlen, paired
        self._layout = layout_for(architecture_of(model).config, tokenizer.layout)
        self._process = os.getpid()
        self._told_of_cuts = False

    def encode(
        self, rows: Any, long_text: str = "truncate", verbose: int = 0
    ) -> tuple[EncodedTexts, np.ndarray | None]:
        """Texts as ids; for "chunk" all windows, and how many each text has.

        Raises:
            DataError: texts that can't be used, or aren't what the model was trained on.
            ArgumentError: another `long_text`.
        """
        check_long_text(long_text)
        texts, pairs = as_texts(rows)
        self._check_pairs(pairs)
        if long_text == "chunk":
            return windows_of(self.tokenizer, texts, pairs, self.maxlen, self._layout)
        encodings = self.tokenizer.encode(texts, pairs, self.maxlen)
        data = pack(encodings, self._layout, texts, pairs)
        self._tell_of_cuts(data, verbose)
        return data, None

    def logits(self, data: EncodedTexts, batch_size: int, verbose: int = 0) -> np.ndarray:
        """The model's outputs for encoded texts, (texts, labels) float32."""
        check_process(self._process)
        return predict_logits(self.model, data, batch_size, verbose)

    def _check_pairs(self, pairs: list[str] | None) -> None:
        if self.paired not in (None, pairs is not None):
            kinds = {True: "pairs of texts", False: "single texts"}
            raise DataError(
                f"These are {kinds[pairs is not None]}, but the model was trained on "
                f"{kinds[pairs is None]}. Give {kinds[pairs is None]}."
            )

    def _tell_of_cuts(self, data: EncodedTexts, verbose: int) -> None:
        """Say what wasn't seen, at the first time and whenever the user wants to be told."""
        cut = int(data.truncated.sum())
        if cut and (verbose or not self._told_of_cuts):
            self._told_of_cuts = True
            console.say(
                f"{cut} of {len(data)} texts were cut to {self.maxlen} tokens; "
                'long_text="chunk" reads them whole.'
            )
