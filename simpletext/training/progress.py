"""What a training shows while it runs."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from ..utils import console


class EpochTable:
    """A row for each epoch below one header; in a notebook one table that grows."""

    def __init__(self) -> None:
        self._rows: list[dict[str, str]] = []
        self._cell = console.Cell()

    def add(self, row: dict[str, str]) -> None:
        """Show a row; the first one names the columns."""
        self._rows.append(row)
        if console.in_notebook():
            self._cell.show({"text/plain": self.as_text(), "text/html": self.as_html()})
        else:
            console.note(self.as_text() if len(self._rows) == 1 else self._line(row))

    def as_text(self) -> str:
        """The table for a terminal."""
        header = {name: name for name in self._rows[0]}
        return "\n".join(map(self._line, [header, *self._rows]))

    def as_html(self) -> str:
        """The table for a notebook."""
        import pandas as pd

        return pd.DataFrame(self._rows).to_html(index=False, border=0)

    def _line(self, row: Mapping[str, str]) -> str:
        first = self._rows[0]
        return "  ".join(
            row.get(name, "").rjust(max(len(name), len(first[name]))) for name in first
        )


class TrainingBar(keras.callbacks.Callback):
    """A bar for each epoch, with the loss and the learning rate, then a row of the epochs' table.

    Args:
        steps: batches an epoch.
        epochs: passes over the data, at most.
        history: where the training writes its rates, as "lr".
        verbose: 0 shows nothing.
    """

    def __init__(
        self, steps: int, epochs: int, history: Mapping[str, Sequence[float]], verbose: int = 1
    ) -> None:
        super().__init__()
        self.steps, self.epochs, self.history, self.verbose = steps, epochs, history, verbose
        self._shown = self._started = 0.0
        self._bar: Any = None
        self._cell, self._table = console.Cell(), EpochTable()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keras' call: a new bar."""
        self._started = time.monotonic()
        title = f"epoch {epoch + 1}/{self.epochs}"
        self._bar = console.bar(self.steps, title, self.verbose, leave=False, cell=self._cell)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras' call: one step further."""
        if time.monotonic() - self._shown > 0.5:  # reading the loss waits for the device
            self._shown = time.monotonic()
            self._bar.set_postfix(_numbers(logs, self._rate()), refresh=False)
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras' call: the epoch's row."""
        self._bar.close()
        if self.verbose:
            took = {"seconds": f"{time.monotonic() - self._started:.1f}"}
            numbers = _numbers(logs, self._rate())
            self._table.add(
                {"epoch": f"{epoch + 1:{len(str(self.epochs))}}/{self.epochs}", **numbers, **took}
            )

    def close(self) -> None:
        """Leave the line, also in the midst of an epoch."""
        if self._bar is not None:
            self._bar.close()

    def _rate(self) -> float:
        return self.history["lr"][-1]


def _numbers(logs: Any, rate: float) -> dict[str, str]:
    return {name: f"{float(v):.4f}" for name, v in (logs or {}).items()} | {"lr": f"{rate:.1e}"}
