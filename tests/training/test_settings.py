"""`learner.settings`: what trainings are compared by, and the rate that trackers see."""

import keras
import pytest
from any_models import network, numbers
from conftest import TEXTS

import simpletext as st


class RateAtTheStart(keras.callbacks.Callback):
    """What a tracker's callback logs when the training begins."""

    def on_train_begin(self, logs=None):
        self.rate = float(self.model.optimizer.learning_rate)


@pytest.fixture
def encoder(tiny):
    """A learner of a tiny encoder."""
    t = st.Transformer(str(tiny), maxlen=12, seed=3)
    train = t.preprocess_train(TEXTS[:16], ["pos", "neg"] * 8, verbose=0)
    return st.get_learner(t.get_classifier(verbose=0), train, batch_size=4, seed=5)


def test_an_encoder_names_its_checkpoint_data_and_training(encoder, tiny):
    before = encoder.settings
    assert before["checkpoint"] == str(tiny)
    assert before["model_type"] == "bert"
    assert (before["maxlen"], before["train_rows"]) == (12, 16)
    assert (before["batch_size"], before["seed"]) == (4, 5)
    assert "lr" not in before
    encoder.fit_linear(2e-4, 1, verbose=0, head_start=False)
    encoder.fit_onecycle(3e-4, 2, verbose=0)
    after = encoder.settings
    assert (after["schedule"], after["lr"]) == ("one_cycle", 3e-4)
    assert (after["epochs"], after["steps_per_epoch"]) == (3, 4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_is_that_of_the_layers(tiny, precision):
    t = st.Transformer(str(tiny), maxlen=12, precision=precision)
    train = t.preprocess_train(TEXTS[:16], ["pos", "neg"] * 8, verbose=0)
    assert st.get_learner(t.get_classifier(verbose=0), train).settings["precision"] == precision


def test_all_of_them_are_numbers_and_names(encoder):
    encoder.fit(1e-4, 1, verbose=0)
    assert {type(value) for value in encoder.settings.values()} <= {int, float, str}


def test_another_keras_model_has_no_checkpoint():
    x, y = numbers()
    settings = st.get_learner(network(), (x, y)).settings
    assert settings["parameters"] > 0
    assert settings["train_rows"] == len(x)
    assert not {"checkpoint", "model_type", "maxlen"} & set(settings)


@pytest.mark.parametrize("rate", [1e-2, 1e-4])
def test_trackers_see_the_highest_rate_when_the_training_begins(rate):
    x, y = numbers()
    tracker = RateAtTheStart()
    st.get_learner(network(), (x, y)).fit_onecycle(rate, 1, callbacks=[tracker], verbose=0)
    assert tracker.rate == pytest.approx(rate)


def test_the_data_keep_their_maxlen(encoder, tmp_path):
    data = encoder.train_data.data
    assert data.maxlen == 12
    path = tmp_path / "train.tfrecord"
    st.write_tfrecord(data, path)
    assert st.read_tfrecord(path).maxlen is None
