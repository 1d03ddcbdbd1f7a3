"""Figures of the range test, the training history and the confusion matrix.

They follow the user's matplotlib style.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..training.lr_finder import Curve
from ..training.run import PER_STEP
from ..utils import console
from ..utils.validation import require_count, shown
from .figures import new_figure


def plot_curve(curve: Curve, skip_start: int, skip_end: int, suggest: bool) -> Any:
    """Loss over learning rate, as a matplotlib figure.

    The suggestion is marked, and the rates that are too high are shaded.
    """
    skip_start = require_count("n_skip_beginning", skip_start, 0)
    skip_end = require_count("n_skip_end", skip_end, 0)
    figure, (axes,) = new_figure()
    stop = len(curve.rates) - skip_end
    few = stop - skip_start < 10  # a short sweep is shown whole
    part = slice(None) if few else slice(skip_start, stop)
    axes.plot(curve.rates[part], curve.losses[part])
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss (smoothed)", title="Range test")
    axes.set_xlim(*axes.get_xlim())  # as the curve is, also with what is drawn below
    suggestion = curve.suggest()
    if suggestion is None:
        axes.set_title("Range test: inconclusive, no suggestion")
        return figure
    if (limit := curve.too_high()) is not None:
        axes.axvspan(limit, axes.get_xlim()[1], color="C3", alpha=0.15, label="too high")
    axes.axvline(suggestion, color="C2", linestyle="--", label=f"suggestion: {suggestion:.1e}")
    if suggest:
        _mark_estimates(axes, curve)
    axes.legend(loc="best")  # stated, or matplotlib warns on a slow machine
    return figure


def _mark_estimates(axes: Any, curve: Curve) -> None:
    """A point for each of the estimates that the suggestion is made from."""
    names = ("steepest", "minimum / 3", "valley")
    for i, (name, rate) in enumerate(zip(names, curve.estimate() or (), strict=False)):
        loss = np.interp(np.log(rate), np.log(curve.rates), curve.losses)
        axes.plot([rate], [loss], "o", color=f"C{i + 4}", label=f"{name}: {rate:.1e}")


def plot_history(history: Mapping[str, Sequence[float]], name: str) -> Any:
    """A quantity of the training as a matplotlib figure, with its validation twin."""
    if not isinstance(name, str) or name not in history:
        known = ", ".join(sorted(key for key in history if not key.startswith("val_")))
        raise ArgumentError(
            f"There is no {shown(name)} in the history; there is {known or 'nothing yet'}."
        )
    figure, (axes,) = new_figure()
    by_step = name in PER_STEP
    twin = history.get(f"val_{name}")
    for values, label in ((history[name], "train"), (twin, "validation")):
        if values:
            marker = "o" if len(values) < 30 and not by_step else ""
            axes.plot(range(1, len(values) + 1), values, marker=marker, label=label)
    if twin:
        axes.legend(loc="best")
    title = {"lr": "learning rate"}.get(name, name)
    axes.set(xlabel="step" if by_step else "epoch", ylabel=title, title=title)
    if not by_step:
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def plot_confusion(matrix: np.ndarray, names: Sequence[str]) -> Any:
    """A confusion matrix, rows true and columns predicted, as a matplotlib figure."""
    from sklearn.metrics import ConfusionMatrixDisplay

    if matrix.ndim != 2:
        raise ArgumentError("A confusion matrix can be plotted where each row has one class.")
    count = len(names)
    large = count > 20  # then the squares are too small for numbers, and a scale tells them
    room = 0.08 * max(map(len, names))  # inches for the longest name, at the side and below
    size = min(max(3.5, 0.45 * count) + room, 24.0)
    figure, (axes,) = new_figure((size + 0.5, size))
    display = ConfusionMatrixDisplay(
        matrix, display_labels=[console.without_math(name) for name in names]
    )
    display.plot(
        ax=axes,
        cmap="Blues",
        xticks_rotation="vertical",
        colorbar=False,
        include_values=not large,
    )
    if large:
        figure.colorbar(display.im_, ax=axes, shrink=0.5)
    axes.tick_params(labelsize="xx-small" if large else "medium")
    axes.grid(visible=False)
    return figure
