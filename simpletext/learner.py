"""`Learner`: the verbs of training; see also `trainer`, `examiner` and `keeper`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from .errors import ArgumentError
from .examiner import Examiner
from .keeper import Keeper, check_model, check_rate
from .trainer import ClassWeight, History, Trainer, check_count
from .training import schedules as rates
from .training.sources import as_source

UNTIL_STOPPED = 1024  # epochs of autofit where none are given, as in ktrain


def get_learner(
    model: keras.Model,
    train_data: Any = None,
    val_data: Any = None,
    batch_size: int = 32,
    eval_batch_size: int = 32,
    *,
    sample_weight: Any = None,
    seed: int = 0,
) -> "Learner":
    """A learner for a compiled model and its data.

    Args:
        model: a compiled Keras model, such as `Transformer.get_classifier` gives.
        train_data: what `preprocess_train` gives; or `(x, y)` of arrays, a `tf.data.Dataset` or a
            `PyDataset`, for any Keras model.
        val_data: the same for validation.
        batch_size: rows a training step; datasets have their own.
        eval_batch_size: rows at a time in validation and prediction.
        sample_weight: weights of the training rows in the loss, (rows,).
        seed: fixes the order of the training rows.

    Raises:
        ArgumentError: a model that isn't compiled, a batch size that isn't a positive number.
        DataError: data without labels, or with labels that the model has no output for.
    """
    return Learner(
        model,
        train_data,
        val_data,
        batch_size,
        eval_batch_size,
        sample_weight=sample_weight,
        seed=seed,
    )


class Learner(Trainer, Examiner, Keeper):
    """Training, and the questions one asks a trained model. Made by `get_learner`.

    Attributes:
        model: the Keras model.
        history: name -> a value an epoch ("lr" and "momentum": a value a step), over all
            trainings.
        curve: what `lr_find` found, or None.
    """

    def __init__(
        self,
        model: keras.Model,
        train_data: Any = None,
        val_data: Any = None,
        batch_size: int = 32,
        eval_batch_size: int = 32,
        *,
        sample_weight: Any = None,
        seed: int = 0,
    ) -> None:
        check_model(model)
        for name, size in (("batch_size", batch_size), ("eval_batch_size", eval_batch_size)):
            check_count(name, size)
        super().__init__()
        self.model = model
        self.batch_size, self.eval_batch_size, self.seed = batch_size, eval_batch_size, seed
        if train_data is not None:
            self.train_data = as_source("train_data", train_data, model, sample_weight)
        if val_data is not None:
            self.val_data = as_source("val_data", val_data, model)

    def fit_onecycle(
        self,
        lr: float | str,
        epochs: int,
        checkpoint_folder: str | Path | None = None,
        cycle_momentum: bool = False,
        max_momentum: float = 0.95,
        min_momentum: float = 0.85,
        class_weight: ClassWeight = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: int = 1,
        *,
        resume: bool = False,
    ) -> History:
        """Train with the 1cycle policy: the rate rises to `lr` over half, then falls.

        A head that was made new is trained first, for seconds, on what the encoder says as it is
        (linear probing, https://arxiv.org/abs/2202.10054); that goes for every verb of training.

        Args:
            lr: the highest learning rate; "auto" for what `lr_find` suggests.
            epochs: passes over the training data.
            checkpoint_folder: where to keep `best.safetensors` and `last.safetensors`.
            cycle_momentum: let the momentum fall while the rate rises, and back.
            max_momentum: momentum at both ends.
            min_momentum: momentum in the middle.
            class_weight: class -> weight of its rows in the loss, or "balanced".
            callbacks: Keras callbacks of your own.
            verbose: 0 prints nothing.
            resume: go on with the training in checkpoint_folder, if there is one, where it
                was when its process ended.

        Returns:
            The history of the whole learner.

        Raises:
            ArgumentError: a rate that isn't a positive number, no epochs, and so on.
            CheckpointError: the folder holds a training already, or for resume another one.
            TrainingError: the loss isn't a number, memory is out, "auto" is inconclusive.
        """
        check_count("epochs", epochs)
        top = self._rate(lr, class_weight, verbose)
        steps = self._steps()
        momentum = _cycling(cycle_momentum, min_momentum, max_momentum, steps * epochs)
        plan = self._plan(
            "one_cycle", epochs, rates.one_cycle(top, steps * epochs), momentum=momentum,
            settings={"lr": top, "momentum": cycle_momentum and [max_momentum, min_momentum]},
        )  # fmt: skip
        return self._train(plan, checkpoint_folder, resume, class_weight, callbacks, verbose)

    def fit(
        self,
        lr: float | str,
        n_cycles: int,
        cycle_len: int | None = None,
        cycle_mult: int = 1,
        lr_decay: float = 1,
        checkpoint_folder: str | Path | None = None,
        early_stopping: int | None = None,
        verbose: int = 1,
        class_weight: ClassWeight = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        *,
        resume: bool = False,
    ) -> History:
        """Train at a constant rate, or in cycles of falling cosines (SGDR).

        Args:
            lr: the learning rate; "auto" for what `lr_find` suggests.
            n_cycles: epochs; with `cycle_len` cycles.
            cycle_len: epochs of the first cycle.
            cycle_mult: what a cycle's length is multiplied with for the next one.
            lr_decay: what a cycle's first rate is multiplied with for the next one.
            early_stopping: epochs without a better loss before the training ends; then the best
                epoch's weights are put back.
            checkpoint_folder: see `fit_onecycle`.
            class_weight: see `fit_onecycle`.
            callbacks: Keras callbacks of your own.
            verbose: 0 prints nothing.
            resume: see `fit_onecycle`.

        Returns:
            The history of the whole learner.
        """
        for name, value in (("n_cycles", n_cycles), ("cycle_mult", cycle_mult)):
            check_count(name, value)
        rate = self._rate(lr, class_weight, verbose)
        check_rate(lr_decay)
        if cycle_len is None:
            name, epochs, schedule = "constant", n_cycles, rates.constant(rate)
        else:
            check_count("cycle_len", cycle_len)
            epochs = sum(cycle_len * cycle_mult**i for i in range(n_cycles))
            name = "sgdr"
            schedule = rates.sgdr(rate, self._steps(), cycle_len, cycle_mult, lr_decay)
        cycles = {"cycle_len": cycle_len, "cycle_mult": cycle_mult, "lr_decay": lr_decay}
        plan = self._plan(
            name, epochs, schedule, early_stopping=early_stopping, settings={"lr": rate, **cycles}
        )
        return self._train(plan, checkpoint_folder, resume, class_weight, callbacks, verbose)

    def fit_linear(
        self,
        lr: float | str,
        epochs: int,
        warmup_ratio: float = 0.1,
        checkpoint_folder: str | Path | None = None,
        early_stopping: int | None = None,
        class_weight: ClassWeight = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: int = 1,
        *,
        resume: bool = False,
    ) -> History:
        """Train with warm-up and linear decay, as BERT was (https://arxiv.org/abs/1810.04805).

        Args:
            lr: the highest learning rate; "auto" for what `lr_find` suggests.
            epochs: passes over the training data.
            warmup_ratio: share of the steps in which the rate rises.
            early_stopping: see `fit`.
            checkpoint_folder: see `fit_onecycle`.
            class_weight: see `fit_onecycle`.
            callbacks: Keras callbacks of your own.
            verbose: 0 prints nothing.
            resume: see `fit_onecycle`.

        Returns:
            The history of the whole learner.
        """
        check_count("epochs", epochs)
        if not 0 <= warmup_ratio <= 1:
            raise ArgumentError(f"warmup_ratio={warmup_ratio!r}; it must be from 0 to 1.")
        rate = self._rate(lr, class_weight, verbose)
        schedule = rates.linear(rate, self._steps() * epochs, warmup_ratio)
        settings = {"lr": rate, "warmup_ratio": warmup_ratio}
        plan = self._plan(
            "linear", epochs, schedule, early_stopping=early_stopping, settings=settings
        )
        return self._train(plan, checkpoint_folder, resume, class_weight, callbacks, verbose)

    def autofit(
        self,
        lr: float | str,
        epochs: int | None = None,
        early_stopping: int | None = None,
        reduce_on_plateau: int | None = None,
        reduce_factor: float = 2,
        cycle_momentum: bool = False,
        max_momentum: float = 0.95,
        min_momentum: float = 0.85,
        monitor: str = "val_loss",
        checkpoint_folder: str | Path | None = None,
        class_weight: ClassWeight = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: int = 1,
        *,
        resume: bool = False,
    ) -> History:
        """Train in triangles of one epoch; without epochs until it gets no better.

        Args:
            lr: the highest learning rate; "auto" for what `lr_find` suggests.
            epochs: at most so many; without them early_stopping is 5 and reduce_on_plateau 2.
            early_stopping: epochs without a better `monitor` before the training ends.
            reduce_on_plateau: such epochs before the rate is divided by `reduce_factor`.
            reduce_factor: what the rate is divided by.
            cycle_momentum: as in `fit_onecycle`, in each epoch.
            max_momentum: momentum at an epoch's ends.
            min_momentum: momentum in its middle.
            monitor: the quantity by which epochs are compared.
            checkpoint_folder: see `fit_onecycle`.
            class_weight: see `fit_onecycle`.
            callbacks: Keras callbacks of your own.
            verbose: 0 prints nothing.
            resume: see `fit_onecycle`.
        """
        if epochs is None:
            epochs, early_stopping = UNTIL_STOPPED, _or(early_stopping, 5)
            reduce_on_plateau = _or(reduce_on_plateau, 2)
        check_count("epochs", epochs)
        rate = self._rate(lr, class_weight, verbose)
        steps = self._steps()
        cycle = _cycling(cycle_momentum, min_momentum, max_momentum, steps)
        plan = self._plan(
            "triangular", epochs, rates.triangular(rate, steps),
            momentum=cycle and rates.repeated(cycle, steps), early_stopping=early_stopping,
            reduce_on_plateau=reduce_on_plateau, reduce_factor=reduce_factor, monitor=monitor,
            settings={"lr": rate, "momentum": cycle_momentum and [max_momentum, min_momentum]},
        )  # fmt: skip
        return self._train(plan, checkpoint_folder, resume, class_weight, callbacks, verbose)


def _cycling(on: bool, low: float, high: float, steps: int) -> rates.Schedule | None:
    """Momentum for a cycle, checked; None where it isn't wanted."""
    if not on:
        return None
    if not 0 <= low <= high < 1:
        raise ArgumentError(
            f"min_momentum={low!r} and max_momentum={high!r}; they must be from 0 to below 1, "
            "and the smaller one first."
        )
    return rates.one_cycle_momentum(high, low, steps)


def _or(value: int | None, default: int) -> int:
    """The value, where it is given; a 0 is, and is refused later."""
    return default if value is None else value
