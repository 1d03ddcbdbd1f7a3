"""Metrics by name, right on logits, for training and for validation as it runs.

They are scikit-learn's scores, gathered batch by batch in `keras.ops`; the reports of `validate`
come from scikit-learn itself.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ..data.tags import part_of, scheme_of
from ..errors import ArgumentError
from ..utils.validation import shown
from .losses import expects_probabilities, name_of
from .task import TASKS, MetricFactory, Task, as_list, task_named

BINS = 1024  # of the scores in an AUC: 1/32 of a logit each, from -16 to 16
RECENT = 8192  # rows that a rank correlation looks at


@keras.saving.register_keras_serializable("simpletext")
class Confusion(keras.metrics.Metric):
    """A score that follows from the counts of true and false answers.

    Args:
        name: "f1_macro", "f1_micro", "f1_weighted" or "mcc", or another name with `score`.
        task: the single-label or the multi-label task.
        num_labels: logits per text.
        score: which of the four, where the name doesn't say it.
    """

    def __init__(
        self, name: str, task: str, num_labels: int, score: str | None = None, **options: Any
    ) -> None:
        super().__init__(name=name, **options)
        self.task, self.num_labels, self.score = task, num_labels, score or name
        self._one_class = task_named(task).has_one_class
        shape = (num_labels, num_labels) if self._one_class else (num_labels, 3)
        self.counts = self.add_variable(shape, "zeros", name="counts", dtype="float32")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keras' call after a batch: labels, and logits (batch, labels)."""
        if self._one_class:
            truth = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), self.num_labels)
            answers = ops.one_hot(ops.argmax(y_pred, axis=-1), self.num_labels)
            # (classes, classes), rows true, columns predicted
            self.counts.assign_add(ops.matmul(ops.transpose(truth), answers))
            return
        truth = ops.cast(y_true, "float32")
        answers = ops.cast(y_pred >= 0, "float32")  # a logit of 0 is a probability of 0.5
        found = ops.stack([truth * answers, answers, truth], axis=-1)
        self.counts.assign_add(ops.sum(found, axis=0))

    def result(self) -> Any:
        """The score since the last reset."""
        if self.score == "mcc":
            return _mcc(self.counts)
        if self._one_class:
            hits = ops.diagonal(self.counts)
            return _f1(hits, ops.sum(self.counts, 0), ops.sum(self.counts, 1), self.score)
        return _f1(self.counts[:, 0], self.counts[:, 1], self.counts[:, 2], self.score)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"task": self.task, "num_labels": self.num_labels, "score": self.score}
        return super().get_config() | own


def _f1(hits: Any, predicted: Any, true: Any, score: str) -> Any:
    """F1 from each class's counts, (classes,): correctly predicted, predicted, true."""
    tiny = 1e-9  # avoids 0/0 for a class that is neither true nor predicted
    if score == "f1_micro":
        return 2 * ops.sum(hits) / (ops.sum(predicted) + ops.sum(true) + tiny)
    each = 2 * hits / (predicted + true + tiny)
    weights = true if score == "f1_weighted" else ops.cast(predicted + true > 0, "float32")
    return ops.sum(each * weights) / (ops.sum(weights) + tiny)


def _mcc(matrix: Any) -> Any:
    """Matthews' correlation from a confusion matrix, for any number of classes (Gorodkin)."""
    rows, right = ops.sum(matrix), ops.sum(ops.diagonal(matrix))
    true, predicted = ops.sum(matrix, axis=1), ops.sum(matrix, axis=0)
    covariance = right * rows - ops.sum(true * predicted)
    spread = (rows**2 - ops.sum(true**2)) * (rows**2 - ops.sum(predicted**2))
    return covariance / ops.maximum(ops.sqrt(ops.maximum(spread, 0.0)), 1e-9)


