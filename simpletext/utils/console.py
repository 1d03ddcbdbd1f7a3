"""The one place through which simpletext speaks to its user."""

import contextlib
import io
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

from .processes import is_first

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and line ends


def say(message: str) -> None:
    """Write what the user asked for, such as a report, to standard output."""
    _write(sys.stdout, message)


def note(message: str) -> None:
    """Write a message to standard error, so that a program's standard output holds results only.

    A notebook gets it as ordinary output; there standard error looks like a failure.
    """
    _write(sys.stdout if in_notebook() else sys.stderr, message)


def printable(text: str) -> str:
    r"""The text with control characters escaped, which a terminal would carry out.

    >>> printable(chr(27) + "[31m")
    '\\x1b[31m'
    """
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def without_math(text: str) -> str:
    """The text for a figure; matplotlib would parse dollar signs as mathematics."""
    return text.replace("$", r"\$")


def _write(stream: Any, message: str) -> None:
    """Write a line and flush it, so that it keeps its place beside other output.

    Characters that the stream's encoding lacks are escaped, and a program without a console
    (pythonw, a Windows service) gets no output: a message never ends a training.
    """
    if stream is None or not is_first():
        return
    message = printable(message)
    try:
        stream.write(message + "\n")
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(message.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def bar(
    total: int | None, title: str, verbose: int = 1, leave: bool = True, cell: "Cell | None" = None
) -> Any:
    """A progress bar for a terminal, a notebook or a log; silent with verbose=0.

    Args:
        total: number of steps, if known.
        title: the text before the bar.
        verbose: 0 shows nothing.
        leave: whether a terminal keeps the finished bar.
        cell: a notebook's output that several bars write over; by default one of its own.
    """
    from tqdm import tqdm

    verbose = verbose if is_first() else 0
    options: dict[str, Any] = {
        "total": total, "desc": title, "disable": not verbose, "leave": leave,
    }  # fmt: skip
    if not verbose or (sys.stderr is None and not in_notebook()):
        options |= {"disable": True, "file": io.StringIO()}  # tqdm looks at its file even then
    elif in_notebook():
        options["file"] = cell or Cell()
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


class Cell:
    """A text stream for a bar in a notebook: one output that is written over.

    A saved notebook keeps its last state, as text, which any viewer shows.
    """

    encoding = "utf-8"  # else tqdm draws with number signs

    def __init__(self) -> None:
        self._handle: Any = None

    def write(self, text: str) -> None:
        """Write a line over the output."""
        if text.strip():
            self.show({"text/plain": text.strip()})

    def show(self, shown: dict[str, str]) -> None:
        """Write this over the output, by its type."""
        from IPython.display import display

        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)

    def flush(self) -> None:
        """Nothing is held back."""


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
