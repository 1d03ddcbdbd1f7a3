"""The tables that commands read."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..data.tables import Examples


def tables(
    data: Path,
    val: Path | None,
    text: list[str],
    label: list[str],
    task: str | None,
    encoding: str | None,
    sep: str | None,
    label_sep: str | None,
) -> tuple["Examples", "Examples | None"]:
    """The training data, and the validation data or None."""
    from ..preparation import read_table_for

    options = {"encoding": encoding, "sep": sep, "label_sep": label_sep}

    def read(path: Path) -> "Examples":
        return read_table_for(path, one(text), one(label), task, **options)

    return read(data), None if val is None else read(val)


def one(names: list[str]) -> str | list[str]:
    """The only name, or all."""
    return names[0] if len(names) == 1 else names
