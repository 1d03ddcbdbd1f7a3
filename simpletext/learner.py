"""`Learner`: training a model, and the questions one asks a trained model."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from . import progress, report
from .batches import Batches, EncodedTexts, LabelledTexts
from .errors import ArgumentError, DataError
from .lr import Curve, Schedule, diverged, exponential, one_cycle, smooth
from .predict import predict_logits


def get_learner(
    model: keras.Model,
    train_data: EncodedTexts | None = None,
    val_data: EncodedTexts | None = None,
    batch_size: int = 32,
    eval_batch_size: int = 32,
    *,
    seed: int = 0,
) -> "Learner":
    """A learner for a compiled model and its data.

    Args:
        model: a compiled Keras model, such as `Transformer.get_classifier` gives.
        train_data: what `preprocess_train` gives.
        val_data: what `preprocess_test` gives with labels.
        batch_size: texts a training step.
        eval_batch_size: texts at a time in validation and prediction.
        seed: fixes the order of the training texts.

    Raises:
        ArgumentError: a model that isn't compiled, a batch size that isn't a positive number.
        DataError: data without texts or labels.
    """
    return Learner(model, train_data, val_data, batch_size, eval_batch_size, seed=seed)


class Learner:
    """Training, and the questions one asks a trained model. Made by `get_learner`."""

    def __init__(
        self,
        model: keras.Model,
        train_data: EncodedTexts | None = None,
        val_data: EncodedTexts | None = None,
        batch_size: int = 32,
        eval_batch_size: int = 32,
        *,
        seed: int = 0,
    ) -> None:
        _check_model(model)
        for name, size in (("batch_size", batch_size), ("eval_batch_size", eval_batch_size)):
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ArgumentError(f"{name}={size!r}; it must be a whole number, 1 or more.")
        self.model = model
        self.train_data = None if train_data is None else _labelled("train_data", train_data)
        self.val_data = None if val_data is None else _labelled("val_data", val_data)
        self.batch_size, self.eval_batch_size, self.seed = batch_size, eval_batch_size, seed
        self.history: dict[str, list[float]] = {}
        self.curve: Curve | None = None
        self._epochs_seen = 0

    # ---- training ------------------------------------------------------------------------

    def lr_find(
        self,
        start_lr: float = 1e-7,
        lr_mult: float | None = None,
        max_epochs: int | None = None,
        class_weight: dict[int, float] | None = None,
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
            class_weight: class index -> weight of its texts in the loss.
            stop_factor: ends the sweep when the loss is this many times its best.
            show_plot: show the curve.
            suggest: mark the suggestions on it.
            verbose: 0 prints nothing.

        Returns:
            The curve; it stays on the learner for `lr_plot` and `lr_estimate`.
        """
        _check_rate(start_lr)
        _check_rate(end_lr)
        batches = self._train_batches()
        epochs = max_epochs or max(1, math.ceil(100 / len(batches)))
        steps = len(batches) * epochs
        if lr_mult is not None:
            end_lr = min(start_lr * lr_mult**steps, 10.0)
        with _unchanged(self.model):
            losses = self._sweep(batches, exponential(start_lr, end_lr, steps), steps,
                                 stop_factor, class_weight, verbose)  # fmt: skip
        rates = [exponential(start_lr, end_lr, steps)(step) for step in range(len(losses))]
        self.curve = Curve(np.array(rates), smooth(losses))
        if show_plot:
            self.lr_plot(suggest=suggest)
        return self.curve

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
        figure = report.plot_curve(self._known_curve(), n_skip_beginning, n_skip_end, suggest)
        return figure if return_fig else report.show(figure)

    def lr_estimate(self) -> tuple[float, float, float] | None:
        """Three suggestions from `lr_find`: steepest descent, minimum / 10, valley.

        None, with a word about it, where the curve says nothing.
        """
        estimates = self._known_curve().estimate()
        if estimates is None:
            progress.say(
                "The curve is inconclusive: the loss doesn't fall before it rises. Try more "
                "epochs, another range, or a rate that is usual for the model, such as 5e-5."
            )
        return estimates

    def fit_onecycle(
        self,
        lr: float,
        epochs: int,
        *,
        class_weight: dict[int, float] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: int = 1,
    ) -> dict[str, list[float]]:
        """Train with the 1cycle policy: the rate rises to `lr` over half, then falls.

        Args:
            lr: the highest learning rate.
            epochs: passes over the training data.
            class_weight: class index -> weight of its texts in the loss.
            callbacks: Keras callbacks of your own.
            verbose: 0 prints nothing.

        Returns:
            The history of the whole learner: name -> a value an epoch ("lr": a value a step).

        Raises:
            ArgumentError: a rate that isn't a positive number, no epochs.
        """
        _check_rate(lr)
        _check_epochs(epochs)
        steps = len(self._train_batches()) * epochs
        return self._train(one_cycle(lr, steps), epochs, class_weight, callbacks, verbose)

    def _train(
        self,
        schedule: Schedule,
        epochs: int,
        class_weight: dict[int, float] | None,
        callbacks: Sequence[keras.callbacks.Callback],
        verbose: int,
    ) -> dict[str, list[float]]:
        batches = self._train_batches()
        rates = Rates(schedule)
        bar = progress.TrainingBar(len(batches), epochs, verbose)
        history = self.model.fit(
            batches,
            validation_data=self._val_batches(),
            epochs=epochs,
            verbose=0,
            shuffle=False,  # Batches shuffles rows; Keras would only shuffle whole batches
            class_weight=class_weight,
            callbacks=[rates, bar, *callbacks],
        )
        self._epochs_seen = batches.epoch
        for name, values in (history.history | {"lr": rates.used}).items():
            self.history.setdefault(name, []).extend(map(float, values))
        return self.history

    def _train_batches(self) -> Batches:
        if self.train_data is None:
            raise DataError("This learner has no training data: get_learner(model, train_data=...)")
        return Batches(self.train_data, self.batch_size, True, self.seed, self._epochs_seen)

    def _val_batches(self) -> Batches | None:
        return None if self.val_data is None else Batches(self.val_data, self.eval_batch_size)

    def _sweep(
        self,
        batches: Batches,
        schedule: Schedule,
        steps: int,
        stop_factor: float,
        class_weight: dict[int, float] | None,
        verbose: int,
    ) -> list[float]:
        """Losses, step by step, while the rate follows `schedule`."""
        losses: list[float] = []
        with progress.bar(steps, "finding the learning rate", verbose) as bar:
            for step in range(steps):
                self.model.optimizer.learning_rate = schedule(step)
                x, y = batches[step % len(batches)]
                logs = self.model.train_on_batch(x, y, class_weight=class_weight, return_dict=True)
                losses.append(float(logs["loss"]))
                bar.update()
                if diverged(losses, stop_factor):
                    break
                if (step + 1) % len(batches) == 0:
                    batches.on_epoch_end()
        return losses

    def _known_curve(self) -> Curve:
        if self.curve is None:
            raise ArgumentError("There is no curve yet: call lr_find() first.")
        return self.curve

    # ---- looking -------------------------------------------------------------------------

    def predict(self, data: EncodedTexts | None = None) -> np.ndarray:
        """Probabilities (or regression values) in the data's own order, (texts, labels).

        Args:
            data: by default the learner's validation data.
        """
        data = self._looked_at(data)
        logits = predict_logits(self.model, data, self.eval_batch_size)
        return report.probabilities(logits, data.labels)

    def validate(
        self,
        val_data: EncodedTexts | None = None,
        print_report: bool = True,
        class_names: Sequence[Any] = (),
    ) -> Any:
        """Print scikit-learn's report on the validation data.

        Args:
            val_data: by default the learner's own.
            print_report: False to print nothing.
            class_names: what to call the classes in the report.

        Returns:
            The confusion matrix, (classes, classes), rows true, columns predicted; for
            multi-label one 2 x 2 matrix a label; for regression a dict of scores.
        """
        data = self._looked_at(val_data)
        text, result = report.validation(self.predict(data), data, class_names)
        if print_report:
            progress.say(text)
        return result

    def top_losses(
        self,
        n: int | range | tuple[int, int] = 4,
        val_data: EncodedTexts | None = None,
        preproc: Any = None,
    ) -> Any:
        """The texts the model gets most wrong, worst first.

        Args:
            n: how many, or a range of ranks.
            val_data: by default the learner's own.
            preproc: accepted for ktrain's sake; the data keep their texts.

        Returns:
            A DataFrame: row, text, true, predicted, probability, loss. For classification only
            misclassified texts are in it.
        """
        data = self._looked_at(val_data)
        return report.top_losses(self.predict(data), data, n)

    def view_top_losses(
        self,
        n: int | range | tuple[int, int] = 4,
        preproc: Any = None,
        val_data: EncodedTexts | None = None,
    ) -> None:
        """Print `top_losses` with their texts."""
        progress.say(report.describe_losses(self.top_losses(n, val_data)))

    def plot(self, plot_type: str = "loss", return_fig: bool = False) -> Any:
        """Plot the training's history.

        Args:
            plot_type: "loss", "lr", or the name of a metric.
            return_fig: return the matplotlib figure instead of showing it.
        """
        figure = report.plot_history(self.history, plot_type)
        return figure if return_fig else report.show(figure)

    def _looked_at(self, data: EncodedTexts | None) -> LabelledTexts:
        data = self.val_data if data is None else data
        if data is None:
            raise DataError("There is no validation data: give val_data here or to get_learner.")
        return _labelled("val_data", data)


