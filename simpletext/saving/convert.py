"""Checkpoints of other programs and times become Hugging Face folders, each tensor checked."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints.folder import open_folder
from ..checkpoints.hub import CONFIG
from ..checkpoints.huggingface_folder import read_huggingface
from ..checkpoints.ktrain_folder import find_preproc
from ..checkpoints.old_checkpoint import Head, LazyTensors, OldCheckpoint
from ..checkpoints.old_formats import find_old
from ..checkpoints.weight_files import WEIGHTS, write_tensors
from ..errors import ArgumentError, CheckpointError, WeightsError
from ..models.config_labels import labels_in, with_labels
from ..models.families import OWN_MODULES, family_of
from ..models.loading import load_classifier, load_encoder, model_tensors
from ..tasks.labels import is_label
from ..tasks.regression import target_names
from ..tasks.task import MULTI, REGRESSION, SINGLE, task_named
from ..utils import console
from ..utils.files import check_absent, local_path, new_folder, write_json
from ..utils.validation import require_count, require_list, shown
from .convert_tokenizer import write_tokenizer
from .ktrain_predictor import read_ktrain_predictor
from .predictor_folder import write_predictor

ASSUMED = "the task is assumed; if the head was trained for another one, pass task="
LARGE = 1 << 26  # bytes of tensors from which on a progress bar is shown


def convert(
    old: str | os.PathLike,
    new: str | os.PathLike,
    *,
    task: str | None = None,
    labels: Sequence[str] | None = None,
    layers: int | None = None,
    cased: bool | None = None,
    tokenizer: str | os.PathLike | None = None,
) -> Path:
    """Write an old checkpoint as a Hugging Face folder that simpletext and PyTorch load.

    It prints what it found, loads the new folder, and compares every tensor with the old file's.
    TensorFlow isn't used, and nothing in the old files is run. What is read: checkpoints of
    Google's TensorFlow 1 code (BERT, ALBERT, ELECTRA, XLNet), SavedModels of TF Hub and Kaggle and
    checkpoints of tf-models-official, presets of keras-hub and keras_nlp, folders of ktrain, and
    Hugging Face folders with tf_model.h5 or pytorch_model.bin.

    Args:
        old: the folder; or of several checkpoints in a folder one, such as "model.ckpt-100".
        new: the new folder.
        task: "single_label_classification", "multi_label_classification" or "regression", where
            the old files don't say what the head was trained for.
        labels: the labels in the order of the head's outputs, where the old files don't say.
        layers: the number of layers of an ALBERT without a config.
        cased: True if the tokenizer keeps capital letters, to override what the vocabulary shows.
        tokenizer: a folder, a vocabulary file or a Hub name with the tokenizer, where the old
            files have none.

    Returns:
        The new folder.

    Raises:
        CheckpointError: nothing that can be converted, damaged files, or a wrong vocabulary.
        ArgumentError: labels or a task that are needed, or that don't fit.
        FolderExistsError: `new` is there already.

    Example:
        >>> convert("uncased_L-12_H-768_A-12", "bert-base")  # doctest: +SKIP
    """
    check_absent(new)
    labels = _checked_labels(labels)
    if task is not None:
        task_named(task)
    require_count("layers", layers, 1) if layers is not None else None
    path = local_path(old)
    folder = path.parent if path.name == "tf_model.h5" else path
    if find_preproc(folder) is not None:
        _refuse_for_ktrain(layers=layers, cased=cased)
        model, words, settings = read_ktrain_predictor(
            folder, tokenizer=tokenizer, task=task, classes=labels
        )
        write_predictor(new, model, words, settings)
        count = _check_written(local_path(new), model_tensors(model))
    else:
        checkpoint = _with_head(_read(folder, os.fspath(old), layers), task, labels)
        _describe(checkpoint, os.fspath(old))
        with new_folder(new) as temporary:
            count = _write(checkpoint, temporary, cased, tokenizer)
    console.note(f"written: {os.fspath(new)}; {count} tensors compared, all equal")
    return local_path(new)


def _checked_labels(labels: Sequence[str] | None) -> list[str] | None:
    if labels is None:
        return None
    names = [labels] if isinstance(labels, str) else require_list("labels", labels)
    if not names or not all(map(is_label, names)) or len(set(map(str, names))) != len(names):
        raise ArgumentError(
            f"labels={shown(labels)}; pass each label once, in the order of the head's outputs."
        )
    return [str(name) for name in names]


def _refuse_for_ktrain(**options: Any) -> None:
    for name, value in options.items():
        if value is not None:
            raise ArgumentError(f"{name}= isn't for a predictor of ktrain. Leave it out.")


def _read(path: Path, name: str, layers: int | None) -> OldCheckpoint:
    found = find_old(path)
    if found is not None:
        return found.read(layers)
    if layers is not None:
        raise ArgumentError("layers= is for checkpoints that don't say it. Leave it out.")
    if not path.exists():
        raise CheckpointError(
            f"There is no file or folder {shown(name)}. Check the path; a model on the Hub is "
            f"fetched first with `hf download {name} --local-dir FOLDER`."
        )
    if not (path / CONFIG).is_file():
        raise CheckpointError(
            f"{shown(name)} holds nothing that simpletext converts: no *.index of TensorFlow, no "
            "variables/variables.index, no config.json with weights, no tf_model.preproc of ktrain."
        )
    return read_huggingface(path)


def _with_head(old: OldCheckpoint, task: str | None, labels: list[str] | None) -> OldCheckpoint:
    """The checkpoint with its labels and task in the config.

    Raises:
        ArgumentError: the labels or the task are needed and aren't there, or don't fit.
    """
    head = old.head
    if head is None:
        if old.files is not None and (labels or task):
            count = len(labels) if labels else len(old.config.get("id2label") or ()) or None
            return replace(old, config=with_labels(old.config, count or 2, task, labels))
        if labels or task:
            raise ArgumentError(
                f"{old.source} has no classification head, so there is nothing for task= and "
                "labels= to describe. Leave them out, and train the new folder with Transformer."
            )
        return old
    known = task or head.task or head.activation
    task = task or head.task or _implied_task(head, labels, old)
    _check_activation(head, task, old)
    expected = 2 if head.outputs == 1 and task == SINGLE else head.outputs
    if labels is None and task == REGRESSION:
        labels = list(target_names(head.outputs))
    if labels is None or len(labels) != expected:
        raise ArgumentError(
            f"{old.source} has a head with {head.outputs} output{'s' * (head.outputs != 1)} and "
            f"doesn't say what they are: pass {expected} labels= in their order"
            + (f", not {len(labels)}." if labels else ", such as labels=['negative', 'positive'].")
        )
    tensors = _two_outputs(old.tensors, head) if expected != head.outputs else old.tensors
    config = with_labels(old.config, expected, task, labels)
    notes = old.notes if known else (*old.notes, ASSUMED)
    return replace(old, config=config, tensors=tensors, notes=notes)


def _implied_task(head: Head, labels: list[str] | None, old: OldCheckpoint) -> str:
    """The task where nobody says it: by the head's activation and the number of outputs."""
    if head.outputs > 1:
        return MULTI if head.activation == "sigmoid" else SINGLE
    if head.activation == "sigmoid":
        return MULTI if labels and len(labels) == 1 else SINGLE
    raise ArgumentError(
        f"{old.source} has a head with one output, and nothing says what it was trained for. Pass "
        f"task={REGRESSION!r} for a number; task={SINGLE!r} and two labels=, the one for 0 first; "
        f"or task={MULTI!r} and one label."
    )


