"""Regression targets in standard units while a model trains."""

import numpy as np
import pytest
from conftest import GOOD, TEXTS

import simpletext as st
from simpletext.models.heads import TargetScaling
from simpletext.models.loading import load_classifier
from simpletext.models.target_scaling import scaling_of, standardised
from simpletext.tokenization.batching import Batches

PRICES = np.array([300_000.0 if set(text.split()) & set(GOOD) else 100_000.0 for text in TEXTS])


def fit_prices(tiny, epochs=6, **options):
    transformer = st.Transformer(tiny, maxlen=16)
    data = transformer.preprocess_train(TEXTS, PRICES, verbose=0)
    model = transformer.get_regression_model(verbose=0)
    learner = st.get_learner(model, data, data, batch_size=8)
    learner.fit_onecycle(1e-3, epochs, verbose=0, **options)
    return transformer, learner


@pytest.fixture(scope="module")
def prices(tiny):
    return fit_prices(tiny)


def test_targets_far_from_0_are_reached(prices):
    scores = prices[1].validate(print_report=False)
    assert scores["r2"] > 0.25
    assert scores["mae"] < 90_000  # in the user's units; 100,000 for the mean alone
    assert abs(prices[1].predict().mean() - PRICES.mean()) < 20_000


def test_without_a_head_start_too(tiny):
    _, learner = fit_prices(tiny, epochs=1, head_start=False)
    assert abs(learner.predict().mean() - PRICES.mean()) < 50_000


def test_a_saved_predictor_is_an_ordinary_checkpoint(prices, tmp_path):
    transformer, learner = prices
    predictor = st.get_predictor(learner.model, transformer)
    predictor.save(tmp_path / "prices")
    expected = learner.predict()[:8, 0]
    np.testing.assert_allclose(predictor.predict(TEXTS[:8]), expected, rtol=1e-5)
    loaded = st.load_predictor(tmp_path / "prices")
    np.testing.assert_allclose(loaded.predict(TEXTS[:8]), expected, rtol=1e-5)
    scaling = scaling_of(loaded.model)
    assert (float(scaling.scale[0]), float(scaling.shift[0])) == (1.0, 0.0)


def test_pytorch_reads_the_same_values(prices, tmp_path):
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForSequenceClassification

    transformer, learner = prices
    st.get_predictor(learner.model, transformer).save(tmp_path / "prices")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "prices").eval()
    data = transformer.preprocess_test(TEXTS[:4], verbose=0)
    batch = Batches(data, 4)[0][0]
    inputs = {name: torch.tensor(np.asarray(ids), dtype=torch.long) for name, ids in batch.items()}
    with torch.no_grad():
        theirs = model(**inputs).logits.numpy()
    order = Batches(data, 4).order
    np.testing.assert_allclose(theirs, learner.predict()[:4][order], rtol=1e-4)


def test_a_trained_head_returns_the_same_in_other_units(prices):
    transformer, learner = prices
    data = transformer.preprocess_test(TEXTS[:8], verbose=0)
    before = learner.predict(data)
    with standardised(learner.model, PRICES):
        assert float(scaling_of(learner.model).scale[0]) == pytest.approx(PRICES.std())
        np.testing.assert_allclose(learner.predict(data), before, rtol=1e-4)
    np.testing.assert_allclose(learner.predict(data), before, rtol=1e-4)


def test_training_goes_on_from_a_saved_predictor(prices, tmp_path):
    transformer, learner = prices
    st.get_predictor(learner.model, transformer).save(tmp_path / "prices")
    again = st.Transformer(tmp_path / "prices", maxlen=16)
    data = again.preprocess_train(TEXTS, PRICES, verbose=0)
    further = st.get_learner(again.get_regression_model(verbose=0), data, data, batch_size=8)
    further.fit_onecycle(1e-4, 1, verbose=0)
    assert further.validate(print_report=False)["mae"] < 80_000


def test_the_sweep_leaves_a_new_head_as_it_was(tiny):
    transformer = st.Transformer(tiny, maxlen=16)
    data = transformer.preprocess_train(TEXTS, PRICES, verbose=0)
    learner = st.get_learner(transformer.get_regression_model(verbose=0), data, data)
    before = learner.predict()
    learner.lr_find(max_epochs=2, verbose=0)
    np.testing.assert_array_equal(learner.predict(), before)


@pytest.mark.slow
def test_a_resumed_training_ends_as_one_that_was_not_stopped(tiny, tmp_path):
    class Stop(Exception):
        pass

    import keras

    class Crash(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise Stop

    _, whole = fit_prices(tiny, 2, checkpoint_folder=tmp_path / "whole")
    with pytest.raises(Stop):
        fit_prices(tiny, 2, checkpoint_folder=tmp_path / "cut", callbacks=[Crash()])
    _, resumed = fit_prices(tiny, 2, checkpoint_folder=tmp_path / "cut", resume=True)
    np.testing.assert_allclose(resumed.predict(), whole.predict(), rtol=1e-5)


def test_equal_targets_and_several_targets(tiny):
    transformer = st.Transformer(tiny, maxlen=16)
    targets = np.stack([np.full(len(TEXTS), 7.0), PRICES], axis=1)
    data = transformer.preprocess_train(TEXTS, targets, verbose=0)
    learner = st.get_learner(transformer.get_regression_model(verbose=0), data, data, batch_size=8)
    learner.fit_onecycle(1e-3, 3, verbose=0)
    constant, price = learner.predict().T
    assert abs(constant.mean() - 7) < 0.5
    assert abs(price.mean() - PRICES.mean()) < 30_000


def test_a_classifier_has_no_scaling(tiny):
    model = load_classifier(tiny, 2, verbose=0)
    assert scaling_of(model) is None
    assert not any(isinstance(layer, TargetScaling) for layer in model.layers)
