"""The learning-rate finder: a short sweep of rising rates, after which all is as before.

Smith's range test (https://arxiv.org/abs/1506.01186), with two differences. The sweep starts where
the training will start: after the head start of a newly initialised head. And the loss of each
batch is compared with the loss of the same batch before the sweep, so that a batch of difficult
texts isn't taken for a rise: a few dozen steps are enough.
"""

import itertools
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
from ..utils.notebook import Described
from ..utils.validation import require_count, require_number
from .contrastive import require_pairs
from .linear_probing import start_head
from .processes import together
from .schedules import Schedule, exponential, require_learning_rate
from .sources import Rows, TrainingData, for_fit, one_pass
from .weights import TrainingState

SMOOTHING = 0.04  # standard deviation of the average over neighbouring steps, as a share of them
MEMORY = 0.8  # of the average that ends a sweep: its weight of the past
RISE = 0.25  # a sweep ends when the loss is above its start by this share
MIN_FACTOR = 3.0  # the rate with the lowest loss is divided by this for a suggestion
# Steps of a sweep, by default. A step also computes the loss before, which costs a third of a step.
SHARE, FEWEST, MOST = 0.2 * 3 / 4, 10, 100
FAR = 4.0  # a suggestion is at most this many times the usual rate, or a fraction of it
HIGHEST = 10.0  # rate at which a sweep with `lr_mult` ends


@dataclass(frozen=True, repr=False)
class Curve(Described):
    """The result of a range test: the learning rates tried, and the smoothed loss at each.

    Attributes:
        rates, losses: (steps,).
        spread: standard deviation of the single losses, before smoothing, at the lowest rates.
    """

    rates: np.ndarray
    losses: np.ndarray
    spread: float = 0.0

    def _facts(self) -> dict[str, Any]:
        rate = self.suggest()
        return {
            "steps": len(self.rates),
            "rates": f"{self.rates[0]:.0e} to {self.rates[-1]:.0e}" if len(self.rates) else None,
            "suggested": "none, the curve is inconclusive" if rate is None else f"{rate:.1e}",
        }

    def estimate(self) -> tuple[float, float, float] | None:
        """Three suggestions: steepest descent, minimum / 3, valley.

        Returns:
            The three learning rates, or None if the curve is inconclusive: its loss doesn't fall
            further than it would by chance, or it has fewer than 10 steps.
        """
        first, best = self._span()
        if len(self.losses) < FEWEST or best - first < 3 or not self._falls(first, best):
            return None
        steepest = first + int(np.argmin(np.gradient(self.losses[first : best + 1])))
        return (
            float(self.rates[steepest]),
            float(self.rates[best] / MIN_FACTOR),
            float(self.rates[self._valley(first, best)]),
        )

    def suggest(self) -> float | None:
        """The median of the three estimates, since each of them is misled by some curves.

        But at most a third of the rate with the lowest loss: beyond that one training fails, and
        the other two may lie right before it.
        """
        estimates = self.estimate()
        return None if estimates is None else min(sorted(estimates)[1], estimates[1])

    def too_high(self) -> float | None:
        """The rate above which the loss only rises; None if the sweep ended before that."""
        best = self._span()[1]
        return float(self.rates[best]) if best < len(self.rates) - 1 else None

    def describe(self) -> str:
        """The suggestion as a sentence, or that there is none."""
        rate = self.suggest()
        if rate is not None:
            return f"suggested learning rate: {rate:.1e}"
        reason = "the loss doesn't fall before it rises"
        if len(self.losses) < FEWEST:
            reason = f"{len(self.losses)} steps are too few"
        return (
            f"The learning-rate curve is inconclusive: {reason}. Try "
            "lr_find with more max_epochs or another range, or pass a rate that is usual for the "
            "model, such as 5e-5 for an encoder (1e-4 for a small one) or 1e-3 for a small network."
        )

    def _span(self) -> tuple[int, int]:
        """Where to look: from where the average stands on a few losses, to the lowest point."""
        first = len(self.losses) // 10
        return first, first + int(np.argmin(self.losses[first:])) if len(self.losses) else 0

    def _falls(self, first: int, best: int) -> bool:
        """Whether the loss falls by 2 percent, and by more than three standard errors."""
        start = self.losses[first]
        averaged = max(2 * math.sqrt(math.pi) * SMOOTHING * len(self.losses), 1.0)
        doubt = 3 * self.spread * math.sqrt(2 / averaged)
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


