"""What kind of task it is, and how labels become numbers and back.

Decided once, from the training labels, and kept with the data, the model and the predictor.
The rule, unless `task` says otherwise:

1. floats, one a text or a row of them a text: regression;
2. rows of 0 and 1: single-label if every row has exactly one 1 (one-hot), else multi-label;
3. rows of label names: multi-label;
4. one string, int or bool a text: single-label.
"""

import difflib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ArgumentError, DataError

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
REGRESSION = "regression"
TASKS = (SINGLE, MULTI, REGRESSION)


@dataclass(frozen=True)
class Labels:
    """The task, and the labels in the order of the model's logits.

    Attributes:
        task: one of Hugging Face's problem types.
        classes: the labels as the user writes them; names of the targets for regression.
    """

    task: str
    classes: tuple[Hashable, ...]

    @property
    def names(self) -> list[str]:
        """The classes as text."""
        return [str(label) for label in self.classes]

    def describe(self) -> str:
        """One line that says what was decided."""
        kind = {SINGLE: "single-label", MULTI: "multi-label", REGRESSION: "regression"}[self.task]
        if self.task == REGRESSION:
            return f"task: {kind}, {len(self.classes)} target(s)"
        shown = ", ".join(self.names[:5]) + (", ..." if len(self.classes) > 5 else "")
        return f"task: {kind} classification, {len(self.classes)} classes ({shown})"

    def encode(self, y: Any) -> np.ndarray:
        """Labels as numbers: (n,) int32 for single-label, else (n, labels) float32.

        Raises:
            DataError: a label outside of the classes, with its row; a shape that doesn't fit.
        """
        rows = as_rows(y)
        if self.task == REGRESSION:
            return self._encode_targets(rows)
        if self.task == MULTI:
            return self._encode_sets(rows)
        if rows and _is_row(rows[0]):
            return self._encode_one_hot(rows)
        return np.array([self._index(row, i) for i, row in enumerate(rows)], dtype="int32")

    def decode(self, ids: np.ndarray) -> list:
        """The classes behind numbers as `encode` makes them."""
        if self.task == REGRESSION:
            return [row[0] if len(row) == 1 else row for row in np.asarray(ids).tolist()]
        if self.task == MULTI:
            return [[self.classes[j] for j in np.flatnonzero(row)] for row in np.asarray(ids)]
        return [self.classes[i] for i in ids]

    def _index(self, label: Any, row: int) -> int:
        if label in self.classes:
            return self.classes.index(label)
        is_index = isinstance(label, int) and not isinstance(label, bool)
        if is_index and isinstance(self.classes[0], str) and 0 <= label < len(self.classes):
            return label
        raise DataError(self._unknown(label, row))

    def _unknown(self, label: Any, row: int) -> str:
        near = difflib.get_close_matches(str(label), self.names, n=3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        known = ", ".join(map(repr, self.classes[:10])) + (", ..." * (len(self.classes) > 10))
        return (
            f"Row {row} has the label {label!r}, which isn't one of the {len(self.classes)} "
            f"classes ({known}).{hint} Classes come from the training labels or class_names."
        )

    def _encode_one_hot(self, rows: list) -> np.ndarray:
        array = self._indicator(rows)
        wrong = np.flatnonzero(array.sum(axis=1) != 1)
        if len(wrong):
            raise DataError(
                f"Row {wrong[0]} of the one-hot labels has {int(array[wrong[0]].sum())} ones "
                "where a single-label task needs exactly one. "
                f"For several labels a text use task={MULTI!r}."
            )
        return array.argmax(axis=1).astype("int32")

    def _encode_sets(self, rows: list) -> np.ndarray:
        if all(_is_indicator(row) for row in rows) and any(len(row) for row in rows):
            return self._indicator(rows)
        encoded = np.zeros((len(rows), len(self.classes)), dtype="float32")
        for i, row in enumerate(rows):
            if not _is_row(row):
                raise DataError(
                    f"Row {i} has the label {row!r}; a multi-label task needs a list of labels."
                )
            encoded[i, [self._index(label, i) for label in row]] = 1.0
        return encoded

    def _indicator(self, rows: list) -> np.ndarray:
        for i, row in enumerate(rows):
            if not _is_row(row) or len(row) != len(self.classes):
                width = len(row) if _is_row(row) else 1
                raise DataError(
                    f"Row {i} of the labels has {width} columns; there are "
                    f"{len(self.classes)} classes, so every row needs {len(self.classes)}."
                )
        return np.array(rows, dtype="float32")

    def _encode_targets(self, rows: list) -> np.ndarray:
        try:
            array = np.array(rows, dtype="float32").reshape(len(rows), -1)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"Regression needs a number, or a row of them, a text: {error}."
            ) from error
        if array.shape[1] != len(self.classes):
            raise DataError(
                f"The labels have {array.shape[1]} targets a text; training had "
                f"{len(self.classes)}."
            )
        wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
        if len(wrong):
            raise DataError(
                f"Row {wrong[0]} has the target {rows[wrong[0]]!r}; remove it or fill it."
            )
        return array