def _check_activation(head: Head, task: str, old: OldCheckpoint) -> None:
    wanted = task_named(task).activation
    binary = head.outputs == 1 and task == SINGLE
    allowed = ("sigmoid",) if binary else (wanted,)
    if head.activation is not None and head.activation not in allowed:
        raise ArgumentError(
            f"{old.source} has a head with the activation {head.activation!r}, but a {task} has "
            f"{allowed[0]!r}. Leave task= out, or pass another one."
        )


def _two_outputs(tensors: LazyTensors, head: Head) -> LazyTensors:
    """A head of one output x as one of two, 0 and x: softmax then gives what sigmoid gave."""
    for leaf in ("weight", "bias"):
        tensors = tensors.with_changed(
            f"{head.module}.{leaf}", lambda value: np.concatenate([np.zeros_like(value), value])
        )
    return tensors


def _describe(old: OldCheckpoint, name: str) -> None:
    """Print what was found."""
    config = old.config
    family = family_of(config)
    sizes = family.read_config(config)
    console.note(f"{name}: {old.format}")
    layers = getattr(sizes, "num_hidden_layers", None)
    console.note(
        f"  family: {config['model_type']}"
        + (f", {layers} layers" if layers else "")
        + f", {sizes.hidden_size} wide, {sizes.vocab_size} tokens"
    )
    console.note(f"  head: {_head_text(old)}")
    for note in old.notes:
        console.note(f"  note: {note}")
    if config["model_type"] in OWN_MODULES:
        console.note("  note: transformers has no class for this family; only simpletext loads it")


