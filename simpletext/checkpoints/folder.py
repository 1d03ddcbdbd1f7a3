"""Hugging Face folders: found on disk, in the local Hub cache or on the Hub."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..utils.files import check_links, plain_path, read_json
from .hub import CONFIG, MODULES, Accept, find_on_hub
from .old_formats import refuse_old
from .weight_files import DENSE_FOLDER, WeightFiles, foreign_files

PARTS = ("1_Pooling", DENSE_FOLDER)  # subfolders that belong to a checkpoint


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder, with its config.json as a dict."""

    name: str
    folder: Path
    config: dict[str, Any]

    @property
    def weights(self) -> WeightFiles:
        """The tensors; each call opens the files anew."""
        return WeightFiles(self.folder)

    @cached_property
    def has_mean_pooling(self) -> bool:
        """Whether this is a sentence-transformers folder whose embedding is the tokens' mean."""
        modules = self.folder / MODULES
        if not modules.is_file():
            return False
        kinds = [str(module.get("type", "")).rpartition(".")[2] for module in read_json(modules)]
        pooling = self.folder / "1_Pooling" / CONFIG
        if "Pooling" not in kinds or not pooling.is_file():
            return False
        options = read_json(pooling)
        modes = [name for name, on in options.items() if name.startswith("pooling_mode") and on]
        return modes in (["pooling_mode_mean_tokens"], ["pooling_mode"]) and (
            options.get("pooling_mode", "mean") == "mean"
        )


def accept_any(config: dict[str, Any]) -> None:
    """Accept every config.json; see `find_checkpoint`."""


def find_checkpoint(name_or_path: str | os.PathLike, accept: Accept = accept_any) -> Checkpoint:
    """The checkpoint of that name: a folder, else the local Hub cache, else the Hub.

    A model in the cache is used without any network request.

    Args:
        name_or_path: a folder, or a name on the Hub.
        accept: raises for a config.json that the caller can't use, before weights are downloaded.

    Raises:
        UnknownModelError: there is no such folder or model.
        UnreachableModelError: the Hub is unreachable or refuses the download.
        CheckpointError: an old format that has to be converted, with the command.
    """
    folder = plain_path(name_or_path)
    name = os.fspath(name_or_path)
    refuse_old(folder, name)
    if not folder.is_dir():
        folder = find_on_hub(name, accept)
    return open_folder(folder, name)


def open_folder(folder: Path, name: str) -> Checkpoint:
    """The checkpoint in `folder`, its config read.

    Raises:
        CheckpointError: no config.json, one that isn't a JSON object, or a link out of the folder.
    """
    for part in (folder, *(folder / name for name in PARTS)):
        check_links(part, home=folder, pattern="*")
    if not (folder / CONFIG).is_file():
        raise CheckpointError(
            f"{name}: there is no {CONFIG} in {folder}{foreign_files(folder)}, so it isn't a "
            "checkpoint."
        )
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict):
        raise CheckpointError(f"{folder / CONFIG} holds {type(config).__name__}, not an object.")
    return Checkpoint(name, folder, config)
