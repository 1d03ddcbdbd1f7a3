"""Learning rates as plain functions of the step, and the reading of a learning-rate curve."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Schedule = Callable[[int], float]

SMOOTHING = 0.98  # of the loss in a range test, as in fastai's and ktrain's
LOWEST = 1e-9  # where the cosine of SGDR ends, as ktrain's
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


def one_cycle_momentum(high: float, low: float, steps: int) -> Schedule:
    """Momentum for `one_cycle`: from `high` down to `low` while the rate rises, and back.

    Example:
        >>> momentum = one_cycle_momentum(0.95, 0.85, steps=101)
        >>> [round(momentum(step), 2) for step in (0, 50, 100)]
        [0.95, 0.85, 0.95]
    """
    top = max(steps - 1, 1) / 2
    return lambda step: low + (high - low) * abs(step - top) / top


def repeated(schedule: Schedule, steps: int) -> Schedule:
    """The first `steps` steps of a schedule, again and again."""
    return lambda step: schedule(step % steps)


def constant(lr: float) -> Schedule:
    """The same rate at each step."""
    return lambda step: lr


def linear(lr: float, steps: int, warmup: float = 0.1) -> Schedule:
    """From 0 up to `lr` over a share `warmup` of the steps, then down to 0: BERT's schedule.

    Example:
        >>> rate = linear(1e-3, steps=100, warmup=0.1)
        >>> [round(rate(step), 6) for step in (0, 9, 54, 99)]
        [0.0001, 0.001, 0.000505, 1.1e-05]
    """
    rising = max(round(steps * warmup), 1)

    def rate(step: int) -> float:
        # A step's rate is never 0: the first and the last step train as well.
        if step < rising:
            return lr * (step + 1) / rising
        return lr * (steps - step) / (steps - rising + 1)

    return rate


def sgdr(
    lr: float, steps_per_epoch: int, cycle_len: int, cycle_mult: int = 1, lr_decay: float = 1.0
) -> Schedule:
    """Cosine from `lr` down to 1e-9, again and again: SGDR (https://arxiv.org/abs/1608.03983).

    Args:
        lr: the rate at the start of the first cycle.
        steps_per_epoch: batches an epoch.
        cycle_len: epochs of the first cycle.
        cycle_mult: what a cycle's length is multiplied with for the next one.
        lr_decay: what a cycle's first rate is multiplied with for the next one.

    Example:
        >>> rate = sgdr(1e-3, steps_per_epoch=10, cycle_len=1, cycle_mult=2)
        >>> [round(rate(step), 6) for step in (0, 5, 10, 20, 30)]
        [0.001, 0.0005, 0.001, 0.0005, 0.001]
    """

    def rate(step: int) -> float:
        start, length, top = 0, cycle_len * steps_per_epoch, lr
        while step >= start + length:
            start, length, top = start + length, length * cycle_mult, top * lr_decay
        return LOWEST + (top - LOWEST) * (1 + math.cos(math.pi * (step - start) / length)) / 2

    return rate


def triangular(lr: float, steps_per_epoch: int, start: float = 10.0) -> Schedule:
    """From `lr / start` up to `lr` and back in each epoch (https://arxiv.org/abs/1506.01186).

    Example:
        >>> rate = triangular(1e-3, steps_per_epoch=10)
        >>> [round(rate(step), 6) for step in (0, 5, 10, 15)]
        [0.0001, 0.001, 0.0001, 0.001]
    """
    low = lr / start
    half = steps_per_epoch / 2
    return lambda step: lr - (lr - low) * abs((step % steps_per_epoch) - half) / half


def exponential(start: float, end: float, steps: int) -> Schedule:
    """From `start` to `end`, each step by the same factor: the sweep of a range test."""
    factor = (end / start) ** (1 / max(steps - 1, 1))
    return lambda step: start * factor**step


@dataclass(frozen=True)
class Curve:
    """A range test: the learning rates tried, and the smoothed loss at each.

    Smith's range test (https://arxiv.org/abs/1506.01186).

    Attributes:
        rates, losses: (steps,).
        spread: standard deviation of the single losses, before smoothing, at the lowest rates.
    """

    rates: np.ndarray
    losses: np.ndarray
    spread: float = 0.0

    def estimate(self) -> tuple[float, float, float] | None:
        """Three suggestions: steepest descent, minimum / 10, valley.

        Returns:
            The three learning rates, or None where the curve doesn't fall further than it would
            by chance: then it says nothing.
        """
        first, best = self._span()
        if best - first < 3 or not self._falls(first, best):
            return None
        steepest = first + int(np.argmin(np.gradient(self.losses[first : best + 1])))
        return (
            float(self.rates[steepest]),
            float(self.rates[best] / MIN_FACTOR),
            float(self.rates[self._valley(first, best)]),
        )

    def suggest(self) -> float | None:
        """The middle one of the three estimates, for each of them has curves that mislead it.

        But at most a tenth of the rate with the lowest loss: behind that one training fails, and
        the other two may lie right before it.
        """
        estimates = self.estimate()
        return None if estimates is None else min(sorted(estimates)[1], estimates[1])

    def _span(self) -> tuple[int, int]:
        """Where to look: from where the average stands on a few losses, to the lowest point."""
        first = len(self.losses) // 10
        return first, first + int(np.argmin(self.losses[first:])) if len(self.losses) else 0

    def _falls(self, first: int, best: int) -> bool:
        """Whether the loss falls by 2 percent, and by more than three standard errors."""
        start = self.losses[first]
        averaged = min(best + 1, (1 + SMOOTHING) / (1 - SMOOTHING))  # losses behind the lowest
        doubt = 3 * self.spread * math.sqrt(1 / (first + 1) + 1 / averaged)
        return bool(start - self.losses[best] > max(doubt, 0.02 * abs(start)))

    def _valley(self, first: int, best: int) -> int:
        """Two thirds down the longest stretch over which the loss falls."""
        falling = np.diff(self.losses[first : best + 1]) < 0
        start = longest_start = first
        longest = 0
        for i, is_falling in enumerate([*falling, False], start=first):
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
