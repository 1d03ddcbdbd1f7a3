"""The whole way from texts to a saved predictor, on whatever backend Keras has here.

`scripts/run_backends.py` runs it on JAX and PyTorch, where TensorFlow isn't even installed.
"""

import importlib.util
import sys

import keras
import numpy as np
import pytest
from conftest import GOOD, LABELS, PLAIN, TEXTS

import simpletext as st


def test_it_learns(trained):
    _, learner, predictor = trained
    assert learner.history["loss"][-1] < learner.history["loss"][0]
    assert predictor.predict(TEXTS) == LABELS


def test_probabilities_of_one_text_and_of_many_agree(trained):
    *_, predictor = trained
    many = predictor.predict_proba(TEXTS[:5])
    assert many.shape == (5, 2)
    np.testing.assert_allclose(predictor.predict_proba(TEXTS[0]), many[0], atol=1e-5)


def test_a_saved_predictor_answers_as_before(trained, tmp_path):
    *_, predictor = trained
    predictor.save(tmp_path / "saved")
    again = st.load_predictor(tmp_path / "saved")
    np.testing.assert_allclose(
        again.predict_proba(TEXTS), predictor.predict_proba(TEXTS), atol=1e-6
    )


def test_gradients_explain_it(trained):
    *_, predictor = trained
    text = f"the {PLAIN[2]} was {GOOD[0]}"
    weights = dict(predictor.explain(text, method="gradient").as_list())
    assert np.isfinite(list(weights.values())).all()
    assert weights[GOOD[0]] > 0


def test_it_validates(trained):
    _, learner, _ = trained
    matrix = learner.validate(print_report=False)
    assert matrix.sum() == matrix.trace() == len(TEXTS)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow is the backend")
def test_no_tensorflow_took_part():
    assert importlib.util.find_spec("tensorflow") is None
    assert "tensorflow" not in sys.modules


def weights_after_training(tiny):
    t = st.Transformer(tiny, maxlen=16, class_names=["neg", "pos"], seed=1)
    data = t.preprocess_train(TEXTS, LABELS)
    learner = st.get_learner(t.get_classifier(), data, seed=3)
    learner.fit(1e-3, 1, verbose=0, head_start=False)
    return learner.model.get_weights()


def test_a_seed_fixes_the_training(tiny):
    """Dropout too, which PyTorch draws by its global generator."""
    for one, other in zip(weights_after_training(tiny), weights_after_training(tiny), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="PyTorch's global generator")
def test_a_training_leaves_the_users_random_numbers_alone(tiny):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    weights_after_training(tiny)
    assert torch.equal(torch.rand(3), expected)
