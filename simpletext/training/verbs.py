"""The verbs of training of a `Learner`: one per schedule."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..utils.validation import require_choice, shown
from . import plan
from .fitting import Callbacks, ClassWeight, FitOptions, History

Folder = str | Path | None
# The schedules of the ways into the library that have no learner, and their verbs.
SCHEDULES = {
    "onecycle": "fit_onecycle", "linear": "fit_linear", "constant": "fit", "triangular": "autofit",
}  # fmt: skip


class FittingVerbs(ABC):
    """The verbs of training; `Learner` has the model and the data."""

    def fit_onecycle(  # noqa: D417
        self, lr: float | str, epochs: int, checkpoint_folder: Folder = None,
        cycle_momentum: bool = False, max_momentum: float = 0.95, min_momentum: float = 0.85,
        class_weight: ClassWeight = None, callbacks: Callbacks = (), verbose: int = 1, *,
        resume: bool = False, head_start: bool = True,
    ) -> History:  # fmt: skip
        """Train with the 1cycle policy: the rate rises to `lr` over half of the steps, then falls.

        Args:
            lr: the highest learning rate; "auto" for the suggestion of `lr_find`, or the rate that
                is usual for the encoder's size where that is inconclusive.
            epochs: passes over the training data.
            checkpoint_folder: folder for `best.safetensors` and `last.safetensors`.
            cycle_momentum: let the momentum fall while the rate rises, and back.
            max_momentum, min_momentum: momentum at both ends, and in the middle.
            class_weight: class -> weight of its rows in the loss, or "balanced".
            callbacks: a list of Keras callbacks, or one callback.
            verbose: 0 prints nothing.
            resume: continue the training in checkpoint_folder, if there is one.
            head_start: first train a newly initialised head alone for some seconds, on the frozen
                encoder (linear probing, https://arxiv.org/abs/2202.10054). False leaves it out.
                A trained head is never trained alone.

        Returns:
            The history of all trainings of the learner.

        Raises:
            ArgumentError: a rate that isn't a positive number, no epochs, and so on; before any
                work is done.
            CheckpointError: the folder has a training already, or (resume) a different one.
            TrainingError: the loss is not a number, memory is exhausted, or (models not
                of simpletext) "auto" is inconclusive.
        """
        cycle = plan.one_cycle(epochs, (cycle_momentum, max_momentum, min_momentum))
        how = FitOptions(checkpoint_folder, class_weight, callbacks, verbose, resume, head_start)
        return self._fit(lr, cycle, how)

    def fit(  # noqa: D417 - the others are described in fit_onecycle
        self, lr: float | str, n_cycles: int, cycle_len: int | None = None, cycle_mult: int = 1,
        lr_decay: float = 1, checkpoint_folder: Folder = None, early_stopping: int | None = None,
        verbose: int = 1, class_weight: ClassWeight = None, callbacks: Callbacks = (), *,
        resume: bool = False, head_start: bool = True,
    ) -> History:  # fmt: skip
        """Train at a constant rate, or in cycles of falling cosines (SGDR).

        Args:
            lr: the learning rate; "auto" for the suggestion of `lr_find`.
            n_cycles: epochs; with `cycle_len` cycles.
            cycle_len: epochs of the first cycle.
            cycle_mult: factor from a cycle's length to the next one's.
            lr_decay: factor from a cycle's first rate to the next one's.
            early_stopping: epochs without a lower loss before the training ends; then the weights
                of the best epoch are restored.
            checkpoint_folder, verbose, class_weight, callbacks: see `fit_onecycle`.
            resume, head_start, and what is returned: see `fit_onecycle`.
        """
        cycles = plan.constant_or_cycles(n_cycles, cycle_len, cycle_mult, lr_decay, early_stopping)
        how = FitOptions(checkpoint_folder, class_weight, callbacks, verbose, resume, head_start)
        return self._fit(lr, cycles, how)

    def fit_linear(  # noqa: D417 - the others are described in fit_onecycle
        self, lr: float | str, epochs: int, warmup_ratio: float = 0.1,
        checkpoint_folder: Folder = None, early_stopping: int | None = None,
        class_weight: ClassWeight = None, callbacks: Callbacks = (), verbose: int = 1, *,
        resume: bool = False, head_start: bool = True,
    ) -> History:  # fmt: skip
        """Train with warm-up and linear decay, as BERT was (https://arxiv.org/abs/1810.04805).

        Args:
            warmup_ratio: share of the steps in which the rate rises.
            early_stopping: see `fit`.
            lr, epochs, checkpoint_folder, class_weight, callbacks, verbose, resume, head_start:
                see `fit_onecycle`, also for what is returned.
        """
        linear = plan.linear(epochs, warmup_ratio, early_stopping)
        how = FitOptions(checkpoint_folder, class_weight, callbacks, verbose, resume, head_start)
        return self._fit(lr, linear, how)

    def fit_noam(  # noqa: D417 - the others are described in fit_onecycle
        self, lr: float | str, epochs: int, warmup_steps: int = 4000,
        checkpoint_folder: Folder = None, early_stopping: int | None = None,
        class_weight: ClassWeight = None, callbacks: Callbacks = (), verbose: int = 1, *,
        resume: bool = False, head_start: bool = True,
    ) -> History:  # fmt: skip
        """Train with warm-up and inverse square-root decay (https://arxiv.org/abs/1706.03762).

        Args:
            lr: the highest rate, at the end of the warm-up.
            warmup_steps: steps in which the rate rises; then it falls with 1 / sqrt(step).
            early_stopping: see `fit`.
            epochs, checkpoint_folder, class_weight, callbacks, verbose, resume, head_start:
                see `fit_onecycle`, also for what is returned.
        """
        noam = plan.noam(epochs, warmup_steps, early_stopping)
        how = FitOptions(checkpoint_folder, class_weight, callbacks, verbose, resume, head_start)
        return self._fit(lr, noam, how)

    def autofit(  # noqa: D417 - the others are described in fit_onecycle
        self, lr: float | str, epochs: int | None = None, early_stopping: int | None = None,
        reduce_on_plateau: int | None = None, reduce_factor: float = 2,
        cycle_momentum: bool = False, max_momentum: float = 0.95, min_momentum: float = 0.85,
        monitor: str = "val_loss", checkpoint_folder: Folder = None,
        class_weight: ClassWeight = None, callbacks: Callbacks = (), verbose: int = 1, *,
        resume: bool = False, head_start: bool = True,
    ) -> History:  # fmt: skip
        """Train with a triangular rate in each epoch; without `epochs` until it stops improving.

        Args:
            epochs: the most epochs; by default early_stopping is 5 and reduce_on_plateau 2.
            early_stopping: epochs without a better `monitor` before the training ends.
            reduce_on_plateau: such epochs before the rate is divided by `reduce_factor`.
            reduce_factor: the divisor.
            cycle_momentum: as in `fit_onecycle`, in each epoch.
            max_momentum, min_momentum: momentum at both ends and in the middle of an epoch.
            monitor: the quantity by which epochs are compared.
            lr, checkpoint_folder, class_weight, callbacks, verbose, resume, head_start: see
                `fit_onecycle`, also for what is returned.
        """
        triangles = plan.triangular(
            epochs, early_stopping, reduce_on_plateau, reduce_factor,
            (cycle_momentum, max_momentum, min_momentum), monitor,
        )  # fmt: skip
        how = FitOptions(checkpoint_folder, class_weight, callbacks, verbose, resume, head_start)
        return self._fit(lr, triangles, how)

    @abstractmethod
    def _fit(self, lr: float | str, wanted: plan.Plan, how: FitOptions) -> History:
        """Carry out a plan, at a rate or the suggested one."""


def require_schedule(schedule: str, early_stopping: int | None) -> None:
    """Refuse an unknown schedule, or one that can't end early.

    Raises:
        ArgumentError: such a schedule.
    """
    require_choice("schedule", schedule, SCHEDULES)
    if early_stopping is not None and schedule == "onecycle":
        raise ArgumentError(
            f"early_stopping={shown(early_stopping)}, but the 1cycle policy trains for all its "
            "epochs. Pass another schedule, such as 'linear'."
        )


def fit_by(
    schedule: str, learner: FittingVerbs, lr: float | str, epochs: int,
    early_stopping: int | None, class_weight: ClassWeight, verbose: int,
    callbacks: Callbacks = (), checkpoint_folder: Folder = None,
) -> None:  # fmt: skip
    """Train by one of `SCHEDULES`; with a folder, continue the training in it if there is one."""
    options: dict[str, Any] = {
        "class_weight": class_weight, "callbacks": callbacks, "verbose": verbose,
        "checkpoint_folder": checkpoint_folder, "resume": checkpoint_folder is not None,
    }  # fmt: skip
    if early_stopping is not None:
        options["early_stopping"] = early_stopping
    getattr(learner, SCHEDULES[schedule])(lr, epochs, **options)