def _head_text(old: OldCheckpoint) -> str:
    names = old.config.get("id2label")
    if old.head is not None:
        task = task_named(old.config["problem_type"]).title
        return f"{task}; labels: {', '.join(labels_in(old.config) or ())}"
    if old.files is not None and isinstance(names, dict):
        return f"{old.architecture}; labels: {', '.join(map(str, names.values()))}"
    return f"{old.architecture}, none for classification" if old.architecture else "none"


def _write(
    old: OldCheckpoint, folder: Path, cased: bool | None, tokenizer: str | os.PathLike | None
) -> int:
    """Write the checkpoint into an existing folder, and check it; returns the tensors' number."""
    family = family_of(old.config)
    classifier = family.classifier_class if old.head else None
    architecture = old.architecture or classifier or family.encoder_class
    write_json(folder / CONFIG, {**old.config, "architectures": [architecture]})
    write_tokenizer(old, folder, cased, tokenizer)  # before the long work: it may not fit
    bare = old.head is None and old.architecture is None and old.files is None
    tensors = _read_all(old.tensors, family.base if bare else "")
    write_tensors(folder / WEIGHTS, tensors)
    _check_model(old, folder, tensors, family.base)
    return _check_written(folder, tensors)


def _read_all(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """All tensors, each contiguous in memory, without a prefix of their names."""
    values: dict[str, np.ndarray] = {}
    size = 0
    bar = None
    for count, name in enumerate(tensors):
        value = np.ascontiguousarray(tensors[name])
        values[name.removeprefix(prefix)] = value
        size += value.nbytes
        if bar is None and size > LARGE:
            bar = console.bar(len(tensors), "reading tensors")
            bar.update(count)
        if bar is not None:
            bar.update(1)
    if bar is not None:
        bar.close()
    return values


def _check_written(folder: Path, tensors: Mapping[str, np.ndarray]) -> int:
    """Compare the file with what was to be written; returns the tensors' number."""
    written = open_folder(folder, str(folder)).weights
    wrong = sorted(set(tensors) ^ set(written))
    wrong += [name for name in tensors if not np.array_equal(written[name], tensors[name], True)]
    if wrong:
        raise WeightsError(
            f"{folder} wasn't written right: {wrong[0]!r} differs. Is the disk full?"
        )
    return len(tensors)


def _check_model(
    old: OldCheckpoint, folder: Path, tensors: Mapping[str, np.ndarray], base: str
) -> None:
    """Load the new folder, and compare the model's weights with the file's, name by name."""
    checkpoint = open_folder(folder, str(old.source))
    if old.head is None:
        model = load_encoder(folder)
    else:
        model = load_classifier(checkpoint, new_head=False, verbose=0)
    for name, value in model_tensors(model).items():
        key = name if name in tensors else base + name
        if key not in tensors or not np.array_equal(value, tensors[key], True):
            raise WeightsError(f"{old.source}: {shown(name)} isn't loaded as it was written.")
