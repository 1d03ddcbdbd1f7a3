"""Confidence intervals of scores, by drawing rows again (the bootstrap)."""

from collections.abc import Callable

import numpy as np

DRAWS = 300
LEVEL = 0.95

Scores = Callable[[np.ndarray, np.ndarray], dict[str, float]]


def intervals(
    scores: Scores, y: np.ndarray, values: np.ndarray, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """Scores with their 95 % percentile intervals (Efron, 1979).

    Args:
        scores: from labels and predictions to named scores, such as `Task.headline`.
        y: labels, (rows, ...).
        values: predictions, (rows, outputs).
        seed: of the drawn rows.

    Returns:
        name -> (score, lower end, upper end).

    Example:
        >>> share = lambda y, values: {"share": float(y.mean())}
        >>> found = intervals(share, np.array([0, 1] * 50), np.zeros((100, 1)))
        >>> [round(value, 1) for value in found["share"]]
        [0.5, 0.4, 0.6]
    """
    found = scores(y, values)
    rng = np.random.default_rng(seed)
    drawn = [scores(y[rows], values[rows]) for rows in rng.integers(0, len(y), (DRAWS, len(y)))]
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    result = {}
    for name, value in found.items():
        low, high = np.quantile([draw[name] for draw in drawn], ends)
        result[name] = (value, float(low), float(high))
    return result
