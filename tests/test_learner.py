import keras
import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, DataError


@pytest.fixture
def learner(tiny):
    transformer = st.Transformer(str(tiny), maxlen=16)
    train = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    val = transformer.preprocess_test(TEXTS[::5], LABELS[::5], verbose=0)
    return st.get_learner(transformer.get_classifier(), train, val, batch_size=8)


def state(model):
    optimizer = model.optimizer
    return [keras.ops.convert_to_numpy(v) for v in [*model.variables, *optimizer.variables]]


def test_training_learns(trained):
    _, learner, predictor = trained
    history = learner.history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["val_accuracy"][-1] > 0.9
    assert len(history["lr"]) == 10 * 12
    assert predictor.predict(["a great film", "it was an awful film"]) == ["pos", "neg"]


def test_the_same_seed_gives_the_same_weights(tiny):
    def train(seed):
        transformer = st.Transformer(str(tiny), maxlen=16, seed=seed)
        data = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
        learner = st.get_learner(transformer.get_classifier(), data, batch_size=8, seed=seed)
        learner.fit_onecycle(1e-3, 1, verbose=0)
        return learner.model.get_weights()

    one, same, other = train(1), train(1), train(2)
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_lr_find_puts_everything_back(learner):
    learner.fit_onecycle(1e-3, 1, verbose=0)
    before = state(learner.model)
    curve = learner.lr_find(max_epochs=5, verbose=0)
    assert len(curve.rates) == len(curve.losses) > 4
    assert all(np.array_equal(a, b) for a, b in zip(before, state(learner.model), strict=True))


def test_lr_find_puts_everything_back_when_interrupted(learner, monkeypatch):
    learner.lr_find(max_epochs=1, verbose=0)
    before = state(learner.model)
    original, calls = learner.model.train_on_batch, []

    def interrupt(*args, **kwargs):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(learner.model, "train_on_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        learner.lr_find(max_epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, state(learner.model), strict=True))


def test_lr_plot_and_estimate_read_the_curve(learner):
    learner.lr_find(max_epochs=5, verbose=0)
    axes = learner.lr_plot(suggest=True, return_fig=True).axes[0]
    assert axes.get_xlabel() == "learning rate"
    estimates = learner.lr_estimate()
    assert estimates is None or len(estimates) == 3


def test_progress_is_shown_and_can_be_silenced(learner, capsys):
    learner.fit_onecycle(1e-3, 1)
    shown = capsys.readouterr().err
    assert "epoch 1/1" in shown
    assert "loss=" in shown
    assert "val_accuracy=" in shown
    learner.fit_onecycle(1e-3, 1, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_validate_prints_the_report_and_returns_the_matrix(trained, capsys):
    matrix = trained[1].validate(class_names=["bad", "good"])
    told = capsys.readouterr().out
    assert "precision" in told
    assert "good" in told
    assert matrix.shape == (2, 2)
    assert matrix.sum() == len(TEXTS)


def test_predict_keeps_the_order_of_the_data(trained):
    transformer, learner, predictor = trained
    texts = ["a very great nice film", "bad", "a film", "it was awful", "good"]
    data = transformer.preprocess_test(texts, ["pos"] * 5, verbose=0)
    alone = [predictor.predict_proba(text) for text in texts]
    np.testing.assert_allclose(learner.predict(data), alone, atol=1e-5)


def test_top_losses_show_the_text(trained, capsys):
    transformer, learner, _ = trained
    wrong = ["a very good film", "it was an awful film"]
    data = transformer.preprocess_test(wrong, ["neg", "neg"], verbose=0)
    table = learner.top_losses(n=4, val_data=data)
    assert table.to_dict("records")[0]["text"] == wrong[0]
    assert list(table.columns) == ["row", "text", "true", "predicted", "probability", "loss"]
    assert (table["true"] != table["predicted"]).all()
    learner.view_top_losses(n=1, preproc=transformer, val_data=data)
    assert "a very good film" in capsys.readouterr().out


def test_top_losses_when_nothing_is_wrong(trained, capsys):
    transformer, learner, _ = trained
    data = transformer.preprocess_test(["a great film"], ["pos"], verbose=0)
    learner.view_top_losses(val_data=data)
    assert capsys.readouterr().out == "Nothing is misclassified.\n"


def test_plot_knows_its_names(trained):
    learner = trained[1]
    assert learner.plot("loss", return_fig=True).axes[0].get_ylabel() == "loss"
    assert learner.plot("lr", return_fig=True).axes[0].get_xlabel() == "step"
    with pytest.raises(ArgumentError, match="There is no 'f1' in the history; there is accuracy"):
        learner.plot("f1")


def test_nearly_all_texts_of_one_length_train(tiny):
    """Keras would take the length as fixed after two batches of the same one."""
    transformer = st.Transformer(str(tiny), maxlen=6)
    texts = ["a good film was"] * 20 + ["bad"]
    train = transformer.preprocess_train(texts, ["a"] * 20 + ["b"], verbose=0)
    learner = st.get_learner(transformer.get_classifier(), train, batch_size=4)
    learner.fit_onecycle(1e-4, 2, verbose=0)
    assert len(learner.history["loss"]) == 2


@pytest.mark.parametrize("lr", [0, -1e-3, float("nan"), float("inf"), "1e-3", None, True])
def test_a_learning_rate_that_is_none(learner, lr):
    with pytest.raises(ArgumentError, match="it must be a number above 0"):
        learner.fit_onecycle(lr, 1)


@pytest.mark.parametrize("epochs", [0, -1, 1.5, None, True])
def test_epochs_that_are_none(learner, epochs):
    with pytest.raises(ArgumentError, match=r"epochs=.*; it must be a whole number, 1 or more"):
        learner.fit_onecycle(1e-3, epochs)


def test_bad_learners(learner, trained):
    transformer, model = trained[0], learner.model
    unlabelled = transformer.preprocess_test(["a"], verbose=0)
    with pytest.raises(DataError, match="train_data has no labels"):
        st.get_learner(model, train_data=unlabelled)
    with pytest.raises(DataError, match="train_data is a list; it must come from preprocess"):
        st.get_learner(model, train_data=["a"])
    with pytest.raises(ArgumentError, match="batch_size=0; it must be a whole number"):
        st.get_learner(model, batch_size=0)
    with pytest.raises(ArgumentError, match="model is a str; it must be a Keras model"):
        st.get_learner("bert")
    with pytest.raises(DataError, match="This learner has no training data"):
        st.get_learner(model).fit_onecycle(1e-3, 1)
    with pytest.raises(DataError, match="There is no validation data"):
        st.get_learner(model).validate()
    with pytest.raises(ArgumentError, match="There is no curve yet"):
        st.get_learner(model).lr_plot()
    raw = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ArgumentError, match="The model isn't compiled"):
        st.get_learner(raw)
