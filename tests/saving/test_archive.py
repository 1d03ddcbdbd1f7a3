"""Predictors on their way to other processes: as the path of a folder, or as its bytes."""

import multiprocessing
import os
import pickle
import shutil

import cloudpickle
import numpy as np
import pytest
from seq2seq_models import toy

import simpletext as st
from simpletext.errors import CheckpointError

TEXTS = ["a good film", "an awful film"]


@pytest.fixture
def saved(trained, tmp_path):
    """A loaded predictor."""
    predictor = st.get_predictor(trained.learner.model, trained.transformer)
    predictor.save(tmp_path / "saved", metrics={"accuracy": 0.9})
    return st.load_predictor(tmp_path / "saved", batch_size=7)


@pytest.mark.parametrize("module", [pickle, cloudpickle])
def test_a_loaded_predictor_is_sent_as_its_path(saved, module):
    content = module.dumps(saved)
    assert len(content) < 1000
    again = module.loads(content)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), saved.predict_proba(TEXTS))
    assert (again.batch_size, again.folder) == (7, saved.folder)


def test_saving_makes_the_path_enough(trained, tmp_path):
    predictor = st.get_predictor(trained.learner.model, trained.transformer)
    assert len(pickle.dumps(predictor)) > 10_000
    predictor.save(tmp_path / "saved")
    assert len(pickle.dumps(predictor)) < 1000


def test_what_changed_since_is_sent_whole(saved):
    before = saved.predict_proba(TEXTS)
    weight = saved.model.trainable_variables[-1]
    old = np.array(weight)
    weight.assign(old + np.array([1.0, -1.0], "float32"))
    content = pickle.dumps(saved)
    weight.assign(old)
    assert len(content) > 10_000
    moved = pickle.loads(content).predict_proba(TEXTS)
    assert np.abs(moved - before).max() > 0.01


def test_a_calibration_after_loading_is_sent(saved, trained):
    saved.calibrate([*TEXTS, "a bad film", "a nice film"], ["pos", "neg", "neg", "neg"])
    again = pickle.loads(pickle.dumps(saved))
    assert again.settings.temperature == saved.settings.temperature != 1.0


def test_a_receiver_without_the_folder_is_refused(saved):
    content = pickle.dumps(saved)
    shutil.move(saved.folder, saved.folder + "-2")
    with pytest.raises(CheckpointError, match=r"saved', which isn't on this machine\. Keep the"):
        pickle.loads(content)
    assert len(pickle.dumps(saved)) > 10_000  # the sender has no folder any more either


def test_a_folder_that_was_replaced_is_refused(saved, trained, tmp_path):
    content = pickle.dumps(saved)
    with open(os.path.join(saved.folder, "simpletext.json"), "a") as file:
        file.write("\n")
    with pytest.raises(CheckpointError, match="which isn't the one that was sent"):
        pickle.loads(content)


def test_a_translator_is_sent_like_a_predictor(tmp_path):
    t = st.Seq2Seq.new(vocab_size=60, hidden_size=16, encoder_layers=1, decoder_layers=1, heads=2)
    t.preprocess_train(*toy(50), verbose=0)
    translator = st.get_predictor(t.get_model(verbose=0), t)
    whole = pickle.dumps(translator)
    translator.save(tmp_path / "saved")
    content = pickle.dumps(translator)
    assert len(content) < 1000 < len(whole)
    for sent in (whole, content):
        again = pickle.loads(sent)
        assert again.predict("rot haus.") == translator.predict("rot haus.")


def test_data_and_transformer_are_sent(tiny, monkeypatch, tmp_path):
    shutil.copytree(tiny, tmp_path / "bert")
    monkeypatch.chdir(tmp_path)
    t = st.Transformer("bert", maxlen=8)
    data = t.preprocess_train(TEXTS, ["pos", "neg"], verbose=0)
    content = cloudpickle.dumps((t, data))
    monkeypatch.chdir("/")
    again, rows = cloudpickle.loads(content)
    assert again.preprocess_test(TEXTS, verbose=0).ids.tolist() == data.ids.tolist()
    assert (rows.ids.tolist(), rows.y.tolist()) == (data.ids.tolist(), [1, 0])
    assert rows.labels == data.labels


@pytest.mark.slow
def test_a_spawned_process_predicts(saved):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply_async(saved.predict, (TEXTS,)).get(timeout=300)
    assert found == saved.predict(TEXTS)
