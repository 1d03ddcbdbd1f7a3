"""`Learner.report`: what a training led to, as one HTML file that needs no network."""

import io
import os
import platform
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np

from .. import __version__
from ..explaining.explanation import LEGEND
from ..inference.predictions import Predictions
from ..utils import backend
from ..utils.files import whole_file
from . import plots, report
from .data_check import check
from .evaluating import confusion_figure
from .figures import new_figure
from .intervals import intervals

MISTAKES = 10
SUSPECTS = 30
LONGEST = 1500  # characters of a text
PAIRS = 10  # confused pairs of classes
BINS = 10
INK = "#010203"  # drawn in this colour, shown in the page's
LIBRARIES = ("keras", "numpy", "tokenizers", "transformers")


def write_report(
    path: str | os.PathLike,
    learner: Any,
    seen: Predictions,
    predictor: Any = None,
    suspects: Any = None,
) -> None:
    """Write the file.

    Args:
        path: a new file.
        learner: has the model, the data and the history.
        seen: its predictions for validation data, with their labels.
        predictor: explains the mistakes, or None.
        suspects: what `Learner.suspects` returns, or None to leave it out.

    Raises:
        FolderExistsError: the file exists already.
        ArgumentError: it can't be written there.
    """
    from jinja2 import Environment

    kind = seen.labels.kind
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    with whole_file(path) as part:
        page = Environment(autoescape=True, trim_blocks=True).from_string(template).render(
            title=kind.title,
            rows=len(seen),
            scores=_scores(seen),
            of_words=kind.per_token,
            table=report.describe_validation(seen),
            data=_data_check(learner),
            settings=_settings(learner),
            curves=_curves(learner.history),
            confusion=_confusion(seen),
            pairs=confused_pairs(seen),
            calibration=_calibration(seen),
            mistakes=_mistakes(seen, predictor),
            legend=LEGEND if predictor is not None else "",
            several=seen.labels.kind.has_thresholds,
            suspects=None if suspects is None else _suspects(suspects),
            suspect_count=None if suspects is None else len(suspects),
        )  # fmt: skip
        part.write_text(page, encoding="utf-8")


def _scores(seen: Predictions) -> dict[str, tuple[float, ...]]:
    """Scores with the ends of their intervals; those of whole entities have none."""
    kind = seen.labels.kind
    found: dict[str, tuple[float, ...]] = {}
    if kind.per_token:
        names = report.names_of(seen.labels)
        found = {
            name: (value,) for name, value in kind.card_scores(seen.y, seen.values, names).items()
        }
    return found | intervals(kind.headline, seen.y, seen.values)


def _data_check(learner: Any) -> str:
    """`simpletext.check` of the training and validation texts; empty without texts."""
    train, val = learner.train_data, learner.val_data
    if getattr(train, "texts", None) is None or train.labels is None:
        return ""
    if train.labels.kind.per_token:  # `check` is for labels of whole texts
        return ""
    held_out = None
    if getattr(val, "texts", None) is not None:
        held_out = (_rows(val), val.labels.decode(val.ids))
    labels = train.labels
    found = check(_rows(train), labels.decode(train.ids), held_out, class_names=labels.classes,
                  task=labels.task)  # fmt: skip
    return str(found)


def _rows(source: Any) -> list[Any]:
    """Texts, or pairs of texts."""
    if source.pairs is None:
        return list(source.texts)
    return list(zip(source.texts, source.pairs, strict=True))


def _settings(learner: Any) -> dict[str, Any]:
    """What the training was made with, by name."""
    return {
        **{name.replace("_", " "): _shown(value) for name, value in learner.settings.items()},
        "simpletext": __version__,
        "Python": platform.python_version(),
        "backend": f"{backend.name()} {import_module(backend.name()).__version__}",
        **{name: version(name) for name in LIBRARIES},
    }


def _shown(value: Any) -> str:
    """A setting as a reader sees it: thousands with commas, rates short."""
    return {int: "{:,}", float: "{:g}"}.get(type(value), "{}").format(value)


