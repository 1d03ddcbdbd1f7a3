"""`Pipeline`: raw texts in, a model's logits out."""

from typing import Any

import keras
import numpy as np

from ..data.texts import as_texts
from ..tokenization.encoded_texts import EncodedTexts
from ..tokenization.text_encoder import TextEncoder
from ..tokenization.windows import check_long_text
from ..utils import console
from .forward import predict_logits
from .outputs import check_ids


class Pipeline:
    """Raw texts in, logits out; from any thread, but not in a forked process.

    Args:
        model: dict of ids -> logits.
        encoder: texts -> ids.
    """

    def __init__(self, model: keras.Model, encoder: TextEncoder) -> None:
        self.model, self.encoder = model, encoder
        self._reported_truncation = False

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
        if long_text == "chunk":
            return self.encoder.windows(texts, pairs)
        data = self.encoder.encode(texts, pairs)
        self._report_truncation(data, verbose)
        return data, None

    def logits(self, data: EncodedTexts, batch_size: int, verbose: int = 0) -> np.ndarray:
        """The model's outputs for encoded texts, (texts, labels) float32."""
        check_ids(data, self.model)
        return predict_logits(self.model, data, batch_size, verbose)

    def _report_truncation(self, data: EncodedTexts, verbose: int) -> None:
        """Print how many texts were truncated: the first time, and later with `verbose`."""
        cut = int(data.truncated.sum())
        if cut and (verbose or not self._reported_truncation):
            self._reported_truncation = True
            console.note(
                f"{cut} of {len(data)} texts were cut to {self.encoder.maxlen} tokens; "
                'long_text="chunk" reads them whole.'
            )