@keras.saving.register_keras_serializable("simpletext")
class AreaUnderCurve(keras.metrics.Metric):
    """The area under the ROC curve; of several classes the mean of each against the rest.

    Scores are counted in bins of a logit's width / 32, so it is exact but for ties in a bin.

    Args:
        name: its name in the history.
        task: the single-label or the multi-label task.
        num_labels: logits per text.
    """

    def __init__(self, name: str, task: str, num_labels: int, **options: Any) -> None:
        super().__init__(name=name, **options)
        self.task, self.num_labels = task, num_labels
        self._one_class = task_named(task).has_one_class
        self.counts = self.add_variable((2, num_labels, BINS), "zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keras' call after a batch: labels, and logits (batch, labels)."""
        scores = ops.cast(y_pred, "float32")
        if self._one_class:
            truth = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), self.num_labels)
            chances = ops.clip(ops.softmax(scores), 1e-7, 1 - 1e-7)
            scores = ops.log(chances) - ops.log(1 - chances)  # of one class against the rest
        else:
            truth = ops.cast(y_true, "float32")
        bins = ops.cast(ops.clip((scores + 16) * (BINS / 32), 0, BINS - 1), "int32")
        hits = ops.one_hot(bins, BINS)  # (batch, labels, bins)
        positive = ops.sum(hits * truth[..., None], axis=0)
        self.counts.assign_add(ops.stack([positive, ops.sum(hits, axis=0) - positive]))

    def result(self) -> Any:
        """The area so far, over the classes that have rows on both sides."""
        positive, negative = self.counts[0], self.counts[1]  # (labels, bins)
        below = ops.cumsum(negative, axis=1) - negative / 2  # a tie counts half
        pairs = ops.sum(positive, axis=1) * ops.sum(negative, axis=1)
        areas = ops.sum(positive * below, axis=1) / ops.maximum(pairs, 1.0)
        valid = ops.cast(pairs > 0, "float32")
        return ops.sum(areas * valid) / ops.maximum(ops.sum(valid), 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return super().get_config() | {"task": self.task, "num_labels": self.num_labels}


@keras.saving.register_keras_serializable("simpletext")
class Correlation(keras.metrics.Metric):
    """Pearson's or Spearman's correlation of targets and predictions.

    Over the last 8192 rows, for ranks need all rows at once and a metric's state is of fixed
    size; `validate` has it over any number.

    Args:
        name: its name in the history.
        ranks: correlate ranks (Spearman) instead of values (Pearson).
        targets: targets per text.
    """

    def __init__(self, name: str, ranks: bool, targets: int = 1, **options: Any) -> None:
        super().__init__(name=name, **options)
        self.ranks, self.targets = ranks, targets
        self.rows = self.add_variable((2, RECENT), "zeros", name="rows")
        self.seen = self.add_variable((), "zeros", name="seen", dtype="int32")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keras' call after a batch: targets and predictions, (batch, targets)."""
        pairs = [ops.cast(ops.reshape(values, (-1,)), "float32") for values in (y_true, y_pred)]
        count = ops.shape(pairs[0])[0]
        places = (self.seen + ops.arange(count, dtype="int32")) % RECENT
        rows = [
            ops.scatter_update(self.rows[i], places[:, None], values)
            for i, values in enumerate(pairs)
        ]
        self.rows.assign(ops.stack(rows))
        self.seen.assign_add(count)

    def result(self) -> Any:
        """The correlation so far."""
        known = ops.arange(RECENT) < self.seen
        weights = ops.cast(known, "float32")
        x, y = self.rows[0], self.rows[1]
        if self.ranks:
            # Places not yet written get the highest rank, and no weight.
            x, y = (_ranks(ops.where(known, values, np.inf)) for values in (x, y))
        count = ops.maximum(ops.sum(weights), 1.0)
        x, y = ((v - ops.sum(v * weights) / count) * weights for v in (x, y))
        return ops.sum(x * y) / ops.maximum(ops.sqrt(ops.sum(x**2) * ops.sum(y**2)), 1e-9)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return super().get_config() | {"ranks": self.ranks, "targets": self.targets}


@keras.saving.register_keras_serializable("simpletext")
class TokenAccuracy(keras.metrics.Mean):
    """The share of labelled tokens whose label is predicted; labels below 0 are none."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keras' call after a batch: labels (batch, length), logits (batch, length, classes)."""
        truth = ops.cast(y_true, "int32")
        right = ops.cast(ops.argmax(y_pred, axis=-1), "int32") == truth
        super().update_state(ops.cast(right, "float32"), ops.cast(truth >= 0, "float32"))


@keras.saving.register_keras_serializable("simpletext")
class EntityF1(keras.metrics.Metric):
    """The F1 of whole entities, as seqeval's micro average in its default mode.

    Args:
        classes: the tags in the order of the logits.
        scheme: their scheme (see `simpletext.data.tags`); by default detected.
        name: its name in the history.
    """

    def __init__(
        self, classes: list[str], scheme: str | None = None, name: str = "f1", **options: Any
    ) -> None:
        super().__init__(name=name, **options)
        self.classes, self.scheme = list(classes), scheme or scheme_of([classes])
        parts = [part_of(tag, self.scheme) for tag in self.classes]
        types = sorted({kind for _, kind in parts})
        # For each tag, and for no label at the end: its type, and what its letter says.
        self._types = [types.index(kind) if letter != "O" else -1 for letter, kind in parts] + [-1]
        self._begins = [letter in "BS" for letter, _ in parts] + [False]
        self._closes = [letter in "ES" for letter, _ in parts] + [False]
        self.counts = self.add_variable((2,), "zeros", name="counts", dtype="float32")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keras' call after a batch: labels (batch, length), logits (batch, length, classes)."""
        truth = ops.cast(y_true, "int32")
        places = ops.arange(ops.shape(truth)[1], dtype="int32")[None, :]
        labelled = truth >= 0
        # Labelled tokens to the front: a word's other tokens are no part of the sequence.
        order = ops.argsort(ops.where(labelled, 0, ops.shape(truth)[1]) + places, axis=1)
        nothing = len(self.classes)
        answers = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        true, found = (
            self._entities(ops.take_along_axis(ops.where(labelled, tags, nothing), order, axis=1))
            for tags in (truth, answers)
        )
        same = true[1] & found[1] & (true[2] == found[2]) & (true[3] == found[3])
        hits, both = ops.sum(ops.cast(same, "float32")), 0.0
        for starts in (true[0], found[0]):
            both = both + ops.sum(ops.cast(starts, "float32"))
        self.counts.assign_add(ops.stack([2 * hits, both]))

    def _entities(self, tags: Any) -> tuple[Any, Any, Any, Any]:
        """Where entities start and end, each token's type, and where its entity started."""
        types, begins, closes = (
            ops.take(ops.convert_to_tensor(np.array(table)), tags, axis=0)
            for table in (self._types, self._begins, self._closes)
        )
        inside = types >= 0
        joined = inside[:, 1:] & (types[:, 1:] == types[:, :-1]) & ~begins[:, 1:] & ~closes[:, :-1]
        edge = ops.zeros_like(inside[:, :1])
        starts = inside & ~ops.concatenate([edge, joined], axis=1)
        ends = inside & ~ops.concatenate([joined, edge], axis=1)
        places = ops.arange(ops.shape(tags)[1], dtype="int32")
        before = (places[None, :] <= places[:, None])[None] & starts[:, None, :]
        return starts, ends, types, ops.max(ops.where(before, places[None, None, :], -1), axis=2)

    def result(self) -> Any:
        """The F1 so far; 0 where there is no entity."""
        return self.counts[0] / ops.maximum(self.counts[1], 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return super().get_config() | {"classes": self.classes, "scheme": self.scheme}


def _ranks(values: Any) -> Any:
    """The rank of each value, ties sharing the middle of theirs."""
    ordered = ops.sort(values)
    low, high = (ops.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return ops.cast(low + high, "float32") / 2


def confusion_score(score: str, task: str) -> MetricFactory:
    """A factory of `Confusion` metrics for a task's `metrics` table."""
    return lambda name, classes: Confusion(name, task, len(classes), score)


def metrics_for(
    task: str,
    num_labels: int,
    metrics: Sequence[Any] | str | None = None,
    class_names: Sequence[str] | None = None,
) -> list[Any]:
    """Keras metrics for a task.

    Args:
        task: one of Hugging Face's problem types.
        num_labels: logits per text.
        metrics: names ("accuracy", "f1" or "f1_macro", "f1_micro", "f1_weighted", "auc", "mcc";
            for regression "mae", "rmse", "pearson", "spearman"; for token classification "f1", of
            entities, and "accuracy") and Keras metrics of your own; by default accuracy, mae or
            the entities' F1.
        class_names: the names of the logits, which entities follow from.

    Raises:
        ArgumentError: an unknown name, or one that doesn't fit the task.

    Example:
        >>> [m.name for m in metrics_for("regression", 1, ["rmse", "spearman"])]
        ['rmse', 'spearman']
    """
    kind = task_named(task)
    wanted = kind.default_metric if metrics is None else metrics
    names = [str(i) for i in range(num_labels)] if class_names is None else class_names
    return [_metric(metric, kind, names) for metric in as_list(wanted)]


def _metric(metric: Any, kind: Task, names: Sequence[str]) -> Any:
    if not isinstance(metric, str):
        is_metric = isinstance(metric, keras.metrics.Metric)
        if not is_metric and (isinstance(metric, type) or not callable(metric)):
            raise ArgumentError(
                f"metrics has {shown(metric)}; it must be names, Keras metric objects or functions."
            )
        if kind.has_classes:
            _check_takes_logits(metric)
        return metric
    if metric in kind.metrics:
        return kind.metrics[metric](metric, names)
    fitting = ", ".join(kind.metrics)
    if any(metric in other.metrics for other in TASKS.values()):
        raise ArgumentError(
            f"The metric {shown(metric)} doesn't fit {kind.name}; there are {fitting}."
        )
    raise ArgumentError(
        f"There is no metric {shown(metric)}; for {kind.name} there are {fitting}, and any Keras "
        "metric object."
    )


def _check_takes_logits(metric: Any) -> None:
    """Refuse a metric of Keras that takes probabilities: on logits it is wrong without a word."""
    if expects_probabilities(metric):
        raise ArgumentError(
            f"The metric {name_of(metric)!r} expects probabilities, but the model returns logits: "
            'pass from_logits=True to it, or use a metric\'s name, such as "auc".'
        )
    own = metric.get_config() if type(metric).__module__.startswith("keras") else {}
    limits = np.atleast_1d(own.get("threshold", own.get("thresholds", 0.0)) or 0.0)
    if "Precision" in type(metric).__name__ or "Recall" in type(metric).__name__:
        limits = np.atleast_1d(0.5 if own.get("thresholds") is None else own["thresholds"])
    if np.any(limits != 0):
        raise ArgumentError(
            f"The metric {name_of(metric)!r} compares probabilities with a threshold, but the "
            'model returns logits. Use "f1", "auc" or another metric by name, or a threshold of 0 '
            "where the metric allows one, which stands for the probability 0.5."
        )


def lower_is_better(name: str) -> bool:
    """Whether a quantity in the history improves as it falls.

    Example:
        >>> lower_is_better("val_loss"), lower_is_better("val_f1")
        (True, False)
    """
    return any(word in name.lower() for word in ("loss", "error", "mae", "mse", "rmse"))
