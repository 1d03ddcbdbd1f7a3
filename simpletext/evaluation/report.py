"""What a trained model gets right and wrong: reports and top losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..tasks.labels import MULTI, REGRESSION, SINGLE, Labels


def probabilities(logits: np.ndarray, labels: Labels) -> np.ndarray:
    """Logits as probabilities: softmax, sigmoid, or as they are, by the task."""
    task = labels.task
    logits = np.asarray(logits, dtype="float64")
    if task == REGRESSION:
        return logits.astype("float32")
    if task == MULTI:
        return (1.0 / (1.0 + np.exp(-logits))).astype("float32")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype("float32")


@dataclass(frozen=True)
class Seen:
    """Rows that a model has looked at, in the data's own order.

    Attributes:
        predicted: probabilities, (rows, classes), or values, (rows, targets).
        y: labels as numbers (see `Labels.encode`).
        labels: the task and classes.
        texts, pairs: the texts behind the rows; None where there are none.
    """

    predicted: np.ndarray
    y: np.ndarray
    labels: Labels
    texts: Sequence[str] | None = None
    pairs: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def answers(self) -> np.ndarray:
        """What the model says, in the form of `y`."""
        if self.labels.task == REGRESSION:
            return self.predicted
        if self.labels.task == MULTI:
            return (self.predicted >= 0.5).astype(self.y.dtype)
        return self.predicted.argmax(axis=1)


def names_of(labels: Labels, class_names: Sequence[Any] = ()) -> list[str]:
    """What to call the classes in a report."""
    names = [str(name) for name in class_names] or labels.names
    if len(names) != len(labels.classes):
        raise ArgumentError(
            f"class_names has {len(names)} names; the data have {len(labels.classes)} classes."
        )
    return names


def describe_validation(seen: Seen, class_names: Sequence[Any] = ()) -> str:
    """A report as text."""
    if seen.labels.task == REGRESSION:
        scores = regression_scores(seen.y, seen.predicted)
        return "\n".join(f"{name:>9}: {value:.4f}" for name, value in scores.items())
    text = _classification(seen, names_of(seen.labels, class_names), digits=3)
    if seen.labels.task == MULTI:
        return text
    return f"{text}\naccuracy {np.mean(seen.y == seen.answers):.4f} on {len(seen)} rows"


def validation_scores(seen: Seen, class_names: Sequence[Any] = ()) -> dict[str, Any]:
    """A report as a dict: for each class precision, recall and so on; for regression scores."""
    if seen.labels.task == REGRESSION:
        return regression_scores(seen.y, seen.predicted)
    return _classification(seen, names_of(seen.labels, class_names), output_dict=True)


def validation_table(seen: Seen, class_names: Sequence[Any] = ()) -> Any:
    """A report as a DataFrame, a row a class and average; for regression a row a score."""
    import pandas as pd

    scores = validation_scores(seen, class_names)
    if seen.labels.task == REGRESSION:
        return pd.DataFrame({"value": scores})
    rows = {
        name: values if isinstance(values, dict) else {"f1-score": values, "support": len(seen)}
        for name, values in scores.items()
    }
    return pd.DataFrame(rows).T


def confusion(seen: Seen) -> Any:
    """The confusion matrix; for multi-label one a label; for regression a dict of scores."""
    from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

    if seen.labels.task == REGRESSION:
        return regression_scores(seen.y, seen.predicted)
    if seen.labels.task == MULTI:
        return multilabel_confusion_matrix(seen.y, seen.answers)
    return confusion_matrix(seen.y, seen.answers, labels=range(len(seen.labels.classes)))


def _classification(seen: Seen, names: list[str], **options: Any) -> Any:
    """scikit-learn's report; classes that no row has are in it, with zeros."""
    from sklearn.metrics import classification_report

    return classification_report(
        seen.y,
        seen.answers,
        labels=range(len(names)),
        target_names=names,
        zero_division=0,
        **options,
    )


def regression_scores(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """MAE, RMSE, R2, Pearson and Spearman over all targets; NaN where one isn't defined."""
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    x, z = np.ravel(y), np.ravel(predicted)
    varies = len(x) > 1 and np.ptp(x) > 0
    related = varies and np.ptp(z) > 0  # a constant has no correlation
    scores = {
        "mae": mean_absolute_error(y, predicted),
        "rmse": root_mean_squared_error(y, predicted),
        "r2": r2_score(y, predicted) if varies else np.nan,
        "pearson": pearsonr(x, z).statistic if related else np.nan,
        "spearman": spearmanr(x, z).statistic if related else np.nan,
    }
    return {name: float(value) for name, value in scores.items()}


def losses(seen: Seen) -> np.ndarray:
    """The loss of each row, (rows,), from probabilities (or regression values)."""
    y, predicted, tiny = seen.y, seen.predicted, 1e-12
    if seen.labels.task == REGRESSION:
        return np.mean((predicted - y) ** 2, axis=1)
    if seen.labels.task == MULTI:
        right = np.where(y > 0.5, predicted, 1.0 - predicted)
        return -np.log(np.maximum(right, tiny)).mean(axis=1)
    return -np.log(np.maximum(predicted[np.arange(len(y)), y], tiny))


def top_losses(seen: Seen, n: int | range | tuple[int, int]) -> Any:
    """The rows with the largest losses as a DataFrame; see `Learner.top_losses`."""
    import pandas as pd

    loss, answers, labels = losses(seen), seen.answers, seen.labels
    wrong = np.arange(len(seen))
    if labels.task == SINGLE:
        wrong = wrong[answers != seen.y]
    elif labels.task == MULTI:
        wrong = wrong[(answers != seen.y).any(axis=1)]
    rows = wrong[np.argsort(-loss[wrong], kind="stable")][_ranks(n)]
    columns = {
        "row": rows,
        "text": None if seen.texts is None else [seen.texts[i] for i in rows],
        "pair": None if seen.pairs is None else [seen.pairs[i] for i in rows],
        "true": labels.decode(seen.y[rows]),
        "predicted": labels.decode(answers[rows]),
        "probability": None if labels.task == REGRESSION else _confidence(seen)[rows],
        "loss": loss[rows],
    }
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})


def describe_losses(table: Any) -> str:
    """`top_losses` as text, the texts in full."""
    if not len(table):
        return "Nothing is misclassified."
    parts = []
    for row in table.to_dict("records"):
        certain = f", probability {row['probability']:.3f}" if "probability" in row else ""
        parts.append(
            f"{'-' * 40}\nrow {row['row']}: loss {row['loss']:.3f}, true {row['true']!r}, "
            f"predicted {row['predicted']!r}{certain}"
        )
        parts += [f"\n{row[name]}" for name in ("text", "pair") if name in row]
    return "\n".join(parts)


def _confidence(seen: Seen) -> np.ndarray:
    """How sure the model was of what it answered."""
    if seen.labels.task == MULTI:
        return np.maximum(seen.predicted, 1.0 - seen.predicted).min(axis=1)
    return seen.predicted.max(axis=1)


def _ranks(n: int | range | tuple[int, int]) -> slice:
    """Which of the ordered rows: the first n, or a range of them."""
    if isinstance(n, range) or (isinstance(n, tuple) and len(n) == 2):
        start, stop = (n.start, n.stop) if isinstance(n, range) else n
        return slice(start, stop)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ArgumentError(f"n={n!r}; it must be a whole number, 1 or more, or a range of ranks.")
    return slice(0, int(n))
