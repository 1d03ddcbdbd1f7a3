"""One try of a search, in a process of its own, and its record.

This file imports neither Keras nor Ray, so that the process sets its threads before they start.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SimpletextError
from ..utils.files import read_json, whole_file, write_json

COMPLETE, STOPPED, FAILED = "complete", "stopped early", "failed"  # as in TuningResult.to_frame
RECORDS = "trials"  # the folder with a JSON file per try
PERCENT, SCORE = "percent", "score"  # what a try reports to Ray


@dataclass(frozen=True)
class SearchJob:
    """A search as it is sent to the workers.

    Attributes:
        train: the training rows, or all rows.
        val: the held-out rows; None takes them from `train`.
        options: what all tries have in common.
        first: the settings of the first try.
        tries: the settings of all tries, by number, with their learning rates.
        folder: that of the search.
        environment: variables of each worker.
    """

    train: Any
    val: Any
    options: Any
    first: Any
    tries: tuple[Any, ...]
    folder: Path
    environment: Mapping[str, str]


def saved_in(folder: Path, number: int) -> Path:
    """The folder of a try's predictor."""
    return folder / f"trial-{number}"


def record_of(folder: Path, number: int) -> Path:
    """The file with a try's record."""
    return folder / RECORDS / f"{number:04d}.json"


def record(
    job: SearchJob, number: int, state: str, score: float | None, seconds: float, note: str = ""
) -> None:
    """Write how a try has ended."""
    content = {
        "number": number, "state": state, SCORE: score, "seconds": round(seconds, 2),
        "settings": job.tries[number].to_dict(), "note": note,
    }  # fmt: skip
    path = record_of(job.folder, number)
    path.parent.mkdir(exist_ok=True)
    with whole_file(path) as part:
        write_json(part, content)


def records(folder: Path) -> list[dict[str, Any]]:
    """The records of a search, by number."""
    return [read_json(path) for path in sorted((folder / RECORDS).glob("[0-9]*.json"))]


def try_settings(config: Mapping[str, Any], job: SearchJob) -> None:
    """Ray's call for one try: train, save the predictor, report the scores.

    Args:
        config: has the try's number as "number".
        job: the search.
    """
    began = time.monotonic()
    os.environ.update(job.environment)
    try:
        score = _trained(job, config["number"])
    except SimpletextError as error:  # one that Ray shouldn't try again
        record(job, config["number"], FAILED, None, time.monotonic() - began, str(error))
        return
    record(job, config["number"], COMPLETE, score, time.monotonic() - began)
    _report(100, score)


def _trained(job: SearchJob, number: int) -> float:
    """The score of a finished training, whose predictor is saved."""
    import shutil

    import keras

    from ..tuning.search import score_of
    from ..tuning.trials import TrialRunner

    metric = job.options.metrics
    runner = TrialRunner(job.train, job.val, job.options, job.first, 0)
    settings = job.tries[number]

    def report(epoch: int, logs: Mapping[str, float]) -> None:
        percent = 100 * (epoch + 1) // settings.passes
        if percent < 100:  # the last epoch is reported once the predictor is saved
            _report(percent, float(logs[f"val_{metric}"]))

    learner = runner.run(settings, [keras.callbacks.LambdaCallback(on_epoch_end=report)])
    target = saved_in(job.folder, number)
    shutil.rmtree(target, ignore_errors=True)  # of a process that was killed
    runner.predictor(settings, learner).save(target)
    return score_of(learner, metric, job.options.early_stopping is not None)


def _report(percent: int, score: float) -> None:
    """Give Ray a score; a try that lags behind the others ends here."""
    import ray.tune

    ray.tune.report({PERCENT: percent, SCORE: score})
