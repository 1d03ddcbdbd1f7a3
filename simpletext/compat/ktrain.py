"""ktrain's names for what a `Transformer` does: its preprocessing modes and model functions."""

import os
from typing import Any

import keras

from ..errors import ArgumentError
from ..tasks.task import REGRESSION
from ..transformer import Transformer
from ..utils import console
from ..utils.defaults import DEFAULT_MODEL
from ..utils.files import plain_path
from ..utils.validation import shown

MODES = {
    "bert": "google-bert/bert-base-uncased",
    "distilbert": "distilbert/distilbert-base-uncased",
}
MULTILINGUAL = {
    "bert": "google-bert/bert-base-multilingual-cased",
    "distilbert": "distilbert/distilbert-base-multilingual-cased",
}
# ktrain's models and modes that aren't made of a checkpoint.
OLD = ("standard", "fasttext", "nbsvm", "logreg", "bigru", "standard_gru")


def model_for(mode: str, lang: str | None = None) -> str:
    """The checkpoint behind ktrain's `preprocess_mode`; a Hub name or folder is returned unchanged.

    Raises:
        ArgumentError: one of ktrain's models that aren't made of a checkpoint.

    Example:
        >>> model_for("distilbert")
        'distilbert/distilbert-base-uncased'
        >>> model_for("bert", lang="ar")
        'google-bert/bert-base-multilingual-cased'
    """
    name = os.fspath(plain_path(mode)) if isinstance(mode, os.PathLike) else mode
    if not isinstance(name, str):
        raise ArgumentError(f"{shown(mode)} is no model; name a checkpoint, or a folder.")
    if name in OLD:
        raise ArgumentError(
            f"{shown(mode)} isn't made of a Hugging Face checkpoint, and simpletext has such "
            "models only. Use 'bert', 'distilbert' or a name on the Hub, such as "
            f"{DEFAULT_MODEL!r}."
        )
    other = isinstance(lang, str) and lang != "en"
    return (MULTILINGUAL if other else MODES).get(name, name)


def say_unused(**options: Any) -> None:
    """Print the passed ktrain options that are ignored: a checkpoint has its own tokenizer."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        console.note(f"{' and '.join(given)}: not used, the checkpoint has its own tokenizer")


def text_classifier(
    name: str,
    train_data: Any,
    preproc: Transformer,
    multilabel: bool | None = None,
    metrics: Any = None,
    verbose: int = 1,
) -> keras.Model:
    """The classifier for data of `texts_from_array`, `_csv`, `_df` or `_folder`, compiled.

    Args:
        name: "bert", "distilbert", a Hub name or a folder: the one the data were made for.
        train_data: the training data.
        preproc: the `Transformer` that came with them.
        multilabel: whether a text can have several labels; None to infer it from the labels.
        metrics: Keras metrics; by default accuracy.
        verbose: accepted for ktrain's sake.

    Raises:
        ArgumentError: the data were made for another model, or for another task.
    """
    _check_name(name, preproc)
    labels = preproc.labels
    if multilabel is not None and multilabel != (labels is not None and labels.kind.has_thresholds):
        task = labels.task if labels else None
        raise ArgumentError(
            f"multilabel={multilabel}, but the training labels made the task {shown(task)}. Say "
            "task= where the data are read."
        )
    return preproc.get_classifier(metrics=metrics)


def text_regression_model(
    name: str, train_data: Any, preproc: Transformer, metrics: Any = None, verbose: int = 1
) -> keras.Model:
    """The regression model for data of `texts_from_array` and the like; see `text_classifier`."""
    _check_name(name, preproc)
    return preproc.get_regression_model(metrics=metrics)


def task_for(is_regression: bool, task: str | None) -> str | None:
    """Ktrain's `is_regression` as a task."""
    if is_regression and task not in (None, REGRESSION):
        raise ArgumentError(f"is_regression=True and task={shown(task)} contradict each other.")
    return REGRESSION if is_regression else task


def _check_name(name: str, preproc: Any) -> None:
    if not isinstance(preproc, Transformer):
        raise ArgumentError(
            f"preproc is a {type(preproc).__name__}; it must be the Transformer that came with "
            "the data, as in train, val, preproc = texts_from_csv(...)."
        )
    allowed = {preproc.checkpoint} | {
        mode
        for table in (MODES, MULTILINGUAL)
        for mode in table
        if table[mode] == preproc.checkpoint
    }
    if name not in allowed:
        raise ArgumentError(
            f"The data were made for {preproc.checkpoint!r}, and this is {model_for(name)!r}. Give "
            f"preprocess_mode={shown(name)} where the data are read."
        )