def _curves(history: dict[str, list[float]]) -> list[str]:
    """The loss, each metric and the rate, as drawings."""
    names = [name for name in history if not name.startswith("val_") and history[name]]
    return [as_svg(plots.plot_history(history, name)) for name in names]


def _confusion(seen: Predictions) -> str:
    """The confusion matrix as a drawing; empty for tasks that have none."""
    return as_svg(confusion_figure(seen)) if seen.labels.kind.has_one_class else ""


def confused_pairs(seen: Predictions) -> list[tuple[str, str, int, float]]:
    """The most frequent confusions: true class, predicted class, texts, share of the class."""
    if not seen.labels.kind.has_one_class:
        return []
    names = report.names_of(seen.labels)
    matrix, names = seen.labels.kind.plotted_confusion(seen.y, seen.values, names)
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    places = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)]
    return [
        (names[i], names[j], int(wrong[i, j]), float(wrong[i, j] / matrix[i].sum()))
        for i, j in places
        if wrong[i, j]
    ]


def _calibration(seen: Predictions) -> str:
    """Confidence against accuracy, as a drawing; empty for tasks without probabilities."""
    kind = seen.labels.kind
    if not (kind.has_one_class or kind.has_thresholds):
        return ""
    if kind.has_one_class:
        values, y = kind.flat(seen.values), kind.flat(seen.y)
        sure, right = values.max(axis=1), kind.predicted(values) == y
    else:
        sure, right = np.ravel(seen.values), np.ravel(seen.y) > 0.5
    which = np.minimum((sure * BINS).astype(int), BINS - 1)
    used = np.unique(which)
    figure, (axes,) = new_figure((5.0, 4.0))
    axes.plot([0, 1], [0, 1], "--", color=INK, linewidth=0.8)
    axes.plot(
        [sure[which == i].mean() for i in used], [right[which == i].mean() for i in used], "o-"
    )
    axes.set(xlabel="probability", ylabel="share that is right", title="Calibration")
    return as_svg(figure)


def _mistakes(seen: Predictions, predictor: Any) -> list[dict[str, Any]]:
    """The rows with the largest losses, their texts shortened, and explained if possible."""
    from markupsafe import Markup

    rows = report.top_losses(seen, MISTAKES).to_dict("records")
    for row in rows:
        row |= {name: _answer(row[name]) for name in ("true", "predicted")}
        row["texts"] = [_short(row[name]) for name in ("text", "pair") if name in row]
        doc = row["texts"][0] if len(row["texts"]) == 1 else tuple(row["texts"])
        if predictor is not None and _has_answer(predictor, doc):
            explained = predictor.explain(doc, method="gradient")
            row["explained"] = Markup(explained.as_html())  # its texts are escaped there
    return rows


def _has_answer(predictor: Any, doc: Any) -> bool:
    """Whether there is something to explain: a text, and in it an entity where those are found."""
    if not "".join(doc).strip():
        return False
    return not predictor.labels.kind.per_token or bool(predictor.predict(doc))


def _answer(value: Any) -> str:
    """A label as a reader sees it: several in a row, numbers short."""
    if isinstance(value, (list, tuple)):
        parts = [
            f"{part[0]} ({part[1]})" if isinstance(part, tuple) else str(part) for part in value
        ]
        return ", ".join(parts) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _suspects(table: Any) -> list[dict[str, Any]]:
    """The first rows with a doubtful label, their texts shortened."""
    rows: list[dict[str, Any]] = table.head(SUSPECTS).to_dict("records")
    for row in rows:
        row["texts"] = [_short(row[name]) for name in ("text", "pair") if name in row]
    return rows


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def as_svg(figure: Any) -> Any:
    """A figure as an SVG element whose lines and words have the page's colour."""
    import matplotlib
    from markupsafe import Markup

    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.tick_params(colors=INK)
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_color(INK)
        for spine in axes.spines.values():
            spine.set_color(INK)
        if axes.get_legend():
            axes.get_legend().get_frame().set_alpha(0)
            for text in axes.get_legend().get_texts():
                text.set_color(INK)
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    drawing = file.getvalue()
    # matplotlib escapes the words of a figure.
    return Markup(drawing[drawing.index("<svg") :].replace(INK, "currentColor"))
