"""`tune`: a search for the settings with the best score on held-out rows."""

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.tables import Examples
from ..errors import ArgumentError
from ..predictor import Predictor, load_predictor
from ..preparation import both_parts
from ..tasks.labels import Labels, checked_names
from ..tasks.metrics import lower_is_better, metrics_for
from ..training.fitting import ClassWeight
from ..training.usual import usual_rate
from ..training.verbs import require_schedule
from ..transformer import Transformer
from ..utils import console
from ..utils.defaults import DEFAULT_MODEL
from ..utils.validation import require_count, require_list, require_number, require_verbose, shown
from .clock import Deadline
from .result import TuningResult
from .search import Best, Limits, Search, saved_in
from .settings import CommonOptions, TrainingSettings, checked_setting
from .space import Choice, SearchSpace, default_space, searchable
from .study import open_study, require_free_folder, require_optuna, search_facts
from .trials import TrialRunner

TRIALS = 20  # by default, where no time is given
Checkpoints = str | os.PathLike | Sequence[str | os.PathLike]


def tune(  # noqa: D417 - what all tries have in common is described in `train`
    data: Any, text: str | Sequence[str] = "text", label: str | Sequence[str] = "label",
    checkpoint: Checkpoints = DEFAULT_MODEL, *, space: Mapping[str, Any] | None = None,
    trials: int | None = None, minutes: float | None = None,
    folder: str | os.PathLike | None = None, resume: bool = False, metric: str | None = None,
    val: Any = None, val_pct: float = 0.1, schedule: str = "onecycle",
    early_stopping: int | None = None, class_weight: ClassWeight = None, loss: Any = None,
    class_names: Sequence[Hashable] | None = None, task: str | None = None,
    pooling: str = "auto", few_shot: bool | str = False, label_sep: str | None = None,
    cache_dir: str | os.PathLike | None = None, seed: int = 0, verbose: int = 1, **fixed: Any,
) -> TuningResult:  # fmt: skip
    """Search for the settings with the best score on held-out rows (Optuna's TPE sampler).

    The default training is the first try. Tries that lag behind the others are stopped early
    (Optuna's median pruner). Texts are encoded once per checkpoint and maxlen.

    Args:
        data: (texts, labels), a table that `read_texts` can read, or what it has read.
        text: the column with the texts, or two of them with pairs of texts.
        label: the column with the labels, or several.
        checkpoint: a name on the Hub or a folder; or several, of which the search chooses.
        space: setting -> `(low, high)`, a list of values, or one value. Settings are checkpoint,
            lr, epochs, batch_size, maxlen and frozen_blocks; by default all but maxlen are
            searched, checkpoint if there are several.
        trials: tries at most; by default 20, or as many as the minutes allow.
        minutes: the time at most.
        folder: keep the study (SQLite) and the best model there.
        resume: continue the search in `folder`, also after its process was killed. `trials` counts
            the tries made before; `minutes` is the time from now on.
        metric: the score, such as "f1" (see `Transformer.get_classifier`); by default accuracy,
            micro-averaged F1 (multi-label), mae (regression) or the entities' F1.
        val: held-out data of the same form as `data`; by default a part of it.
        val_pct: how large a part, as a share.
        schedule, early_stopping, class_weight, loss: of all tries; see `simpletext.train`.
        class_names, task, pooling, few_shot, label_sep, cache_dir: also of all tries.
        seed: for the split, the sampler, new heads, dropout and the order of the texts.
        verbose: 0 prints nothing.
        fixed: settings that aren't searched, such as `maxlen=64`.

    Returns:
        The best model's predictor, its settings, and all tries.

    Raises:
        ArgumentError: the package optuna isn't installed (extra "tune"), an unknown setting, a
            value that isn't allowed, too little time for a training.
        CheckpointError: the folder has a search already, or (resume) another one.
        KeyboardInterrupt: Ctrl-C before the first try was complete; later it ends the search.
    """
    require_verbose(verbose)
    require_optuna()
    deadline = Deadline(require_minutes(minutes))
    require_schedule(schedule, early_stopping)
    require_score(metric)
    limit = TRIALS if trials is None and minutes is None else trials
    if limit is not None:
        require_count("trials", limit)
    path = require_free_folder(folder, resume)
    options = CommonOptions(
        val_pct, schedule, early_stopping, class_weight, loss, metric, checked_names(class_names),
        task, pooling, few_shot, cache_dir, seed,
    )  # fmt: skip
    chosen, first = space_of(checkpoint, space, fixed, few_shot)
    tables = both_parts(data, val, text, label, task, label_sep)
    return _searched(tables, chosen, first, options, Limits(limit, deadline), path, verbose)


