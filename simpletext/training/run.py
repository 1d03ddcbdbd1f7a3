"""One training: its progress, when it stops, and its checkpoints.

Whether to stop, or to reduce the rate, is decided from the history alone, so a training that was
killed and resumed decides as one that was never interrupted.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, CheckpointError, TrainingError
from ..models.loading import newly_initialised
from ..tasks.metrics import lower_is_better
from ..utils import backend
from ..utils.processes import is_first
from ..utils.validation import shown
from .checkpointing import (
    BEST,
    LAST,
    TrainingCheckpoint,
    assign,
    numbered,
    read_checkpoint,
    write_checkpoint,
)
from .optimizer import momentum_of
from .plan import Plan

LOWEST_RATE = 1e-7  # reducing on a plateau ends here, as in ktrain
PER_STEP = ("lr", "momentum")  # quantities with one value per step, not per epoch


class Run(keras.callbacks.Callback):
    """A training in progress: sets the rates, keeps the history, stops, writes checkpoints.

    Args:
        model: the model that is trained.
        plan: prepared (see `Plan.prepared`).
        first_epoch: epochs of the learner's trainings before this one.
        folder: the checkpoint folder, or None.

    Attributes:
        history: name -> values of this training.
        epoch: epochs completed.
        stopped: whether early stopping or a callback ended the training.
        interrupted: whether Ctrl-C ended it.
        resumed: whether it was continued from its folder.
    """

    def __init__(
        self, model: keras.Model, plan: Plan, first_epoch: int = 0, folder: Path | None = None
    ) -> None:
        super().__init__()
        self.trained, self.plan, self.first_epoch, self.folder = model, plan, first_epoch, folder
        self.history: dict[str, list[float]] = {}
        self.epoch, self.stopped = 0, False
        self.interrupted = self.resumed = self._stopped_by_callback = False
        self._schedule, self._cycle = plan.schedule, plan.momentum
        self._momentum: Any = momentum_of(model.optimizer) if self._cycle else None
        self._best: dict[str, np.ndarray] | None = None

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.stopped or self.epoch >= self.plan.epochs

    # ---- Keras' calls --------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch: how often the rate was reduced so far."""
        count = reductions(self._watched(), self.plan.reduce_on_plateau, self._lower())
        self._divisor = self.plan.reduce_factor**count
        self._step = epoch * self.plan.steps

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a step: its learning rate and momentum."""
        rate = self._schedule(self._step)
        if self._divisor > 1:
            rate = max(rate / self._divisor, min(rate, LOWEST_RATE))
        backend.set_learning_rate(self.trained, rate)
        self.history.setdefault("lr", []).append(rate)
        if self._cycle is not None:
            momentum = self._cycle(self._step)
            self._momentum.assign(backend.number_for(self._momentum, momentum))
            self.history.setdefault("momentum", []).append(momentum)
        self._step += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a step: stop at once when the loss is not a finite number."""
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss} at batch {batch + 1} of epoch {self.epoch + 1} (learning rate "
                f"{self.history['lr'][-1]:.1e}). Training was stopped; the weights are unusable: "
                "reset_weights() restores the initial ones. Try a lower learning rate, "
                "an optimizer with global_clipnorm=1.0, or precision='float32', and look at the "
                "labels and weights of the data."
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch: history, the best weights, stopping, checkpoints."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._check_monitor()
        self.epoch = epoch + 1
        values = self._watched()
        is_best = bool(values) and waited(values, self._lower()) == 0
        if is_best and self.plan.early_stopping:
            self._best = numbered(self.trained.variables)
        self._stopped_by_callback = bool(self.trained.stop_training)
        patience = self.plan.early_stopping
        if patience and waited(values, self._lower()) >= patience:
            self.trained.stop_training = True
        self.stopped = bool(self.trained.stop_training)
        if self.folder is not None and is_first():
            self._write(self.folder, is_best)

    def on_train_end(self, logs: Any = None) -> None:
        """After the training: a callback that ended it may have restored other weights."""
        if self._stopped_by_callback and self.folder is not None and is_first():
            self._write(self.folder, is_best=False)

    def _check_monitor(self) -> None:
        """Keras has the names of metrics only after an epoch."""
        if self.plan.decides and self.plan.monitor not in self.history:
            known = [name for name in self.history if name not in PER_STEP]
            raise ArgumentError(
                f"monitor={shown(self.plan.monitor)}, but this training has {', '.join(known)}."
            )

    def _watched(self) -> list[float]:
        return self.history.get(str(self.plan.monitor), [])

    def _lower(self) -> bool:
        return lower_is_better(str(self.plan.monitor))

    # ---- checkpoints ---------------------------------------------------------------------

    def _write(self, folder: Path, is_best: bool) -> None:
        state = {
            "plan": self.plan.describe(),
            "first_epoch": self.first_epoch,
            "epoch": self.epoch,
            "stopped": self.stopped,
        }
        history = {name: np.array(values, "float64") for name, values in self.history.items()}
        model = numbered(self.trained.variables)
        if is_best:  # first, so that `last` never refers to a best that isn't there
            write_checkpoint(folder / BEST, TrainingCheckpoint(state, model, {}, {}))
        optimizer = numbered(self.trained.optimizer.variables)
        write_checkpoint(folder / LAST, TrainingCheckpoint(state, model, optimizer, history))

    def resume(self, folder: Path) -> None:
        """Continue from the folder's last checkpoint.

        Raises:
            CheckpointError: it is damaged, or of another training or model.
        """
        saved = read_checkpoint(folder / LAST)
        theirs, ours = saved.state["plan"], self.plan.describe()
        other = [name for name in ours if theirs.get(name, ours[name]) != ours[name]]
        if other:
            changes = ", ".join(f"{n} was {theirs.get(n)!r} and is {ours[n]!r}" for n in other)
            raise CheckpointError(
                f"{folder} holds another training: {changes}. Use the same arguments to continue "
                "it, or another checkpoint_folder."
            )
        assign(self.trained.variables, saved.model, folder / LAST)
        assign(self.trained.optimizer.variables, saved.optimizer, folder / LAST)
        self.history = {name: values.tolist() for name, values in saved.history.items()}
        self.first_epoch = saved.state["first_epoch"]
        self.epoch, self.stopped = saved.state["epoch"], saved.state["stopped"]
        self.resumed = True
        newly_initialised(self.trained).clear()
        if self.plan.early_stopping:
            self._best = dict(read_checkpoint(folder / BEST).model)

    def restore_best(self) -> None:
        """With early stopping: the weights of the best epoch."""
        if self._best is not None:
            assign(self.trained.variables, self._best, Path(BEST))

    # ---- messages ------------------------------------------------------------------------

    def describe_resumed(self) -> str:
        """Where a resumed training continues."""
        if self.finished:
            return f"The training in {self.folder} has ended already; its weights were loaded."
        return f"continuing after epoch {self.epoch} of {self.plan.epochs} in {self.folder}"

    def describe_interrupted(self) -> str:
        """What Ctrl-C has left."""
        weights = "the weights that it had at that moment"
        if self._best is not None:
            best = len(self._watched()) - waited(self._watched(), self._lower())
            weights = f"the weights of the best epoch so far, epoch {best} (early_stopping)"
        return (
            f"Stopped by Ctrl-C in epoch {self.epoch + 1} of {self.plan.epochs}. The model has "
            f"{weights}, and the history is kept."
        )


def waited(values: Sequence[float], lower: bool) -> int:
    """The number of epochs since the best one.

    Example:
        >>> waited([0.5, 0.3, 0.4, 0.3], lower=True)
        2
    """
    if not values:
        return 0
    best = min(values) if lower else max(values)
    return len(values) - 1 - list(values).index(best)


def reductions(values: Sequence[float], patience: int | None, lower: bool) -> int:
    """How often the rate was reduced, once after each `patience` epochs without a better value.

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
