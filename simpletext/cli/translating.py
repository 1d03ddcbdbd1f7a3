"""What `simpletext train --task translation` does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from ..utils.defaults import DEFAULT_MODEL

# Options of `train` that translators don't have, with their defaults.
REFUSED: dict[str, Any] = {
    "schedule": "onecycle", "early_stopping": None, "class_weight": None, "loss": None,
    "metric": [], "report": None, "minutes": None, "pooling": "auto",
    "few_shot": False, "label_sep": None,
}  # fmt: skip


def train_translator(options: Mapping[str, Any]) -> Any:
    """A trained translator for a table with texts and their translations.

    Args:
        options: the options of `train`, by name.
    """
    from .. import read_pairs
    from ..quick import train_translator

    _refuse(options)
    columns = [*options["text"], *options["label"]]

    def read(path: Any) -> Any:
        return read_pairs(
            Path(path), columns=None if columns == ["text", "label"] else columns,
            encoding=options["encoding"], sep=options["sep"],
        )  # fmt: skip

    checkpoint = list(options["checkpoint"])
    return train_translator(
        read(options["data"]),
        None if checkpoint == [DEFAULT_MODEL] else _one(checkpoint),
        val=None if options["val"] is None else read(options["val"]),
        epochs=options["epochs"] or 3,
        batch_size=options["batch_size"] or 32,
        verbose=0 if options["quiet"] else 1,
        **{name: options[name] for name in ("maxlen", "lr", "val_pct", "seed")},
    )


def unused_in(options: Mapping[str, Any]) -> set[str]:
    """The options of `train` that a translator's training doesn't have."""
    from_scratch = list(options["checkpoint"]) == [DEFAULT_MODEL]
    return {*REFUSED, *(["checkpoint"] if from_scratch else [])}


def _refuse(options: Mapping[str, Any]) -> None:
    given = [name for name, default in REFUSED.items() if options[name] not in (default, ())]
    if names := [f"--{name.replace('_', '-')}" for name in given]:
        raise ArgumentError(f"{' and '.join(names)} isn't for --task translation. Leave it out.")


def _one(checkpoints: list[str]) -> str:
    if len(checkpoints) > 1:
        raise ArgumentError(
            f"--checkpoint was given {len(checkpoints)} times; a translator has one."
        )
    return checkpoints[0]
