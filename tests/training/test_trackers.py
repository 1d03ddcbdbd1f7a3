"""Experiment trackers go through their own Keras callbacks, offline."""

import keras
import pytest
from any_models import network, numbers

import simpletext as st

# What other people's packages warn of is theirs.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def train():
    x, y = numbers()
    learner = st.get_learner(network(), (x, y), (x, y), batch_size=16)
    return lambda callback: learner.fit_onecycle(0.01, 2, callbacks=[callback], verbose=0)


def test_tensorboard(train, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history = train(keras.callbacks.TensorBoard(tmp_path))
    events = EventAccumulator(str(tmp_path / "validation"))
    events.Reload()
    steps = [event.step for event in events.Tensors("epoch_loss")]
    assert steps == [0, 1]
    assert len(history["val_loss"]) == 2


def test_weights_and_biases_offline(train, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    from wandb.integration.keras import WandbMetricsLogger

    monkeypatch.chdir(tmp_path)
    with wandb.init(project="test", mode="offline", dir=tmp_path) as run:
        history = train(WandbMetricsLogger())
        assert run.summary["epoch/val_loss"] == pytest.approx(history["val_loss"][-1])


def test_mlflow_in_local_files(train, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    keras_part = pytest.importorskip("mlflow.keras")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        history = train(keras_part.MlflowCallback(run))
    found = mlflow.MlflowClient().get_metric_history(run.info.run_id, "val_loss")
    assert [m.value for m in found] == pytest.approx(history["val_loss"])
