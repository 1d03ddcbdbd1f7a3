"""The search: one try after the other, until the tries or the time are used up."""

import json
import math
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, SimpletextError
from ..learner import Learner
from ..tasks.metrics import lower_is_better
from ..training.weights import WeightsBackup
from ..utils import console
from .clock import Deadline, OutOfTime, Pace, Paces, Stopwatch
from .settings import TrainingSettings
from .space import SearchSpace
from .study import is_any_complete, suggested, tell
from .trials import TrialRunner

MARKS = (25, 50, 75)  # percent of a training after which tries are compared with each other
COMPLETE, PRUNED, FAIL = "COMPLETE", "PRUNED", "FAIL"  # Optuna's states
FEWEST_STEPS = 4  # of a training whose time isn't enough for an epoch


@dataclass(frozen=True)
class Best:
    """The best try so far.

    Attributes:
        number: its number in the study.
        settings: what it trained with.
        score: on the held-out rows.
        learner: its learner, whose model other tries may have trained further; None if another
            process made the try.
        weights: the weights after the try.
    """

    number: int
    settings: TrainingSettings
    score: float
    learner: Learner | None = None
    weights: WeightsBackup | None = None


@dataclass(frozen=True)
class Limits:
    """When a search ends.

    Attributes:
        trials: tries at most; None for no limit.
        deadline: see `Deadline`.
    """

    trials: int | None
    deadline: Deadline


class StoppedEarly(Exception):
    """A try lags behind the others."""


class Reporter(keras.callbacks.Callback):
    """Reports a try's score at fixed shares of its training, and ends a try that lags behind."""

    def __init__(self, trial: Any, quantity: str, epochs: int) -> None:
        super().__init__()
        self.trial, self.quantity, self.epochs = trial, quantity, epochs
        self._reported: set[int] = set()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras after the validation."""
        percent = 100 * (epoch + 1) // self.epochs
        mark = max((mark for mark in MARKS if mark <= percent), default=0)
        if mark and percent < 100 and mark not in self._reported:
            self._reported.add(mark)
            self.trial.report(float((logs or {})[self.quantity]), mark)
            if self.trial.should_prune():
                raise StoppedEarly


class Search:
    """Tries settings, and keeps the best model by the held-out rows.

    Args:
        runner: trains.
        space: what is searched.
        first: the settings of the first try; those that aren't searched are kept.
        study: Optuna's study.
        metric: the name of the score.
        limits: when it ends.
        folder: where the best model is saved, or None.
    """

    def __init__(
        self, runner: TrialRunner, space: SearchSpace, first: TrainingSettings, study: Any,
        metric: str, limits: Limits, folder: Path | None,
    ) -> None:  # fmt: skip
        self.runner, self.space, self.first, self.study = runner, space, first, study
        self.metric, self.limits, self.folder = metric, limits, folder
        self.lower = lower_is_better(metric)
        self.paces, self.best = Paces(), self._best_before()

    def run(self) -> Best:
        """Try until the limits are reached. Ctrl-C ends the search too, once there is a model.

        Raises:
            SimpletextError: what the first try raised.
        """
        self._begin_with_defaults()
        try:
            while not self._is_over():
                self._try(self.study.ask())
        except OutOfTime:  # not one epoch more
            pass
        except KeyboardInterrupt:
            if self.best is None:
                raise
            self._note("Stopped by Ctrl-C: the best try so far is kept.")
        if self.best is None:
            raise ArgumentError("No try was completed: the time was used up. Pass more minutes.")
        return self.best

    # ---- before and between tries --------------------------------------------------------

    def _begin_with_defaults(self) -> None:
        """The default training is the first try, once per checkpoint, if the space has it."""
        if any(trial.state.name != FAIL for trial in self.study.trials):
            return
        for checkpoint in self.space.checkpoints(self.first.checkpoint):
            settings = replace(self.first, checkpoint=checkpoint)
            settings = self.runner.complete(settings)
            if self.space.contains(settings):
                self.study.enqueue_trial(
                    {name: getattr(settings, name) for name in self.space.dimensions}
                )

    def _is_over(self) -> bool:
        limit = self.limits.trials
        return self.limits.deadline.left <= 0 or (limit is not None and self._finished() >= limit)

    def _finished(self) -> int:
        """Tries that ended; not those that a killed process left behind."""
        return sum("seconds" in trial.user_attrs for trial in self.study.trials)

    def _best_before(self) -> Best | None:
        """The best try of the process that this one continues."""
        if not is_any_complete(self.study):
            return None
        trial = self.study.best_trial
        settings = TrainingSettings(**json.loads(trial.user_attrs["settings"]))
        return Best(trial.number, settings, trial.value)

    # ---- one try -------------------------------------------------------------------------

    def _try(self, trial: Any) -> None:
        began = self.limits.deadline.elapsed
        try:
            settings = replace(self.first, **suggested(trial, self.space))
            settings = self.runner.complete(settings)
            outcome = self._outcome(trial, self._fitting(settings))
        except BaseException:  # Ctrl-C too: it doesn't count as a try
            tell(self.study, trial.number, FAIL, None)
            raise
        seconds = self.limits.deadline.elapsed - began
        outcome.record(trial, seconds)
        tell(self.study, trial.number, outcome.state, outcome.score)
        self._remove_others()
        if self.runner.verbose:
            is_best = self.best is not None and self.best.number == trial.number
            console.note(outcome.describe(trial.number, self.metric, seconds, is_best))

    def _outcome(self, trial: Any, settings: TrainingSettings) -> "Outcome":
        try:
            settings, learner = self._trained(trial, settings)
        except StoppedEarly:
            return Outcome(settings, PRUNED, note="stopped early")
        except OutOfTime:
            return Outcome(settings, FAIL, note="out of time")
        except SimpletextError as error:
            if self.best is None:  # such as a loss that doesn't fit the task
                raise
            return Outcome(settings, FAIL, note=str(error))
        score = score_of(learner, self.metric, self.runner.options.early_stopping is not None)
        self._keep(Best(trial.number, settings, score, learner, WeightsBackup.of(learner.model)))
        return Outcome(settings, COMPLETE, score)

    def _fitting(self, settings: TrainingSettings) -> TrainingSettings:
        """The settings with as many epochs as there is time for."""
        pace, left = self.paces.of(settings), self.limits.deadline.left
        if pace is None or math.isinf(left):
            return settings
        epochs = pace.epochs_in(left - pace.reserve, self.runner.steps(settings))
        if not epochs:
            raise OutOfTime
        return replace(settings, epochs=min(epochs, settings.passes))

    def _trained(self, trial: Any, settings: TrainingSettings) -> tuple[TrainingSettings, Learner]:
        """A finished training; the first one is shortened until the time is enough."""
        while True:
            steps, checks = self.runner.steps(settings), self.runner.validation_steps()
            watch = Stopwatch(self.limits.deadline, steps, settings.passes, checks)
            reporter = Reporter(trial, f"val_{self.metric}", settings.passes)
            try:
                return settings, self.runner.run(settings, [watch, reporter])
            except OutOfTime:
                if self.best is not None:
                    raise
                settings = self._shortened(settings, watch.measured)
            finally:
                self.paces.add(settings, watch.pace)

    def _shortened(self, settings: TrainingSettings, pace: Pace) -> TrainingSettings:
        """The default training with fewer epochs, or on fewer rows, so that it fits."""
        left = self.limits.deadline.left - pace.reserve
        epochs = min(pace.epochs_in(left, self.runner.steps(settings)), settings.passes - 1)
        if epochs > 0:
            self._note(f"time for {epochs} of {settings.epochs} epochs")
            return replace(settings, epochs=epochs)
        rows = min(pace.steps_in(left), self.runner.steps(settings) - 1) * settings.batch_size
        if rows < FEWEST_STEPS * settings.batch_size:
            raise ArgumentError(
                f"The time is too short for a training of {FEWEST_STEPS} steps: a step takes "
                f"{pace.step:.1f} s, and {pace.start:.0f} s pass before the first one. Pass more "
                "minutes."
            )
        self._note(f"time for {rows} of {len(self.runner.train.texts)} rows, once")
        self.runner.limit_rows(rows)
        return replace(settings, epochs=1)

    def _note(self, message: str) -> None:
        if self.runner.verbose:
            console.note(message)

    # ---- the best model ------------------------------------------------------------------

    def _keep(self, found: Best) -> None:
        """Keep a try's model if it is better than all before."""
        if self.best is not None and not self._is_better(found.score, self.best.score):
            return
        if self.folder is not None and found.learner is not None:
            target = saved_in(self.folder, found.number)
            shutil.rmtree(target, ignore_errors=True)  # of a process that was killed
            self.runner.predictor(found.settings, found.learner).save(target)
        self.best = found

    def _is_better(self, score: float, than: float) -> bool:
        return score < than if self.lower else score > than

    def _remove_others(self) -> None:
        """Remove the models of earlier best tries, once the study knows the new one."""
        if self.folder is None or self.best is None:
            return
        for folder in self.folder.glob("best-*"):
            is_ours = re.fullmatch(r"best-\d+", folder.name)
            if is_ours and folder != saved_in(self.folder, self.best.number):
                shutil.rmtree(folder)


