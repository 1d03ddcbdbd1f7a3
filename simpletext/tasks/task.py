"""`Task`: what a model's outputs stand for. One file in this folder per task.

A task knows how labels become numbers and back, which losses and metrics fit, what the logits mean,
and how predictions are scored. Nothing outside of this folder compares task names: callers ask the
task. To add one, add a file with a subclass and call `register` on an instance of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import ArgumentError
from ..utils.validation import shown

if TYPE_CHECKING:
    from .labels import Labels

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
REGRESSION = "regression"
TOKENS = "token_classification"

MetricFactory = Callable[[str, Sequence[str]], Any]  # (name, the outputs' names) -> Keras metric


class Task(ABC):
    """What a model's outputs stand for, and everything that follows from it.

    Attributes:
        name: the name in `config.json`, under "problem_type".
        title: the name in messages and reports.
        activation: what turns logits into predictions: "softmax", "sigmoid" or "linear".
        has_classes: whether outputs are probabilities of classes; otherwise they are values.
        has_one_class: whether each text, or word, has exactly one class.
        per_token: whether words have labels, not texts. Labels and values are then rows of one
            array per text (see `utils.ragged`), and targets of the loss are (batch, length), with
            -1 where a token has no label.
        has_thresholds: whether each class is predicted by a threshold of its own.
        label_dtype: the dtype of encoded labels.
        losses: name -> function of the label smoothing that returns a Keras loss on logits; None is
            the name of the default one.
        metrics: name -> function of the metric's name and the outputs' names that returns a Keras
            metric on logits.
        default_metric: a name in `metrics`.
        selection_metric: the metric by which a search compares models, if it is another one.
        clipnorm: the norm to which the default optimizer clips the gradients; None doesn't clip.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    activation: ClassVar[str] = "softmax"
    has_classes: ClassVar[bool] = True
    has_one_class: ClassVar[bool] = False
    per_token: ClassVar[bool] = False
    has_thresholds: ClassVar[bool] = False
    label_dtype: ClassVar[str] = "float32"
    losses: ClassVar[Mapping[str | None, Callable[[float], Any]]]
    metrics: ClassVar[Mapping[str, MetricFactory]]
    default_metric: ClassVar[str]
    selection_metric: ClassVar[str | None] = None
    clipnorm: ClassVar[float | None] = None

    # ---- labels --------------------------------------------------------------------------

    @abstractmethod
    def classes_in(self, rows: list) -> tuple:
        """The classes (or the targets' names) that training labels contain, in order."""

    @abstractmethod
    def encode(self, labels: "Labels", rows: list) -> np.ndarray:
        """Labels as numbers, (texts,) or (texts, outputs), of `label_dtype`.

        Raises:
            DataError: a label that doesn't fit, with its row.
        """

    @abstractmethod
    def decode(self, labels: "Labels", ids: np.ndarray) -> list:
        """The labels behind numbers, as the user writes them, one per text."""

    def check_classes(self, classes: tuple) -> None:  # noqa: B027 - most tasks have no rule
        """Refuse classes that the task can't be trained with.

        Raises:
            DataError: such as a single class.
        """

    def describe(self, labels: "Labels") -> str:
        """One line for the user that states the task and the classes."""
        shown = ", ".join(labels.names[:5]) + (", ..." if len(labels.classes) > 5 else "")
        return f"task: {self.title}, {len(labels.classes)} classes ({shown})"

    def hint(self, labels: "Labels") -> str:
        """Another line, if the classes look like a mistake; else an empty string."""
        return ""

    def strata(self, ids: np.ndarray) -> np.ndarray | None:
        """The class of each text for a stratified split, (texts,), or None."""
        return None

    def counts(self, ids: np.ndarray, outputs: int) -> np.ndarray:
        """Texts per class, (outputs,), from encoded labels."""
        return ids.sum(axis=0).astype(int)

    def flat(self, values: np.ndarray) -> np.ndarray:
        """Labels or values with one row per prediction."""
        return values

    def displayed(self, labels: "Labels", ids: np.ndarray, texts: Any, words: Any) -> list:
        """Labels as reports show them, one per text."""
        return self.decode(labels, ids)

    # ---- predictions ---------------------------------------------------------------------

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Logits as probabilities (or values), (texts, outputs) float32."""
        from scipy.special import expit, softmax

        logits = np.asarray(logits, dtype="float64")
        if self.activation == "softmax":
            logits = softmax(logits, axis=-1)
        elif self.activation == "sigmoid":
            logits = expit(logits)
        return logits.astype("float32")

    @abstractmethod
    def predicted(self, values: np.ndarray, thresholds: np.ndarray | float = 0.5) -> np.ndarray:
        """Predictions in the form of encoded labels.

        Args:
            values: probabilities (or values), (texts, outputs).
            thresholds: the probability at or above which a class is predicted, (outputs,).
        """

    def returned(self, values: np.ndarray) -> Any:
        """What `Learner.predict` returns: probabilities (or values), (texts, outputs)."""
        return values

    @abstractmethod
    def explained(self, values: np.ndarray, thresholds: np.ndarray) -> list[int]:
        """The outputs that an explanation of one text is about, the likeliest first.

        Args:
            values: probabilities (or values) of one text, (outputs,).
            thresholds: as in `predicted`.
        """

    # ---- evaluation ----------------------------------------------------------------------

    @abstractmethod
    def row_losses(self, y: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The loss of each row, (rows,), from probabilities (or values)."""

    @abstractmethod
    def is_wrong(self, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Which rows count as mistakes, (rows,) booleans."""

    def confidence(self, values: np.ndarray) -> np.ndarray | None:
        """How sure the model is of what it predicts, (rows,); None if it has no probabilities."""
        return None

    @abstractmethod
    def confusion(self, y: np.ndarray, values: np.ndarray) -> Any:
        """What `Learner.validate` returns: the confusion matrix or matrices, or scores."""

    def plotted_confusion(
        self, y: np.ndarray, values: np.ndarray, names: list[str]
    ) -> tuple[Any, list[str]]:
        """The confusion matrix as it is plotted, and the names of its rows."""
        return self.confusion(y, values), names

    @abstractmethod
    def scores(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> dict[str, Any]:
        """The validation report as a dict."""

    def headline(self, y: np.ndarray, values: np.ndarray) -> dict[str, float]:
        """The scores that an HTML report shows with their intervals; none by default."""
        return {}

    def card_scores(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> dict[str, float]:
        """The scores that a model card shows."""
        return self.headline(y, values)

    @abstractmethod
    def score_table(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> Any:
        """The validation report as a DataFrame."""

    @abstractmethod
    def report(self, y: np.ndarray, values: np.ndarray, names: list[str]) -> str:
        """The validation report as text."""


TASKS: dict[str, Task] = {}  # filled by `register` when the files of this folder are imported


def register(task: Task) -> Task:
    """Make a task known under its name, everywhere that takes `task=`.

    Example:
        >>> task_named("regression").activation
        'linear'
    """
    TASKS[task.name] = task
    return task


def task_named(name: str) -> Task:
    """The task of that name.

    Raises:
        ArgumentError: there is no such task.
    """
    if not isinstance(name, str) or name not in TASKS:
        raise ArgumentError(
            f"task={shown(name)}; allowed are {', '.join(TASKS)}. For translation there is "
            "Seq2Seq, and in a terminal --task translation."
        )
    return TASKS[name]


def as_list(metrics: Sequence[Any] | Any) -> list[Any]:
    """One metric or several as a list."""
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        return [metrics]
    return list(metrics)
