"""`train`: from a table to a predictor, in one call.

>>> texts = ["good", "bad", "very good", "very bad"] * 2
>>> predictor = train((texts, ["pos", "neg"] * 4), val_pct=0.5, epochs=1, verbose=0)
>>> predictor.get_classes()
['neg', 'pos']
"""

import os
from collections.abc import Hashable, Sequence
from typing import Any

from .data.parallel_texts import ParallelTexts
from .data.splitting import split_rows
from .errors import ArgumentError
from .learner import Learner, get_learner
from .predictor import Predictor, get_predictor
from .preparation import examples_of, prepared, require_fitting
from .seq2seq import Seq2Seq
from .tasks.labels import checked_names
from .tasks.translation import TranslationLabels
from .tokenization.batching import Batches
from .training.contrastive import require_few_shot
from .training.fitting import ClassWeight
from .training.usual import usual_training
from .training.verbs import fit_by, require_schedule
from .transformer import Transformer
from .translator import Translator
from .tuning.tuner import Checkpoints, tune
from .utils import console
from .utils.defaults import DEFAULT_MODEL
from .utils.validation import require_count, require_list, require_verbose, shown


def train(
    data: Any, text: str | Sequence[str] = "text", label: str | Sequence[str] = "label",
    checkpoint: Checkpoints = DEFAULT_MODEL, *, val: Any = None, val_pct: float = 0.1,
    maxlen: int = 128, epochs: int | None = None, lr: float | str | None = None,
    batch_size: int | None = None, minutes: float | None = None, schedule: str = "onecycle",
    early_stopping: int | None = None, class_weight: ClassWeight = None, loss: Any = None,
    metrics: Any = None, class_names: Sequence[Hashable] | None = None, task: str | None = None,
    pooling: str = "auto", few_shot: bool | str = False, label_sep: str | None = None,
    cache_dir: str | os.PathLike | None = None, seed: int = 0, verbose: int = 1,
) -> Predictor:  # fmt: skip
    """Train a model on a table, or on texts and labels, and give its predictor.

    Args:
        data: (texts, labels), a table that `read_texts` can read, or what it has read.
        text: the column with the texts, or two of them with pairs of texts.
        label: the column with the labels, or several.
        checkpoint: a name on the Hub, or a folder; with `minutes` also several to choose from.
        val: validation data of the same form; by default a part of `data`.
        val_pct: how large a part, as a share.
        maxlen: maximum number of tokens per text; longer texts are truncated.
        epochs: passes over the training data, in one cycle; by default 3, or 5 for fewer than 500
            texts with one label each.
        lr: the cycle's highest learning rate; by default 1e-4 for hidden sizes below 512, else
            3e-5; half of that for 3 epochs or more on fewer than 500 texts, a fifth with few_shot.
            "auto" measures it (see `Learner.lr_find`).
        batch_size: texts per training step; by default 32.
        minutes: search for the best of epochs, lr, batch_size, frozen blocks and checkpoints
            within this time (see `tune`); those that are passed are kept as they are.
        schedule: "onecycle" (see `Learner.fit_onecycle`), "linear" (`Learner.fit_linear`),
            "constant" (`Learner.fit`) or "triangular" (`Learner.autofit`).
        early_stopping: epochs without a lower loss before the training ends; not for "onecycle".
        class_weight: class -> weight of its rows in the loss, or "balanced".
        loss: see `Transformer.get_classifier` and `get_regression_model`.
        metrics: see there. With `minutes` one name, by which the search chooses.
        class_names: fixes the classes and their order.
        task: overrides the task inferred from the labels (see `Transformer`).
        pooling: which head goes on top (see `load_classifier`).
        few_shot: for few texts per class (see `Transformer`).
        label_sep: what separates several labels in one field of a table (see `read_texts`).
        cache_dir: keep the encoded texts on disk (see `Transformer.preprocess_train`).
        seed: for the split, the new head, dropout and the order of the texts.
        verbose: 0 prints nothing.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; use a `Learner` to keep a training's half.

    Returns:
        The predictor. It has its `learner`, and as its `report` what `Learner.validate` gives; with
        `minutes` it has the `TuningResult` as its `tuning`.
    """
    require_verbose(verbose)
    require_schedule(schedule, early_stopping)
    require_few_shot(few_shot)
    common: dict[str, Any] = {
        "val": val, "val_pct": val_pct, "maxlen": maxlen, "schedule": schedule,
        "early_stopping": early_stopping, "class_weight": class_weight, "loss": loss,
        "class_names": class_names, "task": task, "pooling": pooling, "few_shot": few_shot,
        "label_sep": label_sep, "cache_dir": cache_dir, "seed": seed, "verbose": verbose,
    }  # fmt: skip
    if minutes is not None:
        passed = {"epochs": epochs, "lr": lr, "batch_size": batch_size}
        common |= {"data": data, "text": text, "label": label, "checkpoint": checkpoint}
        return _train_within(minutes, metrics, passed, common)
    epochs = None if epochs is None else require_count("epochs", epochs)
    batch_size = require_count("batch_size", 32 if batch_size is None else batch_size)
    class_names = checked_names(class_names)
    examples = examples_of(data, text, label, task, label_sep)
    val_examples = None if val is None else examples_of(val, text, label, task, label_sep)
    if not isinstance(checkpoint, (str, os.PathLike)):
        raise ArgumentError(
            f"checkpoint={shown(checkpoint)}; without minutes it must be one name or folder."
        )
    preproc = Transformer(
        checkpoint, maxlen, class_names or examples.class_names, task=task, pooling=pooling,
        few_shot=few_shot, seed=seed,
    )  # fmt: skip
    config = preproc.files.config  # fails early without a checkpoint
    require_fitting(preproc, examples, loss, metrics)
    parts = prepared(preproc, examples, val_examples, val_pct, seed, verbose, cache_dir)
    usual = usual_training(config, few_shot, parts[0], lr, epochs)
    if verbose and lr is None:
        console.note(f"learning rate: {usual.lr:g}")
    model = preproc.get_model(metrics=metrics, loss=loss, verbose=verbose)
    learner = get_learner(model, parts[0], parts[1], batch_size, seed=seed)
    fit_by(schedule, learner, *usual, early_stopping, class_weight, verbose)
    if learner.interrupted:  # the caller has no learner to inspect
        raise KeyboardInterrupt
    return _finished(learner, preproc, verbose)


