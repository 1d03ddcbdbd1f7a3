"""One training: what it is going to do, how far it is, when it stops, how it goes on after a crash.

Whether to stop, or to lower the rate, is decided from the history alone, so a training that was
killed and goes on decides as one that never stopped.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, CheckpointError, NotEnoughMemoryError, TrainingError
from ..tasks.metrics import lower_is_better
from ..utils import console
from ..utils.interrupt import CtrlC
from .checkpointing import BEST, LAST, Snapshot, assign, numbered, read_snapshot, write_snapshot
from .linear_probing import HeadStart, mark_trained
from .optimizer import check_schedulable, momentum_of, set_learning_rate
from .schedules import Schedule
from .sources import for_fit

LOWEST_RATE = 1e-7  # below it reducing on a plateau changes nothing any more, as in ktrain
PER_STEP = ("lr", "momentum")  # what the history has a step, not an epoch


@dataclass(frozen=True)
class Plan:
    """What a training is going to do.

    Attributes:
        name: the schedule's name.
        epochs: passes over the training data, at most.
        steps: batches an epoch.
        schedule: step -> learning rate.
        momentum: step -> momentum, or None to leave it.
        early_stopping: epochs without a better `monitor` before the training ends.
        reduce_on_plateau: such epochs before the rate is divided by `reduce_factor`.
        reduce_factor: what the rate is divided by.
        monitor: the quantity of the history by which an epoch is better than another.
        settings: what else tells this training from others, such as the rate; JSON values.
    """

    name: str
    epochs: int
    steps: int
    schedule: Schedule
    momentum: Schedule | None = None
    early_stopping: int | None = None
    reduce_on_plateau: int | None = None
    reduce_factor: float = 2
    monitor: str = "loss"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """The plan as JSON values: two trainings are the same if these are."""
        own = ("name", "epochs", "steps", "early_stopping", "reduce_on_plateau", "reduce_factor")
        return {name: getattr(self, name) for name in (*own, "monitor")} | dict(self.settings)


class Run(keras.callbacks.Callback):
    """A training under way: sets the rates, keeps the history, stops, writes snapshots.

    Args:
        model: what is trained.
        plan: how.
        first_epoch: epochs that the data have gone through before this training.
        folder: where snapshots go; None for none.
    """

    def __init__(
        self, model: keras.Model, plan: Plan, first_epoch: int = 0, folder: Path | None = None
    ) -> None:
        super().__init__()
        self.trained, self.plan, self.first_epoch, self.folder = model, plan, first_epoch, folder
        self.history: dict[str, list[float]] = {}
        self.epoch, self.stopped, self.interrupted = 0, False, False
        self._momentum: Any = momentum_of(model.optimizer) if plan.momentum else None
        self._best: dict[str, np.ndarray] | None = None

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.stopped or self.epoch >= self.plan.epochs

    # ---- Keras' calls --------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch: how far a plateau has brought the rate down."""
        count = reductions(self._watched(), self.plan.reduce_on_plateau, self._lower())
        self._divisor = self.plan.reduce_factor**count
        self._step = epoch * self.plan.steps

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a step: its learning rate and momentum."""
        rate = self.plan.schedule(self._step)
        if self._divisor > 1:
            rate = max(rate / self._divisor, min(rate, LOWEST_RATE))
        set_learning_rate(self.trained, rate)
        self.history.setdefault("lr", []).append(rate)
        if self.plan.momentum is not None:
            momentum = self.plan.momentum(self._step)
            self._momentum.assign(momentum)
            self.history.setdefault("momentum", []).append(momentum)
        self._step += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a step: stop at once when the loss isn't a number any more."""
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss} at batch {batch + 1} of epoch {self.epoch + 1} (learning rate "
                f"{self.history['lr'][-1]:.1e}). Training was stopped; the weights are of no use "
                "any more: reset_weights() puts the first ones back. Try a lower learning rate, "
                "an optimizer with global_clipnorm=1.0, or precision='float32', and look at the "
                "labels and weights of the data."
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch: history, the best weights, stopping, snapshots."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._check_monitor()
        self.epoch = epoch + 1
        values = self._watched()
        is_best = bool(values) and waited(values, self._lower()) == 0
        if is_best and self.plan.early_stopping:
            self._best = numbered(self.trained.variables)
        patience = self.plan.early_stopping
        if patience and waited(values, self._lower()) >= patience:
            self.stopped = self.trained.stop_training = True
        if self.folder is not None:
            self._write(self.folder, is_best)

    def _check_monitor(self) -> None:
        """Keras tells the names of metrics only after an epoch."""
        decides = self.plan.early_stopping or self.plan.reduce_on_plateau
        if decides and self.plan.monitor not in self.history:
            known = [name for name in self.history if name not in PER_STEP]
            raise ArgumentError(
                f"monitor={self.plan.monitor!r}, but this training gives {', '.join(known)}."
            )

    def _watched(self) -> list[float]:
        return self.history.get(self.plan.monitor, [])

    def _lower(self) -> bool:
        return lower_is_better(self.plan.monitor)

    # ---- snapshots -----------------------------------------------------------------------

    def _write(self, folder: Path, is_best: bool) -> None:
        state = {
            "plan": self.plan.describe(),
            "first_epoch": self.first_epoch,
            "epoch": self.epoch,
            "stopped": self.stopped,
        }
        history = {name: np.array(values, "float64") for name, values in self.history.items()}
        model = numbered(self.trained.variables)
        if is_best:  # first, so that `last` never tells of a best that isn't there
            write_snapshot(folder / BEST, Snapshot(state, model, {}, {}))
        optimizer = numbered(self.trained.optimizer.variables)
        write_snapshot(folder / LAST, Snapshot(state, model, optimizer, history))

    def resume(self, folder: Path) -> None:
        """Go on from the folder's last snapshot.

        Raises:
            CheckpointError: it is damaged, or of another training or model.
        """
        snapshot = read_snapshot(folder / LAST)
        theirs, ours = snapshot.state["plan"], self.plan.describe()
        other = [name for name in ours if theirs.get(name) != ours[name]]
        if other:
            told = ", ".join(f"{n} was {theirs.get(n)!r} and is {ours[n]!r}" for n in other)
            raise CheckpointError(
                f"{folder} holds another training: {told}. Use the same arguments to go on with "
                "it, or another checkpoint_folder."
            )
        optimizer = self.trained.optimizer
        assign(self.trained.variables, snapshot.model, folder / LAST)
        assign(optimizer.variables, snapshot.optimizer, folder / LAST)
        self.history = {name: values.tolist() for name, values in snapshot.history.items()}
        self.first_epoch = snapshot.state["first_epoch"]
        self.epoch, self.stopped = snapshot.state["epoch"], snapshot.state["stopped"]
        mark_trained(self.trained)
        if self.plan.early_stopping:
            self._best = dict(read_snapshot(folder / BEST).model)

    def restore_best(self) -> None:
        """With early stopping: the weights of the best epoch."""
        if self._best is not None:
            assign(self.trained.variables, self._best, Path(BEST))


def waited(values: Sequence[float], lower: bool) -> int:
    """Epochs since the best one.

    Example:
        >>> waited([0.5, 0.3, 0.4, 0.3], lower=True)
        2
    """
    if not values:
        return 0
    best = min(values) if lower else max(values)
    return len(values) - 1 - list(values).index(best)


def reductions(values: Sequence[float], patience: int | None, lower: bool) -> int:
    """How often the rate was lowered, once after each `patience` epochs without a better value.

    Example:
        >>> reductions([0.5, 0.6, 0.7, 0.7, 0.7, 0.4, 0.5], patience=2, lower=True)
        2
    """
    best, wait, count = math.inf, 0, 0
    for value in values if patience else ():
        signed = value if lower else -value
        best, wait = (signed, 0) if signed < best else (best, wait + 1)
        if wait == patience:
            wait, count = 0, count + 1
    return count


def run_training(
    run: Run,
    batches: Any,
    head_start: HeadStart,
    validation: Any,
    options: Mapping[str, Any],
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
) -> None:
    """Train until the plan is done, it stops early, or the user presses Ctrl-C.

    Args:
        run: the training.
        batches: what it learns from.
        head_start: for a head that is new.
        validation: what it is validated on, or None.
        options: what `fit` is given besides.
        callbacks: the user's.
        verbose: 0 shows no progress.
    """
    bar = console.TrainingBar(run.plan.steps, run.plan.epochs, run.history, verbose)
    try:
        with CtrlC() as ctrl_c:
            head_start.give(run.trained, ctrl_c, verbose)
            run.trained.fit(
                for_fit(batches),
                validation_data=for_fit(validation),
                initial_epoch=run.epoch,
                epochs=run.plan.epochs,
                verbose=0,
                shuffle=False,  # our batches shuffle rows; Keras would only shuffle whole batches
                callbacks=[bar, *callbacks, run, ctrl_c],
                **options,
            )
    except KeyboardInterrupt:
        run.interrupted = True
        if verbose:
            console.say(
                f"Stopped by Ctrl-C in epoch {run.epoch + 1} of {run.plan.epochs}. The model "
                "is as it was at that moment, and the history is kept."
            )
    finally:
        bar.close()
    run.restore_best()


def check_trainable(model: keras.Model, callbacks: Sequence[Any]) -> None:
    """Refuse what would fight the schedule, or can't follow one."""
    check_schedulable(model.optimizer)
    rivals = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
    for callback in callbacks:
        if isinstance(callback, rivals):
            raise ArgumentError(
                f"{type(callback).__name__} sets the learning rate, and so does the learner. Use "
                "fit, fit_onecycle, fit_linear or autofit(reduce_on_plateau=...) without it."
            )
    if not model.trainable_variables:
        raise ArgumentError("All of the model is frozen: call unfreeze() first.")


@contextmanager
def memory_explained(batch_size: int, longest: int | None) -> Iterator[None]:
    """Turn a backend's word for "out of memory" into an error that says what to lower."""
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        tokens = f" of up to {longest} tokens" if longest else ""
        raise NotEnoughMemoryError(
            f"A batch of {batch_size} rows{tokens} doesn't fit into memory. Lower batch_size "
            "(AdamW's gradient_accumulation_steps makes up for it) or maxlen, use "
            "precision='bfloat16', freeze() a part, or take a smaller checkpoint."
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    known = type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
    return known or isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
