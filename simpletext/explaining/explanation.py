"""`Explanation`: word weights for a prediction, as text, HTML, table or figure."""

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..utils import console

LEGEND = "Green words support the prediction, red words oppose it."
PAGE_STYLE = "body{font:16px/1.6 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
BARS = 20  # words that a terminal or a figure shows


@dataclass(frozen=True)
class Word:
    """A word, its position, and its weight: positive supports the target, negative opposes it.

    Attributes:
        text: the word.
        start, end: its characters.
        weight: for "gradient" and "occlusion" its part of the probability (regression: of the
            value); for "lime" and "eli5" its weight in the local model.
        part: 0, or 1 for the second text of a pair.
    """

    text: str
    start: int
    end: int
    weight: float
    part: int = 0


@dataclass(frozen=True)
class Target:
    """The words' weights for one class (or regression target).

    Attributes:
        name: the class.
        value: its probability (regression: the value).
        words: in the order of the text.
        fidelity: how well the local model fits the real one nearby, 1 at best; None for methods
            without a local model.
    """

    name: Any
    value: float
    words: tuple[Word, ...]
    fidelity: float | None

    @property
    def strongest(self) -> list[Word]:
        """The words with a nonzero weight, by absolute weight."""
        return sorted((w for w in self.words if w.weight), key=lambda word: -abs(word.weight))

    @property
    def title(self) -> str:
        """The class, its probability and the fidelity, as text."""
        note = "" if self.fidelity is None else f" (fidelity {self.fidelity:.2f})"
        return f"{self.name}: {self.value:.3f}{note}"


@dataclass(frozen=True, repr=False)
class Explanation:
    """The weight of each word for the prediction.

    A notebook shows it as coloured text, a terminal as a table.

    Attributes:
        texts: what was explained: a text, or the two of a pair.
        targets: the predicted class first, then the other classes if requested.
        method: the explanation method.
    """

    texts: tuple[str, ...]
    targets: tuple[Target, ...]
    method: str

    @property
    def text(self) -> str:
        """The text (the first one of a pair)."""
        return self.texts[0]

    def as_list(self) -> list[tuple[str, float]]:
        """The words with their weights for the prediction, by absolute weight."""
        words = sorted(self.targets[0].words, key=lambda word: -abs(word.weight))
        return [(word.text, word.weight) for word in words]

    def as_dict(self) -> dict[str, Any]:
        """The explanation as plain lists and dicts, for JSON."""
        return {
            "method": self.method,
            "texts": list(self.texts),
            "targets": [
                asdict(target) | {"words": [asdict(word) for word in target.words]}
                for target in self.targets
            ],
        }

    def as_text(self) -> str:
        """The prediction, and its words as a table with bars, for a terminal."""
        return "\n\n".join(_target_as_text(target) for target in self.targets)

    def as_html(self) -> str:
        """The text with its words coloured: green supports the prediction, red opposes it."""
        parts = [_target_as_html(self.texts, target) for target in self.targets]
        return (
            '<div style="font-family:sans-serif;line-height:1.7;max-width:50em">'
            f"{''.join(parts)}</div>"
        )

    def as_page(self) -> str:
        """`as_html` as a whole page, for a file."""
        return (
            '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>{html.escape(self.targets[0].title)}</title>"
            f"<style>{PAGE_STYLE}</style></head>\n"
            f"<body>{self.as_html()}<p><small>{LEGEND}</small></p></body>\n</html>\n"
        )

    def figure(self) -> Any:
        """A matplotlib bar chart of the words with the largest weights."""
        from matplotlib.figure import Figure

        console.let_notebook_draw()
        counts = [len(target.strongest[:BARS]) for target in self.targets]
        figure = Figure(
            figsize=(6.4, sum(0.28 * count + 1.1 for count in counts)), layout="constrained"
        )
        grid = {"height_ratios": [count + 2 for count in counts]}
        axes = figure.subplots(len(self.targets), 1, squeeze=False, gridspec_kw=grid)[:, 0]
        for ax, target in zip(axes, self.targets, strict=True):
            words = target.strongest[:BARS][::-1]
            colours = ["#2ea043" if word.weight > 0 else "#da3633" for word in words]
            ax.barh(range(len(words)), [word.weight for word in words], color=colours)
            names = [console.without_math(name) for name in _names(words, target)]
            ax.set_yticks(range(len(words)), names)
            ax.axvline(0, color="black", linewidth=0.8)
            ax.set_title(console.without_math(target.title))
            ax.set_xlabel("weight")
        return figure

    def __str__(self) -> str:
        return self.as_text()

    __repr__ = __str__  # what a console shows, and a notebook stores besides the HTML

    def _repr_html_(self) -> str:
        return self.as_html()


def _names(words: Sequence[Word], target: Target) -> list[str]:
    """What words are called in a list; those of a pair begin with the number of their text."""
    is_pair = any(word.part for word in target.words)
    return [f"{word.part + 1}: {word.text}" if is_pair else word.text for word in words]


def _target_as_text(target: Target) -> str:
    words = target.strongest[:BARS]
    top = max((abs(word.weight) for word in words), default=1.0)
    names = _names(words, target)
    width = max(map(len, names), default=0)
    lines = [
        f"{name:<{width}}  {word.weight:+.4f}  "
        f"{('+' if word.weight > 0 else '-') * max(1, round(20 * abs(word.weight) / top))}"
        for name, word in zip(names, words, strict=True)
    ]
    return "\n".join([target.title, *lines])


def _target_as_html(texts: tuple[str, ...], target: Target) -> str:
    top = max((abs(word.weight) for word in target.words), default=0.0) or 1.0
    head = f"<b>{html.escape(str(target.name))}</b>: {target.value:.3f}"
    if target.fidelity is not None:
        head += f' <small style="color:gray">fidelity {target.fidelity:.2f}</small>'
    bodies = [
        f"<p>{_coloured(text, [word for word in target.words if word.part == part], top)}</p>"
        for part, text in enumerate(texts)
    ]
    return f"<p>{head}</p>{''.join(bodies)}"


def _coloured(text: str, words: list[Word], top: float) -> str:
    """The text with its words in spans; HTML-escaped."""
    parts, at = [], 0
    for word in words:
        colour = "46,160,67" if word.weight > 0 else "218,54,51"
        style = f"background:rgba({colour},{0.75 * abs(word.weight) / top:.2f});border-radius:3px"
        parts.append(html.escape(text[at : word.start]))
        parts.append(
            f'<span style="{style}" title="{word.weight:+.4f}">{html.escape(word.text)}</span>'
        )
        at = word.end
    parts.append(html.escape(text[at:]))
    return "".join(parts).replace("\n", "<br>")