def _train_within(
    minutes: float, metrics: Any, passed: dict[str, Any], common: dict[str, Any]
) -> Predictor:
    """The best model of a search (see `tune`), with its learner and report."""
    fixed = {
        name: value
        for name, value in passed.items()
        if value is not None and not (isinstance(value, str) and value == "auto")
    }
    if metrics is not None and not isinstance(metrics, str):
        names = require_list("metrics", metrics)
        if len(names) != 1:
            raise ArgumentError(
                f"metrics={shown(metrics)}; with minutes it must be one name, by which the best "
                "model is chosen."
            )
        metrics = names[0]
    result = tune(minutes=minutes, metric=metrics, **common, **fixed)
    predictor, learner = result.predictor, result.predictor.learner
    predictor.tuning = result
    predictor.report = learner.validate(print_report=bool(common["verbose"]))
    return predictor


def train_translator(
    pairs: ParallelTexts,
    checkpoint: str | os.PathLike | None = None,
    *,
    val: ParallelTexts | None = None,
    val_pct: float = 0.1,
    maxlen: int = 128,
    epochs: int = 3,
    lr: float | None = None,
    batch_size: int = 32,
    seed: int = 0,
    verbose: int = 1,
) -> Translator:
    """Train a model that translates on texts and their translations, and give its translator.

    Args:
        pairs: what `read_pairs` has read.
        checkpoint: a Marian or BART checkpoint; None trains a model from scratch, with batches of
            4096 tokens instead of `batch_size` rows.
        val: validation pairs; by default a part of `pairs`.
        val_pct: how large a part, as a share.
        maxlen: maximum number of tokens per source; for a new model also per target.
        epochs: passes over the training data.
        lr: the highest learning rate, after a fifth of the steps (see `Learner.fit_noam`); by
            default 1e-3 for a new model, else 5e-5.
        batch_size: pairs a training step.
        seed: for the split, new weights, dropout and the order of the pairs.
        verbose: 0 prints nothing.
    """
    require_verbose(verbose)
    epochs = require_count("epochs", epochs)
    if val is None:
        pairs, val = _split_pairs(pairs, val_pct, seed)
    new = checkpoint is None
    preproc = (
        Seq2Seq.new(maxlen=maxlen, seed=seed) if checkpoint is None
        else Seq2Seq(checkpoint, maxlen, seed=seed)
    )  # fmt: skip
    data = preproc.preprocess_train(*pairs, verbose=verbose)
    val_data = preproc.preprocess_test(*val, verbose=verbose)
    model = preproc.get_model(verbose=verbose)
    learner = get_learner(model, data, val_data, batch_size, seed=seed)
    steps = len(Batches(data, batch_size)) * epochs
    rate = lr if lr is not None else 1e-3 if new else 5e-5
    learner.fit_noam(rate, epochs, warmup_steps=max(steps // 5, 1), verbose=verbose)
    if learner.interrupted:
        raise KeyboardInterrupt
    learner.validate(print_report=bool(verbose))
    return get_predictor(learner.model, preproc)


def _split_pairs(
    pairs: ParallelTexts, val_pct: float, seed: int
) -> tuple[ParallelTexts, ParallelTexts]:
    """Training and validation pairs."""
    rows = split_rows(pairs.targets, TranslationLabels(), val_pct, seed)
    parts = [ParallelTexts(*([texts[i] for i in part] for texts in pairs)) for part in rows]
    return parts[0], parts[1]


def _finished(learner: Learner, preproc: Transformer, verbose: int) -> Predictor:
    """The predictor with its learner and report."""
    predictor = get_predictor(learner.model, preproc)
    predictor.learner = learner
    predictor.report = learner.validate(print_report=bool(verbose))
    return predictor
