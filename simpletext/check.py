"""A look at the data before the training: what is in them, and what is wrong with them.

>>> report = check(["good", "bad", "good"], ["pos", "neg", "neg"])
>>> [finding.problem for finding in report.findings][:2]
['1 texts stand there more than once', 'the same text with different labels']
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .encoders import family_of
from .errors import ArgumentError
from .labels import REGRESSION, Labels, as_rows, check_counts, infer_labels
from .models import max_positions
from .texts import as_texts, shown_rows
from .transformer import Transformer

FEW = 10  # texts of a class below which little can be learned from them
UNKNOWN = 0.05  # share of unknown tokens above which the tokenizer is of another language


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the data.

    Attributes:
        problem: what, in a few words.
        part: "train" or "val".
        rows: where, counted from 0.
        advice: what to do.
        others: for each row the row it is told apart from, if there is one.
    """

    problem: str
    part: str
    rows: list[int]
    advice: str
    others: list[int] | None = None

    def __str__(self) -> str:
        where = f" at rows {shown_rows(self.rows)}" if self.rows else ""
        return f"{self.part}: {self.problem}{where}. {self.advice}"


@dataclass(frozen=True)
class DataReport:
    """What `check` found. Print it, or look at `to_frame()`, `classes()` and `plot()`.

    Attributes:
        texts: the texts by part; pairs as tuples.
        labels: the task and the classes, or None without labels.
        y: the labels as numbers by part.
        findings: what is wrong.
        lengths: tokens (or characters) a text before it is cut, by part.
        unit: "tokens", or "characters" where no model was named.
        maxlen: tokens the model will see, or None.
        suggested_maxlen: a maxlen that holds 99 % of the training texts whole, or None.
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
            lines += [self.labels.describe(), *self._spread()]
        lines += self._lengths_told()
        if self.ok:
            return "\n".join([*lines, "nothing wrong was found"])
        return "\n".join([*lines, "", "to look at:", *(f"- {each}" for each in self.findings)])

    def to_frame(self) -> Any:
        """The findings as a DataFrame, a row each: problem, part, row, other row, text, label."""
        import pandas as pd

        columns = ["problem", "part", "row", "other_row", "text", "label"]
        rows = [
            self._line(finding, i) for finding in self.findings for i in range(len(finding.rows))
        ]
        return pd.DataFrame(rows, columns=columns).astype({"other_row": "Int64"})

    def classes(self) -> Any:
        """How many texts each class has, as a DataFrame: a row a class, a column a part.

        For regression the targets' statistics.
        """
        import pandas as pd

        if self.labels is None:
            return pd.DataFrame()
        if self.labels.task == REGRESSION:
            tables = {
                part: pd.DataFrame(y, columns=self.labels.names) for part, y in self.y.items()
            }
            return pd.concat({part: table.describe() for part, table in tables.items()}, axis=1)
        counts = {part: class_counts(y, self.labels) for part, y in self.y.items()}
        return pd.DataFrame(counts, index=list(self.labels.classes))

    def plot(self, what: str | None = None) -> Any:
        """A matplotlib figure of the labels, the lengths, or both.

        Args:
            what: "labels", "lengths", or None for both.
        """
        wanted = {None: ("labels", "lengths"), "labels": ("labels",), "lengths": ("lengths",)}
        if what not in wanted:
            raise ArgumentError(f"what={what!r}; allowed are 'labels', 'lengths' and None.")
        kinds = [kind for kind in wanted[what] if kind == "lengths" or self.labels]
        tall = len(self.labels.classes) if self.labels and self.labels.task != REGRESSION else 0
        height = max(4.0, 0.2 * tall + 1.0) if "labels" in kinds else 4.0
        figure, all_axes = _figure(len(kinds), height)
        for kind, axes in zip(kinds, all_axes, strict=True):
            (self._draw_labels if kind == "labels" else self._draw_lengths)(axes)
        return figure

    def _line(self, finding: Finding, i: int) -> tuple:
        row, part = finding.rows[i], finding.part
        y = self.y.get(part)
        label = self.labels.decode(y[row : row + 1])[0] if self.labels and y is not None else None
        other = finding.others[i] if finding.others else None
        return finding.problem, part, row, other, self.texts[part][row], label

    def _spread(self) -> Iterator[str]:
        """The classes' counts in a line, or the targets' range."""
        labels = self.labels
        if labels is None:
            return
        for part, y in self.y.items():
            if labels.task == REGRESSION:
                yield f"{part} targets: mean {y.mean():.3g}, from {y.min():.3g} to {y.max():.3g}"
                continue
            counts = class_counts(y, labels)
            order = np.argsort(-counts, kind="stable")
            shown = [f"{labels.names[i]} {counts[i]}" for i in order]
            if len(shown) > 10:
                shown = [*shown[:5], "...", *shown[-4:]]
            yield f"{part} labels: {', '.join(shown)}"

    def _lengths_told(self) -> Iterator[str]:
        for part, lengths in self.lengths.items():
            p95, p99 = np.percentile(lengths, (95, 99))
            told = (
                f"{part} {self.unit} a text: mean {lengths.mean():.0f}, 95th percentile {p95:.0f}, "
                f"99th percentile {p99:.0f}, longest {lengths.max()}"
            )
            if self.maxlen is not None:
                told += f"; maxlen={self.maxlen} cuts {np.mean(lengths > self.maxlen):.1%}"
            yield told
        if self.suggested_maxlen is not None:
            yield f"suggested maxlen: {self.suggested_maxlen}"

    def _draw_labels(self, axes: Any) -> None:
        labels = self.labels
        if labels is None:
            return
        if labels.task == REGRESSION:
            for j, name in enumerate(labels.names):
                axes.hist(self.y["train"][:, j], bins=30, alpha=0.6, label=name)
            axes.set(title="Targets", xlabel="value", ylabel="texts")
            axes.legend()
            return
        places, left = np.arange(len(labels.classes)), np.zeros(len(labels.classes))
        for part, y in self.y.items():
            counts = class_counts(y, labels)
            axes.barh(places, counts, left=left, label=part)
            left += counts
        names = [name if len(name) <= 30 else name[:29] + "…" for name in labels.names]
        axes.set_yticks(places, names, fontsize=8 if len(names) > 20 else None)
        axes.set(title="Texts a class", xlabel="texts", ylim=(len(places) - 0.4, -0.6))
        axes.set_xlim(right=1.2 * left.max(initial=1))  # room for the legend
        axes.legend()

    def _draw_lengths(self, axes: Any) -> None:
        longest = max(int(lengths.max(initial=1)) for lengths in self.lengths.values())
        step = -(-(longest + 1) // 50)  # whole numbers, or some bars would stand for more lengths
        bins = np.arange(0, longest + 1 + step, step)
        for part, lengths in self.lengths.items():
            axes.hist(lengths, bins=bins, alpha=0.6, label=part)
        if self.maxlen is not None:
            axes.axvline(self.maxlen, color="C3", linestyle="--", label=f"maxlen {self.maxlen}")
        axes.set(title="Lengths", xlabel=f"{self.unit} a text", ylabel="texts")
        axes.legend()


def check(
    texts: Any,
    labels: Any = None,
    val: Any = None,
    preproc: Transformer | str | None = None,
    *,
    class_names: Sequence[Any] | None = None,
    task: str | None = None,
) -> DataReport:
    """Look at texts and labels before the training.

    It finds empty texts, duplicates, the same text with different labels, texts that are in both
    the training and the validation data, classes with few texts or none, and tells the lengths.

    Args:
        texts: the training texts, or pairs of texts.
        labels: their labels, or None.
        val: validation data to compare with: (texts, labels), or (texts, None).
        preproc: the `Transformer` to be trained, or a model's name: it tells the lengths in tokens,
            what maxlen cuts, and a better maxlen. Without it lengths are in characters.
        class_names: fixes the classes, as in `Transformer`.
        task: overrides what the labels say, as in `Transformer`.

    Returns:
        A report, to be printed, or looked at as a DataFrame or a figure.

    Raises:
        DataError: texts or labels that can't be used at all, with their rows.
    """
    transformer = Transformer(preproc) if isinstance(preproc, str) else preproc
    if transformer is not None:
        class_names, task = class_names or transformer.class_names, task or transformer.task
    if val is not None and not (isinstance(val, (tuple, list)) and len(val) == 2):
        raise ArgumentError("val must be a pair: (texts, labels), or (texts, None).")
    given = {"train": (texts, labels)} | ({} if val is None else {"val": tuple(val)})
    columns = {part: as_texts(each[0]) for part, each in given.items()}
    for part, (_, y) in given.items():
        if y is not None:
            check_counts(columns[part][0], as_rows(y))
    known = None if labels is None else infer_labels(labels, class_names, task)
    encoded = {p: known.encode(y) for p, (_, y) in given.items() if known and y is not None}
    rows = {part: _rows(*both) for part, both in columns.items()}
    lengths, unknown = _lengths(columns, transformer)
    return DataReport(
        texts=rows,
        labels=known,
        y=encoded,
        findings=_findings(rows, encoded, known, unknown, transformer),
        lengths=lengths,
        unit="characters" if transformer is None else "tokens",
        maxlen=None if transformer is None else transformer.maxlen,
        suggested_maxlen=_suggested(lengths["train"], transformer),
    )


def _findings(
    rows: Mapping[str, list[Any]],
    y: Mapping[str, np.ndarray],
    labels: Labels | None,
    unknown: Mapping[str, float],
    transformer: Transformer | None,
) -> list[Finding]:
    """All that is wrong, the training data first."""
    findings = [*_text_findings(rows), *_label_findings(rows, y, labels), *_leaks(rows)]
    findings += _unknown_tokens(unknown, transformer)
    return sorted(findings, key=lambda finding: finding.part != "train")


def class_counts(y: np.ndarray, labels: Labels) -> np.ndarray:
    """Texts a class, (classes,), from labels as numbers."""
    if y.ndim == 2:
        return y.sum(axis=0).astype(int)
    return np.bincount(y, minlength=len(labels.classes))


def _rows(texts: list[str], pairs: list[str] | None) -> list[Any]:
    return texts if pairs is None else list(zip(texts, pairs, strict=True))


def _lengths(
    columns: Mapping[str, Any], transformer: Transformer | None
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The lengths of the texts, and the share of their tokens that the tokenizer doesn't know."""
    lengths, unknown = {}, {}
    for part, (texts, pairs) in columns.items():
        if transformer is None:
            both = zip(texts, pairs or [""] * len(texts), strict=True)
            lengths[part] = np.array([len(text) + len(pair) for text, pair in both])
        else:
            data = transformer.encode(texts, pairs)
            lengths[part] = data.full_lengths
            unk_id = transformer.tokenizer.unk_id
            unknown[part] = float(np.mean(data.ids == unk_id)) if unk_id is not None else 0.0
    return lengths, unknown


