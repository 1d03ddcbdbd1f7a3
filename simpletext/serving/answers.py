"""A predictor's answers as plain values, for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.tables import stream_rows
from ..errors import ArgumentError
from ..utils.validation import require_choice
from .limits import limited
from .tables import (
    finds_entities,
    is_translator,
    places_in,
    require_new,
    texts_of,
    write_entities,
    write_rows,
)

EXPLANATIONS = ("gradient", "occlusion")  # the others predict thousands of variations of a text
MOST_WORDS = 200  # that an explanation weighs
LONG_TEXTS = ("truncate", "chunk")


def description(predictor: Any) -> dict[str, Any]:
    """What a predictor does: its task, classes, maxlen, and whether it explains."""
    if is_translator(predictor):
        return {
            "task": "translation", "title": "translation", "classes": [], "pairs": False,
            "maxlen": predictor.maxlen, "base_model": None, "explanations": [], "shows": "text",
        }  # fmt: skip
    settings, kind = predictor.settings, predictor.labels.kind
    values = "probabilities" if kind.has_classes else "values"
    return {
        "task": settings.labels.task,
        "title": kind.title,
        "classes": predictor.get_classes(),
        "pairs": bool(settings.paired),
        "maxlen": settings.maxlen,
        "base_model": settings.base_model,
        "explanations": list(EXPLANATIONS),
        "shows": "entities" if kind.per_token else values,
    }


def predicted(predictor: Any, texts: Sequence[Any], long_text: str) -> list[dict[str, Any]]:
    """One dict per text.

    Args:
        predictor: a `Predictor` or `Translator`.
        texts: texts, or pairs of texts.
        long_text: "truncate" or "chunk" (see `Predictor.predict`).

    Returns:
        For each text `predicted`: a class, a list of classes, a number, a list of entities or a
        translation; then `probabilities` by class or `values` by target, and whether the text was
        `truncated`.

    Raises:
        DataError: texts that can't be used, or single texts where the model reads pairs.
    """
    require_choice("long_text", long_text, LONG_TEXTS)
    if is_translator(predictor):
        return [{"predicted": text} for text in predictor.predict(list(texts))]
    if finds_entities(predictor):
        found = predictor.predict(list(texts), long_text="chunk")
        return [{"predicted": list(entities)} for entities in found]
    found = predictor.predictions(list(texts), long_text)
    decoded = found.decoded(predictor.thresholds, None)
    rows = zip(decoded, found.values, found.truncated.tolist(), strict=True)
    name = "probabilities" if predictor.labels.kind.has_classes else "values"
    return [
        {"predicted": result, name: _by_name(predictor, values), "truncated": cut}
        for result, values, cut in rows
    ]


def explained(predictor: Any, text: Any, method: str, entity: int) -> dict[str, Any]:
    """The weight of each word, as `Explanation.as_dict`.

    Args:
        predictor: a `Predictor`.
        text: a text, or a pair of texts.
        method: one of `EXPLANATIONS`.
        entity: for entities, which of them.

    Raises:
        ArgumentError: another method, or a translator.
        DataError: a text without words, or without entities.
    """
    if is_translator(predictor):
        raise ArgumentError("A translator has no explanations; Translator.attention is in Python.")
    require_choice("method", method, EXPLANATIONS)
    chosen = {"entity": entity} if finds_entities(predictor) else {}
    found = predictor.explain(text, truncate_len=MOST_WORDS, method=method, **chosen)
    return found.as_dict()


def predicted_table(
    predictor: Any, source: Path, columns: list[str], proba: bool, sep: str | None
) -> Path:
    """Write the predictions for a CSV file into a file beside it.

    Args:
        predictor: a `Predictor` or `Translator`.
        source: the CSV file.
        columns: the column with the texts, or two with pairs.
        proba: add a column per class.
        sep: what separates fields; by default a comma.

    Returns:
        `predicted.csv`, the rows plus a column `predicted`; of entities `entities.jsonl`.

    Raises:
        DataError: a file that can't be read, or above the limits; a column that isn't there.
    """
    table = stream_rows(source, None, sep)
    table = table._replace(rows=limited(table.rows))
    places = places_in(table, columns)
    require_new(table, ["predicted"])
    entities = finds_entities(predictor)
    target = source.with_name("entities.jsonl" if entities else "predicted.csv")
    with target.open("w", encoding="utf-8", newline="") as file:
        if entities:
            write_entities(file, predictor, texts_of(table, places))
        else:
            write_rows(file, predictor, table, places, proba, "truncate")
    return target


def _by_name(predictor: Any, values: np.ndarray) -> dict[str, float]:
    return dict(zip(predictor.labels.names, map(float, values), strict=True))
