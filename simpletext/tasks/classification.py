"""What single-label and multi-label classification share."""

from abc import abstractmethod
from typing import Any

import numpy as np

from ..data.labels import all_labels, is_indicator, is_row
from ..errors import DataError
from .task import Task

TINY = 1e-12  # the least probability that a logarithm is taken of
PROBE_STEPS = 100  # of L-BFGS, at most, in which a linear probe is fitted


class Classification(Task):
    """A task whose outputs are classes; reports are scikit-learn's."""

    def classes_in(self, rows: list) -> tuple:
        """The sorted label names, or column numbers of rows of 0 and 1."""
        if is_row(rows[0]) and len(rows[0]) and all(map(is_indicator, rows)):
            return tuple(range(len(rows[0])))
        try:
            found = set(all_labels(rows))
        except TypeError as error:
            raise DataError(f"Labels must be plain values such as strings: {error}.") from error
        try:
            return tuple(sorted(found))
        except TypeError as error:
            types = sorted({type(label).__name__ for label in found})
            raise DataError(
                f"The labels mix {' and '.join(types)}, which have no common order. "
                "Use one type, or give class_names."
            ) from error

    @abstractmethod
    def linear_probe(self) -> Any:
        """A scikit-learn classifier of vectors that takes encoded labels."""

    @abstractmethod
    def indicators(self, y: np.ndarray, outputs: int) -> np.ndarray:
        """1 where a text has a class, (texts, outputs) float32, from encoded labels."""

    @abstractmethod
    def label_quality(
        self, y: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How well labels fit the probabilities of models that weren't trained on them.

        Args:
            y: encoded labels.
            values: out-of-sample probabilities, (rows, outputs).

        Returns:
            A score per row from 0 to 1, low for a label that is probably wrong; whether confident
            learning (see `label_quality`) takes it for wrong, (rows,) booleans; and the labels
            that it suggests, in the form of `y`.
        """

    @abstractmethod
    def doubt(self, values: np.ndarray) -> np.ndarray:
        """How unsure a model is of each row, (rows,), from 0 to 1."""

    def scores(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> dict[str, Any]:
        """Precision, recall, F1 and support of each class, and their averages."""
        return _report(self, y, values, names, output_dict=True)

    def score_table(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> Any:
        """The report with one row per class and average."""
        import pandas as pd

        rows = {
            name: row if isinstance(row, dict) else {"f1-score": row, "support": len(y)}
            for name, row in self.scores(y, values, names).items()
        }
        return pd.DataFrame(rows).T

    def report(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> str:
        """scikit-learn's classification report."""
        return _report(self, y, values, names, digits=3)


def _report(task: Task, y: np.ndarray, values: np.ndarray, names: list[str], **options: Any) -> Any:
    """scikit-learn's report; classes without a row are in it, with zeros."""
    from sklearn.metrics import classification_report

    return classification_report(
        y,
        task.predicted(values),
        labels=range(len(names)),
        target_names=names,
        zero_division=0,
        **options,
    )
