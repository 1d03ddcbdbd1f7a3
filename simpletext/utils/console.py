"""The one place through which simpletext speaks to its user."""

import contextlib
import io
import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras


def say(message: str) -> None:
    """Write a line to stdout and flush it, so that it keeps its place beside other output.

    Characters that the stream's encoding lacks are escaped, and a program without a console
    (pythonw, a Windows service) gets no output: a message never ends a training.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(message + "\n")
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        plain = message.encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(plain + "\n")
    sys.stdout.flush()


def bar(total: int | None, title: str, verbose: int = 1) -> Any:
    """A progress bar for a terminal, a notebook or a log; silent with verbose=0."""
    from tqdm import tqdm

    options: dict[str, Any] = {"total": total, "desc": title, "disable": not verbose}
    if not verbose or (sys.stderr is None and not in_notebook()):
        options |= {"disable": True, "file": io.StringIO()}  # tqdm looks at its file even then
    elif in_notebook():
        options["file"] = _Cell()
    elif not sys.stderr.isatty():
        # A log gets a line now and then instead of one that is written over and over.
        options |= {"file": _Lines(sys.stderr), "mininterval": 10.0, "ncols": 100}
    return tqdm(**options)


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")  # where it isn't loaded, there is no notebook
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def let_notebook_draw() -> None:
    """Teach a Jupyter kernel to draw figures, which it else learns when pyplot makes one."""
    if in_notebook():
        import matplotlib_inline.backend_inline  # noqa: F401 - its import does it


class _Lines:
    """A text stream for a bar: each state of it becomes a line of its own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        for line in text.replace("\r", "\n").split("\n"):
            if line.strip():
                self._stream.write(line.rstrip() + "\n")

    def flush(self) -> None:
        self._stream.flush()


class _Cell:
    """A text stream for a bar in a notebook: one output that is written over.

    A saved notebook keeps its last state, as text, which any viewer shows.
    """

    encoding = "utf-8"  # else tqdm draws with number signs

    def __init__(self) -> None:
        self._handle: Any = None

    def write(self, text: str) -> None:
        from IPython.display import display

        line = text.strip()
        if not line:
            return
        shown = {"text/plain": line}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)

    def flush(self) -> None:
        """Nothing is held back."""


class TrainingBar(keras.callbacks.Callback):
    """A bar an epoch, with the loss and the learning rate, and the metrics at its end.

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
        self._shown = 0.0
        self._bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keras' call: a new bar."""
        self._bar = bar(self.steps, f"epoch {epoch + 1}/{self.epochs}", self.verbose)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras' call: one step further."""
        if time.monotonic() - self._shown > 0.5:  # reading the loss waits for the device
            self._shown = time.monotonic()
            self._bar.set_postfix(_numbers(logs, self._rate()), refresh=False)
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras' call: the final numbers."""
        self._bar.set_postfix(_numbers(logs, self._rate()))
        self._bar.close()

    def close(self) -> None:
        """Leave the line, also in the midst of an epoch."""
        if self._bar is not None:
            self._bar.close()

    def _rate(self) -> float:
        return self.history["lr"][-1]


def _numbers(logs: Any, rate: float) -> dict[str, str]:
    return {name: f"{float(v):.4f}" for name, v in (logs or {}).items()} | {"lr": f"{rate:.1e}"}


@contextlib.contextmanager
def silent(name: str | None) -> Iterator[None]:
    """Only errors from a library's logger (None: the root), which says what no user can act on."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
