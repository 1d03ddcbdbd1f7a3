"""Curves of a training that a notebook shows while it runs."""

import base64
import io
from typing import Any

import keras

from ..errors import ArgumentError
from ..utils import console
from ..utils.validation import require_choice
from .plots import plot_history


class LiveCurves(keras.callbacks.Callback):
    """Draws the loss, or a metric, after each epoch into one output of a notebook.

    Args:
        metric: the name of what is drawn, with its validation twin.

    Raises:
        ArgumentError: outside of a notebook, where no output can be drawn over; a metric that the
            model doesn't have (with the first batch).

    Example:
        >>> learner.fit_onecycle(1e-4, 5, callbacks=[LiveCurves("f1")])  # doctest: +SKIP
    """

    def __init__(self, metric: str = "loss") -> None:
        super().__init__()
        if not console.in_notebook():
            raise ArgumentError(
                "LiveCurves draws in a notebook only. Elsewhere leave it out; after the training "
                "learner.plot() has the curves."
            )
        self.metric = metric
        self._cell, self._history = console.Cell(), dict[str, list[float]]()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras' call: an unknown metric is refused before the first epoch is over."""
        require_choice("metric", self.metric, logs or ())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras' call: the curve with one more point."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        file = io.BytesIO()
        plot_history(self._history, self.metric).savefig(file, format="png")
        drawn = base64.b64encode(file.getvalue()).decode()
        self._cell.show({"image/png": drawn, "text/plain": f"{self.metric}, epoch {epoch + 1}"})
