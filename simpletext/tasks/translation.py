"""Translation: each text has another text, in another language."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from ..errors import ArgumentError
from ..utils.validation import require_number
from .labels import Labels
from .task import Task

TRANSLATION = "translation"
IGNORED = -1  # where a batch of targets is padded

# What a model made of some rows: the text it wrote, and the loss of the right one per token.
TRANSLATED = np.dtype([("text", object), ("loss", "float64"), ("tokens", "int64")])


@keras.saving.register_keras_serializable("simpletext")
class TokenCrossentropy(keras.losses.Loss):
    """Cross-entropy per token of the targets, from logits; padding counts for nothing.

    Args:
        label_smoothing: probability that is spread over all tokens
            (https://arxiv.org/abs/1512.00567).
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "loss", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.label_smoothing = require_number("label_smoothing", label_smoothing, 0.0, 0.99)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Losses whose mean is the mean over all tokens, (batch, length).

        Args:
            y_true: ids, `IGNORED` for padding, (batch, length).
            y_pred: logits, (batch, length, vocabulary).
        """
        y_pred = ops.cast(y_pred, "float32")
        is_token = ops.cast(ops.not_equal(y_true, IGNORED), "float32")
        ids = ops.cast(ops.maximum(y_true, 0), "int32")
        loss = ops.sparse_categorical_crossentropy(ids, y_pred, from_logits=True)
        if self.label_smoothing:
            right = ops.squeeze(ops.take_along_axis(y_pred, ids[..., None], axis=-1), -1)
            loss = loss + self.label_smoothing * (right - ops.mean(y_pred, axis=-1))
        return loss * is_token / ops.maximum(ops.mean(is_token), 1e-9)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return super().get_config() | {"label_smoothing": self.label_smoothing}


class Translation(Task):
    """Labels are texts; their numbers are the ids of their tokens.

    It has no place among the tasks of `Transformer`: `Seq2Seq` is its way in.
    """

    name = TRANSLATION
    title = "translation"
    has_classes = False
    losses: ClassVar = {None: TokenCrossentropy}
    metrics: ClassVar = {}
    default_metric = ""

    def classes_in(self, rows: list) -> tuple:
        """None: a text can be any."""
        return ()

    def describe(self, labels: Labels) -> str:
        """One line that states the task."""
        return f"task: {self.title}"

    def encode(self, labels: Labels, rows: list) -> np.ndarray:
        """The texts, (texts,)."""
        return np.array(rows, dtype=object)

    def decode(self, labels: Labels, ids: np.ndarray) -> list:
        """The texts as a list."""
        return list(ids)

    def returned(self, values: np.ndarray) -> Any:
        """The translations as a list of texts."""
        return values["text"].tolist()

    def predicted(self, values: np.ndarray, thresholds: np.ndarray | float = 0.5) -> np.ndarray:
        """The translations, (rows,)."""
        return values["text"]

    def explained(self, values: np.ndarray, thresholds: np.ndarray) -> list[int]:
        """Nothing: `Translator.attention` shows what a translation depends on."""
        return []

    def row_losses(self, y: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The loss per token of each row's target, (rows,)."""
        return values["loss"]

    def is_wrong(self, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Every row: a translation is never simply right."""
        return np.ones(len(y), dtype=bool)

    def confusion(self, y: np.ndarray, values: np.ndarray) -> Any:
        """The scores: there is no confusion matrix of texts."""
        return self.scores(y, values, [])

    def scores(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> dict[str, Any]:
        """SacreBLEU and chrF with their signatures, and the perplexity of the targets."""
        total = (values["loss"] * values["tokens"]).sum()
        perplexity = float(np.exp(total / max(values["tokens"].sum(), 1)))
        return corpus_scores(values["text"].tolist(), list(y)) | {"perplexity": perplexity}

    def score_table(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> Any:
        """One row per score."""
        import pandas as pd

        return pd.DataFrame({"value": self.scores(y, values, names)})

    def report(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> str:
        """One line per score."""
        scores = self.scores(y, values, names)
        return (
            f"BLEU {scores['bleu']:.2f}  ({scores['bleu_signature']})\n"
            f"chrF {scores['chrf']:.2f}  ({scores['chrf_signature']})\n"
            f"perplexity {scores['perplexity']:.3f}"
        )


def corpus_scores(translations: list[str], references: list[str]) -> dict[str, Any]:
    """BLEU and chrF of translations, from 0 to 100, by sacrebleu with its signatures.

    https://aclanthology.org/W18-6319 says why the signature belongs to the number.

    Raises:
        ArgumentError: the package sacrebleu isn't installed.
    """
    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ImportError as error:
        raise ArgumentError(
            "Scores of translations need the package sacrebleu: "
            "pip install 'simpletext-keras[translation]'"
        ) from error
    found: dict[str, Any] = {}
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        found[name] = float(metric.corpus_score(translations, [references]).score)
        found[f"{name}_signature"] = str(metric.get_signature())
    return found


KIND = Translation()


@dataclass(frozen=True)
class TranslationLabels(Labels):
    """Labels that are texts."""

    task: str = TRANSLATION
    classes: tuple = ()

    @cached_property
    def kind(self) -> Task:
        """The task."""
        return KIND
