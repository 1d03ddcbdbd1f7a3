"""Learning rates and momentum as plain functions of the step."""

import math
from collections.abc import Callable
from typing import Any

from ..utils.validation import require_number

TINIEST = 1e-300  # a learning rate: anything above 0
Schedule = Callable[[int], float]

LOWEST = 1e-9  # where the cosine of SGDR ends, as ktrain's


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
    """The same rate at every step."""
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
        steps_per_epoch: batches per epoch.
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


def require_learning_rate(lr: Any) -> float:
    """A learning rate as a float.

    Raises:
        ArgumentError: not a positive finite number.
    """
    return require_number("learning rate", lr, TINIEST, what="a number above 0, like 1e-4")
