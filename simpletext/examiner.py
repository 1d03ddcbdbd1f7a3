"""`Examiner`: the questions one asks a trained model, a part of every `Learner`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .errors import ArgumentError, DataError
from .evaluation import plots, report
from .inference.forward import predict_batch, predict_logits
from .inference.outputs import probabilities_of, require_labels, truth_in
from .inference.predictions import Predictions
from .tokenization.encoded_texts import EncodedTexts
from .training.sources import Rows, Source, as_source, one_pass
from .utils import console

OUTPUTS = ("matrix", "text", "dict", "dataframe")


class Examiner:
    """Looks at a model through its data. The `Learner` has all of it."""

    model: keras.Model
    train_data: Source | None
    val_data: Source | None
    eval_batch_size: int
    history: dict[str, list[float]]

    def predict(self, val_data: Any = None) -> np.ndarray:
        """Probabilities (or regression values) in the data's own order, (rows, classes).

        Args:
            val_data: by default the learner's validation data. Texts need no labels here.
        """
        if isinstance(val_data, EncodedTexts) and not hasattr(val_data, "labels"):
            known = next((s for s in (self.train_data, self.val_data) if s is not None), None)
            if known is None:
                raise DataError("Without labelled data the learner doesn't know the task.")
            outputs = predict_logits(self.model, val_data, self.eval_batch_size)
            return probabilities_of(self.model, outputs, require_labels(known.labels))
        return self._look(val_data).values

    def ground_truth(self, val_data: Any = None) -> np.ndarray:
        """Labels as numbers in the data's own order: (rows,), or (rows, labels).

        Args:
            val_data: by default the learner's validation data.
        """
        source = self._source(val_data)
        return source.ids if isinstance(source, Rows) else self._look(val_data).y

    def validate(
        self,
        val_data: Any = None,
        print_report: bool = True,
        save_path: str | None = None,
        class_names: Sequence[Any] = (),
        *,
        output: str = "matrix",
    ) -> Any:
        """Print scikit-learn's report on the validation data.

        Args:
            val_data: by default the learner's own.
            print_report: False to print nothing.
            save_path: a CSV file to write the report to.
            class_names: what to call the classes in the report.
            output: what to return: "matrix", "text", "dict" or "dataframe".

        Returns:
            The confusion matrix, (classes, classes), rows true, columns predicted; for
            multi-label one 2 x 2 matrix a label; for regression a dict of scores. Or the report
            in the form that `output` says.

        Raises:
            ArgumentError: another output, or names that don't fit the classes.
            DataError: no validation data.
        """
        if output not in OUTPUTS:
            raise ArgumentError(f"output={output!r}; allowed are {', '.join(OUTPUTS)}.")
        seen = self._look(val_data)
        text = report.describe_validation(seen, class_names)
        if print_report:
            console.say(text)
        if save_path is not None:
            report.validation_table(seen, class_names).to_csv(Path(save_path).expanduser())
        if output == "text":
            return text
        if output == "dict":
            return report.validation_scores(seen, class_names)
        if output == "dataframe":
            return report.validation_table(seen, class_names)
        return report.confusion(seen)

    evaluate = validate

    def top_losses(
        self, n: int | range | tuple[int, int] = 4, val_data: Any = None, preproc: Any = None
    ) -> Any:
        """The rows that the model gets most wrong, worst first.

        Args:
            n: how many, or a range of ranks.
            val_data: by default the learner's own.
            preproc: accepted for ktrain's sake; the data keep their texts.

        Returns:
            A DataFrame with row, text (and pair), true, predicted, probability, loss; no text for
            data that have none. For classification only misclassified rows are in it.
        """
        return report.top_losses(self._look(val_data), n)

    def view_top_losses(
        self, n: int | range | tuple[int, int] = 4, preproc: Any = None, val_data: Any = None
    ) -> None:
        """Print `top_losses` with their texts."""
        console.say(report.describe_losses(self.top_losses(n, val_data)))

    def plot(self, plot_type: str = "loss", return_fig: bool = False) -> Any:
        """Plot the training's history, or the confusion matrix of the validation data.

        Args:
            plot_type: "loss", "lr", "momentum", the name of a metric, or "confusion_matrix".
            return_fig: return the matplotlib figure instead of showing it.

        Raises:
            ArgumentError: nothing of that name in the history.
        """
        if plot_type == "confusion_matrix":
            seen = self._look(None)
            if not seen.labels.kind.has_classes:
                raise ArgumentError("A regression has no confusion matrix; see validate().")
            figure = plots.plot_confusion(report.confusion(seen), report.names_of(seen.labels))
        else:
            figure = plots.plot_history(self.history, plot_type)
        return figure if return_fig else plots.show(figure)

    def _source(self, data: Any) -> Source:
        if data is not None:
            return as_source("val_data", data, self.model)
        if self.val_data is None:
            raise DataError("There is no validation data: give val_data here or to get_learner.")
        return self.val_data

    def _look(self, data: Any) -> Predictions:
        """Predictions and labels of the same pass, so that they can't come apart."""
        source = self._source(data)
        if isinstance(source, Rows) and isinstance(source.data, EncodedTexts):
            outputs = predict_logits(self.model, source.data, self.eval_batch_size)
            y, labels = source.ids, require_labels(source.labels)
        else:
            batches = source.ordered(self.eval_batch_size)
            outputs, given = self._pass_over(batches)
            truth = truth_in(self.model, given, "val_data")
            y, labels = truth[0], require_labels(truth[1])
        predicted = probabilities_of(self.model, outputs, labels)
        return Predictions(predicted, labels, y, source.texts, source.pairs)

    def _pass_over(self, batches: Any) -> tuple[np.ndarray, np.ndarray]:
        """Outputs and labels, batch after batch."""
        outputs, labels = [], []
        for batch in one_pass(batches):
            if len(batch) < 2:
                raise DataError("val_data has no labels: let it yield (x, y).")
            labels.append(keras.ops.convert_to_numpy(batch[1]))
            outputs.append(predict_batch(self.model, batch[0], len(labels[-1])))
        return np.concatenate(outputs).astype("float32"), np.concatenate(labels)
