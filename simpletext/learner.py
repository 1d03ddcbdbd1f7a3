"""`Learner`: a compiled model and its data; finding the rate, training, validating, freezing."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from .evaluation import evaluating, html_report, plots, report
from .evaluation.figures import shown
from .inference.predictions import Predictions
from .labelling import suspects
from .models import freezing
from .models.measured import record_scores
from .tokenization.encoded_texts import EncodedTexts, LabelledTexts
from .training import fitting, lr_finder, plan, sources, weights
from .training.fitting import ClassWeight, FitOptions, History
from .training.lr_finder import Curve
from .training.optimizer import check_schedulable, restart_optimizer, set_weight_decay
from .training.processes import require_divisible
from .training.schedules import require_learning_rate
from .training.settings import describe_training
from .training.usual import usual_rate_of
from .training.verbs import FittingVerbs
from .utils import console
from .utils.files import require_new_file
from .utils.notebook import Described
from .utils.validation import MOST_SEED, require_count, require_flag, require_verbose

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def get_learner(
    model: keras.Model, train_data: Any = None, val_data: Any = None, batch_size: int = 32,
    eval_batch_size: int = 32, *, sample_weight: Any = None, seed: int = 0,
) -> "Learner":  # fmt: skip
    """A learner for a compiled model and its data.

    Args:
        model: a compiled Keras model, such as `Transformer.get_classifier` returns.
        train_data: what `preprocess_train` returns; or `(x, y)` of arrays, a `tf.data.Dataset` or
            a `PyDataset`, for any Keras model.
        val_data: the same for validation.
        batch_size: rows per training step; datasets have their own.
        eval_batch_size: rows per batch in validation and prediction.
        sample_weight: weights of the training rows in the loss, (rows,).
        seed: fixes the order of the training rows.

    Raises:
        ArgumentError: a model that isn't compiled, a batch size that isn't a positive number.
        DataError: data without labels, or with labels that the model has no output for.
    """
    options = {"sample_weight": sample_weight, "seed": seed}
    return Learner(model, train_data, val_data, batch_size, eval_batch_size, **options)


class Learner(Described, FittingVerbs):
    """Trains and evaluates a model. Created by `get_learner`, whose arguments it takes.

    Attributes:
        model: the Keras model.
        train_data, val_data: the data, or None.
        history: name -> one value per epoch ("lr" and "momentum": per step), over all trainings.
        curve: the result of the last `lr_find`, or None.
        interrupted: whether Ctrl-C ended the last training.
    """

    def __init__(
        self, model: keras.Model, train_data: Any = None, val_data: Any = None,
        batch_size: int = 32, eval_batch_size: int = 32, *, sample_weight: Any = None,
        seed: int = 0,
    ) -> None:  # fmt: skip
        fitting.require_compiled(model)
        self.model = model
        self.batch_size = require_count("batch_size", batch_size)
        self.eval_batch_size = require_count("eval_batch_size", eval_batch_size)
        self.seed = require_count("seed", seed, 0, MOST_SEED)
        self.train_data = sources.optional_source("train_data", train_data, model, sample_weight)
        self.val_data = sources.optional_source("val_data", val_data, model)
        self.history: History = {}
        self.curve: Curve | None = None
        self.interrupted, self._state = False, fitting.LearnerState()

    def _facts(self) -> dict[str, Any]:
        losses = {name: self.history.get(name) for name in ("loss", "val_loss")}
        return {
            "model": self.model.name,
            "train": None if self.train_data is None else self.train_data.summary,
            "val": None if self.val_data is None else self.val_data.summary,
            "batch_size": self.batch_size,
            "epochs": self._state.epochs,
            **{name: f"{values[-1]:.4g}" for name, values in losses.items() if values},
        }

    def lr_find(  # noqa: D417
        self, start_lr: float = 1e-6, lr_mult: float | None = None, max_epochs: int | None = None,
        class_weight: ClassWeight = None, stop_factor: float = 4, show_plot: bool = False,
        suggest: bool = False, *, end_lr: float = 1e-2, epochs: int = 3, head_start: bool = True,
        verbose: int = 1,
    ) -> Curve:  # fmt: skip
        """Train with a rising learning rate, record the loss, and restore the model.

        The sweep takes at most a fifth of the time of the training to come, and starts where that
        will: after the head start of a newly initialised head.

        Args:
            start_lr, end_lr: the rates at which the sweep starts and ends.
            lr_mult: factor from step to step; by default the one that fits the steps.
            max_epochs: passes over the training data at most, whatever `epochs` is.
            class_weight: see `fit_onecycle`.
            stop_factor: ends the sweep when the loss is this many times its best. It also ends
                when the loss is well above its start.
            show_plot: show the curve, in a notebook too.
            suggest: mark the estimates on it, and print the suggestion.
            epochs: passes over the training data in the training to come.
            head_start: whether that training has one (see `fit_onecycle`).
            verbose: 0 prints nothing.

        Returns:
            The curve, with `curve.suggest()`; the learner keeps it for `lr_plot`, `lr_estimate`.
        """
        require_verbose(verbose)
        data = self._data()
        require_divisible(self.model, data)
        fitting.require_trainable(self.model)
        rates = lr_finder.sweep(data.steps, epochs, start_lr, end_lr, lr_mult, max_epochs)
        start = require_flag("head_start", head_start)
        lr_finder.note_if_short(rates[1], data.steps, verbose)
        with fitting.memory_explained(data):
            self.curve = lr_finder.range_test(
                self.model, data, self._state.epochs, rates, stop_factor, class_weight, verbose,
                start,
            )  # fmt: skip
        if suggest and verbose:
            console.say(self.curve.describe())
        if show_plot:
            shown(plots.plot_curve(self.curve, 0, 0, suggest), last=False)
        return self.curve

    def lr_plot(
        self, n_skip_beginning: int = 0, n_skip_end: int = 0, suggest: bool = False,
        return_fig: bool = False,
    ) -> "Figure":  # fmt: skip
        """Plot loss over learning rate, as `lr_find` measured it; returns the figure (see `plot`).

        The suggestion is marked, and rates that are too high are shaded.

        Args:
            n_skip_beginning: points to leave out at the start.
            n_skip_end: points to leave out at the end.
            suggest: also mark the three estimates that the suggestion is made from.
            return_fig: only return the figure, without a window.
        """
        curve = lr_finder.require_curve(self.curve)
        return shown(plots.plot_curve(curve, n_skip_beginning, n_skip_end, suggest), return_fig)

    def lr_estimate(self) -> tuple[float, float, float] | None:
        """Three suggestions from `lr_find`: steepest descent, minimum / 3, valley.

        None (with a message) if the curve is inconclusive.
        """
        estimates = lr_finder.require_curve(self.curve).estimate()
        if estimates is None:
            console.say(lr_finder.require_curve(self.curve).describe())
        return estimates

    def set_lr(self, lr: float) -> None:
        """Set the learning rate; the verbs of training set their own, step by step."""
        rate = require_learning_rate(lr)
        check_schedulable(self.model.optimizer)
        self.model.optimizer.learning_rate = rate

    @property
    def settings(self) -> dict[str, Any]:
        """What trainings are compared by, as numbers and names for an experiment tracker.

        `checkpoint`, `model_type`, `parameters`, `precision`, `few_shot`, `maxlen`, `train_rows`,
        `batch_size`, `optimizer`, `weight_decay` and `seed`; `epochs` trained in all; of the last
        training its `schedule`, `steps_per_epoch` and `lr`, the highest learning rate. What isn't
        known is left out, as the checkpoint of another Keras model.
        """
        return describe_training(
            self.model, self.train_data, self.batch_size, self.seed, self._state
        )

    def _fit(self, lr: float | str, wanted: plan.Plan, how: FitOptions) -> History:
        data = self._data()
        wanted = fitting.checked(self.model, lr, wanted, data, how, self._state)
        rate = self._suggested(data, wanted, how) if fitting.is_auto(lr) else lr
        try:
            fitting.train(self.model, wanted, float(rate), data, how, self._state)
        finally:
            self.history, self.interrupted = self._state.history(), self._state.interrupted
        return self.history

    def _suggested(self, data: sources.TrainingData, wanted: plan.Plan, how: FitOptions) -> float:
        in_memory = data.train if isinstance(data.train, sources.Rows) else None
        usual = usual_rate_of(self.model, in_memory, wanted.epochs)
        if self.curve is None and not lr_finder.is_too_short(data.steps * wanted.epochs, usual):
            fitting.start_before_sweep(self.model, data, how, self._state)
            self.lr_find(
                class_weight=how.class_weight, epochs=wanted.epochs, head_start=how.head_start,
                verbose=how.verbose,
            )  # fmt: skip
        return lr_finder.rate_for_training(self.curve, usual, how.verbose)

    def predict(self, val_data: Any = None) -> Any:
        """**Probabilities** (regression: values; translation: texts) in order, (rows, outputs).

        As in ktrain: `Predictor.predict` returns classes, `Learner.predict` **probabilities**.

        Args:
            val_data: by default the learner's validation data; texts need no labels here.
        """
        if isinstance(val_data, EncodedTexts) and not isinstance(val_data, LabelledTexts):
            known = self.train_data or self.val_data
            return evaluating.predict_texts(self.model, val_data, known, self.eval_batch_size)
        seen = self._predictions(val_data)
        return seen.labels.kind.returned(seen.values)

    def ground_truth(self, val_data: Any = None) -> np.ndarray:
        """Labels of `val_data` (default: the learner's) as numbers: (rows,), or (rows, labels)."""
        source = self._source(val_data)
        return source.ids if isinstance(source, sources.Rows) else self._predictions(val_data).y

    def validate(
        self, val_data: Any = None, print_report: bool = True, save_path: str | None = None,
        class_names: Sequence[Any] = (), *, output: str = "matrix",
    ) -> Any:  # fmt: skip
        """Print scikit-learn's report on the validation data.

        Args:
            val_data: by default the learner's validation data.
            print_report: False prints nothing.
            save_path: a new CSV file for the report.
            class_names: the names of the classes in the report.
            output: what to return: "matrix", "text", "dict" or "dataframe".

        Returns:
            The confusion matrix, (classes, classes), rows true, columns predicted; for
            multi-label one 2 x 2 matrix per label; for regression a dict of scores. Or the report
            in the form of `output`.

        Raises:
            ArgumentError: another output, names that don't fit the classes, a path that can't be
                written.
            FolderExistsError: the file exists already.
            DataError: no validation data.
        """
        evaluating.require_output(output)
        if save_path is not None:
            require_new_file(save_path)
        seen = self._predictions(val_data)
        return evaluating.validation_report(seen, print_report, save_path, class_names, output)

    evaluate = validate

    def top_losses(
        self, n: int | range | tuple[int, int] = 4, val_data: Any = None, preproc: Any = None
    ) -> "pd.DataFrame":
        """The rows with the largest losses, largest first.

        Args:
            n: how many, or a range of ranks.
            val_data: by default the learner's validation data.
            preproc: accepted for ktrain's sake; the data keep their texts.

        Returns:
            A DataFrame with row, text (and pair) if the data have texts, true, predicted,
            probability, loss. For classification it has only misclassified rows.
        """
        return report.top_losses(self._predictions(val_data), n)

    def view_top_losses(
        self, n: int | range | tuple[int, int] = 4, preproc: Any = None, val_data: Any = None
    ) -> None:
        """Print `top_losses` with their texts."""
        console.say(report.describe_losses(self.top_losses(n, val_data)))

    def suspects(self, n: int | None = None, *, verbose: int = 1) -> "pd.DataFrame":
        """Training rows whose label is probably wrong, the most doubtful first.

        The texts are encoded once, with the weights from before the first training: a model that
        was trained on wrong labels has learned them. A linear probe predicts each text without
        having seen its label, and confident learning (https://arxiv.org/abs/1911.00068) compares
        these predictions with the labels. The model stays as it is.

        Args:
            n: how many rows; by default those that confident learning takes for wrong.
            verbose: 0 shows no progress.

        Returns:
            A DataFrame with row, text (and pair), label, suggested, and score: from 0 to 1, how
            well the label fits.

        Raises:
            DataError: no training texts with labels, or fewer than 5.
            ArgumentError: another task than a classification of texts.
        """
        require_verbose(verbose)
        n = None if n is None else require_count("n", n)
        with fitting.untrained(self.model, self._state):
            quality, data = suspects.learner_quality(self, verbose)
        return quality.to_frame(data.texts, data.pairs, n)

    def report(
        self, path: str | os.PathLike, predictor: Any = None, val_data: Any = None, *,
        suspects: bool = False,
    ) -> None:  # fmt: skip
        """Write one HTML file: data, settings, curves, scores, calibration, worst mistakes.

        Args:
            path: a new file.
            predictor: a `Predictor`, which explains the mistakes; by default none.
            val_data: by default the learner's validation data.
            suspects: also list training rows whose label is probably wrong (see `suspects`).

        Raises:
            ArgumentError: a translation, which has none.
        """
        wanted = require_flag("suspects", suspects)
        seen = self._predictions(val_data, "report")
        html_report.write_report(path, self, seen, predictor, self.suspects() if wanted else None)

    def plot(self, plot_type: str = "loss", return_fig: bool = False) -> "Figure":
        """Plot the training history, or the confusion matrix of the validation data.

        Args:
            plot_type: "loss", "lr", "momentum", the name of a metric, or "confusion_matrix".
            return_fig: only return the figure, without a window.

        Returns:
            The matplotlib figure. Outside of a notebook it is also shown in a window. In a
            notebook it is displayed as the last expression of a cell; elsewhere in a cell use
            `display(learner.plot())`.

        Raises:
            ArgumentError: nothing of that name in the history.
        """
        if isinstance(plot_type, str) and plot_type == "confusion_matrix":
            seen = self._predictions(None, "confusion matrix")
            return shown(evaluating.confusion_figure(seen), return_fig)
        return shown(plots.plot_history(self.history, plot_type), return_fig)

    def freeze(self, freeze_range: int | str | None = None, *, blocks: int | None = None) -> None:
        """Exclude a part of the model from training. The optimizer starts anew.

        Args:
            freeze_range: "embeddings"; "encoder", which is all but the head, and the default; or
                a number n for the first n of `model.layers`.
            blocks: instead, a number k for the embeddings and the first k blocks.

        Raises:
            ArgumentError: a part that the model doesn't have.
        """
        freezing.set_trainable(freezing.layers_to_freeze(self.model, freeze_range, blocks), False)
        restart_optimizer(self.model)

    def unfreeze(self, exclude_range: int | str | None = None) -> None:
        """Train everything again. The optimizer starts anew.

        Args:
            exclude_range: what stays as it is: a number n for the first n of `model.layers`, or
                a part as in `freeze`.
        """
        freezing.set_trainable(freezing.layers_to_unfreeze(self.model, exclude_range), True)
        restart_optimizer(self.model)

    def set_weight_decay(self, wd: float = 0.01) -> None:
        """Set the optimizer's weight decay: the share of a weight per step, times the rate."""
        set_weight_decay(self.model, wd)

    def get_weight_decay(self) -> float:
        """The optimizer's weight decay; 0 if it has none."""
        return float(getattr(self.model.optimizer, "weight_decay", None) or 0.0)

    def set_model(self, model: keras.Model) -> None:
        """Replace the model by another compiled one. The curve of `lr_find` is dropped."""
        fitting.require_compiled(model)
        self.model, self.curve, self._state.initial = model, None, None

    def reset_weights(self) -> None:
        """Restore the weights that the model had before this learner first trained it."""
        fitting.restore_initial(self.model, self._state)

    def save_model(self, path: str | os.PathLike) -> None:
        """Write the model: a Hugging Face folder for one of ours, else a `.keras` file.

        A `Predictor` saves the tokenizer and the labels as well.

        Raises:
            FolderExistsError: the folder exists already.
            ArgumentError: a model that isn't of simpletext, and a path not ending in `.keras`.
        """
        weights.save_weights(self.model, path)

    def load_model(self, path: str | os.PathLike) -> None:
        """Load the weights of a saved model into the learner's; a loaded head counts as trained.

        Args:
            path: what `save_model` wrote, or `best.safetensors` in a checkpoint_folder.

        Raises:
            CheckpointError: nothing there, or a model of another architecture.
        """
        weights.load_weights(self.model, path)

    def print_layers(self, show_wd: bool = False) -> None:
        """Print number, name, size and state of each layer; `show_wd` adds the weight decay."""
        decay = self.get_weight_decay() if show_wd else None
        console.say(freezing.describe_layers(self.model, decay))

    def layer_output(self, layer_id: int, example_id: int = 0, use_val: bool = False) -> Any:
        """The output of a layer for one row of the data, an array (1, ...).

        Args:
            layer_id: its number in `model.layers` (see `print_layers`).
            example_id: the row, counted from 0.
            use_val: use the validation data, not the training data.

        Raises:
            ArgumentError: no such layer, row or data.
        """
        part = "val_data" if require_flag("use_val", use_val) else "train_data"
        row = sources.require_source(part, getattr(self, part)).example(example_id)
        return freezing.layer_output(self.model, layer_id, row)

    def _data(self) -> sources.TrainingData:
        data = sources.require_training(self.train_data), self.val_data
        return sources.TrainingData(*data, self.batch_size, self.eval_batch_size, self.seed)

    def _source(self, data: Any) -> sources.DataSource:
        return sources.validation_source(data, self.val_data, self.model)

    def _predictions(self, data: Any, of_labels: str | None = None) -> Predictions:
        """Predictions for validation data; a translation is refused for what is `of_labels`."""
        source = self._source(data)
        if of_labels is not None:
            evaluating.refuse_pairs(source, of_labels)
        seen = evaluating.predict_source(self.model, source, self.eval_batch_size)
        if source is self.val_data:  # held-out rows: the scores for the model card
            kind, names = seen.labels.kind, seen.labels.names
            record_scores(self.model, kind.card_scores(seen.y, seen.values, names))
        return seen
