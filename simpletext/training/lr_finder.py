"""The learning-rate range test: a short training with a rising rate, after which all is as before.

Smith's range test (https://arxiv.org/abs/1506.01186).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from ..errors import TrainingError
from ..utils import console
from ..utils.interrupt import CtrlC
from .optimizer import set_learning_rate
from .schedules import Curve, Schedule, diverged, smooth
from .sources import for_fit


def range_test(
    model: keras.Model,
    batches: Any,
    schedule: Schedule,
    steps: int,
    stop_factor: float,
    verbose: int = 1,
    **options: Any,
) -> Curve:
    """Losses over learning rates.

    It trains by `fit`, in epochs as long as the data are, so that the training afterwards finds
    its step traced already.

    Args:
        model: compiled; it comes out as it went in, also when interrupted.
        batches: what `fit` takes, with batches of `(x, y)` or `(x, y, sample_weight)`.
        schedule: step -> learning rate.
        steps: how many at most.
        stop_factor: ends the test when the loss is this many times its best.
        verbose: 0 shows no progress.
        options: what `fit` is given besides.

    Raises:
        TrainingError: no loss that is a number.
    """
    title = "finding the learning rate"
    with unchanged(model), CtrlC() as ctrl_c, console.bar(steps, title, verbose) as bar:
        sweep = Sweep(schedule, steps, stop_factor, bar)
        model.fit(
            for_fit(batches),
            epochs=steps,
            verbose=0,
            shuffle=False,
            callbacks=[sweep, ctrl_c],
            **options,
        )
    losses = sweep.losses
    if not np.isfinite(losses[-1]):
        losses.pop()
    if not losses:
        raise TrainingError(
            f"The loss isn't a number at the lowest rate, {schedule(0):.1e}, already. Look at the "
            "labels and weights of the data, and at the model's loss."
        )
    rates = [schedule(step) for step in range(len(losses))]
    spread = float(np.std(losses[: max(len(losses) // 5, 2)]))
    return Curve(np.array(rates), smooth(losses), spread)


class Sweep(keras.callbacks.Callback):
    """Raises the rate step by step, keeps each step's loss, and ends the training."""

    def __init__(self, schedule: Schedule, steps: int, stop_factor: float, bar: Any) -> None:
        super().__init__()
        self.schedule, self.steps, self.stop_factor = schedule, steps, stop_factor
        self.bar = bar
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Keras' call: the next rate."""
        set_learning_rate(self.model, self.schedule(len(self.losses)))
        self.model.reset_metrics()  # else the loss is the mean of all steps so far

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras' call: the loss at this rate."""
        self.losses.append(float((logs or {})["loss"]))
        self.bar.update()
        ended = len(self.losses) >= self.steps or diverged(self.losses, self.stop_factor)
        self.model.stop_training = ended


@contextmanager
def unchanged(model: keras.Model) -> Iterator[None]:
    """Put every variable of model, optimizer and metrics back at the end, whatever happens."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    before = [keras.ops.convert_to_numpy(v).copy() for v in variables]
    told = getattr(model, "history", None)
    try:
        yield
    finally:
        model.history = told
        model.reset_metrics()  # those that were only made meanwhile
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
