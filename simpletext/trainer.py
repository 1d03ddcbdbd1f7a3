"""`Trainer`: finds the learning rate and carries a plan out, a part of every `Learner`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .errors import ArgumentError, CheckpointError, DataError, TrainingError
from .evaluation import plots
from .keeper import check_rate, first_weights
from .training import schedules as rates
from .training.checkpointing import LAST
from .training.linear_probing import HeadStart
from .training.lr_finder import range_test
from .training.run import Plan, Run, check_trainable, memory_explained, run_training
from .training.schedules import Curve
from .training.sources import Rows, Source
from .utils import console

ClassWeight = Mapping[Any, float] | str | None
History = dict[str, list[float]]


class Trainer:
    """Trains a model on its data. The `Learner` has all of it."""

    model: keras.Model
    batch_size: int
    eval_batch_size: int
    seed: int

    def __init__(self) -> None:
        self.train_data: Source | None = None
        self.val_data: Source | None = None
        self.history: History = {}
        self.curve: Curve | None = None
        self.interrupted = False  # whether Ctrl-C ended the last training
        self._epochs_seen = 0
        self._folders: set[Path] = set()
        self._first_weights: list[tuple[np.ndarray, bool]] | None = None

    def lr_find(
        self,
        start_lr: float = 1e-7,
        lr_mult: float | None = None,
        max_epochs: int | None = None,
        class_weight: ClassWeight = None,
        stop_factor: float = 4,
        show_plot: bool = False,
        suggest: bool = False,
        *,
        end_lr: float = 1e-2,
        verbose: int = 1,
    ) -> Curve:
        """Train with a rising learning rate, look at the loss, and put everything back.

        Args:
            start_lr: where the sweep starts.
            end_lr: where it ends.
            lr_mult: factor from step to step; by default what fits the range into `max_epochs`.
            max_epochs: passes over the training data at most; by default 1 for 100 batches or
                more, else as many as 100 steps need.
            class_weight: see `fit_onecycle`.
            stop_factor: ends the sweep when the loss is this many times its best.
            show_plot: show the curve.
            suggest: mark the suggestions on it, and say the one that `fit_onecycle("auto", ...)`
                takes.
            verbose: 0 prints nothing.

        Returns:
            The curve, with `curve.suggest()`; it stays on the learner for `lr_plot` and
            `lr_estimate`.
        """
        schedule, steps = self._sweep(start_lr, end_lr, lr_mult, max_epochs)
        batches, options = self._training(class_weight)
        with memory_explained(self.batch_size, self._longest()):
            self.curve = range_test(
                self.model, batches, schedule, steps, stop_factor, verbose, **options
            )
        if suggest and verbose:
            console.say(_suggestion(self.curve))
        if show_plot:
            self.lr_plot(suggest=suggest)
        return self.curve

    def _sweep(
        self, start_lr: float, end_lr: float, lr_mult: float | None, max_epochs: int | None
    ) -> tuple[rates.Schedule, int]:
        """The rates of a range test and how many there are, checked."""
        check_rate(start_lr)
        check_rate(end_lr)
        if max_epochs is not None:
            check_count("max_epochs", max_epochs)
        check_trainable(self.model, ())
        per_epoch = self._steps()
        steps = per_epoch * (max_epochs or max(1, math.ceil(100 / per_epoch)))
        if lr_mult is not None:
            end_lr = min(start_lr * lr_mult**steps, 10.0)
        if end_lr <= start_lr:
            raise ArgumentError(f"The sweep from {start_lr} to {end_lr} doesn't rise.")
        return rates.exponential(start_lr, end_lr, steps), steps

    def lr_plot(
        self, n_skip_beginning: int = 10, n_skip_end: int = 5, suggest: bool = False,
        return_fig: bool = False,
    ) -> Any:  # fmt: skip
        """Plot the curve of `lr_find`: loss over learning rate.

        Args:
            n_skip_beginning: points to leave out at the start.
            n_skip_end: points to leave out at the end.
            suggest: mark the three suggestions.
            return_fig: return the matplotlib figure instead of showing it.
        """
        figure = plots.plot_curve(self._known_curve(), n_skip_beginning, n_skip_end, suggest)
        return figure if return_fig else plots.show(figure)

    def lr_estimate(self) -> tuple[float, float, float] | None:
        """Three suggestions from `lr_find`: steepest descent, minimum / 10, valley.

        None, with a word about it, where the curve says nothing.
        """
        estimates = self._known_curve().estimate()
        if estimates is None:
            console.say(_suggestion(self._known_curve()))
        return estimates

    def _known_curve(self) -> Curve:
        if self.curve is None:
            raise ArgumentError("There is no curve yet: call lr_find() first.")
        return self.curve

    def _rate(self, lr: float | str, class_weight: ClassWeight, verbose: int) -> float:
        """The rate itself; for "auto" what the range test suggests."""
        if lr != "auto":
            check_rate(lr)
            return float(lr)
        found = self.curve or self.lr_find(class_weight=class_weight, verbose=verbose)
        rate = found.suggest()
        if rate is None:
            raise TrainingError(_suggestion(found))
        if verbose:
            console.say(f"learning rate: {rate:.1e}")
        return rate

    def _plan(
        self, name: str, epochs: int, schedule: rates.Schedule, *, monitor: str | None = None,
        settings: Mapping[str, Any], **options: Any,
    ) -> Plan:  # fmt: skip
        """A plan for this learner's data, checked."""
        if not options.get("reduce_factor", 2) > 1:
            raise ArgumentError(f"reduce_factor={options['reduce_factor']!r}; it must be above 1.")
        for option in ("early_stopping", "reduce_on_plateau"):
            if options.get(option) is not None:
                check_count(option, options[option])
        decides = options.get("early_stopping") or options.get("reduce_on_plateau")
        wanted = monitor or "val_loss"
        if wanted.startswith("val_") and self.val_data is None:
            if decides and monitor is not None:
                raise ArgumentError(
                    f"monitor={monitor!r} needs validation data. Give get_learner val_data, or "
                    'monitor "loss".'
                )
            wanted = "loss"
        data = {"seed": self.seed, "batch_size": self.batch_size}
        return Plan(
            name, epochs, self._steps(), schedule, monitor=wanted,
            settings={**settings, **data}, **options,
        )  # fmt: skip

    def _train(
        self,
        plan: Plan,
        checkpoint_folder: str | Path | None,
        resume: bool,
        class_weight: ClassWeight,
        callbacks: Sequence[keras.callbacks.Callback],
        verbose: int,
    ) -> History:
        check_trainable(self.model, callbacks)
        self.model.optimizer.build(self.model.trainable_variables)  # else it is traced twice
        folder = self._open_folder(checkpoint_folder, resume)
        batches, options = self._training(class_weight)
        if self._first_weights is None:  # for reset_weights
            self._first_weights = first_weights(self.model)
        run = Run(self.model, plan, self._epochs_seen, folder)
        if resume and folder is not None and (folder / LAST).exists():
            run.resume(folder)
            batches, options = self._training(class_weight, run.first_epoch + run.epoch)
            if verbose:
                console.say(f"going on after epoch {run.epoch} of {plan.epochs} in {folder}")
        validation = self.val_data and self.val_data.validation(self.eval_batch_size)
        try:
            if run.finished:
                run.restore_best()
            else:
                with memory_explained(self.batch_size, self._longest()):
                    start = self._head_start(class_weight)
                    run_training(run, batches, start, validation, options, callbacks, verbose)
        finally:
            self.interrupted = run.interrupted
            self._epochs_seen = run.first_epoch + run.epoch + (not run.finished)
            for name, values in run.history.items():
                self.history.setdefault(name, []).extend(values)
        return self.history

    def _open_folder(self, checkpoint_folder: str | Path | None, resume: bool) -> Path | None:
        """The folder for snapshots, with nothing of another training in it."""
        if checkpoint_folder is None:
            if resume:
                raise ArgumentError("resume=True needs checkpoint_folder: where the training is.")
            return None
        folder = Path(checkpoint_folder).expanduser().absolute()
        if (folder / LAST).exists() and not resume and folder not in self._folders:
            raise CheckpointError(
                f"{folder} holds a training already. resume=True goes on with it; for a new one "
                "take another folder, or remove this one."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"checkpoint_folder can't be made: {error}.") from error
        self._folders.add(folder)
        return folder

    def _known_data(self) -> Source:
        if self.train_data is None:
            raise DataError("This learner has no training data: get_learner(model, train_data=...)")
        return self.train_data

    def _steps(self) -> int:
        return self._known_data().steps(self.batch_size)

    def _training(self, class_weight: ClassWeight, epoch: int | None = None) -> Any:
        epoch = self._epochs_seen if epoch is None else epoch
        return self._known_data().training(self.batch_size, self.seed, epoch, class_weight)

    def _head_start(self, class_weight: ClassWeight) -> HeadStart:
        batches, options = self._training(class_weight)
        return HeadStart(batches, options, self.seed)

    def _longest(self) -> int | None:
        """Tokens of the longest text, where the data are texts."""
        lengths = getattr(getattr(self.train_data, "data", None), "lengths", None)
        return None if lengths is None or not isinstance(self.train_data, Rows) else lengths.max()


def _suggestion(curve: Curve) -> str:
    rate = curve.suggest()
    if rate is not None:
        return f"suggested learning rate: {rate:.1e}"
    return (
        "The learning-rate curve is inconclusive: the loss doesn't fall before it rises. Try "
        "lr_find with more epochs or another range, or give a rate that is usual for the model, "
        "such as 5e-5 for an encoder or 1e-3 for a small network."
    )


def check_count(name: str, value: Any) -> None:
    """Refuse what is no count."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ArgumentError(f"{name}={value!r}; it must be a whole number, 1 or more.")
