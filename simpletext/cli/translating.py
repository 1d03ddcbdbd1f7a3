"""`simpletext train --task translation`."""

from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..utils.defaults import DEFAULT_MODEL
from .reading import one


def refuse_for_translation(schedule: str, metrics: Any, **others: Any) -> None:
    """Refuse options of `train` that a translator doesn't have, where they were passed."""
    given = {"schedule": schedule != "onecycle", "metric": metrics, **others}
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if names:
        raise ArgumentError(f"{' and '.join(names)} isn't for --task translation. Leave it out.")


def trained_translator(
    data: Path, val: Path | None, text: list[str], label: list[str], checkpoint: list[str],
    encoding: str | None, sep: str | None, *, epochs: int | None, batch_size: int | None,
    **options: Any,
) -> Any:  # fmt: skip
    """A trained translator for a table with texts and their translations."""
    from .. import read_pairs
    from ..quick import train_translator

    columns = None if (text, label) == (["text"], ["label"]) else (*text, *label)

    def read(path: Path) -> Any:
        return read_pairs(path, columns=columns, encoding=encoding, sep=sep)

    start: Any = None if checkpoint == [DEFAULT_MODEL] else one(checkpoint)
    val_pairs = None if val is None else read(val)
    options |= {"epochs": epochs or 3, "batch_size": batch_size or 32}
    return train_translator(read(data), start, val=val_pairs, **options)
