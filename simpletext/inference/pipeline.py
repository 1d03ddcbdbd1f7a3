"""`Pipeline`: raw texts in, a model's logits out."""

from typing import Any

import keras
import numpy as np

from ..data.labels import collected
from ..data.texts import as_texts
from ..errors import DataError
from ..tasks.labels import Labels
from ..tokenization.encoded_texts import EncodedTexts, LabelledTexts
from ..tokenization.tagged_texts import encode_tagged, sentences_of
from ..tokenization.text_encoder import TextEncoder
from ..tokenization.windows import check_long_text
from ..utils import console
from ..utils.validation import require_verbose
from .forward import predict_logits
from .outputs import check_ids


class Pipeline:
    """Raw texts in, logits out; from any thread, but not in a forked process.

    Args:
        model: dict of ids -> logits.
        encoder: texts -> ids.
        per_token: whether words have predictions, not texts.
    """

    def __init__(self, model: keras.Model, encoder: TextEncoder, per_token: bool = False) -> None:
        self.model, self.encoder, self.per_token = model, encoder, per_token
        self._reported_truncation = False

    def encode(
        self, rows: Any, long_text: str = "truncate", verbose: int = 0
    ) -> tuple[EncodedTexts, np.ndarray | None]:
        """Texts as ids; for "chunk" all windows, and how many each text has.

        Raises:
            DataError: texts that can't be used, or aren't what the model was trained on.
            ArgumentError: another `long_text`.
        """
        require_verbose(verbose)
        check_long_text(long_text)
        whole = long_text == "chunk"
        # For words, the second part is where they stand; else it is the pairs' second texts.
        parts = sentences_of(rows) if self.per_token else as_texts(rows)
        if whole and self.per_token:
            return self.encoder.word_windows(*parts)
        if whole:
            return self.encoder.windows(*parts)
        encode = self.encoder.encode_words if self.per_token else self.encoder.encode
        data = encode(*parts)
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


def validation_logits(
    pipeline: Pipeline, batch_size: int, labels: Labels, texts: Any, y: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of validation data, one row per prediction.

    Args:
        pipeline: texts -> logits.
        batch_size: texts at a time.
        labels: the predictor's.
        texts: texts, or encoded texts with their labels.
        y: the texts' labels.

    Raises:
        DataError: no labels, or labels that don't fit.
    """
    if not isinstance(texts, LabelledTexts):
        texts = _labelled(pipeline, labels, texts, collected(y))
    if texts.labels != labels:
        raise DataError("These data have other classes than the predictor.")
    kind = labels.kind
    return kind.flat(pipeline.logits(texts, batch_size)), kind.flat(texts.y)


def _labelled(pipeline: Pipeline, labels: Labels, texts: Any, y: Any) -> LabelledTexts:
    if y is None:
        raise DataError("Labels are missing: pass texts and labels, or preprocess_test's data.")
    if pipeline.per_token:
        data, tags = encode_tagged(pipeline.encoder, texts, y, None, verbose=0)
        return data.with_labels(labels.encode(tags), labels)
    true, (data, _) = labels.encode(y), pipeline.encode(texts)
    if len(data) != len(true):
        raise DataError(f"There are {len(data)} texts and {len(true)} labels.")
    return data.with_labels(true, labels)