@dataclass(frozen=True)
class Outcome:
    """How a try ended.

    Attributes:
        settings: what it trained with; epochs may be fewer than the sampler's.
        state: the name of Optuna's state.
        score: on the held-out rows, if it was completed.
        note: why it wasn't.
    """

    settings: TrainingSettings
    state: str
    score: float | None = None
    note: str = ""

    def record(self, trial: Any, seconds: float) -> None:
        """Keep in the study what Optuna doesn't."""
        trial.set_user_attr("settings", json.dumps(self.settings.to_dict()))
        trial.set_user_attr("seconds", round(seconds, 2))
        trial.set_user_attr("note", self.note)

    def describe(self, number: int, metric: str, seconds: float, is_best: bool) -> str:
        """One line for the user."""
        ended = self.note if self.score is None else f"{metric} {self.score:.4f}"
        values = ", ".join(f"{name} {_short(v)}" for name, v in self.settings.to_dict().items())
        return f"try {number}: {ended}{' (best so far)' * is_best}, {seconds:.0f} s; {values}"


def score_of(learner: Learner, metric: str, early_stopping: bool) -> float:
    """The score of the weights that a training has left, on the held-out rows."""
    values = learner.history[f"val_{metric}"]
    best = int(np.argmin(learner.history["val_loss"])) if early_stopping else -1
    return float(values[best])


def saved_in(folder: Path, number: int) -> Path:
    """The folder of a try's model."""
    return folder / f"best-{number}"


def _short(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