def _suggested(lengths: np.ndarray, transformer: Transformer | None) -> int | None:
    """The next multiple of 8 that holds 99 % of the texts whole, as far as the model goes."""
    if transformer is None:
        return None
    wanted = -(-int(np.ceil(np.percentile(lengths, 99))) // 8) * 8
    config = transformer.checkpoint.config
    limit = max_positions(family_of(config), config)
    return wanted if limit is None else min(wanted, limit)


def _text_findings(rows: Mapping[str, list[Any]]) -> Iterator[Finding]:
    for part, texts in rows.items():
        empty = [i for i, row in enumerate(texts) if not "".join(row).strip()]
        if empty:
            advice = "Remove them, unless nothing is an answer too."
            yield Finding(f"{len(empty)} empty texts", part, empty, advice)
        first: dict[Any, int] = {}
        again = [(i, first[row]) for i, row in enumerate(texts) if first.setdefault(row, i) != i]
        if again:
            yield Finding(
                f"{len(again)} texts stand there more than once",
                part,
                [i for i, _ in again],
                "Remove the repetitions, unless they are meant to count more.",
                [other for _, other in again],
            )


def _label_findings(
    rows: Mapping[str, list[Any]], y: Mapping[str, np.ndarray], labels: Labels | None
) -> Iterator[Finding]:
    if labels is None:
        return
    for part, ids in y.items():
        yield from _contradictions(part, rows[part], ids)
    if labels.task == REGRESSION:
        return
    counts = class_counts(y["train"], labels)
    for few, problem, advice in (
        (counts == 0, "no text has the label", "The model can't learn it: add texts, or drop it."),
        ((counts > 0) & (counts < FEW), f"fewer than {FEW} texts have the label",
         "Little can be learned from them: add texts, or join it with another label."),
    ):  # fmt: skip
        names = [labels.names[i] for i in np.flatnonzero(few)]
        if names:
            shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
            yield Finding(f"{problem} {shown}", "train", [], advice)
    if len(labels.classes) > 20 and len(labels.classes) > 0.5 * len(y["train"]):
        problem = f"{len(labels.classes)} classes for {len(y['train'])} texts"
        yield Finding(problem, "train", [], "Is this the right column? Numbers may need task=.")


def _contradictions(part: str, texts: list[Any], ids: np.ndarray) -> Iterator[Finding]:
    places = defaultdict(list)
    for i, row in enumerate(texts):
        places[row].append(i)
    found = [
        (i, rows[0])
        for rows in places.values()
        if len(rows) > 1
        for i in rows[1:]
        if not np.array_equal(ids[i], ids[rows[0]])
    ]
    if found:
        yield Finding(
            "the same text with different labels",
            part,
            [i for i, _ in found],
            "One of the labels is wrong, or a text can have several.",
            [other for _, other in found],
        )


def _leaks(rows: Mapping[str, list[Any]]) -> Iterator[Finding]:
    if "val" not in rows:
        return
    train = {row: i for i, row in enumerate(rows["train"])}
    leaked = [i for i, row in enumerate(rows["val"]) if row in train]
    if leaked:
        yield Finding(
            f"{len(leaked)} texts are training texts as well",
            "val",
            leaked,
            "Remove them from one part, or the validation flatters the model.",
            [train[rows["val"][i]] for i in leaked],
        )


def _unknown_tokens(unknown: Mapping[str, float], transformer: Any) -> Iterator[Finding]:
    for part, share in unknown.items():
        if share > UNKNOWN:
            yield Finding(
                f"{share:.0%} of the tokens are unknown to {transformer.model_name}",
                part,
                [],
                "It was made for other languages or other signs: choose a model for yours.",
            )


def _figure(columns: int, height: float) -> tuple[Any, list[Any]]:
    """A figure outside of pyplot's list, with axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4 * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])
