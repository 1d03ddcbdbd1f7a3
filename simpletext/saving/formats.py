"""Which program wrote a predictor's folder, and the reader for it."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from ..checkpoints.ktrain_folder import find_preproc
from ..checkpoints.old_formats import refuse_old
from ..errors import ArgumentError
from ..tokenization.tokenizer import Tokenizer
from ..utils.files import plain_path
from .ktrain_predictor import read_ktrain_predictor
from .predictor_folder import read_predictor
from .settings import FILE, Settings


def read_saved(
    path: str | os.PathLike,
    precision: str = "auto",
    *,
    tokenizer: str | os.PathLike | None = None,
    task: str | None = None,
    classes: Sequence[Any] | None = None,
) -> tuple[keras.Model, Tokenizer, Settings]:
    """The parts of a predictor that simpletext or ktrain saved; see `load_predictor`."""
    folder = plain_path(path)
    given = {"tokenizer": tokenizer, "task": task, "classes": classes}
    if not (folder / FILE).is_file() and find_preproc(folder) is not None:
        return read_ktrain_predictor(
            folder, precision, tokenizer=tokenizer, task=task, classes=classes
        )
    refuse_old(folder, os.fspath(path))
    if named := [name for name, value in given.items() if value is not None]:
        raise ArgumentError(
            f"{' and '.join(named)} is for folders of ktrain; {os.fspath(path)!r} isn't one."
        )
    return read_predictor(path, precision)
