"""`scale.train`: what it refuses, what is a reason to start again, and a worker that is killed."""

import signal
import sys
import types
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from conftest import LABELS, TEXTS
from ray_jobs import run_job

from simpletext.data.tables import Examples
from simpletext.errors import ArgumentError, CheckpointError, ClusterError, TrainingError
from simpletext.scale import train, training, training_worker
from simpletext.scale.training_worker import CheckpointReporter, TrainingJob
from simpletext.tuning.settings import CommonOptions, TrainingSettings

ON_JAX = keras.backend.backend() == "jax"


@pytest.fixture
def on_jax(monkeypatch):
    """As on JAX, for what is refused before any process starts."""
    monkeypatch.setattr("simpletext.scale.training.backend.name", lambda: "jax")


@pytest.mark.skipif(ON_JAX, reason="JAX is allowed")
def test_other_backends_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"only JAX trains on several.*KERAS_BACKEND=jax"):
        train((TEXTS, LABELS), folder=tmp_path / "run", workers=2)


@pytest.mark.usefixtures("on_jax")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers=0"),
        ({"workers": 2, "gpus_per_worker": 0.5}, r"gpus_per_worker=0\.5"),
        ({"workers": 2, "epochs": 0}, "epochs=0"),
        ({"workers": 2, "early_stopping": 1}, "another schedule, such as 'linear'"),
    ],
)
def test_values_that_are_not_allowed(options, message, tiny, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        train((TEXTS, LABELS), checkpoint=tiny, folder=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_worker_trains_with_all_options(tiny, tmp_path, monkeypatch):
    fitted = []
    monkeypatch.setattr(training_worker, "fit_by", lambda *arguments: fitted.append(arguments))
    settings = TrainingSettings(str(tiny), 2e-4, 5, 16, 12)
    options = CommonOptions(
        schedule="linear", early_stopping=2, class_weight="balanced", metrics="f1",
        class_names=("pos", "neg"), pooling="mean", seed=3,
    )  # fmt: skip
    job = TrainingJob(Examples(TEXTS, LABELS), None, settings, options, tmp_path)
    learner, preproc = training_worker._trained(job, tmp_path)
    assert learner.model.architecture.pooling == "mean"
    assert (preproc.maxlen, preproc.get_classes(), preproc.seed) == (12, ["pos", "neg"], 3)
    assert (learner.batch_size, learner.seed) == (16, 3)
    schedule, _, *numbers = fitted[0][:6]
    assert (schedule, *numbers) == ("linear", 2e-4, 5, 2, "balanced")


@pytest.mark.usefixtures("on_jax")
def test_a_folder_with_a_training(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="holds a training already. Pass resume=True"):
        train((TEXTS, LABELS), folder=tmp_path, workers=2)
    (tmp_path / "predictor").mkdir()
    with pytest.raises(CheckpointError, match="is complete: load_predictor"):
        train((TEXTS, LABELS), folder=tmp_path, workers=2, resume=True)


# What fails, with a Ray that isn't there


class Failed(Exception):
    """Ray's error, with those of the workers."""

    def __init__(self, **failures):
        self.worker_failures = failures


class Ended(Exception):
    """Ray's error when its process has ended."""


@pytest.fixture
def fitted(monkeypatch, tmp_path):
    """`_fitted` on trainers that raise one error after the other, then return."""
    ray, trains = types.ModuleType("ray"), types.ModuleType("ray.train")
    trains.TrainingFailedError = Failed
    ray.train, ray.put = trains, lambda job: job
    ray.exceptions = types.SimpleNamespace(RayActorError=Ended)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.train", trains)
    job = TrainingJob(
        Examples(TEXTS, LABELS), None, TrainingSettings(), CommonOptions(), tmp_path / "run"
    )

    def run(*errors):
        left = list(errors)

        class Trainer:
            def fit(self):
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # as Ray's does
                if left:
                    raise left.pop(0)
                return "done"

        monkeypatch.setattr(training, "_trainer", lambda *given: Trainer())
        return training._fitted(ray, job, 2, {"CPU": 1, "GPU": 0})

    return run


LOST = Failed(one=ConnectionError("The actor is dead. Some causes are: ..."), other=TrainingError())


def test_lost_workers_are_a_reason_to_start_again(fitted, capsys):
    assert fitted(LOST, LOST, LOST) == "done"
    assert capsys.readouterr().err.splitlines()[0] == (
        "Starting again after ConnectionError: The actor is dead."
    )
    with pytest.raises(ClusterError, match=r"failed 4 times, at last by Conn.*resume=True"):
        fitted(LOST, LOST, LOST, LOST)


def test_ctrl_c_leaves_a_training_to_continue(fitted):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ClusterError, match="was stopped. Continue it with resume=True"):
        fitted(Ended())
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_that_would_come_again_is_raised(fitted):
    with pytest.raises(TrainingError, match="not a number"):
        fitted(Failed(one=TrainingError("not a number"), other=TrainingError("not a number")))


def test_checkpoints_are_reported_once_they_are_written(monkeypatch, tmp_path):
    reported, trains = [], types.ModuleType("ray.train")
    trains.report = lambda metrics, checkpoint: reported.append((metrics, checkpoint))
    trains.Checkpoint = types.SimpleNamespace(from_directory=str)
    ray = types.ModuleType("ray")
    ray.train = trains
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "ray.train", trains)
    reporter = CheckpointReporter(tmp_path)
    reporter.on_epoch_begin(0)
    reporter.on_epoch_end(0, {"loss": 0.5})
    assert reported == []  # the learner writes after the users' callbacks
    reporter.on_epoch_begin(1)
    reporter.on_epoch_end(1, {"loss": 0.25})
    reporter.on_train_end()
    assert reported == [
        ({"epoch": 1, "loss": 0.5}, str(tmp_path)), ({"epoch": 2, "loss": 0.25}, str(tmp_path)),
    ]  # fmt: skip


# With Ray


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray isn't installed")
@pytest.mark.skipif(not ON_JAX, reason="only JAX trains on several")
def test_a_killed_worker_is_replaced(tiny, tmp_path):
    case = {"rows": 93, "checkpoint": tiny, "maxlen": 16, "epochs": 3}
    cluster = {"folder": tmp_path / "run", "workers": 2}
    found, done = run_job(action="train", kill="ray::RayTrainWorker", **case, **cluster)
    assert done.returncode == 0, done.stdout + done.stderr
    assert found["killed"][0].startswith("ray::RayTrainWorker")
    assert "Starting again after " in done.stderr
    assert "continuing after epoch" in (tmp_path / "run" / "log.txt").read_text("utf-8")
    alone, done = run_job(action="alone", **case)
    assert done.returncode == 0, done.stdout + done.stderr
    # Where the processor has bfloat16, other devices round otherwise.
    assert np.abs(np.subtract(alone["proba"], found["proba"])).max() < 0.03
    assert np.shape(found["report"]) == (2, 2)
