"""What single-label and multi-label classification share."""

from typing import Any

import numpy as np

from ..data.labels import all_labels, is_indicator, is_row
from ..errors import DataError
from .task import Task

TINY = 1e-12  # the least probability that a logarithm is taken of


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
