"""The learning-rate range test: a short training with a rising rate, after which all is as before.

Smith's range test (https://arxiv.org/abs/1506.01186).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, TrainingError
from ..models.target_scaling import standardised
from ..utils import backend, console
from ..utils.interrupt import CtrlC
from ..utils.validation import require_count, require_number
from .processes import together
from .schedules import Schedule, exponential, require_learning_rate
from .sources import TrainingData, for_fit

SMOOTHING = 0.98  # of the loss, as in fastai and ktrain
MIN_FACTOR = 10.0  # the rate with the lowest loss is divided by this for a suggestion
STEPS = 100  # at least, by default
HIGHEST = 10.0  # rate at which a sweep with `lr_mult` ends


@dataclass(frozen=True)
class Curve:
    """The result of a range test: the learning rates tried, and the smoothed loss at each.

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
            The three learning rates, or None if the curve is inconclusive: its loss doesn't fall
            further than it would by chance.
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
        """The median of the three estimates, since each of them is misled by some curves.

        But at most a tenth of the rate with the lowest loss: beyond that one training fails, and
        the other two may lie right before it.
        """
        estimates = self.estimate()
        return None if estimates is None else min(sorted(estimates)[1], estimates[1])

    def describe(self) -> str:
        """The suggestion as a sentence, or that there is none."""
        rate = self.suggest()
        if rate is not None:
            return f"suggested learning rate: {rate:.1e}"
        return (
            "The learning-rate curve is inconclusive: the loss doesn't fall before it rises. Try "
            "lr_find with more epochs or another range, or pass a rate that is usual for the "
            "model, such as 5e-5 for an encoder or 1e-3 for a small network."
        )

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


class SmoothedLosses:
    """Exponentially smoothed losses, corrected for their start at zero; O(1) per loss.

    Example:
        >>> smoothed = SmoothedLosses()
        >>> [round(smoothed.add(2.0), 6) for _ in range(2)]
        [2.0, 2.0]
    """

    def __init__(self) -> None:
        self.values: list[float] = []
        self._average, self._lowest = 0.0, math.inf

    def add(self, loss: float) -> float:
        """The smoothed loss, this one included."""
        self._average = SMOOTHING * self._average + (1 - SMOOTHING) * loss
        self.values.append(self._average / (1 - SMOOTHING ** (len(self.values) + 1)))
        self._lowest = min(self._lowest, self.values[-1])
        return self.values[-1]

    def diverged(self, stop_factor: float) -> bool:
        """Whether a range test can end: the loss is `stop_factor` times its best, or no number."""
        last = self.values[-1]
        return not math.isfinite(last) or last > stop_factor * self._lowest


def require_curve(curve: Curve | None) -> Curve:
    """The curve.

    Raises:
        ArgumentError: there is none.
    """
    if curve is None:
        raise ArgumentError("There is no curve yet: call lr_find() first.")
    return curve


def require_suggestion(curve: Curve, verbose: int) -> float:
    """The suggested learning rate, printed.

    Raises:
        TrainingError: the curve is inconclusive.
    """
    rate = curve.suggest()
    if rate is None:
        raise TrainingError(curve.describe())
    if verbose:
        console.note(f"learning rate: {rate:.1e}")
    return rate


def sweep(
    steps_per_epoch: int,
    start_lr: float = 1e-7,
    end_lr: float = 1e-2,
    lr_mult: float | None = None,
    max_epochs: int | None = None,
) -> tuple[Schedule, int]:
    """The rates of a range test and their number; see `Learner.lr_find`.

    Raises:
        ArgumentError: rates that don't rise, a bad number.
    """
    start_lr, end_lr = require_learning_rate(start_lr), require_learning_rate(end_lr)
    if max_epochs is None:
        max_epochs = max(1, math.ceil(STEPS / steps_per_epoch))
    steps = steps_per_epoch * require_count("max_epochs", max_epochs)
    if lr_mult is not None:
        factor = require_number("lr_mult", lr_mult, 1, 1e6)
        end_lr = min(start_lr * factor ** min(steps, math.log(1e300, max(factor, 1.01))), HIGHEST)
    if end_lr <= start_lr:
        raise ArgumentError(f"The sweep from {start_lr} to {end_lr} doesn't rise.")
    return exponential(start_lr, end_lr, steps), steps


