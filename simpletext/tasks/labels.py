"""What kind of task it is, and how labels become numbers and back.

Decided once, from the training labels, and kept with the data, the model and the predictor.
The rule, unless `task` says otherwise:

1. one float a text, or a row of floats that aren't all 0 and 1: regression;
2. rows of 0 and 1: single-label if every row has exactly one 1 (one-hot), multi-label if a row
   has several; if none has several but some have none, it can't be told, and `task` must say it;
3. rows of label names: multi-label;
4. one string, int or bool a text: single-label. An array with one column is no row of labels.

Integer labels may be any; with `class_names` of strings they count into these, from 0.
"""

import difflib
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..data.texts import shown_rows
from ..errors import ArgumentError, DataError

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
            count = len(self.classes)
            return f"task: {kind}, {count} target{'s' * (count > 1)}"
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

    @cached_property
    def _ids(self) -> dict[Hashable, int]:
        return {label: i for i, label in enumerate(self.classes)}

    def _index(self, label: Any, row: int) -> int:
        if isinstance(label, Hashable) and label in self._ids:
            return self._ids[label]
        is_index = isinstance(label, int) and not isinstance(label, bool)
        if is_index and isinstance(self.classes[0], str) and 0 <= label < len(self.classes):
            return label
        raise DataError(self._unknown(label, row))

    def _unknown(self, label: Any, row: int) -> str:
        near = difflib.get_close_matches(str(label), self.names, n=3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        known = ", ".join(map(repr, self.classes[:10])) + (", ..." * (len(self.classes) > 10))
        if isinstance(label, int) and isinstance(self.classes[0], str):
            hint = f" A whole number counts into them, from 0 to {len(self.classes) - 1}."
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
                f"For none or several labels a text use task={MULTI!r}."
            )
        return array.argmax(axis=1).astype("int32")

    def _encode_sets(self, rows: list) -> np.ndarray:
        if all(_is_indicator(row) for row in rows) and any(len(row) for row in rows):
            return self._indicator(rows)
        encoded = np.zeros((len(rows), len(self.classes)), dtype="float32")
        for i, row in enumerate(rows):
            if not _is_row(row):
                raise DataError(
                    f"Row {i} has the label {row!r}; a multi-label task needs a list of labels, "
                    "or a row of 0 and 1."
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
            if not _is_indicator(row):
                raise DataError(f"Row {i} of the labels is {row}; allowed are 0 and 1 only.")
        return np.array(rows, dtype="float32")

    def _encode_targets(self, rows: list) -> np.ndarray:
        for i, row in enumerate(rows):
            if any(isinstance(v, str) for v in (row if _is_row(row) else [row])):
                raise DataError(f"Row {i} has the target {row!r}, a string; make it a number.")
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
    rows = as_rows(y)
    if not rows:
        raise DataError("There are no labels. Training needs one for every text.")
    task = task or task_of(rows)
    classes = _named(y, class_names) or _classes_of(rows, task)
    if not classes:
        raise DataError("No text has a label. Give some, or name them all in class_names.")
    if task == SINGLE and len(classes) < 2:
        raise DataError(
            f"All labels are {classes[0]!r}; a classification needs two classes or more. "
            "If another one is possible, name them all in class_names."
        )
    _check_kinds(classes)
    return Labels(task, classes)


def _named(y: Any, class_names: Sequence[Hashable] | None) -> tuple:
    """The classes as the user names them: in class_names, or as the columns of a table."""
    if class_names is None or not len(class_names):
        table = hasattr(y, "columns") and len(y.columns) > 1
        return tuple(map(str, y.columns)) if table else ()
    names = tuple(_python(name) for name in class_names)
    if len({str(name) for name in names}) != len(names):
        raise ArgumentError(f"class_names has a name twice: {list(names)}.")
    return names


def _check_kinds(classes: tuple) -> None:
    """Only what JSON keeps as it is can be a class, or a predictor couldn't be saved."""
    for label in classes:
        if not isinstance(label, (str, int, float)):
            raise DataError(
                f"The label {label!r} is of the kind {type(label).__name__}; allowed are strings, "
                "whole numbers, booleans and floats. Convert the labels first, as with str."
            )


def as_rows(y: Any) -> list:
    """Labels as a list of plain Python values, one a text, or a list of them a text.

    Raises:
        DataError: a label that is missing (None or NaN), with its row; no list at all.
    """
    if isinstance(y, (str, bytes, Mapping, Set)) or not hasattr(y, "__iter__"):
        shown = repr(y)
        raise DataError(
            "Labels must be a list or an array, one label a text; this is "
            f"{shown if len(shown) <= 60 else shown[:57] + '...'} ({type(y).__name__})."
        )
    y = y.to_numpy() if hasattr(y, "columns") else y
    if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
        y = y[:, 0]
    values = y.tolist() if hasattr(y, "tolist") else list(y)
    rows = [[_python(v) for v in row] if _is_row(row) else _python(row) for row in values]
    missing = [i for i, row in enumerate(rows) if _is_missing(row)]
    if missing:
        raise DataError(
            f"{len(missing)} labels are missing (None or NaN), at rows {shown_rows(missing)}. "
            "Remove those rows."
        )
    return rows


def check_counts(texts: Sequence[Any], y: Any) -> None:
    """Refuse texts and labels that differ in number."""
    count = len(as_rows(y))
    if len(texts) != count:
        raise DataError(
            f"There are {len(texts)} texts and {count} labels; every text needs one label. "
            "Nothing was cut: check where they came apart."
        )


def _is_missing(value: Any) -> bool:
    if isinstance(value, list):
        return any(_is_missing(v) for v in value)
    return value is None or (value != value) is not False  # pandas' NA isn't even unequal to NA


def _python(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_row(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset, np.ndarray))


def _is_indicator(row: Any) -> bool:
    return _is_row(row) and all(not isinstance(v, str) and v in (0, 1) for v in row)


def task_of(rows: list) -> str:
    """The task that labels, one or more of them, stand for by the rule at the top of this file."""
    if not _is_row(rows[0]):
        return REGRESSION if any(isinstance(row, float) for row in rows) else SINGLE
    width = len(rows[0])
    if width and all(_is_indicator(row) and len(row) == width for row in rows):
        return _task_of_indicators(rows)
    floats = all(isinstance(v, float) for row in rows if _is_row(row) for v in row)
    return REGRESSION if floats and any(map(len, rows)) else MULTI


def _task_of_indicators(rows: list) -> str:
    ones = np.array(rows, dtype="float32").sum(axis=1)
    if (ones > 1).any():
        return MULTI
    empty = np.flatnonzero(ones == 0)
    if not len(empty):
        return SINGLE
    raise DataError(
        f"{len(empty)} of {len(rows)} rows of 0 and 1 have no 1, at rows "
        f"{shown_rows(empty.tolist())}, and no row has several, so it can't be told whether "
        f"labels are missing. If every text has one class, correct those rows; if a text may "
        f"have none or several, say task={MULTI!r}."
    )


def _classes_of(rows: list, task: str) -> tuple:
    if task == REGRESSION:
        width = len(rows[0]) if _is_row(rows[0]) else 1
        return tuple(f"target_{i}" for i in range(width)) if width > 1 else ("target",)
    if _is_row(rows[0]) and len(rows[0]) and all(map(_is_indicator, rows)):
        return tuple(range(len(rows[0])))
    try:
        found = set(_all_labels(rows))
    except TypeError as error:
        raise DataError(f"Labels must be plain values such as strings: {error}.") from error
    try:
        return tuple(sorted(found))
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in found})
        raise DataError(
            f"The labels mix {' and '.join(kinds)}, which have no common order. "
            "Use one kind, or give class_names."
        ) from error


def _all_labels(rows: list) -> Iterator[Any]:
    for row in rows:
        if _is_row(row):
            yield from row
        else:
            yield row
