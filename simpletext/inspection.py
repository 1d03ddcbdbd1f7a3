"""What is in a folder, told from its small files and the headers of the large ones."""

import os
from collections.abc import Iterator
from pathlib import Path

from .checkpoints.folder import Checkpoint, open_folder
from .checkpoints.hub import CONFIG
from .checkpoints.ktrain_folder import find_preproc, read_ktrain
from .checkpoints.old_formats import find_old
from .errors import CheckpointError, SimpletextError
from .models.config_labels import labels_in, other_head
from .models.families import family_of
from .saving.settings import FILE, Settings, read_settings
from .training.checkpointing import LAST, read_checkpoint
from .utils.checksums import changed_files
from .utils.files import plain_path


def describe_folder(path: str | os.PathLike) -> str:
    """What is in a folder, as lines of text. No model is built, and nothing in it is run.

    Args:
        path: a folder, or the path of a TensorFlow checkpoint.

    Raises:
        CheckpointError: there is no such folder, or nothing in it is known.
    """
    folder, name = plain_path(path), os.fspath(path)
    if (folder / FILE).is_file():
        lines = _predictor(folder, name)
    elif find_preproc(folder) is not None:
        lines = _ktrain(folder)
    elif (folder / LAST).is_file():
        lines = _training(folder)
    elif (old := find_old(folder)) is not None:
        lines = iter([old.what, f"to use it: simpletext convert {name} NEW_FOLDER"])
    elif (folder / CONFIG).is_file():
        lines = _checkpoint(open_folder(folder, name))
    elif not folder.exists():
        raise CheckpointError(f"There is no folder {name!r}. Check the path for typing errors.")
    else:
        raise CheckpointError(
            f"There is nothing in {name!r} that simpletext knows: no {FILE}, no {CONFIG}, no "
            f"checkpoint of TensorFlow, no predictor of ktrain, no {LAST}. Check the path."
        )
    first, *others = lines
    return "\n".join([f"{name}: {first}", *(f"  {line}" for line in others)])


def _predictor(folder: Path, name: str) -> Iterator[str]:
    settings, raw = read_settings(folder, name)
    yield "a predictor that simpletext saved"
    yield from _settings(settings)
    yield from list(_checkpoint(open_folder(folder, name)))[1:]
    files = raw.get("files", {})
    changed = changed_files(folder, files)
    if changed:
        yield f"changed or missing since it was saved: {', '.join(changed)}"
    elif files:
        yield f"files: {len(files)}, all as they were saved"


def _settings(settings: Settings) -> Iterator[str]:
    yield settings.labels.describe()
    reads = {None: "texts or pairs", True: "pairs of texts", False: "texts"}[settings.paired]
    yield f"reads: {reads} of up to {settings.maxlen} tokens"
    if settings.temperature != 1:
        yield f"calibrated: temperature {settings.temperature:.3g}"
    if settings.thresholds is not None:
        yield f"thresholds: {', '.join(f'{value:.3g}' for value in settings.thresholds)}"
    if settings.base_model:
        yield f"trained from: {settings.base_model}"
    for title, values in (("texts", settings.sizes), ("scores", settings.metrics)):
        if values:
            yield f"{title}: {', '.join(f'{key} {value:.4g}' for key, value in values.items())}"


def _checkpoint(checkpoint: Checkpoint) -> Iterator[str]:
    config = checkpoint.config
    yield "a Hugging Face checkpoint"
    try:
        sizes = family_of(config).read_config(config)
        layers = getattr(sizes, "num_hidden_layers", None)
        known = f", {layers} layers" if layers else ""
        yield f"encoder: {config['model_type']}{known}, hidden size {sizes.hidden_size}"
        names = labels_in(config)
    except SimpletextError as error:
        yield f"not supported: {error}"
        return
    if head := other_head(config):
        yield f"head: {head}"
    if names and not (checkpoint.folder / FILE).is_file():
        yield f"labels: {', '.join(names[:20])}{', ...' * (len(names) > 20)}"
    if checkpoint.has_mean_pooling:
        yield "pooling: the mean of the tokens (sentence-transformers)"
    weights = checkpoint.weights
    yield f"weights: {Path(weights.name).name}, {len(weights)} tensors"


def _ktrain(folder: Path) -> Iterator[str]:
    old = read_ktrain(folder)
    yield "a predictor of ktrain"
    yield f"task: {old.task}" + (f"; classes: {', '.join(old.classes)}" if old.classes else "")
    if old.checkpoint:
        yield f"trained from: {old.checkpoint}"
    yield "to use it: simpletext.load_predictor(folder), then predictor.save(new_folder)"


def _training(folder: Path) -> Iterator[str]:
    state = read_checkpoint(folder / LAST).state
    plan = state["plan"]
    yield "a training's checkpoints"
    yield f"epochs: {state['epoch']} of {plan['epochs']}{' (stopped early)' * state['stopped']}"
    yield f"schedule: {plan['name']}, learning rate {plan['lr']:g}, {plan['steps']} steps an epoch"
    yield "to continue it: pass the folder as checkpoint_folder, with resume=True"
