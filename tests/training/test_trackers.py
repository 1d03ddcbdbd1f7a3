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

    def run(callback):
        history = learner.fit_onecycle(0.01, 2, callbacks=[callback], verbose=0)
        return history, learner.settings

    return run


def test_tensorboard(train, tmp_path):
    pytest.importorskip("tensorboard")
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import api as hparams
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    history, settings = train(keras.callbacks.TensorBoard(tmp_path))
    with tf.summary.create_file_writer(str(tmp_path / "settings")).as_default():
        hparams.hparams(settings)
    events = EventAccumulator(str(tmp_path / "validation"))
    events.Reload()
    steps = [event.step for event in events.Tensors("epoch_loss")]
    assert steps == [0, 1]
    assert len(history["val_loss"]) == 2
    events = EventAccumulator(str(tmp_path / "settings"))
    events.Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    logged = HParamsPluginData.FromString(content).session_start_info.hparams
    assert logged["lr"].number_value == 0.01
    assert logged["schedule"].string_value == "one_cycle"


def test_weights_and_biases_offline(train, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    from wandb.integration.keras import WandbMetricsLogger

    monkeypatch.chdir(tmp_path)
    with wandb.init(project="test", mode="offline", dir=tmp_path) as run:
        history, settings = train(WandbMetricsLogger())
        run.config.update(settings)
        assert run.config["lr"] == 0.01
        assert run.config["epochs"] == 2
        assert run.summary["epoch/val_loss"] == pytest.approx(history["val_loss"][-1])


def test_mlflow_in_a_local_database(train, tmp_path, monkeypatch):
    """The database that the documentation uses: the extra has what it needs."""
    mlflow = pytest.importorskip("mlflow")
    keras_part = pytest.importorskip("mlflow.keras")

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    with mlflow.start_run() as run:
        history, settings = train(keras_part.MlflowCallback())
        mlflow.log_params(settings)
    found = mlflow.MlflowClient().get_metric_history(run.info.run_id, "val_loss")
    assert [m.value for m in found] == pytest.approx(history["val_loss"])
    logged = mlflow.get_run(run.info.run_id).data.params
    assert float(logged["optimizer_learning_rate"]) == pytest.approx(0.01)
    assert (logged["lr"], logged["epochs"], logged["batch_size"]) == ("0.01", "2", "16")
