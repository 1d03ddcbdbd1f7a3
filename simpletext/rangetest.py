"""The learning-rate range test: a short training with a rising rate, after which all is as before.

Smith's range test (https://arxiv.org/abs/1506.01186).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import keras
import numpy as np

from . import progress
from .errors import TrainingError
from .lr import Curve, Schedule, diverged, smooth


def range_test(
    model: keras.Model,
    batches: Iterable[tuple],
    schedule: Schedule,
    steps: int,
    stop_factor: float,
    class_weight: Mapping[int, float] | None = None,
    verbose: int = 1,
) -> Curve:
    """Losses over learning rates.

    Args:
        model: compiled; it comes out as it went in, also when interrupted.
        batches: `(x, y)` or `(x, y, sample_weight)`, at least `steps` of them.
        schedule: step -> learning rate.
        steps: how many at most.
        stop_factor: ends the test when the loss is this many times its best.
        class_weight: class index -> weight, for batches without weights of their own.
        verbose: 0 shows no progress.

    Raises:
        TrainingError: no loss that is a number.
    """
    losses: list[float] = []
    with unchanged(model), progress.bar(steps, "finding the learning rate", verbose) as bar:
        for step, batch in zip(range(steps), batches, strict=False):
            model.optimizer.learning_rate = schedule(step)
            model.reset_metrics()  # else the loss is the mean of all steps so far
            logs = model.train_on_batch(*batch, class_weight=class_weight, return_dict=True)
            losses.append(float(logs["loss"]))
            bar.update()
            if diverged(losses, stop_factor):
                break
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


@contextmanager
def unchanged(model: keras.Model) -> Iterator[None]:
    """Put every variable of model, optimizer and metrics back at the end, whatever happens."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    before = [keras.ops.convert_to_numpy(v).copy() for v in variables]
    try:
        yield
    finally:
        model.reset_metrics()  # those that were only made meanwhile
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