def space_of(
    checkpoint: Checkpoints,
    space: Mapping[str, Any] | None,
    fixed: Mapping[str, Any],
    few_shot: bool | str = False,
) -> tuple[SearchSpace, TrainingSettings]:
    """What is searched, and the settings of the first try; the arguments are those of `tune`.

    Raises:
        ArgumentError: an unknown setting, or a value that isn't allowed.
    """
    checkpoints = _checkpoints(checkpoint)
    first = TrainingSettings(**{name: searchable(name, fixed[name]) for name in fixed})
    chosen = (
        default_space(checkpoints, _usual_rates(checkpoints, few_shot), fixed) if space is None
        else _wanted(space, fixed, checkpoints)
    )  # fmt: skip
    return chosen, replace(first, checkpoint=chosen.checkpoints(checkpoints[0])[0])


def require_minutes(minutes: Any) -> float | None:
    """A time budget as a number, or None.

    Raises:
        ArgumentError: not a number above 0.
    """
    if minutes is None:
        return None
    return require_number("minutes", minutes, 1e-3, 1e6, "a number of minutes, like 10")


def _checkpoints(checkpoint: Checkpoints) -> list[str]:
    """One checkpoint or several, as names or paths."""
    single = isinstance(checkpoint, (str, os.PathLike))
    found = [checkpoint] if single else require_list("checkpoint", checkpoint, "checkpoints")
    if not found:
        raise ArgumentError("checkpoint=[]; name one or more.")
    return [checked_setting("checkpoint", each) for each in found]


def _usual_rates(checkpoints: list[str], few_shot: bool | str) -> list[float]:
    """The usual learning rate of each; fails early without a checkpoint."""
    return [usual_rate(Transformer(each, 3).files.config, few_shot) for each in checkpoints]


def _wanted(space: Any, fixed: Mapping[str, Any], checkpoints: list[str]) -> SearchSpace:
    """The user's space, with the checkpoints if there are several.

    Raises:
        ArgumentError: a setting that is in the space and passed as well.
    """
    found = SearchSpace.of(space)
    passed = [*fixed, *(["checkpoint"] if len(checkpoints) > 1 else [])]
    if twice := [name for name in passed if name in found.dimensions]:
        raise ArgumentError(
            f"{' and '.join(twice)} is in space and passed as well. Leave out one of them."
        )
    several = {"checkpoint": Choice(tuple(checkpoints))} if len(checkpoints) > 1 else {}
    return SearchSpace({**found.dimensions, **several})


def _searched(
    tables: list[Examples], space: SearchSpace, first: TrainingSettings, options: CommonOptions,
    limits: Limits, folder: Path | None, verbose: int,
) -> TuningResult:  # fmt: skip
    if verbose:
        console.note("Each try is printed when it ends.")
    runner = TrialRunner(tables[0], tables[1] if len(tables) > 1 else None, options, first, verbose)
    metric = score_name(options.metrics, runner.encoded(first).train.labels)
    runner.options = replace(options, metrics=metric)
    search = search_facts(tables, space, first, runner.options)
    study = open_study(folder, lower_is_better(metric), options.seed, search)
    best = Search(runner, space, first, study, metric, limits, folder).run()
    predictor = _predictor(runner, best, folder)
    return TuningResult(predictor, best.settings, best.score, metric, best.number, study)


def require_score(metric: Any) -> None:
    """Refuse a score that isn't a name.

    Raises:
        ArgumentError: something else than a name or None.
    """
    if metric is not None and not isinstance(metric, str):
        raise ArgumentError(f"metric={shown(metric)}; it must be a name, such as 'f1'.")


def score_name(name: str | None, labels: Labels) -> str:
    """The name of the score, by default that of the task.

    Raises:
        ArgumentError: a name that doesn't fit the task.
    """
    kind = labels.kind
    metric = kind.selection_metric or kind.default_metric if name is None else name
    metrics_for(labels.task, len(labels.classes), metric, labels.names)
    return metric


def _predictor(runner: TrialRunner, best: Best, folder: Path | None) -> Predictor:
    """The best try's predictor, from memory or from the folder of a process before this one."""
    if best.learner is None or best.weights is None:
        predictor: Predictor = load_predictor(saved_in(folder or Path(), best.number))
        return predictor
    best.weights.restore(best.learner.model)
    predictor = runner.predictor(best.settings, best.learner)
    predictor.learner = best.learner
    return predictor
