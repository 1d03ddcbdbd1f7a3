"""Training and validation data from tables: read, split, checked and encoded."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from .data.conll import TAGGED_ONLY
from .data.entity_files import read_entities
from .data.labels import as_rows, check_counts
from .data.sentences import checked_pair, tags_in
from .data.splitting import random_split, split_rows
from .data.tables import Examples, read_texts
from .data.tags import unified
from .data.texts import as_texts
from .errors import ArgumentError
from .tasks.labels import infer_labels
from .tasks.losses import loss_for
from .tasks.metrics import metrics_for
from .tasks.task import TOKENS, task_named
from .tokenization.encoded_texts import LabelledTexts
from .transformer import Transformer
from .utils import console
from .utils.validation import require_verbose, shown

Prepared = tuple[LabelledTexts, LabelledTexts, Transformer]


def prepared(
    transformer: Transformer,
    train: Examples,
    val: Examples | None,
    val_pct: float,
    random_state: int | None,
    verbose: int,
    cache_dir: str | os.PathLike | None = None,
) -> Prepared:
    """The data of both parts, split first if there is only one, and their `Transformer`."""
    require_verbose(verbose)
    if val is None:
        train, val = split(transformer, train, val_pct, random_state, verbose)
    options: dict[str, Any] = {"verbose": verbose, "cache_dir": cache_dir}
    data = transformer.preprocess_train(train.texts, train.labels, **options)
    val_data = transformer.preprocess_test(val.texts, val.labels, **options)
    return data, cast(LabelledTexts, val_data), transformer


def split(
    transformer: Transformer,
    whole: Examples,
    val_pct: float,
    random_state: int | None,
    verbose: int,
) -> tuple[Examples, Examples]:
    """`whole` as a training and a validation part; errors name rows as the user counts them."""
    if transformer.is_tagged(whole.texts, whole.labels):
        return _split_tagged(transformer, whole, val_pct, random_state, verbose)
    texts, pairs = as_texts(whole.texts)
    rows = as_rows(whole.labels)
    check_counts(texts, rows)
    labels = infer_labels(whole.labels, transformer.class_names, transformer.task)
    # Decided on all rows: a rare label may stand in the validation part alone.
    transformer.class_names, transformer.task = list(labels.classes), labels.task
    chosen = split_rows(rows, labels, val_pct, random_state)
    if verbose:
        console.note(f"split: {len(chosen[0])} texts to train on, {len(chosen[1])} to validate on")
    both = list(zip(texts, pairs, strict=True)) if pairs else texts
    return _parts(both, rows, chosen)


def _split_tagged(
    transformer: Transformer, whole: Examples, val_pct: float, random_state: int | None,
    verbose: int,
) -> tuple[Examples, Examples]:  # fmt: skip
    """The same for a tag per word: at random, with the tags of both parts."""
    texts, rows = checked_pair(whole.texts, whole.labels)
    chosen = random_split(len(texts), val_pct, random_state)
    if transformer.class_names is None and transformer.scheme is None:
        transformer.class_names = list(tags_in(unified([list(row) for row in rows], None, 0)))
    if verbose:
        shown = f"{len(chosen[0])} sentences to train on, {len(chosen[1])} to validate on"
        console.note(f"split: {shown}")
    return _parts(texts, rows, chosen)


def _parts(texts: list[Any], rows: list[Any], chosen: tuple) -> tuple[Examples, Examples]:
    train, val = (Examples([texts[i] for i in part], [rows[i] for i in part]) for part in chosen)
    return train, val


def require_fitting(transformer: Transformer, rows: Examples, loss: Any, metrics: Any) -> None:
    """Refuse a loss or metrics that don't fit the labels, before texts are encoded.

    Raises:
        ArgumentError: there is no such loss or metric, or not for this task.
    """
    if transformer.is_tagged(rows.texts, rows.labels):
        task, classes = TOKENS, 1
    else:
        labels = infer_labels(rows.labels, transformer.class_names, transformer.task)
        task, classes = labels.task, len(labels.classes)
    loss_for(task, loss)
    metrics_for(task, classes, metrics)


def examples_of(
    data: Any, text: str | Sequence[str], label: str | Sequence[str], task: str | None = None,
    label_sep: str | None = None,
) -> Examples:  # fmt: skip
    """Texts and labels from a table, or the arguments unchanged."""
    if not isinstance(data, (tuple, list)):
        return read_table_for(data, text, label, task, label_sep=label_sep)
    if label_sep is not None:
        raise ArgumentError(
            f"label_sep={shown(label_sep)} is for tables; these are texts and labels. Split the "
            "labels first, as in [label.split(';') for label in labels]."
        )
    if isinstance(data, Examples):
        return data
    if len(data) != 2 or isinstance(data[0], str):
        raise ArgumentError(
            f"data must be a table or (texts, labels); this is a {type(data).__name__} of "
            f"{len(data)}. Texts alone can't be trained on."
        )
    return Examples(data[0], data[1])


def both_parts(data: Any, val: Any, *how: Any) -> list[Examples]:
    """The training part, and the held-out one if there is one; `how` as for `examples_of`."""
    return [examples_of(each, *how) for each in (data, *(() if val is None else (val,)))]


def read_table_for(
    source: Any, text: Any, label: Any, task: str | None, **options: str | None
) -> Examples:
    """Texts and labels from a table; for token classification, words and tags.

    There, "text" and "label" stand for the columns' usual names. Without a task a CoNLL file's name
    tells that it has tags.
    """
    is_path = isinstance(source, (str, os.PathLike))
    tagged = is_path and Path(source).suffix.lower() in TAGGED_ONLY
    if not (tagged if task is None else task_named(task).per_token):
        return read_texts(source, text, label, **options)
    if options.pop("label_sep", None) is not None:
        raise ArgumentError("label_sep is for labels of texts; a word has one tag. Leave it out.")
    columns = (None if text == "text" else text), (None if label == "label" else label)
    return read_entities(source, *columns, **options)
