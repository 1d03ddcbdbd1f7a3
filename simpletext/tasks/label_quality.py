"""How well given labels fit out-of-sample probabilities: confident learning.

Northcutt, Jiang and Chuang, https://arxiv.org/abs/1911.00068. A class's threshold is the mean
probability that its own rows have for it. A row is confidently of another class if the probability
of that class is at or above that class's threshold. Their number estimates how many labels are
wrong. Which ones is decided by a score, which ranks rows better than the thresholds do.
"""

import numpy as np


def thresholds(indicators: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean probability of each class among its own rows, (classes,); infinite without rows.

    Args:
        indicators: 1 where a row has the class, (rows, classes).
        values: out-of-sample probabilities, (rows, classes).

    Example:
        >>> given = np.array([[1, 0], [1, 0], [0, 1]])
        >>> thresholds(given, np.array([[0.5, 0.5], [0.75, 0.25], [0.0, 1.0]])).tolist()
        [0.625, 1.0]
    """
    counts = indicators.sum(axis=0)
    sums = (indicators * values).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_classes(indicators: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The class that each row confidently has, (rows,); -1 where it has none.

    Of several classes at or above their thresholds, the most probable one counts.
    """
    above = np.where(values >= thresholds(indicators, values), values, -1.0)
    return np.where(above.max(axis=1) >= 0, above.argmax(axis=1), -1)


def given_against_others(indicators: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The share of the given class in it and the most probable other one together, (rows,).

    Args:
        indicators: one-hot labels, (rows, classes).
        values: out-of-sample probabilities, (rows, classes).
    """
    own = (indicators * values).sum(axis=1)
    other = np.where(indicators > 0, 0.0, values).max(axis=1)
    return own / np.maximum(own + other, 1e-30)


def lowest(scores: np.ndarray, count: int) -> np.ndarray:
    """Whether a row is one of the `count` with the lowest scores, (rows,) booleans."""
    found = np.zeros(len(scores), bool)
    found[np.argsort(scores, kind="stable")[:count]] = True
    return found
