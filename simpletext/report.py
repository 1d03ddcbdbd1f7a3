"""What a trained model gets right and wrong: reports, top losses, plots."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .batches import LabelledTexts
from .errors import ArgumentError
from .labels import MULTI, REGRESSION, SINGLE, Labels
from .lr import Curve


def probabilities(logits: np.ndarray, labels: Labels) -> np.ndarray:
    """Logits as probabilities: softmax, sigmoid, or as they are, by the task."""
    task = labels.task
    logits = np.asarray(logits, dtype="float64")
    if task == REGRESSION:
        return logits.astype("float32")
    if task == MULTI:
        return (1.0 / (1.0 + np.exp(-logits))).astype("float32")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype("float32")


def validation(
    predicted: np.ndarray, data: LabelledTexts, class_names: Sequence[Any] = ()
) -> tuple[str, Any]:
    """A report as text, and the confusion matrix (regression: a dict of scores)."""
    labels = data.labels
    if labels.task == REGRESSION:
        scores = regression_scores(data.y, predicted)
        return "\n".join(f"{name:>9}: {value:.4f}" for name, value in scores.items()), scores
    names = [str(name) for name in class_names] or labels.names
    if len(names) != len(labels.classes):
        raise ArgumentError(
            f"class_names has {len(names)} names; the data have {len(labels.classes)} classes."
        )
    return (_multi_label_report if labels.task == MULTI else _single_label_report)(
        data.y, predicted, names
    )


def _single_label_report(
    y: np.ndarray, predicted: np.ndarray, names: list[str]
) -> tuple[str, np.ndarray]:
    from sklearn.metrics import classification_report, confusion_matrix

    ids, answers = list(range(len(names))), predicted.argmax(axis=1)
    text = classification_report(
        y, answers, labels=ids, target_names=names, zero_division=0, digits=3
    )
    correct = f"\naccuracy {np.mean(y == answers):.4f} on {len(y)} texts"
    return text + correct, confusion_matrix(y, answers, labels=ids)


def _multi_label_report(
    y: np.ndarray, predicted: np.ndarray, names: list[str]
) -> tuple[str, np.ndarray]:
    from sklearn.metrics import classification_report, multilabel_confusion_matrix

    answers = predicted >= 0.5
    text = classification_report(y, answers, target_names=names, zero_division=0, digits=3)
    return text, multilabel_confusion_matrix(y, answers)


def regression_scores(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """MAE, RMSE, R2, Pearson and Spearman over all targets."""
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    scores = {
        "mae": mean_absolute_error(y, predicted),
        "rmse": root_mean_squared_error(y, predicted),
        "r2": r2_score(y, predicted),
        "pearson": pearsonr(np.ravel(y), np.ravel(predicted)).statistic,
        "spearman": spearmanr(np.ravel(y), np.ravel(predicted)).statistic,
    }
    return {name: float(value) for name, value in scores.items()}


def losses(predicted: np.ndarray, data: LabelledTexts) -> np.ndarray:
    """The loss of each text, (texts,), from probabilities (or regression values)."""
    y, tiny = data.y, 1e-12
    if data.labels.task == REGRESSION:
        return np.mean((predicted - y) ** 2, axis=1)
    if data.labels.task == MULTI:
        right = np.where(y > 0.5, predicted, 1.0 - predicted)
        return -np.log(np.maximum(right, tiny)).mean(axis=1)
    return -np.log(np.maximum(predicted[np.arange(len(y)), y], tiny))


def top_losses(predicted: np.ndarray, data: LabelledTexts, n: int | range | tuple[int, int]) -> Any:
    """The texts with the largest losses as a DataFrame; see `Learner.top_losses`."""
    import pandas as pd

    loss, answers = losses(predicted, data), _answers(predicted, data.labels)
    wrong = np.arange(len(data))
    if data.labels.task == SINGLE:
        wrong = wrong[answers != data.y]
    elif data.labels.task == MULTI:
        wrong = wrong[(answers != data.y).any(axis=1)]
    rows = wrong[np.argsort(-loss[wrong], kind="stable")][_ranks(n)]
    columns = {
        "row": rows,
        "text": [data.texts[i] for i in rows],
        "true": data.labels.decode(data.y[rows]),
        "predicted": data.labels.decode(answers[rows]),
        "probability": _confidence(predicted, data)[rows],
        "loss": loss[rows],
    }
    if data.pairs is not None:
        columns["pair"] = [data.pairs[i] for i in rows]
    if data.labels.task == REGRESSION:
        del columns["probability"]
    return pd.DataFrame(columns)


def describe_losses(table: Any) -> str:
    """`top_losses` as text, the texts in full."""
    if not len(table):
        return "Nothing is misclassified."
    parts = []
    for row in table.to_dict("records"):
        certain = f", probability {row['probability']:.3f}" if "probability" in row else ""
        parts.append(
            f"{'-' * 40}\nrow {row['row']}: loss {row['loss']:.3f}, true {row['true']!r}, "
            f"predicted {row['predicted']!r}{certain}\n\n{row['text']}"
        )
        if "pair" in row:
            parts.append(f"\n{row['pair']}")
    return "\n".join(parts)


def _answers(predicted: np.ndarray, labels: Labels) -> np.ndarray:
    if labels.task == REGRESSION:
        return predicted
    return predicted >= 0.5 if labels.task == MULTI else predicted.argmax(axis=1)


def _confidence(predicted: np.ndarray, data: LabelledTexts) -> np.ndarray:
    """How sure the model was of what it answered."""
    if data.labels.task == MULTI:
        return np.maximum(predicted, 1.0 - predicted).min(axis=1)
    return predicted.max(axis=1)


def _ranks(n: int | range | tuple[int, int]) -> slice:
    if isinstance(n, (range, tuple)):
        bounds = (n.start, n.stop) if isinstance(n, range) else n
        return slice(*bounds)
    return slice(0, n)


def plot_curve(curve: Curve, skip_start: int, skip_end: int, suggest: bool) -> Any:
    """Loss over learning rate, as a matplotlib figure."""
    figure, axes = _figure()
    stop = len(curve.rates) - skip_end
    few = stop - skip_start < 10  # a short sweep is shown whole
    part = slice(None) if few else slice(skip_start, stop)
    axes.plot(curve.rates[part], curve.losses[part])
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss (smoothed)", title="Range test")
    estimates = curve.estimate() if suggest else None
    for i, (name, rate) in enumerate(
        zip(("steepest", "minimum / 10", "valley"), estimates or (), strict=False)
    ):
        loss = np.interp(np.log(rate), np.log(curve.rates), curve.losses)
        axes.plot([rate], [loss], "o", color=f"C{i + 1}", label=f"{name}: {rate:.1e}")
    if estimates:
        axes.legend()
    return figure


def plot_history(history: Mapping[str, Sequence[float]], name: str) -> Any:
    """A quantity of the training as a matplotlib figure, with its validation twin."""
    if name not in history:
        known = [key for key in history if not key.startswith("val_")]
        raise ArgumentError(
            f"There is no {name!r} in the history; there is {', '.join(known) or 'nothing yet'}."
        )
    figure, axes = _figure()
    values = history[name]
    marker = "o" if len(values) < 30 and name != "lr" else ""
    epochs = range(1, len(values) + 1)
    axes.plot(epochs, values, marker=marker, label="train")
    if twin := history.get(f"val_{name}"):
        axes.plot(range(1, len(twin) + 1), twin, marker="o", label="validation")
        axes.legend()
    axes.set(xlabel="step" if name == "lr" else "epoch", ylabel=name, title=name)
    if name != "lr":
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def plot_confusion(matrix: np.ndarray, names: Sequence[str]) -> Any:
    """A confusion matrix as a matplotlib figure."""
    from sklearn.metrics import ConfusionMatrixDisplay

    size = max(4.0, 0.6 * len(names) + 1.5)
    figure, axes = _figure((size + 1, size))
    display = ConfusionMatrixDisplay(matrix, display_labels=list(names))
    display.plot(ax=axes, cmap="Blues", xticks_rotation="vertical", colorbar=False)
    return figure


def _figure(size: tuple[float, float] = (6.4, 4.0)) -> tuple[Any, Any]:
    """A figure outside of pyplot's list: nothing blocks, and nothing piles up."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def show(figure: Any) -> None:
    """Show a figure in a notebook; elsewhere in a window, without waiting for it."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython is not None and get_ipython() is not None:
        display(figure)
        return
    import matplotlib.pyplot as plt

    manager = plt.figure().canvas.manager
    manager.canvas.figure = figure
    figure.set_canvas(manager.canvas)
    plt.show(block=False)
