"""`Labels`: the task and its classes, decided once from the training labels.

The rule, unless `task` is passed:

1. one float per text, or a row of floats that aren't all 0 and 1: regression;
2. rows of 0 and 1: single-label if every row has exactly one 1 (one-hot), multi-label if a row
   has several; if none has several but some have none, the data are ambiguous and `task` is needed;
3. rows of label names: multi-label;
4. one string, int or bool per text: single-label. An array with one column has one label per text.

Integer labels may be any; with `class_names` of strings they are indices into these, from 0, or if
a name looks like a number, such as "1", the names that look like them.
Without `class_names` nobody numbered the names, so an integer among them is an error.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..data.labels import as_rows, is_indicator, is_row, is_table, plain, require_indicators
from ..data.texts import shown_rows
from ..errors import ArgumentError, DataError
from ..utils.validation import did_you_mean, require_list, shown
from .task import MULTI, REGRESSION, SINGLE, Task, task_named


@dataclass(frozen=True)
class Labels:
    """The task, and the classes in the order of the model's outputs.

    Attributes:
        task: the task's name, one of Hugging Face's problem types.
        classes: the labels as the user writes them; names of the targets for regression.
        numbered: whether the user fixed the order of the classes, so that whole numbers are
            indices into them. Names in alphabetical order have numbers that nobody gave them.
    """

    task: str
    classes: tuple[Hashable, ...]
    numbered: bool = field(default=False, compare=False)

    @property
    def kind(self) -> Task:
        """The task itself, with its losses, metrics and reports."""
        return task_named(self.task)

    @property
    def names(self) -> list[str]:
        """The classes as text."""
        return [str(label) for label in self.classes]

    def describe(self) -> str:
        """One line that states the task and the classes."""
        return self.kind.describe(self)

    @property
    def summary(self) -> str:
        """The same without the word "task", for a table that has it as a title."""
        return self.describe().removeprefix("task: ")

    @property
    def hint(self) -> str:
        """Another line, if the classes look like a mistake; else an empty string."""
        return self.kind.hint(self)

    def encode(self, y: Any) -> np.ndarray:
        """Labels as numbers: (n,) int32 for single-label, otherwise (n, labels) float32.

        Raises:
            DataError: a label outside of the classes, with its row; a shape that doesn't fit.
        """
        return self.kind.encode(self, as_rows(y))

    def decode(self, ids: np.ndarray) -> list:
        """The classes behind numbers as `encode` returns them."""
        return self.kind.decode(self, ids)

    def index_of(self, label: Any, row: int) -> int:
        """The output of a label: its place in `classes`, or an index if the classes are strings.

        Raises:
            DataError: the label is none of the classes; names its row.
        """
        if isinstance(label, Hashable) and label in self._ids:
            return self._ids[label]
        if isinstance(label, int) and not isinstance(label, bool) and self._are_strings:
            if str(label) in self._ids:  # a file's column of "1", "2" and "other"
                return self._ids[str(label)]
            if self.numbered and self._are_indexable and 0 <= label < len(self.classes):
                return label
        raise DataError(self._unknown(label, row))

    @property
    def _are_strings(self) -> bool:
        return all(isinstance(name, str) for name in self.classes)

    @cached_property
    def _are_indexable(self) -> bool:
        """Whether no name looks like an index, so that a number can only be one or the other."""
        return not any(str(i) in self._ids for i in range(len(self.classes)))

    def indicator(self, rows: list) -> np.ndarray:
        """Rows of 0 and 1 as an array, (n, classes) float32.

        Raises:
            DataError: a row of another length or with other values.
        """
        for i, row in enumerate(rows):
            if not is_row(row) or len(row) != len(self.classes):
                width = len(row) if is_row(row) else 1
                raise DataError(
                    f"Row {i} of the labels has {width} columns; there are "
                    f"{len(self.classes)} classes, so every row needs {len(self.classes)}."
                )
            if not is_indicator(row):
                raise DataError(f"Row {i} of the labels is {shown(row)}; allowed are 0 and 1 only.")
        return np.array(rows, dtype="float32")

    @cached_property
    def _ids(self) -> dict[Hashable, int]:
        return {label: i for i, label in enumerate(self.classes)}

    def _unknown(self, label: Any, row: int) -> str:
        hint = did_you_mean(label, self.names)
        known = ", ".join(map(repr, self.classes[:10])) + (", ..." * (len(self.classes) > 10))
        if isinstance(label, int) and self._are_strings:
            hint = self._index_hint()
        return (
            f"Row {row} has the label {shown(label)}, which isn't one of the {len(self.classes)} "
            f"classes ({known}).{hint} Classes come from the training labels or class_names."
        )

    def _index_hint(self) -> str:
        """What a whole number can stand for where the classes are strings."""
        if not self._are_indexable:
            return " Some names look like indices, so a whole number stands for such a name only."
        return (
            " A whole number is an index into them only if class_names fixes their order; "
            f"then pass 0 to {len(self.classes) - 1}, or the names themselves."
        )


def infer_labels(
    y: Any, class_names: Sequence[Hashable] | None = None, task: str | None = None
) -> Labels:
    """The task and classes of labels `y`, by the rule at the top of this file.

    Args:
        y: labels of the training texts.
        class_names: fixes the classes and their order.
        task: the name of a task, to override the rule.

    Raises:
        ArgumentError: an unknown task; class names that repeat.
        DataError: labels that are missing, or of a type that can't be a label.
    """
    if task is not None:
        task_named(task)
    names = checked_names(class_names) or []
    rows = as_rows(y)
    if not rows:
        raise DataError("There are no labels. Training needs one for every text.")
    kind = task_named(task or task_of(rows))
    if is_table(y) and kind.has_classes:
        require_indicators(rows)
    classes = tuple(names) or _column_names(y) or kind.classes_in(rows)
    if not classes:
        raise DataError("No text has a label. Give some, or name them all in class_names.")
    kind.check_classes(classes)
    _check_types(classes)
    return Labels(kind.name, classes, numbered=bool(names))


def _column_names(y: Any) -> tuple[str, ...]:
    """The names of a table's columns, one for each class; for other labels none."""
    table = hasattr(y, "columns") and len(y.columns) > 1
    return tuple(map(str, y.columns)) if table else ()