def smoothed(losses: np.ndarray) -> np.ndarray:
    """Each loss averaged with its neighbours on both sides, so that no fall or rise is delayed.

    Example:
        >>> smoothed(np.array([2.0, 2.0, 2.0])).tolist()
        [2.0, 2.0, 2.0]
    """
    places = np.arange(len(losses))
    width = max(SMOOTHING * len(losses), 0.5)
    weights = np.exp(-(((places[:, None] - places) / width) ** 2) / 2)  # (steps, steps)
    return weights @ losses / weights.sum(axis=1)


class Divergence:
    """Decides when a sweep can end, loss by loss; O(1) per loss.

    Args:
        steps: steps of the whole sweep. At the rates of the first fifth nothing is learned yet:
            they show where the loss starts, and how much it varies.
        stop_factor: ends the sweep when the averaged loss is this many times its best.
    """

    def __init__(self, steps: int, stop_factor: float) -> None:
        self.early, self.stop_factor = max(steps // 5, 2), stop_factor
        self._count, self._average, self._lowest = 0, 0.0, math.inf
        self._sum = self._squares = 0.0

    def ended(self, loss: float) -> bool:
        """Whether the loss has become too high, or no number, with this one."""
        self._count += 1
        self._average = MEMORY * self._average + (1 - MEMORY) * loss
        average = self._average / (1 - MEMORY**self._count)
        self._lowest = min(self._lowest, average)
        if self._count <= self.early:
            self._sum += loss
            self._squares += loss * loss
        return not math.isfinite(loss) or average > min(
            self.stop_factor * self._lowest, self._highest()
        )

    def _highest(self) -> float:
        """Above this average the loss has risen, not varied."""
        if self._count <= self.early:
            return math.inf
        start = self._sum / self.early
        spread = math.sqrt(max(self._squares / self.early - start * start, 0.0))
        return start + max(RISE * abs(start), 4 * spread)


def require_curve(curve: Curve | None) -> Curve:
    """The curve.

    Raises:
        ArgumentError: there is none.
    """
    if curve is None:
        raise ArgumentError("There is no curve yet: call lr_find() first.")
    return curve


def note_if_short(steps: int, steps_per_epoch: int, verbose: int) -> None:
    """Say before a sweep that it is too short to suggest a rate."""
    if verbose and steps < FEWEST:
        epochs = math.ceil(FEWEST / steps_per_epoch)
        console.note(
            f"lr_find: {steps} steps are too few for a suggestion; "
            f"max_epochs={epochs} makes the sweep long enough."
        )


def is_too_short(training_steps: int, usual: float | None) -> bool:
    """Whether a training is too short for a sweep, and has a usual rate to begin with."""
    return usual is not None and sweep_steps(training_steps) < FEWEST


def rate_for_training(curve: Curve | None, usual: float | None, verbose: int) -> float:
    """The learning rate of `lr="auto"`, printed.

    Args:
        curve: what the sweep found; None if the training is too short for one.
        usual: the rate that is usual for the model, or None. A suggestion is kept within a factor
            of `FAR` of it: a sweep is short, and what it bears can be too much for a training.
        verbose: 0 prints nothing.

    Raises:
        TrainingError: the curve is inconclusive, and there is no usual rate.
    """
    rate = None if curve is None else curve.suggest()
    if usual is None:
        if rate is None:
            raise TrainingError(require_curve(curve).describe())
        reason = "suggested by the sweep"
    elif rate is None:
        rate, reason = usual, "usual for this size of encoder; "
        reason += "the curve is inconclusive" if curve else "too few steps for a sweep"
    else:
        rate, reason = min(max(rate, usual / FAR), usual * FAR), "suggested by the sweep"
    if verbose:
        console.note(f"learning rate: {rate:.1e} ({reason})")
    return rate


def sweep(
    steps_per_epoch: int,
    epochs: int = 3,
    start_lr: float = 1e-6,
    end_lr: float = 1e-2,
    lr_mult: float | None = None,
    max_epochs: int | None = None,
) -> tuple[Schedule, int]:
    """The rates of a range test and their number; see `Learner.lr_find`.

    Raises:
        ArgumentError: rates that don't rise, a bad number.
    """
    start_lr, end_lr = require_learning_rate(start_lr), require_learning_rate(end_lr)
    steps = sweep_steps(steps_per_epoch * require_count("epochs", epochs))
    if max_epochs is not None:
        steps = steps_per_epoch * require_count("max_epochs", max_epochs)
    if lr_mult is not None:
        factor = require_number("lr_mult", lr_mult, 1, 1e6)
        end_lr = min(start_lr * factor ** min(steps, math.log(1e300, max(factor, 1.01))), HIGHEST)
    if end_lr <= start_lr:
        raise ArgumentError(f"The sweep from {start_lr} to {end_lr} doesn't rise.")
    return exponential(start_lr, end_lr, steps), steps


def sweep_steps(training_steps: int) -> int:
    """Steps of a sweep that takes at most a fifth of a training's time, and at most 100.

    Example:
        >>> sweep_steps(141), sweep_steps(6), sweep_steps(10_000)
        (21, 1, 100)
    """
    return min(max(int(SHARE * training_steps), 1), MOST)


def range_test(
    model: keras.Model,
    data: TrainingData,
    epoch: int,
    rates: tuple[Schedule, int],
    stop_factor: float,
    class_weight: Any = None,
    verbose: int = 1,
    head_start: bool = True,
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
        head_start: whether the training will have one (see `Learner.fit_onecycle`).

    Raises:
        TrainingError: the loss isn't a number from the start.
    """
    schedule, steps = rates
    require_number("stop_factor", stop_factor, 1)
    if head_start:
        require_pairs(model, data.train)
    batches, options = data.training(epoch, class_weight)
    same = {"name": "lr_find", "rates": [schedule(0), schedule(steps - 1), steps]}
    title = "finding the learning rate"
    with (
        unchanged(model),
        standardised(model, data.targets),
        together(model, data, same),
        CtrlC() as ctrl_c,
        backend.layers_alike_traced_once(),
        console.silent("tensorflow"),  # see `training.fitting`
    ):
        if head_start:
            start_head(model, data, epoch, class_weight, ctrl_c, verbose)
        before = losses_before(model, data, epoch, class_weight, steps, ctrl_c)
        with console.bar(steps, title, verbose) as bar:
            test = Sweep(schedule, steps, stop_factor, before, bar)
            model.fit(
                for_fit(batches),
                epochs=steps,
                verbose=0,
                shuffle=False,
                callbacks=[test, ctrl_c],
                **options,
            )
    return test.curve()


def losses_before(
    model: keras.Model, data: TrainingData, epoch: int, class_weight: Any, steps: int,
    ctrl_c: CtrlC,
) -> np.ndarray:  # fmt: skip
    """The loss of each batch of a sweep before the sweep, (steps,).

    Zeros for data that arrive in batches, which may come in another order the next time.
    """
    if not isinstance(data.train, Rows):
        return np.zeros(steps)
    batches, _ = data.training(epoch, class_weight)
    endless = itertools.chain.from_iterable(one_pass(batches) for _ in itertools.count())
    losses = []
    for batch in itertools.islice(endless, steps):
        model.reset_metrics()  # else the loss is the mean of all batches so far
        losses.append(float(model.test_on_batch(*batch, return_dict=True)["loss"]))
        ctrl_c.leave()
    return np.array(losses)


class Sweep(keras.callbacks.Callback):
    """Raises the rate step by step, keeps each step's loss, and ends the training.

    Args:
        schedule: step -> learning rate.
        steps: steps at most.
        stop_factor: ends the test when the averaged loss is this many times its best.
        before: the loss of each batch before the sweep, (steps,).
        bar: a progress bar.
    """

    def __init__(
        self, schedule: Schedule, steps: int, stop_factor: float, before: np.ndarray, bar: Any
    ) -> None:
        super().__init__()
        self.schedule, self.steps, self.bar = schedule, steps, bar
        self.usual = before - before.mean()  # how much harder each batch is than the average
        self.losses: list[float] = []
        self.divergence = Divergence(steps, stop_factor)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called by Keras: sets the next rate."""
        backend.set_learning_rate(self.model, self.schedule(len(self.losses)))
        self.model.reset_metrics()  # else the loss is the mean of all steps so far

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called by Keras: keeps the loss at this rate."""
        loss = float((logs or {})["loss"]) - self.usual[len(self.losses)]
        self.losses.append(loss)
        self.bar.update()
        self.model.stop_training = self.divergence.ended(loss) or len(self.losses) >= self.steps

    def curve(self) -> Curve:
        """Rates and smoothed losses, without a last loss that isn't a number."""
        losses = np.array(self.losses)
        losses = losses[np.isfinite(losses)]
        if not len(losses):
            raise TrainingError(
                f"The loss isn't a number at the lowest rate, {self.schedule(0):.1e}, already. "
                "Look at the labels and weights of the data, and at the model's loss."
            )
        rates = [self.schedule(step) for step in range(len(losses))]
        spread = float(np.std(losses[: max(self.steps // 5, 2)]))
        return Curve(np.array(rates), smoothed(losses), spread)


@contextmanager
def unchanged(model: keras.Model) -> Iterator[None]:
    """Restore every variable of model, optimizer and metrics at the end, whatever happens."""
    before = TrainingState.of(model)
    history = getattr(model, "history", None)
    try:
        yield
    finally:
        model.history = history
        model.reset_metrics()  # those that were only built meanwhile
        before.restore(model)
