"""A ktrain predictor's folder as a predictor of ours: nothing in it is run."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from ..checkpoints.folder import Checkpoint, open_folder
from ..checkpoints.hub import CONFIG, find_small_files
from ..checkpoints.keras_bert import read_keras_bert
from ..checkpoints.ktrain_folder import KtrainFolder, read_ktrain
from ..checkpoints.weight_files import WEIGHTS, write_tensors
from ..errors import ArgumentError, CheckpointError
from ..models.families import family_of
from ..models.loading import load_classifier, max_positions
from ..models.precision import as_saved, dtype_policy
from ..tasks.labels import Labels
from ..tasks.regression import target_names
from ..tasks.task import task_named
from ..tokenization.tokenizer import Tokenizer
from ..utils import console
from ..utils.files import write_json
from .settings import Settings

H5 = "tf_model.h5"
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model", "spiece.model")
DEFAULT_MAXLEN = 128


def read_ktrain_predictor(
    folder: Path,
    precision: str = "auto",
    *,
    tokenizer: Any = None,
    task: str | None = None,
    classes: Sequence[Any] | None = None,
) -> tuple[keras.Model, Tokenizer, Settings]:
    """The parts of a predictor from a folder that ktrain's `predictor.save` wrote.

    Args:
        folder: ktrain's folder.
        precision: see `load_predictor`.
        tokenizer: a Hub name or a folder, where ktrain's folder has no tokenizer.
        task: the task's name, to override what the pickle says.
        classes: the classes in the order of the outputs, to override what the pickle says.

    Raises:
        CheckpointError: not such a folder, a damaged one, or a kind that can't be opened.
        ArgumentError: a task or classes that don't fit.
    """
    old = read_ktrain(folder)
    if task is not None:
        task_named(task)
    old = replace(old, task=task or old.task, classes=tuple(classes or old.classes))
    with tempfile.TemporaryDirectory() as temporary:
        checkpoint = _checkpoint(old, Path(temporary))
        model, labels = _model(old, checkpoint, dtype_policy(as_saved("float32", precision)))
        words = _tokenizer(old, checkpoint, tokenizer, Path(temporary))
    settings = Settings(
        labels,
        _maxlen(old, checkpoint),
        base_model=old.checkpoint,
        segments=None if old.segments else False,
    )
    assumed = "" if old.maxlen else ", which is a default: the pickle doesn't say it"
    console.note(
        f"{folder}: a ktrain predictor ({labels.describe()}, maxlen {settings.maxlen}{assumed}). "
        "ktrain doesn't record probe texts or whether it was trained on pairs; "
        "predictor.save(...) writes simpletext's own format."
    )
    return model, words, settings


def _maxlen(old: KtrainFolder, checkpoint: Checkpoint) -> int:
    """The pickle's maxlen, or the default, as far as the model has positions."""
    limit = max_positions(family_of(checkpoint.config), checkpoint.config)
    if old.maxlen and limit and old.maxlen > limit:
        raise CheckpointError(
            f"{old.folder}: the pickle has maxlen {old.maxlen} and the model positions for {limit} "
            "tokens. They are of different predictors; copy the folder again, whole."
        )
    return old.maxlen or min(DEFAULT_MAXLEN, limit or DEFAULT_MAXLEN)


def _checkpoint(old: KtrainFolder, temporary: Path) -> Checkpoint:
    """The folder's own checkpoint; keras_bert's is converted first."""
    if not old.is_keras_bert:
        return open_folder(old.folder, str(old.folder))
    config, tensors = read_keras_bert(old.folder / H5)
    activation = config.pop("head_activation")
    wanted = task_named(old.task).activation
    if activation not in (wanted, "linear"):
        raise CheckpointError(
            f"{old.folder} has a head with the activation {activation!r}, but a "
            f"{old.task} has {wanted!r}. Pass task= if the pickle is wrong."
        )
    new = temporary / "converted"
    write_json(new / CONFIG, config)
    write_tensors(new / WEIGHTS, tensors)
    return open_folder(new, str(old.folder))


def _model(old: KtrainFolder, checkpoint: Checkpoint, dtype: str) -> tuple[keras.Model, Labels]:
    """The model with its trained head, and its labels."""
    kind = task_named(old.task)
    if kind.has_classes and not old.classes:
        raise ArgumentError(
            f"{old.folder} doesn't say what its classes are. Pass classes=[...], in the order of "
            "the outputs."
        )
    count = len(old.classes) if kind.has_classes else _targets(checkpoint)
    names = old.classes if kind.has_classes else target_names(count)
    labels = Labels(old.task, tuple(names), numbered=True)
    model = load_classifier(
        checkpoint, count, old.task, "original", dtype, class_names=labels.names, new_head=False
    )
    return model, labels


def _targets(checkpoint: Checkpoint) -> int:
    labels = checkpoint.config.get("id2label")
    return len(labels) if isinstance(labels, dict) and labels else 1


def _tokenizer(old: KtrainFolder, checkpoint: Checkpoint, given: Any, temporary: Path) -> Tokenizer:
    """The tokenizer: as given, in the folder, in the pickle, or of the checkpoint on the Hub."""
    if given is not None:
        return Tokenizer.load(_tokenizer_folder(os.fspath(given)))
    if any(next(old.folder.glob(pattern), None) for pattern in TOKENIZERS):
        return Tokenizer.load(old.folder)
    if old.vocabulary is not None:
        return _wordpiece(old, checkpoint, temporary / "tokenizer")
    if old.checkpoint is None:
        raise CheckpointError(
            f"{old.folder} has no tokenizer and doesn't say which one it needs. Pass tokenizer= "
            "with the Hub name or folder of the checkpoint that it was trained from."
        )
    try:
        return Tokenizer.load(_tokenizer_folder(old.checkpoint))
    except CheckpointError as error:
        raise CheckpointError(
            f"{old.folder} has no tokenizer, and that of {old.checkpoint!r} can't be had: {error} "
            "Or pass tokenizer= with a folder that has it."
        ) from error


def _tokenizer_folder(name: str) -> Path:
    """A folder, or of a name on the Hub its tokenizer's files without the weights."""
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else find_small_files(name)


def _wordpiece(old: KtrainFolder, checkpoint: Checkpoint, folder: Path) -> Tokenizer:
    """A WordPiece tokenizer from the vocabulary inside the pickle."""
    vocabulary, size = old.vocabulary or [], checkpoint.config.get("vocab_size")
    if size is not None and len(vocabulary) > size:
        raise CheckpointError(
            f"{old.folder}: the tokenizer has {len(vocabulary)} tokens and the model embeddings "
            f"for {size}. Pass tokenizer= with the right one."
        )
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    write_json(folder / CONFIG, {"model_type": "bert"})
    options = {"tokenizer_class": "BertTokenizer", "do_lower_case": old.lowercase is not False}
    write_json(folder / "tokenizer_config.json", options)
    return Tokenizer.load(folder)
