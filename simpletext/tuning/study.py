"""Optuna's study: opening, resuming, and its samplers' values for a `SearchSpace`."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data.tables import Examples
from ..errors import ArgumentError, CheckpointError
from ..utils.files import work_folder
from ..utils.validation import require_flag
from .settings import CommonOptions, TrainingSettings
from .space import Choice, SearchSpace

FILE, NAME = "study.db", "simpletext"
STARTUP = 4  # completed tries before any is stopped early


def require_optuna() -> Any:
    """The package.

    Raises:
        ArgumentError: it isn't installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ArgumentError(
            'A search needs the package optuna: pip install "simpletext-keras[tune]".'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def require_free_folder(folder: Any, resume: Any) -> Path | None:
    """The folder of a study as a path, before any work is done; it isn't created yet.

    Raises:
        ArgumentError: `resume` without a folder.
        CheckpointError: another study is in the folder.
    """
    resume = require_flag("resume", resume)
    if folder is None:
        if resume:
            raise ArgumentError("resume=True needs folder: the folder of the search to continue.")
        return None
    return work_folder(folder, FILE, "search", resume)


def open_study(folder: Path | None, lower: bool, seed: int, search: dict[str, Any]) -> Any:
    """A new study, or the one in a folder.

    Args:
        folder: where its SQLite database is; None keeps it in memory.
        lower: whether a lower score is better.
        seed: of the sampler.
        search: what distinguishes this search from others, as JSON values.

    Raises:
        CheckpointError: the study in the folder is another one, or can't be read.
    """
    optuna = require_optuna()
    options = {
        "direction": "minimize" if lower else "maximize",
        "pruner": optuna.pruners.MedianPruner(STARTUP),
        "study_name": NAME,
    }
    if folder is None:
        return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), **options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=f"sqlite:///{folder / FILE}", load_if_exists=True, **options
        )
    except OSError as error:
        raise CheckpointError(f"folder can't be created: {error}.") from error
    except Exception as error:
        raise CheckpointError(f"{folder / FILE} can't be read as a search: {error}") from error
    _require_same(study, search, folder)
    _ask_again(study)
    # A sampler starts with its seed's first values: a resumed search needs others.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


def _require_same(study: Any, search: dict[str, Any], folder: Path) -> None:
    known = study.user_attrs.get("search")
    if known is None:
        study.set_user_attr("search", json.dumps(search, sort_keys=True))
    else:
        refuse_other(json.loads(known), search, folder)


def refuse_other(known: dict[str, Any], search: dict[str, Any], folder: Path) -> None:
    """Refuse to continue a search with other data or settings.

    Args:
        known: what distinguishes the search in the folder, as JSON values.
        search: the same of the one that is to be made.
        folder: for the message.

    Raises:
        CheckpointError: they differ.
    """
    wanted = json.loads(json.dumps(search))  # tuples become lists
    names = sorted(name for name in {*known, *wanted} if known.get(name) != wanted.get(name))
    if names:
        raise CheckpointError(
            f"The search in {folder} has other values for {', '.join(names)}. Continue it with "
            "the same data and settings, or use another folder."
        )


def _ask_again(study: Any) -> None:
    """Tries that a killed process left behind are made again."""
    for trial in study.trials:
        if trial.state.name == "RUNNING":
            tell(study, trial.number, "FAIL", None)
            if trial.params:
                study.enqueue_trial(trial.params)


def tell(study: Any, number: int, state: str, score: float | None) -> None:
    """End a try in the study."""
    from optuna.trial import TrialState

    study.tell(number, score, TrialState[state])


def is_any_complete(study: Any) -> bool:
    """Whether a try was completed."""
    return any(trial.state.name == "COMPLETE" for trial in study.trials)


def suggested(trial: Any, space: SearchSpace) -> dict[str, Any]:
    """The sampler's values for a try: name of a setting -> value."""
    values: dict[str, Any] = {}
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, Choice):
            values[name] = trial.suggest_categorical(name, list(dimension.values))
        elif dimension.is_whole:
            values[name] = trial.suggest_int(name, dimension.low, dimension.high)
        else:
            values[name] = trial.suggest_float(
                name, dimension.low, dimension.high, log=dimension.log
            )
    return values


def search_facts(
    tables: Sequence[Examples], space: SearchSpace, first: TrainingSettings, options: CommonOptions
) -> dict[str, Any]:
    """What distinguishes a search from others, as JSON values."""
    found = {"data": fingerprint(*tables), "space": space.describe(), "first": first.to_dict()}
    return found | options.describe()


def fingerprint(*parts: Examples | None) -> str:
    """A short text that is the same for the same texts and labels."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        rows = () if part is None else zip(part.texts, part.labels or (), strict=False)
        for row in rows:
            digest.update(repr(row).encode("utf-8", "surrogatepass"))
        digest.update(b"|")
    return digest.hexdigest()
