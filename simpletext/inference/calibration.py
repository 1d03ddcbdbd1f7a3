"""Calibration: a temperature, thresholds, and the scores that measure them."""

import numpy as np

from ..errors import DataError
from ..tasks.labels import Labels
from ..utils import console

LIMITS = (0.05, 20.0)  # a temperature outside of these has another cause


def fit_temperature(logits: np.ndarray, y: np.ndarray, labels: Labels) -> float:
    """The temperature with the least log loss (https://arxiv.org/abs/1706.04599).

    Args:
        logits: of validation texts, (texts, classes).
        y: their labels, as `Labels.encode` returns them.
        labels: the task and the classes.

    Example:
        >>> two = Labels("single_label_classification", ("a", "b"))
        >>> logits = np.array([[4.0, -4.0]] * 4)
        >>> round(fit_temperature(logits, np.array([0, 0, 0, 1]), two), 1)  # 3 of 4 are right
        7.3
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        values = labels.kind.probabilities(logits / np.exp(log_temperature))
        return log_loss(values, y, labels)

    bounds = tuple(np.log(LIMITS))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def calibrated(
    logits: np.ndarray, y: np.ndarray, labels: Labels, old: float
) -> tuple[float, dict[str, float]]:
    """The best temperature; and by name: it, and log loss and calibration error before and after.

    If all texts are predicted correctly, the temperature stays as it is, with a message.

    Raises:
        DataError: texts of one class only.
    """
    if len(np.unique(y)) < 2:
        raise DataError(
            f"All {len(y)} texts have the same label; calibrating needs texts of several classes."
        )
    predicted = labels.kind.predicted(labels.kind.probabilities(logits))
    if labels.kind.is_wrong(y, predicted).any():
        new = fit_temperature(logits, y, labels)
    else:
        new = old
        console.note(
            f"All {len(y)} texts are predicted correctly, so they determine no temperature; it "
            f"stays {old:g}. Calibrate on more texts, or on harder ones."
        )
    scores = {"temperature": new}
    for name, temperature in (("before", old), ("after", new)):
        values = labels.kind.probabilities(logits / temperature)
        scores[f"log_loss_{name}"] = log_loss(values, y, labels)
        scores[f"ece_{name}"] = calibration_error(values, y, labels)
    return new, scores


def log_loss(values: np.ndarray, y: np.ndarray, labels: Labels) -> float:
    """scikit-learn's log loss; for a multi-label task, over all labels of all texts."""
    from sklearn import metrics

    values = np.asarray(values, dtype="float64")  # float32 would be clipped at 1e-7
    if labels.kind.has_thresholds:
        return float(metrics.log_loss(np.ravel(y) > 0.5, np.ravel(values), labels=[False, True]))
    values = values / values.sum(axis=1, keepdims=True)
    return float(metrics.log_loss(y, values, labels=np.arange(values.shape[1])))


def calibration_error(values: np.ndarray, y: np.ndarray, labels: Labels, bins: int = 15) -> float:
    """The expected calibration error: mean difference of confidence and accuracy, 0 at best.

    Over bins of equal width (https://arxiv.org/abs/1706.04599).
    """
    if labels.kind.has_thresholds:
        confidence, right = np.ravel(values), np.ravel(y) > 0.5
    else:
        confidence, right = values.max(axis=1), values.argmax(axis=1) == y
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[which == i].mean() - right[which == i].mean()) * (which == i).mean()
        for i in np.unique(which)
    ]
    return float(sum(gaps))


def best_thresholds(values: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    """Each label's threshold with the best F1; 0.5 for a label that never occurs.

    Args:
        values: probabilities of validation texts, (texts, labels).
        y: their labels, (texts, labels) of 0 and 1.

    Example:
        >>> best_thresholds(np.array([[0.125], [0.25], [0.5]]), np.array([[0], [1], [1]]))
        (0.1875,)
    """
    columns = zip(values.T.astype("float64"), y.T > 0.5, strict=True)
    return tuple(_best_threshold(column, right) for column, right in columns)


def moved_thresholds(
    thresholds: tuple[float, ...] | None, factor: float
) -> tuple[float, ...] | None:
    """Thresholds for the same decisions when logits are multiplied by `factor`.

    Example:
        >>> moved_thresholds((0.5, 0.8), 1.0)
        (0.5, 0.8)
    """
    if thresholds is None:
        return None
    from scipy.special import expit, logit

    shares = np.clip(np.asarray(thresholds, dtype="float64"), 1e-9, 1 - 1e-9)
    return tuple(expit(logit(shares) * factor).round(12).tolist())


def _best_threshold(values: np.ndarray, right: np.ndarray) -> float:
    if not right.any():
        return 0.5
    order = np.argsort(-values, kind="stable")
    found, sorted_values = np.cumsum(right[order]), values[order]
    f1 = 2 * found / (np.arange(1, len(values) + 1) + right.sum())
    # A threshold can't separate equal values: only the last of them counts.
    following = np.append(sorted_values[1:], 0.0)
    f1[sorted_values == following] = -1.0
    best = int(np.argmax(f1))
    return float((sorted_values[best] + following[best]) / 2)