def infer_labels(
    y: Any, class_names: Sequence[Hashable] | None = None, task: str | None = None
) -> Labels:
    """The task and classes that labels `y` stand for, by the rule at the top of this file.

    Args:
        y: labels of the training texts.
        class_names: fixes the classes and their order.
        task: one of Hugging Face's problem types, to override the rule.

    Raises:
        ArgumentError: a task that isn't one of the three; class names that repeat.
        DataError: labels that are missing, or of a kind that is no label.
    """
    if task not in (None, *TASKS):
        raise ArgumentError(f"task={task!r}; allowed are {', '.join(TASKS)}.")
    names = tuple(_python(name) for name in class_names or ())
    if len(set(names)) != len(names):
        raise ArgumentError(f"class_names has a name twice: {list(names)}.")
    rows = as_rows(y)
    if not rows:
        raise DataError("There are no labels. Training needs one for every text.")
    task = task or _task_of(rows)
    classes = names or _classes_of(rows, task)
    if task == SINGLE and len(classes) < 2:
        raise DataError(
            f"All labels are {classes[0]!r}; a classification needs two classes or more. "
            "If another one is possible, name them all in class_names."
        )
    return Labels(task, classes)


def as_rows(y: Any) -> list:
    """Labels as a list of plain Python values, one a text, or a list of them a text.

    Raises:
        DataError: a label that is missing (None or NaN), with its row.
    """
    if isinstance(y, (str, bytes)) or not hasattr(y, "__iter__"):
        raise DataError(f"Labels must be a list or an array, one label a text; this is {y!r}.")
    values = y.tolist() if hasattr(y, "tolist") else list(y)
    rows = [[_python(v) for v in row] if _is_row(row) else _python(row) for row in values]
    missing = [i for i, row in enumerate(rows) if row is None or row != row]
    if missing:
        raise DataError(
            f"{len(missing)} labels are missing (None or NaN), at rows "
            f"{', '.join(map(str, missing[:5]))}{', ...' * (len(missing) > 5)}. Remove those rows."
        )
    return rows


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_row(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset, np.ndarray))


def _is_indicator(row: Any) -> bool:
    return _is_row(row) and all(not isinstance(v, str) and v in (0, 1) for v in row)


def _task_of(rows: list) -> str:
    if _is_row(rows[0]):
        if all(_is_indicator(row) and len(row) == len(rows[0]) for row in rows):
            return SINGLE if all(sum(row) == 1 for row in rows) else MULTI
        floats = all(isinstance(v, float) for row in rows if _is_row(row) for v in row)
        return REGRESSION if floats else MULTI
    return REGRESSION if any(isinstance(row, float) for row in rows) else SINGLE


def _classes_of(rows: list, task: str) -> tuple:
    if task == REGRESSION:
        width = len(rows[0]) if _is_row(rows[0]) else 1
        return tuple(f"target_{i}" for i in range(width)) if width > 1 else ("target",)
    if _is_indicator(rows[0]) and len(rows[0]):
        return tuple(range(len(rows[0])))
    found = {v for row in rows for v in row} if task == MULTI and _is_row(rows[0]) else set(rows)
    try:
        return tuple(sorted(found))
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in found})
        raise DataError(
            f"The labels mix {' and '.join(kinds)}, which have no common order. "
            "Use one kind, or give class_names."
        ) from error
