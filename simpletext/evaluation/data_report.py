"""What `check` found, as text, DataFrame and figure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.texts import shown_rows
from ..errors import ArgumentError
from ..tasks.labels import Labels
from ..utils import console
from ..utils.notebook import Described
from ..utils.validation import shown
from .figures import new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Finding:
    """One problem of the data.

    Attributes:
        problem: a short description.
        part: "train" or "val".
        rows: the rows, counted from 0.
        advice: what to do.
        others: for each row the row it is compared with, if any.
        suggested: for each row the label that it probably should have, if any.
    """

    problem: str
    part: str
    rows: list[int]
    advice: str
    others: list[int] | None = None
    suggested: list[Any] | None = None

    def __str__(self) -> str:
        where = f" at rows {shown_rows(self.rows)}" if self.rows else ""
        return f"{self.part}: {self.problem}{where}. {self.advice}"


@dataclass(frozen=True, repr=False)
class DataReport(Described):
    """What `check` found. Print it, or use `to_frame()`, `classes()` and `plot()`.

    Attributes:
        texts: the texts by part; pairs as tuples.
        labels: the task and the classes, or None without labels.
        y: the labels as numbers by part.
        findings: what is wrong.
        lengths: tokens (or characters) per text before truncation, by part.
        unit: "tokens", or "characters" if no model was passed.
        maxlen: tokens per text that the model reads, or None.
        suggested_maxlen: a maxlen that truncates at most 1 % of the training texts, or None.
    """

    texts: Mapping[str, list[Any]]
    labels: Labels | None
    y: Mapping[str, np.ndarray]
    findings: list[Finding]
    lengths: Mapping[str, np.ndarray]
    unit: str
    maxlen: int | None
    suggested_maxlen: int | None

    @property
    def ok(self) -> bool:
        """Whether nothing wrong was found."""
        return not self.findings

    def __str__(self) -> str:
        parts = ", ".join(f"{len(rows)} {name}" for name, rows in self.texts.items())
        lines = [f"texts: {parts}"]
        if self.labels:
            hint = [self.labels.hint] if self.labels.hint else []
            lines += [self.labels.describe(), *hint, *self._spread()]
        lines += self._length_lines()
        if self.ok:
            return "\n".join([*lines, "nothing wrong was found"])
        return "\n".join([*lines, "", "to look at:", *(f"- {each}" for each in self.findings)])

    def _facts(self) -> dict[str, Any]:
        return {
            "texts": ", ".join(f"{len(rows)} {part}" for part, rows in self.texts.items()),
            "task": self.labels and self.labels.summary,
            "findings": len(self.findings),
        }

    def _repr_html_(self) -> str:
        """For notebooks: the whole report, as it is printed."""
        return f"<pre>{escape(str(self))}</pre>"

    def to_frame(self) -> "pd.DataFrame":
        """The findings as a DataFrame: problem, part, row, other row, text, label, suggested."""
        import pandas as pd

        columns = ["problem", "part", "row", "other_row", "text", "label", "suggested"]
        rows = [
            self._line(finding, i) for finding in self.findings for i in range(len(finding.rows))
        ]
        return pd.DataFrame(rows, columns=columns).astype({"other_row": "Int64"})

    def classes(self) -> "pd.DataFrame":
        """How many texts each class has, as a DataFrame: one row per class, one column per part.

        For regression the targets' statistics.
        """
        import pandas as pd

        if self.labels is None:
            return pd.DataFrame()
        if not self.labels.kind.has_classes:
            tables = {
                part: pd.DataFrame(y, columns=self.labels.names) for part, y in self.y.items()
            }
            return pd.concat({part: table.describe() for part, table in tables.items()}, axis=1)
        counts = {part: class_counts(y, self.labels) for part, y in self.y.items()}
        return pd.DataFrame(counts, index=list(self.labels.classes))

    def plot(self, what: str | None = None) -> "Figure":
        """A matplotlib figure of the labels, the lengths, or both.

        Args:
            what: "labels", "lengths", or None for both.
        """
        wanted = {None: ("labels", "lengths"), "labels": ("labels",), "lengths": ("lengths",)}
        if not (what is None or isinstance(what, str)) or what not in wanted:
            raise ArgumentError(f"what={shown(what)}; allowed are 'labels', 'lengths' and None.")
        kinds = [kind for kind in wanted[what] if kind == "lengths" or self.labels]
        tall = len(self.labels.classes) if self.labels and self.labels.kind.has_classes else 0
        height = max(4.0, 0.2 * tall + 1.0) if "labels" in kinds else 4.0
        figure, all_axes = new_figure((6.4 * len(kinds), height), len(kinds))
        for kind, axes in zip(kinds, all_axes, strict=True):
            (self._draw_labels if kind == "labels" else self._draw_lengths)(axes)
        return figure

    def _line(self, finding: Finding, i: int) -> tuple:
        row, part = finding.rows[i], finding.part
        y = self.y.get(part)
        label = self.labels.decode(y[row : row + 1])[0] if self.labels and y is not None else None
        other = finding.others[i] if finding.others else None
        suggested = finding.suggested[i] if finding.suggested else None
        return finding.problem, part, row, other, self.texts[part][row], label, suggested

    def _spread(self) -> Iterator[str]:
        """The classes' counts in a line, or the targets' range."""
        labels = self.labels
        if labels is None:
            return
        for part, y in self.y.items():
            if not labels.kind.has_classes:
                yield f"{part} targets: mean {y.mean():.3g}, from {y.min():.3g} to {y.max():.3g}"
                continue
            counts = class_counts(y, labels)
            order = np.argsort(-counts, kind="stable")
            shown = [f"{labels.names[i]} {counts[i]}" for i in order]
            if len(shown) > 10:
                shown = [*shown[:5], "...", *shown[-4:]]
            yield f"{part} labels: {', '.join(shown)}"

    def _length_lines(self) -> Iterator[str]:
        for part, lengths in self.lengths.items():
            p95, p99 = np.percentile(lengths, (95, 99))
            line = (
                f"{part} {self.unit} per text: mean {lengths.mean():.0f}, "
                f"95th percentile {p95:.0f}, 99th percentile {p99:.0f}, longest {lengths.max()}"
            )
            if self.maxlen is not None:
                line += f"; maxlen={self.maxlen} cuts {np.mean(lengths > self.maxlen):.1%}"
            yield line
        if self.suggested_maxlen is not None:
            yield f"suggested maxlen: {self.suggested_maxlen}"

    def _draw_labels(self, axes: Any) -> None:
        labels = self.labels
        if labels is None:
            return
        if not labels.kind.has_classes:
            for j, name in enumerate(labels.names):
                axes.hist(
                    self.y["train"][:, j], bins=30, alpha=0.6, label=console.without_math(name)
                )
            axes.set(title="Targets", xlabel="value", ylabel="texts")
            axes.legend(loc="best")  # explicit: the default warns on a slow machine
            return
        places, left = np.arange(len(labels.classes)), np.zeros(len(labels.classes))
        for part, y in self.y.items():
            counts = class_counts(y, labels)
            axes.barh(places, counts, left=left, label=part)
            left += counts
        names = [name if len(name) <= 30 else name[:29] + "…" for name in labels.names]
        axes.set_yticks(
            places, list(map(console.without_math, names)), fontsize=8 if len(names) > 20 else None
        )
        axes.set(title="Texts a class", xlabel="texts", ylim=(len(places) - 0.4, -0.6))
        axes.set_xlim(right=1.2 * left.max(initial=1))  # room for the legend
        axes.legend(loc="best")

    def _draw_lengths(self, axes: Any) -> None:
        longest = max(int(lengths.max(initial=1)) for lengths in self.lengths.values())
        step = -(-(longest + 1) // 50)  # whole numbers, or some bars would cover more lengths
        bins = np.arange(0, longest + 1 + step, step)
        for part, lengths in self.lengths.items():
            axes.hist(lengths, bins=bins, alpha=0.6, label=part)
        if self.maxlen is not None:
            axes.axvline(self.maxlen, color="C3", linestyle="--", label=f"maxlen {self.maxlen}")
        axes.set(title="Lengths", xlabel=f"{self.unit} a text", ylabel="texts")
        axes.legend(loc="best")


def class_counts(y: np.ndarray, labels: Labels) -> np.ndarray:
    """Texts a class, (classes,), from labels as numbers."""
    return labels.kind.counts(y, len(labels.classes))
