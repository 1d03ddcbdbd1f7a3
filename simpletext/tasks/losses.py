"""Losses on logits by task and by name, and weights for classes."""

from collections.abc import Mapping, Sequence
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from ..errors import ArgumentError
from ..utils.ragged import flattened, is_ragged, split_as
from ..utils.validation import did_you_mean, require_number, shown
from .task import Task, task_named

if TYPE_CHECKING:
    from .labels import Labels

MOST_SMOOTHED = 0.999  # of a label's probability
FOCUS = 2.0  # gamma of the focal loss, as in its paper


@keras.saving.register_keras_serializable("simpletext")
class SparseCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits with whole-number labels, smoothed and focal where wanted.

    Args:
        gamma: above 0 for the focal loss (https://arxiv.org/abs/1708.02002), which gives texts
            that are right already less weight; 0 for plain cross-entropy.
        label_smoothing: probability that is spread over all classes
            (https://arxiv.org/abs/1512.00567).
    """

    def __init__(
        self,
        gamma: float = 0.0,
        label_smoothing: float = 0.0,
        name: str = "sparse_crossentropy",
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.gamma, self.label_smoothing = gamma, label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Keras' call: (batch,) and (batch, classes) -> (batch,)."""
        count = y_pred.shape[-1]
        wanted = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), count)
        wanted = wanted * (1.0 - self.label_smoothing) + self.label_smoothing / count
        logs = ops.log_softmax(ops.cast(y_pred, "float32"))
        focus = ops.power(1.0 - ops.exp(logs), self.gamma) if self.gamma else 1.0
        return -ops.sum(wanted * focus * logs, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"gamma": self.gamma, "label_smoothing": self.label_smoothing}
        return super().get_config() | own


@keras.saving.register_keras_serializable("simpletext")
class TokenCrossentropy(SparseCrossentropy):
    """`SparseCrossentropy` of each token, averaged over the tokens that have a label.

    The mean is over the labelled tokens of a batch, as PyTorch's with `ignore_index`, also with
    weights; labels below 0 are none.
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Keras' call.

        Args:
            y_true: (batch, length) whole numbers.
            y_pred: logits, (batch, length, classes).
            sample_weight: (batch,) or (batch, length), or None.
        """
        labels = ops.cast(ops.convert_to_tensor(y_true), "int32")
        logits = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        labelled = ops.cast(labels >= 0, "float32")
        losses = self.call(ops.maximum(labels, 0), ops.reshape(logits, (-1, logits.shape[-1])))
        weights = labelled
        if sample_weight is not None:
            given = ops.cast(ops.convert_to_tensor(sample_weight), "float32")
            weights = weights * (given[:, None] if len(given.shape) == 1 else given)
        total = ops.sum(losses * ops.reshape(weights, (-1,)))
        return total / ops.maximum(ops.sum(labelled), 1.0)


def loss_for(task: str, loss: Any = None, label_smoothing: float = 0.0) -> Any:
    """The loss on logits that belongs to a task.

    Args:
        task: one of Hugging Face's problem types.
        loss: None for the usual one; "focal"; for regression "mae" or "huber"; or a Keras loss or
            function of your own, which gets logits.
        label_smoothing: see `SparseCrossentropy`.

    Raises:
        ArgumentError: a loss that doesn't fit the task, or that takes probabilities.
    """
    require_number("label_smoothing", label_smoothing, 0, MOST_SMOOTHED)
    kind = task_named(task)
    if label_smoothing and not (kind.has_classes and (loss is None or isinstance(loss, str))):
        raise ArgumentError(
            "label_smoothing works with the losses of simpletext for classification. A loss of "
            "your own smooths its labels itself, and regression has none to smooth."
        )
    if loss is None or isinstance(loss, str):
        return _named(kind, loss, label_smoothing)
    if not isinstance(loss, keras.losses.Loss) and (isinstance(loss, type) or not callable(loss)):
        raise ArgumentError(
            f"loss={shown(loss)}; it must be a name, a Keras loss object or a function."
        )
    if kind.has_classes and expects_probabilities(loss):
        raise ArgumentError(
            f"The loss {name_of(loss)!r} expects probabilities, but the model returns logits: pass "
            "from_logits=True to the loss, as in keras.losses.BinaryCrossentropy(from_logits=True)."
        )
    return loss