def range_test(
    model: keras.Model,
    data: TrainingData,
    epoch: int,
    rates: tuple[Schedule, int],
    stop_factor: float,
    class_weight: Any = None,
    verbose: int = 1,
) -> Curve:
    """Losses over learning rates.

    It trains by `fit`, in epochs as long as the data are, so that the training afterwards finds
    its step traced already.

    Args:
        model: compiled; its state is restored at the end, also after an interrupt.
        data: what it trains on.
        epoch: the number of the first epoch, for the order of the rows.
        rates: step -> learning rate, and the number of steps at most (see `sweep`).
        stop_factor: ends the test when the loss is this many times its best.
        class_weight: see `Learner.fit_onecycle`.
        verbose: 0 shows no progress.

    Raises:
        TrainingError: the loss isn't a number from the start.
    """
    schedule, steps = rates
    require_number("stop_factor", stop_factor, 1)
    batches, options = data.training(epoch, class_weight)
    same = {"name": "lr_find", "rates": [schedule(0), schedule(steps - 1), steps]}
    title = "finding the learning rate"
    with (
        unchanged(model),
        standardised(model, data.targets),
        together(model, data, same),
        CtrlC() as ctrl_c,
        console.bar(steps, title, verbose) as bar,
    ):
        test = Sweep(schedule, steps, stop_factor, bar)
        model.fit(
            for_fit(batches),
            epochs=steps,
            verbose=0,
            shuffle=False,
            callbacks=[test, ctrl_c],
            **options,
        )
    return test.curve()


class Sweep(keras.callbacks.Callback):
    """Raises the rate step by step, keeps each step's loss, and ends the training.

    Args:
        schedule: step -> learning rate.
        steps: steps at most.
        stop_factor: ends the test when the smoothed loss is this many times its best.
        bar: a progress bar.
    """

    def __init__(self, schedule: Schedule, steps: int, stop_factor: float, bar: Any) -> None:
        super().__init__()
        self.schedule, self.steps, self.stop_factor = schedule, steps, stop_factor
        self.bar = bar
        self.losses: list[float] = []
        self.smoothed = SmoothedLosses()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called by Keras: sets the next rate."""
        backend.set_learning_rate(self.model, self.schedule(len(self.losses)))
        self.model.reset_metrics()  # else the loss is the mean of all steps so far

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called by Keras: keeps the loss at this rate."""
        self.losses.append(float((logs or {})["loss"]))
        self.smoothed.add(self.losses[-1])
        self.bar.update()
        ended = len(self.losses) >= self.steps or self.smoothed.diverged(self.stop_factor)
        self.model.stop_training = ended

    def curve(self) -> Curve:
        """Rates and smoothed losses, without a last loss that isn't a number."""
        losses, smoothed = self.losses, self.smoothed.values
        if not np.isfinite(losses[-1]):
            losses, smoothed = losses[:-1], smoothed[:-1]
        if not losses:
            raise TrainingError(
                f"The loss isn't a number at the lowest rate, {self.schedule(0):.1e}, already. "
                "Look at the labels and weights of the data, and at the model's loss."
            )
        rates = [self.schedule(step) for step in range(len(losses))]
        spread = float(np.std(losses[: max(len(losses) // 5, 2)]))
        return Curve(np.array(rates), np.array(smoothed), spread)


@contextmanager
def unchanged(model: keras.Model) -> Iterator[None]:
    """Restore every variable of model, optimizer and metrics at the end, whatever happens."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    before = [keras.ops.convert_to_numpy(v).copy() for v in variables]
    history = getattr(model, "history", None)
    try:
        yield
    finally:
        model.history = history
        model.reset_metrics()  # those that were only built meanwhile
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
