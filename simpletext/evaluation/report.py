"""What a trained model gets right and wrong: validation reports and top losses."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..inference.predictions import Predictions
from ..tasks.labels import Labels, checked_names
from ..utils.validation import require_count


def names_of(labels: Labels, class_names: Sequence[Any] = ()) -> list[str]:
    """The class names in a report."""
    names = [str(name) for name in checked_names(class_names) or ()] or labels.names
    if len(names) != len(labels.classes):
        raise ArgumentError(
            f"class_names has {len(names)} names; the data have {len(labels.classes)} classes."
        )
    return names


def describe_validation(seen: Predictions, class_names: Sequence[Any] = ()) -> str:
    """A report as text."""
    return seen.labels.kind.report(seen.y, seen.values, names_of(seen.labels, class_names))


def validation_scores(seen: Predictions, class_names: Sequence[Any] = ()) -> dict[str, Any]:
    """A report as a dict: precision, recall and so on per class; scores for regression."""
    return seen.labels.kind.scores(seen.y, seen.values, names_of(seen.labels, class_names))


def validation_table(seen: Predictions, class_names: Sequence[Any] = ()) -> Any:
    """A report as a DataFrame: one row per class and average; for regression one per score."""
    return seen.labels.kind.score_table(seen.y, seen.values, names_of(seen.labels, class_names))


def confusion(seen: Predictions) -> Any:
    """The confusion matrix; for multi-label one per class; for regression a dict of scores."""
    return seen.labels.kind.confusion(seen.y, seen.values)


def top_losses(seen: Predictions, n: int | range | tuple[int, int]) -> Any:
    """The rows with the largest losses as a DataFrame; see `Learner.top_losses`."""
    import pandas as pd

    kind, predicted = seen.labels.kind, seen.predicted
    loss, confidence = kind.row_losses(seen.y, seen.values), kind.confidence(seen.values)
    wrong = np.flatnonzero(kind.is_wrong(seen.y, predicted))
    rows = wrong[np.argsort(-loss[wrong], kind="stable")][_ranks(n)]
    columns = {
        "row": rows,
        "text": None if seen.texts is None else [seen.texts[i] for i in rows],
        "pair": None if seen.pairs is None else [seen.pairs[i] for i in rows],
        "true": seen.displayed(seen.y, rows),
        "predicted": seen.displayed(predicted, rows),
        "probability": None if confidence is None else confidence[rows],
        "loss": loss[rows],
    }
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})


def describe_losses(table: Any) -> str:
    """`top_losses` as text, the texts in full."""
    if not len(table):
        return "Nothing is misclassified."
    parts = []
    for row in table.to_dict("records"):
        certain = f", probability {row['probability']:.3f}" if "probability" in row else ""
        parts.append(
            f"{'-' * 40}\nrow {row['row']}: loss {row['loss']:.3f}, true {row['true']!r}, "
            f"predicted {row['predicted']!r}{certain}"
        )
        parts += [f"\n{row[name]}" for name in ("text", "pair") if name in row]
    return "\n".join(parts)


def _ranks(n: int | range | tuple[int, int]) -> slice:
    """Which of the ordered rows: the first n, or a range of them."""
    if isinstance(n, range) or (isinstance(n, tuple) and len(n) == 2):
        start, stop = (n.start, n.stop) if isinstance(n, range) else n
        return slice(require_count("n's start", start, 0), require_count("n's end", stop, 0))
    return slice(0, require_count("n (or a range of ranks)", n))
