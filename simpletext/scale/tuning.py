"""`tune`: a search whose tries are trained by several workers, by Ray Tune."""

import os
import shutil
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.tables import Examples
from ..errors import ArgumentError, ClusterError
from ..predictor import load_predictor
from ..preparation import both_parts
from ..tasks.labels import checked_names
from ..tasks.metrics import lower_is_better
from ..training.fitting import ClassWeight
from ..training.verbs import require_schedule
from ..tuning.result import TuningResult
from ..tuning.search import Outcome
from ..tuning.settings import CommonOptions, TrainingSettings
from ..tuning.space import SearchSpace
from ..tuning.study import refuse_other, search_facts
from ..tuning.trials import TrialRunner
from ..tuning.tuner import TRIALS, Checkpoints, require_score, score_name, space_of
from ..utils import console
from ..utils.defaults import DEFAULT_MODEL
from ..utils.files import read_json, require_new_folder, whole_file, work_folder, write_json
from ..utils.validation import require_count
from .cluster import (
    check_machines,
    connected,
    cpus_per_worker,
    everywhere,
    machines,
    worker_environment,
)  # fmt: skip
from .trial import (
    COMPLETE,
    FAILED,
    PERCENT,
    SCORE,
    STOPPED,
    SearchJob,
    record,
    record_of,
    records,
    saved_in,
    try_settings,
)  # fmt: skip

FILE, TEXTS, STORAGE = "search.json", "texts", "ray"  # within the folder of a search
FIRST_MARK = 25  # percent of a training after which tries are first compared with each other
HALVED = 2  # at each mark the better half goes on
MOST_FAILURES = 3  # processes that a try may lose


@dataclass(frozen=True)
class ClusterTuningResult(TuningResult):
    """What a search by several workers has found; `study` holds the records of all tries."""

    def to_frame(self) -> Any:
        """All tries: a DataFrame with number, state, the score, seconds, settings, note, best.

        The score of a try that was stopped early is the last one it reported.
        """
        import pandas as pd

        return pd.DataFrame([self._row(found) for found in self.study])

    def _row(self, found: dict[str, Any]) -> dict[str, Any]:
        return {
            "number": found["number"],
            "state": found["state"],
            self.metric: found[SCORE],
            "seconds": found["seconds"],
            **found["settings"],
            "note": found["note"],
            "best": found["number"] == self.number,
        }


def tune(  # noqa: D417 - the others are described in `simpletext.tune`
    data: Any, text: str | Sequence[str] = "text", label: str | Sequence[str] = "label",
    checkpoint: Checkpoints = DEFAULT_MODEL, *, folder: str | os.PathLike, workers: int,
    gpus_per_worker: float = 0, space: Mapping[str, Any] | None = None, trials: int = TRIALS,
    resume: bool = False, metric: str | None = None, val: Any = None, val_pct: float = 0.1,
    schedule: str = "onecycle", early_stopping: int | None = None, class_weight: ClassWeight = None,
    loss: Any = None, class_names: Sequence[Hashable] | None = None, task: str | None = None,
    pooling: str = "auto", few_shot: bool | str = False,
    label_sep: str | None = None, seed: int = 0, verbose: int = 1, **fixed: Any,
) -> ClusterTuningResult:  # fmt: skip
    """Search for the settings with the best score on held-out rows, with several workers (Ray).

    The default training is the first try, the others are drawn at random. After 25 % and 50 % of
    its training a try goes on only if it is in the better half of those that have come so far
    (ASHA, https://arxiv.org/abs/1810.05934).

    Args:
        data: (texts, labels), a table that `read_texts` can read, or what it has read.
        text: the column with the texts, or two of them with pairs of texts.
        label: the column with the labels, or several.
        checkpoint: a name on the Hub or a folder; or several, of which the search chooses.
        folder: the new folder for the search, on storage that all machines see: the records of all
            tries, the encoded texts, the best predictor.
        workers: how many tries are trained at a time; the CPUs are divided between them.
        gpus_per_worker: GPUs of each worker; 0.5 lets two share one.
        space: setting -> `(low, high)`, a list of values, or one value, as for `simpletext.tune`.
        trials: tries at most.
        resume: continue the search in `folder`, if there is one. Tries that have ended are kept,
            and those that were broken off start again. `trials` and `workers` may differ.
        metric, val, val_pct, schedule, early_stopping, class_weight: see `simpletext.tune`.
        loss, class_names, task, pooling, few_shot, label_sep: see `simpletext.tune`.
        seed, verbose, fixed: see `simpletext.tune`.

    Returns:
        The best model's predictor, its settings, and all tries, as `simpletext.tune` returns them.

    Raises:
        ArgumentError: an unknown setting, a value that isn't allowed, more workers than fit on the
            machines; no try was completed.
        CheckpointError: the folder has a search already, or (resume) another one.
        ClusterError: no Ray, no such cluster, a machine with other versions or without the folder.
    """
    require_schedule(schedule, early_stopping)
    trials = require_count("trials", trials)
    workers = require_count("workers", workers)
    require_score(metric)
    target = work_folder(folder, FILE, "search", resume)
    if not resume:
        require_new_folder(target)
    chosen, first = space_of(everywhere(checkpoint), space, fixed, few_shot)
    options = CommonOptions(
        val_pct, schedule, early_stopping, class_weight, loss, metric, checked_names(class_names),
        task, pooling, few_shot, target / TEXTS, seed,
    )  # fmt: skip
    tables = both_parts(data, val, text, label, task, label_sep)
    ray = connected("tune")
    cpus = cpus_per_worker(machines(ray), workers, gpus_per_worker)
    environment = worker_environment(cpus, gpus_per_worker)
    _begin(target, search_facts(tables, chosen, first, options))
    local = [name for name in chosen.checkpoints(first.checkpoint) if Path(name).exists()]
    check_machines(ray, None, [str(target / FILE), *local])
    job = _job(tables, chosen, first, options, trials, target, environment)
    _search(ray, job, workers, {"cpu": cpus, "gpu": gpus_per_worker}, verbose)
    return _result(job)


