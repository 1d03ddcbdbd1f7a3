"""`Predictions`: a model's predictions for some rows, in the forms that users request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..tasks.labels import Labels
from ..tasks.task import SINGLE
from ..utils.notebook import Described
from ..utils.validation import require_count, require_number, shown


@dataclass(frozen=True, repr=False)
class Predictions(Described):
    """A model's predictions for some rows, in the data's own order.

    Attributes:
        values: probabilities (regression: values), (rows, outputs) float32.
        labels: the task and the classes.
        y: the rows' labels as numbers (see `Labels.encode`), or None.
        texts, pairs: the texts behind the rows, or None.
        truncated: whether each row was truncated to maxlen, (rows,), or None.
        words: for each row the places of its words in the text, (words, 2); or None.
    """

    values: np.ndarray
    labels: Labels
    y: Any = None
    texts: Sequence[str] | None = None
    pairs: Sequence[str] | None = None
    truncated: np.ndarray | None = None
    words: Sequence[np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def _facts(self) -> dict[str, Any]:
        return {
            "texts": len(self),
            "task": self.labels.summary,
            "labelled": self.y is not None,
            "truncated": None if self.truncated is None else int(np.sum(self.truncated)),
        }

    @property
    def predicted(self) -> np.ndarray:
        """The predictions in the form of `y`, with thresholds of 0.5."""
        return self.labels.kind.predicted(self.values)

    def displayed(self, ids: np.ndarray, rows: np.ndarray) -> list[Any]:
        """Labels of some rows as reports show them."""
        texts, words = (
            None if part is None else [part[i] for i in rows] for part in (self.texts, self.words)
        )
        return self.labels.kind.displayed(self.labels, ids[rows], texts, words)

    def decoded(self, thresholds: np.ndarray, min_confidence: float | None) -> list[Any]:
        """One prediction per row: a class, None below `min_confidence`; a list; a number."""
        kind = self.labels.kind
        decoded = self.labels.decode(kind.predicted(self.values, thresholds))
        if min_confidence is None:
            return decoded
        sure = self.values.max(axis=1) >= min_confidence
        return [label if ok else None for label, ok in zip(decoded, sure, strict=True)]

    def top(self, count: int) -> list[list[tuple[Any, float]]]:
        """For each row its `count` most probable classes with their probabilities."""
        order = np.argsort(-self.values, axis=1, kind="stable")[:, :count]
        return [
            [(self.labels.classes[i], float(row[i])) for i in indices]
            for row, indices in zip(self.values, order, strict=True)
        ]

    def frame(self, texts: Sequence[Any], decoded: Sequence[Any], index: Any = None) -> Any:
        """A DataFrame of texts and predictions; its columns are those of `predict_df`."""
        import pandas as pd

        pairs = not isinstance(texts[0], str)
        columns: dict[str, Any] = {"text": [t[0] for t in texts] if pairs else list(texts)}
        if pairs:
            columns["text_b"] = [t[1] for t in texts]
        if not self.labels.kind.has_classes:
            columns["value"] = decoded
        else:
            columns |= {"label": decoded, "probability": self._probabilities_of(decoded)}
        return pd.DataFrame(columns | {"truncated": self.truncated}, index=index)

    def _probabilities_of(self, decoded: Sequence[Any]) -> list[Any]:
        if self.labels.kind.has_one_class:
            return self.values.max(axis=1).tolist()
        place = {name: i for i, name in enumerate(self.labels.classes)}
        return [
            [float(row[place[name]]) for name in names]
            for row, names in zip(self.values, decoded, strict=True)
        ]


def check_options(labels: Labels, top_k: int | None, min_confidence: float | None) -> None:
    """Refuse options of `Predictor.predict` that don't go with the task."""
    task, kind = labels.task, labels.kind
    if top_k is not None:
        require_count("top_k", top_k)
        if not kind.has_classes or kind.per_token:
            raise ArgumentError(f"top_k needs a task with classes of texts; this is {task}.")
    if min_confidence is not None:
        require_number("min_confidence", min_confidence, 0, 1)
        if not kind.has_one_class:
            raise ArgumentError(f"min_confidence needs the task {SINGLE}; this is {task}.")


def refuse_with_proba(**options: Any) -> None:
    """Refuse options that `return_proba=True` would ignore."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ArgumentError(
            f"return_proba=True returns the probabilities of all classes, so {' and '.join(given)} "
            "would be ignored. Leave one of them out."
        )


def thresholds_from(
    threshold: float | Sequence[float] | Mapping[Any, float] | None,
    kept: Sequence[float] | None,
    labels: Labels,
    default: float,
) -> np.ndarray:
    """The threshold of each label, (labels,) float32.

    Args:
        threshold: the user's: one for all, one per label, or a dict by label.
        kept: tuned thresholds, for labels without one in `threshold`.
        labels: the task and the classes.
        default: for labels without any.

    Raises:
        ArgumentError: not a multi-label task, an unknown label, or a number outside of 0 to 1.
    """
    count = len(labels.classes)
    values = np.full(count, default) if kept is None else np.asarray(kept, dtype="float64")
    if threshold is None:
        return values.astype("float32")
    if not labels.kind.has_thresholds:
        raise ArgumentError(
            f"threshold={shown(threshold)} is for multi-label tasks; this is {labels.task}. "
            "For a single-label task use min_confidence."
        )
    if isinstance(threshold, Mapping):
        values = _by_name(threshold, values, labels)
    else:
        values = np.broadcast_to(_numbers(threshold, count), (count,))
    if not ((values >= 0) & (values <= 1)).all():
        raise ArgumentError(f"threshold={shown(threshold)}; probabilities go from 0 to 1.")
    return values.astype("float32")


def _numbers(threshold: Any, count: int) -> np.ndarray:
    """One threshold for all labels, or one for each."""
    try:
        values = np.asarray(threshold, dtype="float64").ravel()
    except (TypeError, ValueError, OverflowError):
        values = np.zeros(0)
    if values.size not in (1, count):
        raise ArgumentError(
            f"threshold={shown(threshold)}; it must be one number, one for each of the {count} "
            "labels, or a dict by label."
        )
    return values


def _by_name(threshold: Mapping[Any, float], values: np.ndarray, labels: Labels) -> np.ndarray:
    unknown = [name for name in threshold if name not in labels.classes]
    if unknown:
        raise ArgumentError(
            f"threshold names {shown(unknown[0])}, which isn't one of the labels: "
            f"{', '.join(map(repr, labels.classes[:10]))}."
        )
    given = [threshold.get(name, old) for name, old in zip(labels.classes, values, strict=True)]
    return np.asarray(given, dtype="float64")
