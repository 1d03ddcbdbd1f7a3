"""Regression: each text has one number, or several."""

from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from ..data.labels import is_row
from ..errors import DataError
from ..utils.validation import shown
from .metrics import Correlation
from .task import REGRESSION, Task, register

if TYPE_CHECKING:
    from .labels import Labels


class Regression(Task):
    """Outputs are the values themselves; labels are (texts, targets) float32."""

    name = REGRESSION
    title = "regression"
    activation = "linear"
    has_classes = False
    losses: ClassVar = {
        None: lambda _: keras.losses.MeanSquaredError(),
        "mae": lambda _: keras.losses.MeanAbsoluteError(),
        "huber": lambda _: keras.losses.Huber(),
    }
    metrics: ClassVar = {
        "mae": lambda name, _: keras.metrics.MeanAbsoluteError(name=name),
        "rmse": lambda name, _: keras.metrics.RootMeanSquaredError(name=name),
        "pearson": lambda name, targets: Correlation(name, False, len(targets)),
        "spearman": lambda name, targets: Correlation(name, True, len(targets)),
    }
    default_metric = "mae"

    def classes_in(self, rows: list) -> tuple:
        """Names for the targets: "target", or "target_0", "target_1" and so on."""
        return target_names(len(rows[0]) if is_row(rows[0]) else 1)

    def describe(self, labels: "Labels") -> str:
        """One line that states the number of targets."""
        count = len(labels.classes)
        return f"task: {self.title}, {count} target{'s' * (count > 1)}"

    def encode(self, labels: "Labels", rows: list) -> np.ndarray:
        """Targets, (texts, targets) float32."""
        for i, row in enumerate(rows):
            if any(isinstance(v, str) for v in (row if is_row(row) else [row])):
                raise DataError(f"Row {i} has the target {shown(row)}, a string; make it a number.")
        try:
            array = np.array(rows, dtype="float32").reshape(len(rows), -1)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"Regression needs one number per text, or one row of them: {error}."
            ) from error
        if array.shape[1] != len(labels.classes):
            raise DataError(
                f"The labels have {array.shape[1]} targets per text; training had "
                f"{len(labels.classes)}."
            )
        wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
        if len(wrong):
            raise DataError(
                f"Row {wrong[0]} has the target {shown(rows[wrong[0]])}; remove it or fill it."
            )
        return array

    def decode(self, labels: "Labels", ids: np.ndarray) -> list:
        """One number per text, or a list of them."""
        return [row[0] if len(row) == 1 else row for row in np.asarray(ids).tolist()]

    def predicted(self, values: np.ndarray, thresholds: np.ndarray | float = 0.5) -> np.ndarray:
        """The values themselves."""
        return values

    def explained(self, values: np.ndarray, thresholds: np.ndarray) -> list[int]:
        """The first target."""
        return [0]

    def row_losses(self, y: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The squared error of each row, averaged over the targets, (rows,)."""
        return np.mean((values - y) ** 2, axis=1)

    def is_wrong(self, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Every row: a number is never exactly right."""
        return np.ones(len(y), dtype=bool)

    def confusion(self, y: np.ndarray, values: np.ndarray) -> Any:
        """The scores: there is no confusion matrix of numbers."""
        return regression_scores(y, values)

    def scores(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> dict[str, Any]:
        """MAE, RMSE, R2, Pearson and Spearman."""
        return regression_scores(y, values)

    def headline(self, y: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """Mean absolute and root mean squared error."""
        errors = np.asarray(values, dtype="float64") - y
        return {
            "MAE": float(np.abs(errors).mean()),
            "RMSE": float(np.sqrt(np.square(errors).mean())),
        }

    def score_table(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> Any:
        """One row per score."""
        import pandas as pd

        return pd.DataFrame({"value": regression_scores(y, values)})

    def report(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> str:
        """One line per score."""
        scores = regression_scores(y, values)
        return "\n".join(f"{name:>9}: {value:.4f}" for name, value in scores.items())


def target_names(count: int) -> tuple[str, ...]:
    """Names for so many targets."""
    return tuple(f"target_{i}" for i in range(count)) if count > 1 else ("target",)


def regression_scores(y: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """MAE, RMSE, R2, Pearson and Spearman over all targets; NaN where one isn't defined."""
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    x, z = np.ravel(y), np.ravel(values)
    varies = len(x) > 1 and np.ptp(x) > 0
    related = varies and np.ptp(z) > 0  # a constant has no correlation
    scores = {
        "mae": mean_absolute_error(y, values),
        "rmse": root_mean_squared_error(y, values),
        "r2": r2_score(y, values) if varies else np.nan,
        "pearson": pearsonr(x, z).statistic if related else np.nan,
        "spearman": spearmanr(x, z).statistic if related else np.nan,
    }
    return {name: float(value) for name, value in scores.items()}


register(Regression())