def checked_names(class_names: Any) -> list[Any] | None:
    """Class names as a list of plain values; None stays None.

    Raises:
        ArgumentError: not a list, a name of another type than JSON has, or a name twice.
    """
    if class_names is None:
        return None
    names = [plain(name) for name in require_list("class_names", class_names)]
    for name in names:
        if not is_label(name):
            raise ArgumentError(
                f"class_names has {shown(name)}; names must be strings, numbers or booleans."
            )
    if len({str(name) for name in names}) != len(names):
        raise ArgumentError(f"class_names has a name twice: {shown(names, 200)}.")
    return names


def is_label(value: Any) -> bool:
    """Whether JSON stores a label unchanged, so that a predictor with it can be saved."""
    if not isinstance(value, str):
        return isinstance(value, (int, float)) and value == value and abs(value) < 2**63
    return not any("\ud800" <= letter <= "\udfff" for letter in value)  # half surrogate pairs


def _check_types(classes: tuple) -> None:
    """Only what JSON can store unchanged can be a class, or a predictor couldn't be saved."""
    for label in classes:
        if not is_label(label):
            raise DataError(
                f"The label {shown(label)} is of type {type(label).__name__}; allowed are valid "
                "strings, whole numbers below 2**63, booleans and floats. Convert the labels first."
            )


def task_of(rows: list) -> str:
    """The name of the task of labels, one or more of them, by the rule at the top of this file."""
    if not is_row(rows[0]):
        return REGRESSION if any(isinstance(row, float) for row in rows) else SINGLE
    width = len(rows[0])
    if width and all(is_indicator(row) and len(row) == width for row in rows):
        return _task_of_indicators(rows)
    floats = all(isinstance(v, float) for row in rows if is_row(row) for v in row)
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
        f"{shown_rows(empty.tolist())}, and no row has several, so the task is ambiguous. "
        "If every text has one class, correct those rows; if a text may have none or several, "
        f"pass task={MULTI!r}."
    )
