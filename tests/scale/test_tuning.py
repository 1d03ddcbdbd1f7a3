"""`scale.tune`: the tries, their records, and a search that is killed."""

import sys
import types
from importlib.util import find_spec

import pytest
from conftest import LABELS, TEXTS
from ray_jobs import run_job

from simpletext.data.tables import Examples
from simpletext.errors import ArgumentError, CheckpointError
from simpletext.scale import tune, tuning
from simpletext.scale.trial import SearchJob, record, records, saved_in, try_settings
from simpletext.tuning.settings import CommonOptions, TrainingSettings
from simpletext.tuning.tuner import space_of

TABLES = [Examples(TEXTS, LABELS), Examples(TEXTS[:20], LABELS[:20])]


@pytest.fixture
def job(tiny, tmp_path):
    """A search of four tries; a rate of 1e30 fails."""
    rates = (1e-3, 1e-5, 1e-4, 1e30)
    tries = tuple(TrainingSettings(str(tiny), lr, 4, 8, 16) for lr in rates)
    options = CommonOptions(metrics="accuracy")
    return SearchJob(*TABLES, options, tries[0], tries, tmp_path, {})


@pytest.fixture
def reported(monkeypatch):
    """What is reported to Ray, which isn't there."""
    found, tunes = [], types.ModuleType("ray.tune")
    tunes.report = found.append
    ray = types.ModuleType("ray")
    ray.tune = tunes
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.tune", tunes)
    return found


def test_the_default_comes_first_and_then_what_the_seed_draws(tiny, tmp_path):
    space, first = space_of(str(tiny), {"lr": (1e-5, 1e-2), "epochs": [1, 5]}, {"maxlen": 16})
    jobs = [
        tuning._job(TABLES, space, first, CommonOptions(seed=1), count, tmp_path, {})
        for count in (3, 5)
    ]
    assert jobs[0].options.metrics == "accuracy"
    tries = jobs[1].tries
    assert tries[:3] == jobs[0].tries  # more of them begin with the same ones
    assert (tries[0].lr, tries[0].epochs) == (5e-5, 5)  # the usual ones
    assert len({each.lr for each in tries}) == 5
    assert all(1e-5 <= each.lr <= 1e-2 and each.epochs in (1, 5) for each in tries)


def test_a_try_saves_its_predictor_before_its_last_report(job, reported):
    try_settings({"number": 0}, job)
    assert [each["percent"] for each in reported] == [25, 50, 75, 100]
    assert (saved_in(job.folder, 0) / "config.json").is_file()
    (found,) = records(job.folder)
    assert (found["state"], found["score"]) == ("complete", reported[-1]["score"])
    assert found["settings"]["lr"] == 1e-3


def test_a_try_that_fails_is_recorded(job, reported):
    try_settings({"number": 3}, job)
    (found,) = records(job.folder)
    assert (found["state"], found["score"]) == ("failed", None)
    assert found["note"].startswith("The loss is")
    assert not any(each["percent"] == 100 for each in reported)
    with pytest.raises(ArgumentError, match="No try was completed. try 3: The loss is"):
        tuning._result(job)


def test_the_best_model_is_kept(job, trained):
    for number, score in enumerate((0.5, 0.9, 0.7)):
        trained.predictor.save(saved_in(job.folder, number))
        record(job, number, "complete", score, 2.0)
    record(job, 3, "stopped early", 0.95, 1.0, "stopped early")
    found = tuning._result(job)
    assert (found.number, found.score, found.settings.lr) == (1, 0.9, 1e-5)
    assert [path.name for path in job.folder.glob("trial-*")] == ["trial-1"]
    assert found.predictor.predict(TEXTS[:2]) == trained.predictor.predict(TEXTS[:2])
    table = found.to_frame()
    assert table["state"].tolist() == ["complete"] * 3 + ["stopped early"]
    assert table["accuracy"].tolist() == [0.5, 0.9, 0.7, 0.95]
    assert table["best"].tolist() == [False, True, False, False]


def test_another_search_is_refused(tmp_path):
    tuning._begin(tmp_path, {"data": "a", "seed": 0})
    tuning._begin(tmp_path, {"data": "a", "seed": 0})
    with pytest.raises(CheckpointError, match="other values for seed"):
        tuning._begin(tmp_path, {"data": "a", "seed": 1})
    with pytest.raises(CheckpointError, match="holds a search already"):
        tune((TEXTS, LABELS), folder=tmp_path, workers=2)


def test_unknown_settings_are_refused(tiny, tmp_path):
    with pytest.raises(ArgumentError, match="There is no setting 'rate'"):
        tune((TEXTS, LABELS), checkpoint=tiny, folder=tmp_path / "a", workers=2, rate=1)
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray isn't installed")
def test_a_killed_search_is_continued(tiny, tmp_path):
    case = {
        "action": "tune", "rows": 93, "checkpoint": tiny, "folder": tmp_path / "search",
        "workers": 2, "maxlen": 16, "trials": 4, "space": {"lr": [1e-3, 1e-5], "epochs": [2]},
    }  # fmt: skip
    _, done = run_job(**case, kill_at=1)
    assert done.returncode == -9, done.stdout + done.stderr
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("search/trials/*.json")}
    assert 1 <= len(kept) < 4
    found, done = run_job(**case, resume=True)
    assert done.returncode == 0, done.stdout + done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("search/trials/*.json")}
    assert len(after) == 4
    assert kept.items() <= after.items()
    states = [each["state"] for each in found["tries"]]
    assert "complete" in states
    assert set(states) <= {"complete", "stopped early"}
    best = next(each for each in found["tries"] if each["best"])
    assert best["accuracy"] == found["score"]
    assert [path.name for path in tmp_path.glob("search/trial-*")] == [f"trial-{best['number']}"]
    assert not (tmp_path / "search" / "ray").exists()
