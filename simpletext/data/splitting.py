"""Split texts into training and validation data."""

from collections import Counter
from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from ..utils.validation import require_count, require_number


def split_rows(
    y: Any, labels: Any, val_pct: float = 0.1, random_state: int | None = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to validate on, each in the data's order.

    Single-label data are split class by class, so that both parts have all classes in the same
    shares; others are drawn at random.

    Args:
        y: the labels.
        labels: what they mean, a `Labels`.
        val_pct: the share to validate on, between 0 and 1.
        random_state: fixes the choice; None for another one each time.

    Raises:
        ArgumentError: a share that is none, or too small for the number of rows or classes.
        DataError: a class with a single text, which can't be in both parts.
    """
    check_split(val_pct, random_state)
    ids = labels.encode(y)
    stratify = labels.kind.strata(ids)
    if stratify is not None:
        _check_classes(ids, labels, max(round(len(ids) * val_pct), 1))
    return random_split(len(ids), val_pct, random_state, stratify)


def check_split(val_pct: Any, random_state: Any) -> None:
    """Refuse what is no share between 0 and 1, and what fixes no choice."""
    require_number("val_pct", val_pct, 1e-9, 0.999999, "a share between 0 and 1, as 0.1")
    if random_state is not None:
        require_count("random_state", random_state, 0, 2**32 - 1)


def random_split(
    count: int, val_pct: float, random_state: int | None = 0, stratify: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """As `split_rows`, by the number of rows and, where there are any, their strata."""
    from sklearn.model_selection import train_test_split

    check_split(val_pct, random_state)
    if count < 2 and stratify is None:
        raise DataError("There is one text only; a split needs two or more.")
    wanted = max(round(count * val_pct), 1)
    train, val = train_test_split(
        np.arange(count), test_size=wanted, stratify=stratify, random_state=random_state
    )
    return np.sort(train), np.sort(val)


def _check_classes(ids: np.ndarray, labels: Any, wanted: int) -> None:
    counts = Counter(ids.tolist())
    single = [i for i, count in sorted(counts.items()) if count == 1]
    if single:
        names = ", ".join(repr(labels.classes[i]) for i in single[:5])
        row = int(np.flatnonzero(ids == single[0])[0])
        hint = f"\n{labels.hint}" if labels.hint else ""
        raise DataError(
            f"{len(single)} label(s) have only one text ({names}{', ...' * (len(single) > 5)}"
            f"; {labels.classes[single[0]]!r} at row {row}), so they can't be in both the training "
            "and the validation data. Add texts, remove them, or pass your own validation data."
            f"{hint}"
        )
    least = min(wanted, len(ids) - wanted)
    if least < len(counts):
        raise ArgumentError(
            f"There are {len(counts)} classes, and the smaller part of the split has {least} of "
            f"{len(ids)} texts; each class needs one there. Use a val_pct between "
            f"{len(counts) / len(ids):.2g} and {1 - len(counts) / len(ids):.2g}."
        )
