"""Entities and tags from the probabilities of words."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..data.tags import OUTSIDE, scheme_of, spans_of
from ..errors import ArgumentError
from ..tasks.labels import Labels
from ..tokenization.encoded_texts import EncodedTexts
from ..tokenization.windows import pooled
from ..utils.ragged import ragged
from .predictions import Predictions

COLOURS = ("#cfe3f7", "#fbe0b5", "#d3efd0", "#f6cfd6", "#e2d7f3", "#d0efee", "#efe6c8", "#e3e3e3")


class Entities(list[dict[str, Any]]):
    """The entities in a text, a list of dicts; displayed in the text in a notebook.

    The keys are `text`, `label`, `start` and `end` (characters of the text; the end is the
    character after the last) and `probability`, the mean of its words'.

    Attributes:
        source: the text.
    """

    def __init__(self, source: str, entities: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(entities)
        self.source = source

    def as_html(self) -> str:
        """The text with its entities marked, as an HTML fragment; everything is escaped."""
        labels = sorted({entity["label"] for entity in self})
        colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}
        parts, at = [], 0
        for entity in self:
            parts.append(escape(self.source[at : entity["start"]]))
            label, title = escape(str(entity["label"])), f"{entity['probability']:.3f}"
            # `dir` keeps an entity and its label together in text from right to left.
            style = f"background:{colours[entity['label']]};color:#111;padding:0 .25em"
            parts.append(
                f'<mark dir="auto" style="{style};border-radius:.25em" title="{label} {title}">'
                f'{escape(entity["text"])} <small dir="auto" style="font-weight:600">{label}'
                "</small></mark>"
            )
            at = entity["end"]
        text = "".join([*parts, escape(self.source[at:])])
        return f'<div dir="auto" style="line-height:1.8;white-space:pre-wrap">{text}</div>'

    def _repr_html_(self) -> str:
        return self.as_html()


@dataclass(frozen=True, kw_only=True, repr=False)
class TokenPredictions(Predictions):
    """Predictions of words.

    Attributes:
        numbers: for each text the numbers of the words that have a prediction.
        counts: words per text, (texts,).
        as_tags: whether the texts came as lists of words, which get a tag each.
    """

    numbers: Sequence[np.ndarray]
    counts: Sequence[int]
    as_tags: bool

    def decoded(self, thresholds: Any, min_confidence: float | None) -> list[Any]:
        """For each text its entities; for lists of words a tag per word.

        Entities below `min_confidence` are left out.
        """
        tags = self.labels.decode(self.predicted)
        if self.as_tags and min_confidence is not None:
            raise ArgumentError("min_confidence is for entities of texts; words have a tag each.")
        if self.as_tags:
            words = zip(tags, self.numbers, self.counts, strict=True)
            return [self._every_word(*row) for row in words]
        rows = zip(self.texts or (), self.words or (), tags, self.values, strict=True)
        scheme = scheme_of([self.labels.classes])
        least = 0.0 if min_confidence is None else min_confidence
        return [_entities(*row, scheme, least) for row in rows]

    def _every_word(self, tags: list[Any], numbers: np.ndarray, count: int) -> list[Any]:
        """The tags of all words; what the model didn't read is in no entity."""
        outside = OUTSIDE if OUTSIDE in self.labels.classes else None
        every = [outside] * count
        for number, tag in zip(numbers, tags, strict=True):
            every[number] = tag
        return every

    def frame(self, texts: Sequence[Any], decoded: Sequence[Any], index: Any = None) -> Any:
        """A DataFrame with one row per entity, or per word of lists of words."""
        import pandas as pd

        names = list(range(len(decoded))) if index is None else list(index)
        if self.as_tags:
            words = [w for row in texts for w in row]
            rows = [name for name, tags in zip(names, decoded, strict=True) for _ in tags]
            tags = [tag for row in decoded for tag in row]
            return pd.DataFrame({"row": rows, "word": words, "tag": tags})
        found = [
            {"row": name} | entity
            for name, entities in zip(names, decoded, strict=True)
            for entity in entities
        ]
        return pd.DataFrame(found, columns=["row", "text", "label", "start", "end", "probability"])


def predictions_of(
    values: np.ndarray, data: EncodedTexts, windows: np.ndarray | None, labels: Labels,
    as_tags: bool,
) -> Predictions:  # fmt: skip
    """Predictions from the probabilities of texts, or of their windows.

    Args:
        values: probabilities (or values) of each row of `data`.
        data: the texts, or all their windows.
        windows: how many windows each text has, (texts,); None where texts were cut.
        labels: the task and the classes.
        as_tags: whether the texts came as lists of words.
    """
    if labels.kind.per_token:
        return _of_words(values, data, windows, labels, as_tags)
    if windows is None:
        return Predictions(values, labels, truncated=data.truncated)
    return Predictions(pooled(values, windows), labels, truncated=np.zeros(len(windows), bool))


def _of_words(
    values: np.ndarray, data: EncodedTexts, windows: np.ndarray | None, labels: Labels,
    as_tags: bool,
) -> TokenPredictions:  # fmt: skip
    words = list(data.words or ())
    counts = np.ones(len(words), int) if windows is None else windows
    starts = np.concatenate([[0], np.cumsum(counts)])
    found = [_merged(values, data, range(*starts[i : i + 2])) for i in range(len(words))]
    numbers = [row[0] for row in found]
    return TokenPredictions(
        values=ragged(row[1] for row in found),
        labels=labels,
        texts=data.texts,
        truncated=data.truncated if windows is None else np.zeros(len(windows), bool),
        words=[places[row] for places, row in zip(words, numbers, strict=True)],
        numbers=numbers,
        counts=list(map(len, words)),
        as_tags=as_tags,
    )


def _merged(values: np.ndarray, data: EncodedTexts, rows: range) -> tuple[np.ndarray, np.ndarray]:
    """A text's words, and of each what the window says in which it is farthest from an edge."""
    numbers = np.concatenate([data.read_words(row) for row in rows])
    if len(rows) == 1:
        return numbers, values[rows[0]]
    margins = np.concatenate([_margins(data, row, rows) for row in rows])
    every = np.concatenate([values[row] for row in rows])
    order = np.lexsort((-margins, numbers))
    words, first = np.unique(numbers[order], return_index=True)
    return words, every[order[first]]


def _margins(data: EncodedTexts, row: int, rows: range) -> np.ndarray:
    """How far the words of a window are from where it was cut, in tokens."""
    ids = data.word_ids_of(row)
    places = np.flatnonzero(ids >= 0)
    left = places if row != rows[0] else np.full(len(places), len(ids))
    right = len(ids) - places if row != rows[-1] else np.full(len(places), len(ids))
    return np.minimum(left, right)


def _entities(
    text: str, words: np.ndarray, tags: list[Any], values: np.ndarray, scheme: str, least: float
) -> Entities:
    """The entities of one text, from its words' tags and probabilities."""
    best = values.max(axis=1) if len(values) else np.zeros(0)
    found = []
    for label, first, end in spans_of(tags, scheme):
        start, stop = int(words[first, 0]), int(words[end - 1, 1])
        probability = float(best[first:end].mean())
        if probability >= least:
            found.append(
                {
                    "text": text[start:stop],
                    "label": label,
                    "start": start,
                    "end": stop,
                    "probability": probability,
                }
            )
    return Entities(text, found)
