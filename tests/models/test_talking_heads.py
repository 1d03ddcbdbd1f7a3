"""Talking-heads BERT: a family that transformers lacks, from TF Hub's model to a trained predictor.

Its numbers are compared with the original's in tests/saving/test_convert.py.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

import simpletext as st
from simpletext.models.families import MODULES, OWN_MODULES

SPECIMEN = Path(__file__).parents[1] / "oldformats" / "hub" / "talking-heads"
TEXTS = ["a good film", "a bad book", "good good film", "bad bad book"] * 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return st.convert(SPECIMEN, tmp_path_factory.mktemp("talking") / "heads")


def test_it_is_a_family_of_its_own():
    assert "talking_heads_bert" in OWN_MODULES.keys() - MODULES.keys()


def test_it_is_trained_saved_and_loaded(folder, tmp_path):
    t = st.Transformer(str(folder), maxlen=10)
    train = t.preprocess_train(TEXTS, ["pos", "neg"] * 16, verbose=0)
    model = t.get_classifier()
    before = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.weights}
    learner = st.get_learner(model, train, batch_size=8)
    learner.fit(1e-3, 1)
    moved = [
        v.path for v in model.weights if (before[v.path] != keras.ops.convert_to_numpy(v)).any()
    ]
    # The mixing of the heads and the gates as well; softmax takes the keys' bias out.
    assert {path for path in set(before) - set(moved) if "key/bias" not in path} == set()
    predictor = st.get_predictor(learner.model, t)
    predictor.save(tmp_path / "saved")
    again = st.load_predictor(tmp_path / "saved")
    np.testing.assert_allclose(
        again.predict_proba(TEXTS[:4]), predictor.predict_proba(TEXTS[:4]), atol=1e-6
    )


def test_padding_changes_nothing(folder):
    encoder = st.load_encoder(folder)
    ids = np.array([[3, 8, 9, 4]], "int32")
    longer = np.pad(ids, ((0, 0), (0, 3)))
    short = encoder({"input_ids": ids, "token_type_ids": ids * 0, "attention_mask": ids > 0})
    padded = encoder(
        {"input_ids": longer, "token_type_ids": longer * 0, "attention_mask": longer > 0}
    )
    padded, short = map(keras.ops.convert_to_numpy, (padded, short))
    np.testing.assert_allclose(padded[:, :4], short, atol=1e-5)


def test_the_heads_are_mixed(folder):
    encoder = st.load_encoder(folder)
    shapes = {v.path: tuple(v.shape) for v in encoder.weights if "softmax" in v.path}
    assert set(shapes.values()) == {(4, 4)}
    assert len(shapes) == 4
