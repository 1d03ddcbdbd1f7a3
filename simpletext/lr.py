"""Learning rates as plain functions of the step, and the reading of a learning-rate curve."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Schedule = Callable[[int], float]

SMOOTHING = 0.98  # of the loss in a range test, as in fastai's and ktrain's
MIN_FACTOR = 10.0  # the loss minimum's rate is divided by this for a suggestion


def one_cycle(lr: float, steps: int, start: float = 10.0, end: float = 1000.0) -> Schedule:
    """From `lr / start` up to `lr` over the first half, then down to `lr / end`.

    Smith's 1cycle policy (https://arxiv.org/abs/1803.09820) with straight lines, ktrain's form.

    Args:
        lr: the highest rate.
        steps: batches in the whole training.
        start: what `lr` is divided by at the start.
        end: what it is divided by at the end.

    Returns:
        step (0 .. steps - 1) -> learning rate.

    Example:
        >>> rate = one_cycle(1e-3, steps=101)
        >>> [round(rate(step), 6) for step in (0, 50, 100)]
        [0.0001, 0.001, 1e-06]
    """
    last, top = max(steps - 1, 1), max(steps - 1, 1) / 2

    def rate(step: int) -> float:
        if step <= top:
            return lr / start + (lr - lr / start) * step / top
        return lr + (lr / end - lr) * (step - top) / (last - top)

    return rate


def exponential(start: float, end: float, steps: int) -> Schedule:
    """From `start` to `end`, each step by the same factor: the sweep of a range test."""
    factor = (end / start) ** (1 / max(steps - 1, 1))
    return lambda step: start * factor**step


@dataclass(frozen=True)
class Curve:
    """A range test: the learning rates tried, and the smoothed loss at each.

    Smith's range test (https://arxiv.org/abs/1506.01186).
    """

    rates: np.ndarray
    losses: np.ndarray

    def estimate(self) -> tuple[float, float, float] | None:
        """Three suggestions: steepest descent, minimum / 10, valley.

        Returns:
            The three learning rates, or None where the curve doesn't fall by a tenth of its
            range of sight before it rises: then it says nothing.
        """
        best = int(np.argmin(self.losses))
        fall = self.losses[0] - self.losses[best]
        if best < 3 or not np.isfinite(fall) or fall < 0.02 * abs(self.losses[0]):
            return None
        steepest = int(np.argmin(np.gradient(self.losses[: best + 1])))
        return (
            float(self.rates[steepest]),
            float(self.rates[best] / MIN_FACTOR),
            float(self.rates[self._valley(best)]),
        )

    def suggest(self) -> float | None:
        """One conservative pick: the smallest of the estimates by valley and minimum / 10."""
        estimates = self.estimate()
        return None if estimates is None else min(estimates[1:])

    def _valley(self, best: int) -> int:
        """Two thirds down the longest stretch over which the loss falls."""
        falling = np.diff(self.losses[: best + 1]) < 0
        start = longest_start = longest = 0
        for i, is_falling in enumerate([*falling, False]):
            if is_falling:
                continue
            if i - start > longest:
                longest, longest_start = i - start, start
            start = i + 1
        return longest_start + (2 * longest) // 3


def smooth(losses: Sequence[float]) -> np.ndarray:
    """Exponentially smoothed losses, corrected for their start at zero."""
    average, smoothed = 0.0, []
    for step, loss in enumerate(losses, start=1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed.append(average / (1 - SMOOTHING**step))
    return np.array(smoothed)


def diverged(losses: Sequence[float], stop_factor: float) -> bool:
    """Whether a range test has seen enough: the smoothed loss is `stop_factor` times its best."""
    smoothed = smooth(losses)
    return not math.isfinite(losses[-1]) or smoothed[-1] > stop_factor * smoothed.min()