def expects_probabilities(loss_or_metric: Any) -> bool:
    """Whether a Keras loss, metric or function of either takes probabilities, not logits."""
    if isinstance(loss_or_metric, (keras.losses.Loss, keras.metrics.Metric)):
        try:
            return loss_or_metric.get_config().get("from_logits") is False
        except NotImplementedError:  # one of the user's own
            return False
    if not callable(loss_or_metric) or isinstance(loss_or_metric, partial):
        return False
    try:
        parameters = signature(loss_or_metric).parameters
    except ValueError:  # one written in C has none
        return False
    return "from_logits" in parameters and parameters["from_logits"].default is False


def name_of(loss_or_metric: Any) -> str:
    """The name of a Keras loss, metric or function, for a message."""
    own = getattr(loss_or_metric, "name", None) or getattr(loss_or_metric, "__name__", None)
    return str(own or type(loss_or_metric).__name__)


def _named(kind: Task, name: str | None, smoothing: float) -> keras.losses.Loss:
    if name not in kind.losses:
        names = ", ".join(repr(name) for name in kind.losses if name)
        raise ArgumentError(
            f"loss={shown(name)}; for {kind.name} allowed are None, {names} or a Keras loss."
        )
    return kind.losses[name](smoothing)


def class_weights(
    class_weight: Mapping[Any, float] | str | None, labels: "Labels", y: np.ndarray
) -> np.ndarray | None:
    """The weight of each row in the loss, (rows,), by its class; or of each word, in rows.

    Args:
        class_weight: class (by name or by index) -> weight, classes left out having 1; "balanced"
            for scikit-learn's rows / (classes * rows of the class); or None.
        labels: the task and classes.
        y: labels as numbers, (rows,), or rows of them.

    Raises:
        ArgumentError: a class that isn't there, a weight that is no number of 0 or more, a task
            whose texts don't have one class each.
    """
    if class_weight is None:
        return None
    if not labels.kind.has_one_class:
        raise ArgumentError(
            f"class_weight needs one class a text, and this task is {labels.task}. "
            'For rare labels of a multi-label task use loss="focal", or sample_weight.'
        )
    if is_ragged(y):
        weights = class_weights(class_weight, labels, flattened(y))
        return None if weights is None else split_as(weights, y)
    if isinstance(class_weight, str):
        return _balanced(class_weight, len(labels.classes), y)[y]
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f'class_weight={shown(class_weight)}; it must be a dict by class, or "balanced".'
        )
    weights = np.ones(len(labels.classes), dtype="float32")
    for key, weight in class_weight.items():
        number = require_number(f"class_weight of {shown(key)}", weight, 0)
        weights[_class_index(key, labels.classes)] = number
    return weights[y]


def _balanced(word: str, count: int, y: np.ndarray) -> np.ndarray:
    if word != "balanced":
        raise ArgumentError(f'class_weight={shown(word)}; the one word allowed is "balanced".')
    rows = np.bincount(y, minlength=count)
    # A class without rows weighs nothing anyway: there is no row to weigh.
    return (len(y) / (count * np.maximum(rows, 1))).astype("float32")


def _class_index(key: Any, classes: Sequence[Any]) -> int:
    """A class by its name, or, where the names are strings, by its index."""
    if key in classes:
        return classes.index(key)
    is_index = isinstance(key, (int, np.integer)) and not isinstance(key, bool)
    if is_index and isinstance(classes[0], str) and 0 <= key < len(classes):
        return int(key)
    hint = did_you_mean(key, classes, 1)
    known = ", ".join(map(repr, classes[:10])) + ", ..." * (len(classes) > 10)
    raise ArgumentError(f"class_weight names {shown(key)}, which is no class ({known}).{hint}")