def _begin(target: Path, search: dict[str, Any]) -> None:
    """Write what distinguishes the search from others, or compare it with what is there.

    Raises:
        CheckpointError: it is another search.
    """
    file = target / FILE
    if file.is_file():
        refuse_other(read_json(file), search, target)
        return
    target.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as part:
        write_json(part, search)


def _job(
    tables: Sequence[Examples], space: SearchSpace, first: TrainingSettings, options: CommonOptions,
    trials: int, folder: Path, environment: Mapping[str, str],
) -> SearchJob:  # fmt: skip
    """The search for the workers; the texts are encoded here, into the folder's cache."""
    val = tables[1] if len(tables) > 1 else None
    runner = TrialRunner(tables[0], val, options, first, 0)
    options = replace(
        options, metrics=score_name(options.metrics, runner.encoded(first).train.labels)
    )
    default = (replace(first, checkpoint=each) for each in space.checkpoints(first.checkpoint))
    defaults = [runner.complete(each) for each in default]
    rng = np.random.default_rng(options.seed)
    drawn = (replace(first, **space.drawn(rng)) for _ in range(trials))
    tries = [*(each for each in defaults if space.contains(each)), *drawn][:trials]
    tries = [runner.complete(each) for each in tries]
    return SearchJob(tables[0], val, options, first, tuple(tries), folder, environment)


def _search(
    ray: Any, job: SearchJob, workers: int, resources: dict[str, float], verbose: int
) -> None:
    """Train with the settings of all tries that haven't ended yet."""
    import ray.tune as rt

    left = [i for i in range(len(job.tries)) if not record_of(job.folder, i).is_file()]
    if not left:
        return
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the new one prints with verbose=0 too
    mode = "min" if lower_is_better(job.options.metrics) else "max"
    storage = job.folder / STORAGE
    # That of a run that was killed: the records are elsewhere.
    shutil.rmtree(storage, ignore_errors=True)
    tuner = rt.Tuner(
        rt.with_resources(rt.with_parameters(try_settings, job=job), resources),
        param_space={"number": rt.grid_search(left)},
        tune_config=rt.TuneConfig(
            metric=SCORE, mode=mode, max_concurrent_trials=workers,
            scheduler=rt.schedulers.ASHAScheduler(
                PERCENT, max_t=101, grace_period=FIRST_MARK, reduction_factor=HALVED
            ),
        ),
        run_config=rt.RunConfig(
            name=STORAGE, storage_path=str(job.folder), verbose=0,
            failure_config=rt.FailureConfig(MOST_FAILURES), callbacks=[_recorder(rt, job, verbose)],
        ),
    )  # fmt: skip
    try:
        with console.silent("ray.tune"):
            tuner.fit()
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"The search failed: {type(error).__name__}. Continue it with resume=True."
        ) from error
    finally:
        shutil.rmtree(storage, ignore_errors=True)


def _recorder(rt: Any, job: SearchJob, verbose: int) -> Any:
    """Ray's callback: records the tries that were ended from outside, and keeps the best model."""

    class Recorder(rt.Callback):
        def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            ended(trial, STOPPED, STOPPED)

        def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            ended(trial, FAILED, f"its process was lost {MOST_FAILURES + 1} times")

    def ended(trial: Any, state: str, note: str) -> None:
        number, last = trial.config["number"], trial.last_result or {}
        if not record_of(job.folder, number).is_file():
            seconds = last.get("time_total_s", 0.0)
            record(job, number, state, last.get(SCORE), seconds, note)
        best = _keep_best(job)
        if verbose:
            found = read_json(record_of(job.folder, number))
            console.note(_line(found, job, best == number))

    return Recorder()


def _line(found: dict[str, Any], job: SearchJob, is_best: bool) -> str:
    complete = found["state"] == COMPLETE
    outcome = Outcome(
        job.tries[found["number"]], found["state"], found[SCORE] if complete else None,
        found["note"],
    )  # fmt: skip
    return outcome.describe(found["number"], job.options.metrics, found["seconds"], is_best)


def _best(job: SearchJob) -> dict[str, Any] | None:
    """The record of the best try so far."""
    complete = [found for found in records(job.folder) if found["state"] == COMPLETE]
    sign = 1 if lower_is_better(job.options.metrics) else -1
    return min(complete, key=lambda found: sign * found[SCORE], default=None)


def _keep_best(job: SearchJob) -> int | None:
    """Remove the models of all other tries that have ended; returns the best one's number."""
    best = _best(job)
    for found in records(job.folder):
        if best is not None and found["number"] != best["number"]:
            shutil.rmtree(saved_in(job.folder, found["number"]), ignore_errors=True)
    return None if best is None else best["number"]


def _result(job: SearchJob) -> ClusterTuningResult:
    _keep_best(job)
    best, found = _best(job), records(job.folder)
    if best is None:
        notes = "; ".join(f"try {each['number']}: {each['note']}" for each in found)
        raise ArgumentError(f"No try was completed. {notes}")
    return ClusterTuningResult(
        load_predictor(saved_in(job.folder, best["number"])),
        TrainingSettings(**best["settings"]), best[SCORE], job.options.metrics, best["number"],
        found,
    )  # fmt: skip
