"""Explanations: which words speak for and against an answer."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DataError

SEED = 42  # as ktrain: the same text gets the same explanation
WORD = re.compile(r"\w+(?:['’]\w+)*")  # noqa: RUF001


@dataclass(frozen=True)
class Word:
    """A word of the text, where it stands, and how it speaks for the target (> 0) or against."""

    text: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Target:
    """The words' weights for one class (or regression target).

    Attributes:
        name: the class.
        value: its probability (regression: the value).
        words: in the order of the text.
        fidelity: how well the local model fits the real one nearby, R2, 1 at best.
    """

    name: Any
    value: float
    words: tuple[Word, ...]
    fidelity: float


@dataclass(frozen=True)
class Explanation:
    """Which words speak for and against an answer.

    Shows itself in a notebook, prints in a terminal.

    Attributes:
        text: what was explained.
        targets: the answer first, then the other classes if they were asked for.
    """

    text: str
    targets: tuple[Target, ...]

    def as_list(self) -> list[tuple[str, float]]:
        """The answer's words with their weights, the strongest first."""
        words = sorted(self.targets[0].words, key=lambda word: -abs(word.weight))
        return [(word.text, word.weight) for word in words]

    def as_text(self) -> str:
        """The answer, and its words as a table with bars, for a terminal."""
        return "\n\n".join(_target_as_text(target) for target in self.targets)

    def as_html(self) -> str:
        """The text with its words coloured: green speaks for the answer, red against it."""
        parts = [_target_as_html(self.text, target) for target in self.targets]
        return f'<div style="font-family:sans-serif;line-height:1.7">{"".join(parts)}</div>'

    def __str__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        return self.as_html()


def explain_with_lime(
    predictor: Any, doc: str, truncate_len: int, all_targets: bool, n_samples: int
) -> Explanation:
    """LIME (https://arxiv.org/abs/1602.04938): a linear model on variations of the text.

    Raises:
        DataError: a text without a word.
    """
    doc, spans = _first_words(doc, truncate_len)
    values = predictor.predict_proba(doc)
    predict = _remembering(predictor.predict_proba)
    targets = []
    for index in _targets(values, all_targets):
        weights, fidelity = _lime(doc, spans, predict, index, n_samples)
        words = tuple(
            Word(doc[start:end], start, end, weights.get(i, 0.0))
            for i, (start, end) in enumerate(spans)
        )
        name = predictor.get_classes()[index]
        targets.append(Target(name, float(values[index]), words, fidelity))
    return Explanation(doc, tuple(targets))


def _lime(
    doc: str, spans: Sequence[tuple[int, int]], predict: Callable, target: int, n_samples: int
) -> tuple[dict[int, float], float]:
    """Weights by the word's number, and the fidelity, for one target."""
    from lime.lime_text import LimeTextExplainer

    explainer = LimeTextExplainer(
        split_expression=lambda text: [text[start:end] for start, end in spans],
        bow=False,  # a word is weighed where it stands
        mask_string="",
        random_state=SEED,
    )
    result = explainer.explain_instance(
        doc, predict, labels=(target,), num_features=len(spans), num_samples=n_samples
    )
    weights = {i: float(weight) for i, weight in result.local_exp[target]}
    return weights, float(result.score)


def _first_words(doc: str, truncate_len: int) -> tuple[str, list[tuple[int, int]]]:
    if not isinstance(doc, str):
        raise DataError(f"explain takes one text, a string; this is a {type(doc).__name__}.")
    spans = [match.span() for match in WORD.finditer(doc)]
    if not spans:
        raise DataError(
            f"There is no word in {doc[:60]!r}, so there is nothing to weigh. "
            "An explanation needs a text with at least one word."
        )
    if len(spans) > truncate_len:
        spans = spans[:truncate_len]
        doc = doc[: spans[-1][1]]
    return doc, spans


def _targets(values: np.ndarray, all_targets: bool) -> list[int]:
    best = int(np.argmax(values))
    others = [i for i in np.argsort(-values) if i != best] if all_targets else []
    return [best, *map(int, others)]


def _remembering(predict: Callable) -> Callable:
    """`predict` for lists of texts, in which every text is predicted once only."""
    known: dict[str, np.ndarray] = {}

    def remembered(texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, predict(new) if new else (), strict=True))
        return np.stack([known[text] for text in texts])

    return remembered


def _target_as_text(target: Target) -> str:
    words = [w for w in sorted(target.words, key=lambda w: -abs(w.weight)) if w.weight][:20]
    top = max((abs(word.weight) for word in words), default=1.0)
    width = max((len(word.text) for word in words), default=0)
    lines = [
        f"{word.text:<{width}}  {word.weight:+.4f}  "
        f"{('+' if word.weight > 0 else '-') * max(1, round(20 * abs(word.weight) / top))}"
        for word in words
    ]
    head = f"{target.name}: {target.value:.3f} (fidelity {target.fidelity:.2f})"
    return "\n".join([head, *lines])


def _target_as_html(text: str, target: Target) -> str:
    top = max((abs(word.weight) for word in target.words), default=0.0) or 1.0
    parts, at = [], 0
    for word in target.words:
        colour = "46,160,67" if word.weight > 0 else "218,54,51"
        style = f"background:rgba({colour},{0.75 * abs(word.weight) / top:.2f});border-radius:3px"
        parts.append(html.escape(text[at : word.start]))
        parts.append(
            f'<span style="{style}" title="{word.weight:+.4f}">{html.escape(word.text)}</span>'
        )
        at = word.end
    parts.append(html.escape(text[at:]))
    body = "".join(parts).replace("\n", "<br>")
    head = f"<b>{html.escape(str(target.name))}</b>: {target.value:.3f}"
    note = f'<small style="color:gray">fidelity {target.fidelity:.2f}</small>'
    return f"<p>{head} {note}</p><p>{body}</p>"
