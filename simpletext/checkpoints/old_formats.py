"""Recognises old formats; finds their reader, or refuses them with the command to convert them."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ArgumentError, CheckpointError, WeightsError
from ..utils.files import beside, read_json
from .google_tf1 import read_google
from .hub import CONFIG, is_preset
from .keras_hub import read_keras_hub
from .old_checkpoint import OldCheckpoint
from .tensor_bundle import TensorBundle, has_magic
from .tf_models import VARIABLES, read_tf_models
from .weight_files import FORMATS

INDEX = ".index"
TF1, TF2, SAVED_MODEL, PRESET = (
    "a TensorFlow 1 checkpoint",
    "a TensorFlow 2 checkpoint",
    "a TensorFlow SavedModel",
    "a preset of keras-hub",
)
KERAS_ONLY = (
    "{path} is a model that Keras itself saved: its layers are described by the program that wrote "
    "it, not by a config that says which encoder it is. In that program, with the versions of that "
    "time, write the model as a SavedModel with `model.save(folder)`, or the encoder with "
    "`encoder.save_pretrained(folder)`, and convert that folder with `simpletext convert`."
)


@dataclass(frozen=True)
class Found:
    """An old checkpoint that was found.

    Attributes:
        what: its format, for messages.
        path: its folder, or the bundle's path without ".index".
    """

    what: str
    path: Path

    def read(self, layers: int | None) -> OldCheckpoint:
        """The checkpoint in the form of a Hugging Face folder."""
        if layers is not None and self.what == PRESET:
            raise ArgumentError(
                f"layers={layers}, but a preset contains its number of layers. Leave it out."
            )
        if self.what == PRESET:
            return read_keras_hub(self.path)
        reader: Callable[..., OldCheckpoint] = read_google if self.what == TF1 else read_tf_models
        return reader(self.path, layers)


def find_old(path: Path) -> Found | None:
    """The old checkpoint at a path, a folder or a file; None if there is none.

    Raises:
        CheckpointError: several in the folder, or a model that only Keras can load.
    """
    if (prefix := _bundle_of(path)) is not None:
        return _of_bundle(prefix)
    if path.is_file():
        _refuse_keras_file(path)
        return None
    if not path.is_dir() or _is_huggingface(path):
        return None
    if _is_preset(path):
        return Found(PRESET, path)
    if _file(path / (VARIABLES + INDEX)):
        return _of_bundle(path / VARIABLES)
    prefixes = sorted(p.with_suffix("") for p in path.glob("*" + INDEX) if has_magic(p))
    if prefixes:
        return _of_bundle(_latest(path, prefixes))
    for pattern in ("*.keras", "*.h5"):
        for file in sorted(path.glob(pattern)):
            _refuse_keras_file(file)
    return None


def refuse_old(path: Path, name: str) -> None:
    """Refuse a path whose checkpoint has to be converted first.

    Raises:
        CheckpointError: with the command that converts it.
    """
    found = find_old(path)
    if found is None:
        return
    old, new = shlex.quote(name), shlex.quote(name.rstrip("/\\") + "-converted")
    raise CheckpointError(
        f"{name} is {found.what}, which has to be converted once: "
        f"`simpletext convert {old} {new}`. Then load the new folder."
    )


def _of_bundle(prefix: Path) -> Found:
    if (prefix.parent.name, prefix.name) == ("variables", "variables"):
        is_new = bool(TensorBundle(prefix).names())
        return Found(SAVED_MODEL if is_new else TF1, prefix)
    return Found(TF2 if TensorBundle(prefix).names() else TF1, prefix)


def _bundle_of(path: Path) -> Path | None:
    """The path without ".index", if this is one of a checkpoint's files or their common prefix."""
    name = path.name
    if path.is_dir():
        return None
    if _file(beside(path, INDEX)):
        return path
    for end in (INDEX, ".meta", ".data-"):
        stem = name.rpartition(end)[0]
        if stem and _file(path.with_name(stem + INDEX)):
            return path.with_name(stem)
    if path.is_file() and not path.suffix and has_magic(path):
        raise WeightsError(
            f"{path} is a checkpoint of TensorFlow's first format, in one file, which simpletext "
            "doesn't read. Save it anew with TensorFlow 1's Saver, whose files end in .index and "
            ".data-00000-of-00001."
        )
    return None


def _latest(folder: Path, prefixes: list[Path]) -> Path:
    """The checkpoint in a folder; of several, the one named in the file "checkpoint"."""
    if len(prefixes) == 1:
        return prefixes[0]
    state = folder / "checkpoint"
    if _file(state) and state.stat().st_size < 1 << 20:
        text = state.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            key, _, value = line.partition(":")
            name = Path(value.strip().strip('"')).name
            if key == "model_checkpoint_path" and folder / name in prefixes:
                return folder / name
    names = ", ".join(p.name for p in prefixes[:5])
    raise CheckpointError(
        f"{folder} holds {len(prefixes)} checkpoints: {names}. Pass the path of one of them, such "
        f"as {prefixes[-1]}."
    )


def _is_huggingface(folder: Path) -> bool:
    """Whether a folder has weights that load without conversion."""
    return any(_file(folder / name) for pair in FORMATS for name in pair) and _file(folder / CONFIG)


def _is_preset(folder: Path) -> bool:
    """Whether a folder's config.json describes a Keras layer, as keras-hub's does."""
    if not _file(folder / CONFIG) or not (folder / CONFIG).stat().st_size < 1 << 24:
        return False
    return is_preset(read_json(folder / CONFIG))


def _refuse_keras_file(path: Path) -> None:
    if path.suffix == ".keras" or (path.suffix in (".h5", ".hdf5") and path.name != "tf_model.h5"):
        raise WeightsError(KERAS_ONLY.format(path=path))


def _file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is no path
        return False
