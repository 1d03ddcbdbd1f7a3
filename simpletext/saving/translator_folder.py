"""A translator's folder: a Marian or BART checkpoint, its tokenizers, and simpletext.json."""

import os
import warnings
from pathlib import Path
from typing import Any

import keras

from ..checkpoints.folder import open_folder
from ..errors import CheckpointError, MovedNumbersWarning
from ..models.loading import write_model
from ..models.precision import POLICIES, as_saved, dtype_policy, precision_of
from ..models.seq2seq import load_seq2seq
from ..tasks.translation import TRANSLATION
from ..tokenization.pair_tokenizer import PairTokenizer
from ..utils.checksums import changed_files, checksums_of
from ..utils.files import check_links, new_folder, plain_path, read_json, write_json
from .settings import FILE, FORMAT, are_checksums


def write_translator(
    path: str | os.PathLike, model: keras.Model, tokenizer: PairTokenizer, maxlen: int
) -> None:
    """Write a translator's folder atomically.

    Raises:
        FolderExistsError: the folder is there already.
    """
    with new_folder(path) as folder:
        write_model(model, folder)
        tokenizer.save(folder)
        settings = {"format": FORMAT, "task": TRANSLATION, "maxlen": maxlen}
        others = {"precision": precision_of(model), "files": checksums_of(folder)}
        write_json(folder / FILE, settings | others)


def is_translator_folder(path: str | os.PathLike) -> bool:
    """Whether `write_translator` wrote the folder."""
    file = plain_path(path) / FILE
    content = read_json(file) if file.is_file() else None
    return isinstance(content, dict) and content.get("task") == TRANSLATION


def read_translator(
    path: str | os.PathLike, precision: str = "auto"
) -> tuple[keras.Model, PairTokenizer, int]:
    """The model, tokenizers and maxlen in a folder that `write_translator` wrote.

    Raises:
        CheckpointError: a folder that is damaged, or that a newer version wrote.
    """
    folder = plain_path(path)
    check_links(folder)
    content = read_json(folder / FILE)
    _check(folder, content)
    changed = changed_files(folder, content["files"])
    if changed:
        warnings.warn(
            f"The translator in {folder} isn't as it was saved: {' and '.join(changed)} changed or "
            "is missing. Get the folder again; if you changed it on purpose, evaluate it before "
            "you use it.",
            MovedNumbersWarning,
            stacklevel=3,
        )
    tokenizer = PairTokenizer.load(folder)
    dtype = dtype_policy(as_saved(content["precision"], precision))
    return load_seq2seq(open_folder(folder, os.fspath(path)), dtype), tokenizer, content["maxlen"]


def _check(folder: Path, content: dict[str, Any]) -> None:
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder / FILE} has format {content.get('format')!r}; this version of simpletext "
            f"reads format {FORMAT}. A newer simpletext can read it: pip install --upgrade "
            "simpletext."
        )
    maxlen, files = content.get("maxlen"), content.get("files")
    right = type(maxlen) is int and maxlen >= 2 and are_checksums(files)
    if not right or content.get("precision") not in POLICIES:
        raise CheckpointError(
            f"{folder / FILE} is damaged: maxlen, precision or files is missing or wrong. Copy the "
            "folder again, whole, or save it anew."
        )
