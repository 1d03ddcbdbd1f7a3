"""Time budgets: how long a try takes, how much of it fits, and ending one that doesn't."""

import time
from dataclasses import dataclass, replace
from typing import Any

import keras

from .settings import TrainingSettings

TRACED = 2  # steps that are left out of the measurement: the first ones compile
MEASURED = 6  # steps after which a try's length is known


class OutOfTime(Exception):
    """A try can't be completed in time."""


@dataclass(frozen=True)
class Pace:
    """Seconds that the parts of a training take.

    Attributes:
        start: before its second step: encoding, building, the head start, compiling.
        step: per training step.
        validation: per epoch.
    """

    start: float
    step: float
    validation: float

    @property
    def reserve(self) -> float:
        """Seconds that are needed after the last try: its report takes another validation."""
        return 1.0 + 1.5 * self.validation

    def seconds(self, steps: int, epochs: int) -> float:
        """The seconds of a training with so many steps per epoch.

        Example:
            >>> Pace(start=10.0, step=0.5, validation=2.0).seconds(steps=20, epochs=3)
            46.0
        """
        return self.start + epochs * (steps * self.step + self.validation)

    def epochs_in(self, seconds: float, steps: int) -> int:
        """The epochs that fit into some seconds; 0 if none does.

        Example:
            >>> Pace(start=10.0, step=0.5, validation=2.0).epochs_in(40.0, steps=20)
            2
        """
        return max(int((seconds - self.start) / (steps * self.step + self.validation)), 0)

    def steps_in(self, seconds: float) -> int:
        """The steps that one epoch may have to fit into some seconds."""
        return max(int((seconds - self.start - self.validation) / self.step), 0)


class Deadline:
    """When a search has to end.

    Args:
        minutes: from now on; None for no end.
    """

    def __init__(self, minutes: float | None) -> None:
        self._start = time.monotonic()
        self._seconds = None if minutes is None else minutes * 60

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds until the end; infinite without one."""
        return float("inf") if self._seconds is None else self._seconds - self.elapsed


class Stopwatch(keras.callbacks.Callback):
    """Measures the pace of a try, and ends one that can't be completed before the deadline.

    Args:
        deadline: when it has to be complete.
        steps, epochs: of the training.
        validation_steps: batches of the held-out rows.

    Attributes:
        pace: what was measured so far; None before `MEASURED` steps.
    """

    def __init__(self, deadline: Deadline, steps: int, epochs: int, validation_steps: int) -> None:
        super().__init__()
        self.deadline, self.steps, self.epochs = deadline, steps, epochs
        self.validation_steps = validation_steps
        self.pace: Pace | None = None
        self._begun = self._last = time.monotonic()
        self._done = 0
        self._marks: list[float] = []  # when each step of the first epoch ended

    @property
    def measured(self) -> Pace:
        """The pace, which is known once a try was ended by it."""
        if self.pace is None:
            raise RuntimeError("nothing was measured yet")
        return self.pace

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called by Keras after a step."""
        self._done += 1
        self._last = time.monotonic()
        if self._done <= self.steps:
            self._marks.append(self._last)
            if self._done >= min(MEASURED, self.steps):
                self.pace = self._measure()
        if self.pace is not None:
            rest = self.epochs * self.steps - self._done
            checks = self.epochs - self._done // self.steps
            needed = rest * self.pace.step + checks * self.pace.validation + self.pace.reserve
            if needed > self.deadline.left:
                raise OutOfTime

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called by Keras after the validation."""
        if self.pace is not None:
            self.pace = replace(self.pace, validation=time.monotonic() - self._last)

    def _measure(self) -> Pace:
        first = min(TRACED, len(self._marks)) - 1
        marks = self._marks[first:]
        # Of a single step only the time with all that goes before it is known.
        whole = marks[-1] - marks[0] if len(marks) > 1 else marks[0] - self._begun
        step = whole / max(len(marks) - 1, 1)
        # A forward pass takes a third of a step; the first validation shows how long it takes.
        return Pace(marks[0] - self._begun, step, self.validation_steps * step / 3)


class Paces:
    """What was measured so far, and estimates for other settings."""

    def __init__(self) -> None:
        self._known: dict[tuple, Pace] = {}

    def add(self, settings: TrainingSettings, pace: Pace | None) -> None:
        """Keep the pace of a try, if it was measured."""
        if pace is not None:
            self._known[_key(settings)] = pace

    def of(self, settings: TrainingSettings) -> Pace | None:
        """The pace of these settings, or of the most similar ones; None if nothing is known.

        An unknown batch size takes as long per row. Only the first try with a checkpoint has to
        build and compile, so the shortest start counts.
        """
        known = {k: pace for k, pace in self._known.items() if k[0] == settings.checkpoint}
        if not known:
            return None
        key = _key(settings) if _key(settings) in known else next(reversed(known))
        start = min(pace.start for pace in known.values())
        step = known[key].step * settings.batch_size / key[2]
        return replace(known[key], start=start, step=step)


def _key(settings: TrainingSettings) -> tuple:
    return settings.checkpoint, settings.maxlen, settings.batch_size, settings.frozen_blocks