class Rates(keras.callbacks.Callback):
    """Sets the learning rate before each step, by a schedule, and remembers it."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule
        self.used: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Keras' call before a step."""
        self.used.append(self.schedule(len(self.used)))
        self.model.optimizer.learning_rate = self.used[-1]


@contextmanager
def _unchanged(model: keras.Model) -> Iterator[None]:
    """Put every variable of the model and its optimizer back at the end, whatever happens."""
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    variables = [*model.variables, *optimizer.variables]
    before = [keras.ops.convert_to_numpy(v).copy() for v in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)


def _check_model(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"model is a {type(model).__name__}; it must be a Keras model.")
    if not model.compiled:
        raise ArgumentError(
            "The model isn't compiled: call model.compile(optimizer=..., loss=...) first, "
            "or take it from Transformer.get_classifier()."
        )


def _labelled(name: str, data: Any) -> LabelledTexts:
    if not isinstance(data, EncodedTexts):
        raise DataError(
            f"{name} is a {type(data).__name__}; it must come from preprocess_train or "
            "preprocess_test."
        )
    if not isinstance(data, LabelledTexts):
        raise DataError(f"{name} has no labels: give them, as in preprocess_test(texts, labels).")
    return data


def _check_rate(lr: Any) -> None:
    is_number = isinstance(lr, (int, float, np.number)) and not isinstance(lr, bool)
    if not is_number or not math.isfinite(lr) or lr <= 0:
        raise ArgumentError(f"The learning rate is {lr!r}; it must be a number above 0, like 1e-4.")


def _check_epochs(epochs: Any) -> None:
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ArgumentError(f"epochs={epochs!r}; it must be a whole number, 1 or more.")
