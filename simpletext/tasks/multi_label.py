"""Multi-label classification: each text has any number of the classes."""

from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from ..data.labels import is_indicator, is_row, require_indicators
from ..errors import DataError
from ..utils.validation import shown
from .classification import PROBE_STEPS, TINY, Classification
from .label_quality import confident_classes
from .losses import FOCUS
from .metrics import AreaUnderCurve, confusion_score
from .task import MULTI, register

if TYPE_CHECKING:
    from .labels import Labels


class MultiLabel(Classification):
    """A sigmoid for each class; labels are rows of 0 and 1, (texts, classes) float32."""

    name = MULTI
    title = "multi-label classification"
    activation = "sigmoid"
    has_thresholds = True
    losses: ClassVar = {
        None: lambda smoothing: keras.losses.BinaryCrossentropy(True, smoothing),
        "focal": lambda smoothing: keras.losses.BinaryFocalCrossentropy(
            gamma=FOCUS, from_logits=True, label_smoothing=smoothing
        ),
    }
    metrics: ClassVar = {
        "accuracy": lambda name, _: keras.metrics.BinaryAccuracy(threshold=0.0, name=name),
        "f1": confusion_score("f1_macro", MULTI),
        "f1_macro": confusion_score("f1_macro", MULTI),
        "f1_micro": confusion_score("f1_micro", MULTI),
        "f1_weighted": confusion_score("f1_weighted", MULTI),
        "auc": lambda name, classes: AreaUnderCurve(name, MULTI, len(classes)),
    }
    default_metric = "accuracy"
    selection_metric = "f1_micro"  # accuracy is high for a model that predicts no label at all

    def encode(self, labels: "Labels", rows: list) -> np.ndarray:
        """Rows of 0 and 1, (texts, classes) float32, from such rows or lists of names."""
        if all(map(is_indicator, rows)) and any(len(row) for row in rows):
            return labels.indicator(rows)
        if _are_columns(rows, len(labels.classes)):
            require_indicators(rows)
        encoded = np.zeros((len(rows), len(labels.classes)), dtype="float32")
        for i, row in enumerate(rows):
            if not is_row(row):
                raise DataError(
                    f"Row {i} has the label {shown(row)}; a multi-label task needs a list of "
                    "labels, or a row of 0 and 1. If one string has several labels, split it, or "
                    "pass label_sep= where the table is read."
                )
            encoded[i, [labels.index_of(label, i) for label in row]] = 1.0
        return encoded

    def decode(self, labels: "Labels", ids: np.ndarray) -> list:
        """The list of classes of each text."""
        return [[labels.classes[j] for j in np.flatnonzero(row)] for row in np.asarray(ids)]

    def predicted(self, values: np.ndarray, thresholds: np.ndarray | float = 0.5) -> np.ndarray:
        """1 where a probability is at or above its threshold, (texts, classes) float32."""
        return (values >= thresholds).astype("float32")

    def linear_probe(self) -> Any:
        """One logistic regression per class."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        return OneVsRestClassifier(LogisticRegression(max_iter=PROBE_STEPS))

    def indicators(self, y: np.ndarray, outputs: int) -> np.ndarray:
        """The labels themselves."""
        return y

    def label_quality(
        self, y: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By the class that fits worst; suggests the opposite of each confidently wrong entry."""
        wrong: Any = np.zeros(y.shape, bool)
        for j, chance in enumerate(values.T):
            given = np.stack([1 - y[:, j], y[:, j]], axis=1)
            confident = confident_classes(given, np.stack([1 - chance, chance], axis=1))
            wrong[:, j] = (confident >= 0) & (confident != y[:, j])
        right = np.where(y > 0.5, values, 1 - values)
        return right.min(axis=1), wrong.any(axis=1), np.where(wrong, 1 - y, y)

    def doubt(self, values: np.ndarray) -> np.ndarray:
        """That of the class nearest to 0.5."""
        return 1 - np.abs(2 * values - 1).min(axis=1)

    def explained(self, values: np.ndarray, thresholds: np.ndarray) -> list[int]:
        """The predicted classes, or the most probable one if there is none."""
        order = [int(i) for i in np.argsort(-values, kind="stable")]
        return [i for i in order if values[i] >= thresholds[i]] or order[:1]

    def row_losses(self, y: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Binary cross-entropy of each row, averaged over the classes, (rows,)."""
        right = np.where(y > 0.5, values, 1.0 - values)
        return -np.log(np.maximum(right, TINY)).mean(axis=1)

    def is_wrong(self, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Rows in which a class differs."""
        return (predicted != y).any(axis=1)

    def confidence(self, values: np.ndarray) -> np.ndarray | None:
        """The confidence in the least certain class, (rows,)."""
        return np.maximum(values, 1.0 - values).min(axis=1)

    def headline(self, y: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """The F1 over all labels, and the mean F1 of the labels that occur."""
        predicted, true = self.predicted(values) > 0, y > 0.5
        right, both = (predicted & true).sum(axis=0), predicted.sum(axis=0) + true.sum(axis=0)
        return {
            "micro F1": float(2 * right.sum() / max(both.sum(), 1)),
            "macro F1": float(np.mean(2 * right[both > 0] / both[both > 0])) if any(both) else 0.0,
        }

    def confusion(self, y: np.ndarray, values: np.ndarray) -> Any:
        """One 2 x 2 confusion matrix per class, (classes, 2, 2)."""
        from sklearn.metrics import multilabel_confusion_matrix

        return multilabel_confusion_matrix(y, self.predicted(values))


def _are_columns(rows: list, classes: int) -> bool:
    """Whether rows of whole numbers are one column per class, and not lists of class numbers."""
    numbers = all(is_row(row) and all(type(v) is int for v in row) for row in rows)
    if not numbers or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        return False
    return len(rows[0]) == classes or any(len(set(row)) < len(row) for row in rows)


register(MultiLabel())
