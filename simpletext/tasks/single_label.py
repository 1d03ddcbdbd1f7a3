"""Single-label classification: each text has exactly one class."""

from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from ..data.delimited import list_hint
from ..data.labels import is_row
from ..errors import DataError
from .classification import PROBE_STEPS, TINY, Classification
from .label_quality import confident_classes, given_against_others, lowest
from .losses import FOCUS, SparseCrossentropy
from .metrics import AreaUnderCurve, confusion_score
from .task import MULTI, SINGLE, register

if TYPE_CHECKING:
    from .labels import Labels


def _cross_entropy(smoothing: float) -> keras.losses.Loss:
    if smoothing:
        return SparseCrossentropy(0.0, smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class SingleLabel(Classification):
    """Softmax over the classes; labels are class numbers, (texts,) int32."""

    name = SINGLE
    title = "single-label classification"
    has_one_class = True
    label_dtype = "int32"
    losses: ClassVar = {
        None: _cross_entropy,
        "focal": lambda smoothing: SparseCrossentropy(FOCUS, smoothing, "focal"),
    }
    metrics: ClassVar = {
        "accuracy": lambda name, _: keras.metrics.SparseCategoricalAccuracy(name=name),
        "f1": confusion_score("f1_macro", SINGLE),
        "f1_macro": confusion_score("f1_macro", SINGLE),
        "f1_micro": confusion_score("f1_micro", SINGLE),
        "f1_weighted": confusion_score("f1_weighted", SINGLE),
        "auc": lambda name, classes: AreaUnderCurve(name, SINGLE, len(classes)),
        "mcc": confusion_score("mcc", SINGLE),
    }
    default_metric = "accuracy"

    def check_classes(self, classes: tuple) -> None:
        """Refuse a single class."""
        if len(classes) < 2:
            raise DataError(
                f"All labels are {classes[0]!r}; a classification needs two classes or more. "
                "If another one is possible, name them all in class_names."
            )

    def encode(self, labels: "Labels", rows: list) -> np.ndarray:
        """Class numbers, (texts,) int32, from labels or one-hot rows."""
        if rows and is_row(rows[0]):
            return self._encode_one_hot(labels, rows)
        return np.array([labels.index_of(row, i) for i, row in enumerate(rows)], dtype="int32")

    def _encode_one_hot(self, labels: "Labels", rows: list) -> np.ndarray:
        array = labels.indicator(rows)
        wrong = np.flatnonzero(array.sum(axis=1) != 1)
        if len(wrong):
            raise DataError(
                f"Row {wrong[0]} of the one-hot labels has {int(array[wrong[0]].sum())} ones "
                "where a single-label task needs exactly one. "
                f"For none or several labels per text use task={MULTI!r}."
            )
        return array.argmax(axis=1).astype("int32")

    def decode(self, labels: "Labels", ids: np.ndarray) -> list:
        """The class of each text."""
        return [labels.classes[i] for i in ids]

    def hint(self, labels: "Labels") -> str:
        """Whether the classes look like several labels in one string, and what to do."""
        return list_hint(labels.classes)

    def strata(self, ids: np.ndarray) -> np.ndarray | None:
        """The class numbers themselves."""
        return ids

    def counts(self, ids: np.ndarray, outputs: int) -> np.ndarray:
        """Texts per class, (outputs,)."""
        return np.bincount(ids, minlength=outputs)

    def predicted(self, values: np.ndarray, thresholds: np.ndarray | float = 0.5) -> np.ndarray:
        """The most probable class of each text, (texts,)."""
        return values.argmax(axis=1)

    def linear_probe(self) -> Any:
        """Multinomial logistic regression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=PROBE_STEPS)

    def indicators(self, y: np.ndarray, outputs: int) -> np.ndarray:
        """One-hot rows."""
        return np.eye(outputs, dtype="float32")[y]

    def label_quality(
        self, y: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By the given class's share against the best other one, which is suggested."""
        given = self.indicators(y, values.shape[1])
        confident = confident_classes(given, values)
        scores = given_against_others(given, values)
        count = int(((confident >= 0) & (confident != y)).sum())
        return scores, lowest(scores, count), (values - 2 * given).argmax(axis=1)

    def doubt(self, values: np.ndarray) -> np.ndarray:
        """By how little the most probable class is ahead of the second."""
        second, first = np.sort(values, axis=1)[:, -2:].T
        return 1 - (first - second)

    def explained(self, values: np.ndarray, thresholds: np.ndarray) -> list[int]:
        """The most probable class."""
        return [int(np.argmax(values))]

    def row_losses(self, y: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Cross-entropy of each row, (rows,)."""
        return -np.log(np.maximum(values[np.arange(len(y)), y], TINY))

    def is_wrong(self, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Rows with another class than predicted."""
        return predicted != y

    def confidence(self, values: np.ndarray) -> np.ndarray | None:
        """The probability of the predicted class, (rows,)."""
        return values.max(axis=1)

    def confusion(self, y: np.ndarray, values: np.ndarray) -> Any:
        """The confusion matrix, (classes, classes), rows true, columns predicted."""
        from sklearn.metrics import confusion_matrix

        return confusion_matrix(y, self.predicted(values), labels=range(values.shape[1]))

    def headline(self, y: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """Accuracy, and the mean F1 of the classes that occur."""
        predicted, count = self.predicted(values), values.shape[1]
        right = np.bincount(y[predicted == y], minlength=count)
        both = np.bincount(y, minlength=count) + np.bincount(predicted, minlength=count)
        return {
            "accuracy": float(np.mean(predicted == y)),
            "macro F1": float(np.mean(2 * right[both > 0] / both[both > 0])),
        }

    def report(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> str:
        """scikit-learn's report, and the accuracy."""
        accuracy = np.mean(y == self.predicted(values))
        text = super().report(y, values, names)
        return f"{text}\naccuracy {accuracy:.4f} on {len(y)} rows"


register(SingleLabel())
