import re

import keras
import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, DataError, FolderExistsError
from simpletext.evaluation import evaluating
from simpletext.evaluation.plots import plot_history
from simpletext.models.loading import newly_initialised
from simpletext.models.precision import precision_of
from simpletext.training import fitting, lr_finder
from simpletext.training.lr_finder import Curve


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
    learner, predictor = trained.learner, trained.predictor
    history = learner.history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["val_accuracy"][-1] > 0.9
    assert len(history["lr"]) == 15 * 12
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


def test_a_sweep_that_is_too_short_says_so_first(learner, capsys):
    learner.lr_find(epochs=1, suggest=True)
    told = capsys.readouterr()
    steps, epochs = re.search(
        r"lr_find: (\d+) steps are too few .*max_epochs=(\d+)", told.err
    ).groups()
    assert len(learner.curve.rates) <= int(steps) < 10
    assert "steps are too few" in told.out
    assert len(learner.lr_find(max_epochs=int(epochs), verbose=0).rates) >= 5


def test_lr_find_puts_everything_back_when_interrupted(learner, monkeypatch):
    learner.lr_find(max_epochs=1, verbose=0)
    before = state(learner.model)

    def interrupt(sweep, batch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("simpletext.training.lr_finder.Sweep.on_train_batch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        learner.lr_find(max_epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, state(learner.model), strict=True))


def test_the_sweep_starts_after_the_head_start(learner):
    """Else it would look at a model that isn't trained: one with a head of random numbers."""
    new = list(newly_initialised(learner.model))
    after, before = (
        learner.lr_find(epochs=20, head_start=flag, verbose=0) for flag in (True, False)
    )
    assert after.losses[0] < before.losses[0] - 0.05
    assert sorted(newly_initialised(learner.model)) == sorted(new)
    assert len(new) > 0


def test_auto_without_steps_for_a_sweep_is_the_usual_rate(learner, capsys, monkeypatch):
    learner.fit_onecycle("auto", 1)
    assert "learning rate: 1.0e-04 (usual for this size" in capsys.readouterr().err
    assert learner.curve is None
    starts = []
    start = lr_finder.start_head
    monkeypatch.setattr(fitting, "start_head", lambda *a: starts.append(start(*a)))
    learner.reset_weights()
    learner.fit_onecycle("auto", 8, verbose=0)
    assert len(learner.curve.rates) >= 10
    assert len(starts) == 2  # the second one finds a head that is trained already


def test_lr_plot_marks_the_suggestion_and_the_rates_that_are_too_high(learner):
    rates = np.geomspace(1e-6, 1e-2, 30)
    fall = np.interp(np.log10(rates), [-6, -5, -3, -2], [1, 1, 0.4, 1.5])
    learner.curve = Curve(rates, fall)
    axes = learner.lr_plot(return_fig=True).axes[0]
    assert axes.get_xlabel() == "learning rate"
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["too high", f"suggestion: {learner.curve.suggest():.1e}"]
    shaded = axes.patches[0]
    assert shaded.get_x() == pytest.approx(1e-3, rel=0.3)
    more = learner.lr_plot(suggest=True, return_fig=True).axes[0].get_legend().get_texts()
    assert len(more) == 5
    assert len(learner.lr_estimate()) == 3
    learner.curve = Curve(rates, np.ones(30))
    axes = learner.lr_plot(suggest=True, return_fig=True).axes[0]
    assert axes.get_title() == "Range test: inconclusive, no suggestion"
    assert learner.lr_estimate() is None


def test_progress_is_shown_and_can_be_silenced(learner, capsys):
    learner.fit_onecycle(1e-3, 1)
    shown = capsys.readouterr().err
    assert "epoch 1/1" in shown
    header, row = shown.splitlines()[-2:]
    assert header.split() == [
        "epoch", "accuracy", "loss", "val_accuracy", "val_loss", "lr", "seconds",
    ]  # fmt: skip
    assert row.split()[0] == "1/1"
    assert max(map(len, (header, row))) <= 80
    learner.fit_onecycle(1e-3, 1, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_validate_prints_the_report_and_returns_the_matrix(trained, capsys):
    matrix = trained.learner.validate(class_names=["bad", "good"])
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
    transformer, learner = trained.transformer, trained.learner
    wrong = ["a very good film", "it was an awful film"]
    data = transformer.preprocess_test(wrong, ["neg", "neg"], verbose=0)
    table = learner.top_losses(n=4, val_data=data)
    assert table.to_dict("records")[0]["text"] == wrong[0]
    assert list(table.columns) == ["row", "text", "true", "predicted", "probability", "loss"]
    assert (table["true"] != table["predicted"]).all()
    learner.view_top_losses(n=1, preproc=transformer, val_data=data)
    assert "a very good film" in capsys.readouterr().out


def test_top_losses_when_nothing_is_wrong(trained, capsys):
    transformer, learner = trained.transformer, trained.learner
    data = transformer.preprocess_test(["a great film"], ["pos"], verbose=0)
    learner.view_top_losses(val_data=data)
    assert capsys.readouterr().out == "Nothing is misclassified.\n"


def test_plotting_on_a_slow_machine_is_no_reason_to_warn(tmp_path, slow_clock):
    history = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 2.0]}
    plot_history(history, "loss").savefig(tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_plot_knows_its_names(trained):
    learner = trained.learner
    assert learner.plot("loss", return_fig=True).axes[0].get_ylabel() == "loss"
    assert learner.plot("lr", return_fig=True).axes[0].get_xlabel() == "step"
    with pytest.raises(ArgumentError, match="There is no 'f1' in the history; there is .*accuracy"):
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
    transformer, model = trained.transformer, learner.model
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


def test_data_of_other_classes_than_the_models(tiny, learner):
    other = st.Transformer(str(tiny), maxlen=16)
    data = other.preprocess_train(["a", "b", "c"], ["x", "y", "z"], verbose=0)
    with pytest.raises(DataError, match="val_data has 3 classes or targets, but the model has 2"):
        st.get_learner(learner.model, val_data=data)


def trainable(model):
    return [layer.name for layer in model.layers if layer.trainable_weights]


def test_freeze_by_part(learner):
    learner.freeze("embeddings")
    assert trainable(learner.model) == ["layer_0", "layer_1", "pooler", "classifier"]
    learner.freeze(blocks=1)
    assert trainable(learner.model) == ["layer_1", "pooler", "classifier"]
    learner.freeze("encoder")
    assert trainable(learner.model) == ["pooler", "classifier"]
    before = learner.model.get_weights()
    learner.fit_onecycle(1e-3, 1, verbose=0)
    changed = [not np.array_equal(*pair) for pair in zip(before, learner.model.get_weights(),
                                                         strict=True)]  # fmt: skip
    assert sum(changed) == 4
    learner.unfreeze("embeddings")
    assert trainable(learner.model) == ["layer_0", "layer_1", "pooler", "classifier"]
    with pytest.raises(ArgumentError, match="freeze_range='head'; allowed are 'embeddings'"):
        learner.freeze("head")
    with pytest.raises(ArgumentError, match="blocks=3; it must be a whole number from 0 to 2"):
        learner.freeze(blocks=3)


def test_weights_can_be_reset_saved_and_loaded(learner, tmp_path):
    first = learner.model.get_weights()
    learner.fit_onecycle(1e-3, 1, verbose=0)
    trained = learner.model.get_weights()
    learner.save_model(tmp_path / "model")
    learner.reset_weights()
    assert all(map(np.array_equal, first, learner.model.get_weights()))
    learner.load_model(tmp_path / "model")
    assert all(map(np.array_equal, trained, learner.model.get_weights()))
    assert learner.layer_output(-1, example_id=3, use_val=True).shape == (1, 2)


def test_validate_in_every_form(trained, tmp_path):
    learner = trained.learner
    assert "precision" in learner.validate(print_report=False, output="text")
    as_dict = learner.validate(print_report=False, output="dict")
    table = learner.validate(None, False, str(tmp_path / "report.csv"), output="dataframe")
    assert table.loc["neg", "precision"] == as_dict["neg"]["precision"]
    assert "neg" in (tmp_path / "report.csv").read_text()
    assert learner.plot("confusion_matrix", return_fig=True).axes[0].get_xlabel()
    with pytest.raises(ArgumentError, match="output='json'; allowed are 'matrix'"):
        learner.validate(output="json")


def test_a_validation_report_is_written_whole_and_never_over_another_file(
    trained, tmp_path, monkeypatch
):
    path = tmp_path / "report.csv"
    trained.learner.validate(print_report=False, save_path=path)
    before = path.read_text()
    assert "precision" in before
    monkeypatch.setattr(evaluating, "predict_source", None)  # refused before the work
    with pytest.raises(FolderExistsError, match="exists already and is left as it is"):
        trained.learner.validate(print_report=False, save_path=path)
    with pytest.raises(ArgumentError, match="can't be written"):
        trained.learner.validate(print_report=False, save_path=tmp_path / "missing" / "a.csv")
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_class_without_validation_rows(trained):
    transformer, learner = trained.transformer, trained.learner
    data = transformer.preprocess_test(["good", "great"], ["pos", "pos"], verbose=0)
    matrix = learner.validate(data, print_report=False)
    assert matrix.shape == (2, 2)
    assert matrix.sum(axis=1).tolist() == [0, 2]


def test_predict_needs_no_labels(trained):
    transformer, learner, predictor = trained
    data = transformer.preprocess_test(["good", "bad film"], verbose=0)
    np.testing.assert_allclose(
        learner.predict(data), predictor.predict_proba(["good", "bad film"]), atol=1e-6
    )


def test_losses_and_metrics_by_name(tiny):
    transformer = st.Transformer(str(tiny), maxlen=16)
    train = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    model = transformer.get_classifier(
        metrics=["f1", "auc", "mcc"], loss="focal", label_smoothing=0.1
    )
    learner = st.get_learner(model, train, train, batch_size=8)
    learner.fit_linear(1e-3, 3, class_weight={"neg": 2.0, "pos": 0.5}, verbose=0)
    assert {"f1", "val_f1", "auc", "val_auc", "mcc", "val_mcc"} <= set(learner.history)
    assert learner.history["val_auc"][-1] > 0.6
    with pytest.raises(ArgumentError, match="expects probabilities, but the model returns logits"):
        transformer.get_classifier(loss=keras.losses.SparseCategoricalCrossentropy())
    with pytest.raises(ArgumentError, match="loss='hinge'; for single_label_classification"):
        transformer.get_classifier(loss="hinge")
    with pytest.raises(ArgumentError, match="metric 'rmse' doesn't fit single_label"):
        transformer.get_classifier(metrics=["rmse"])


def test_precision_is_held_by_the_model(tiny):
    transformer = st.Transformer(str(tiny), maxlen=16, precision="bfloat16")
    train = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    model = transformer.get_classifier()
    assert model.get_layer("layer_0").compute_dtype == "bfloat16"
    assert {w.dtype for w in model.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    learner = st.get_learner(model, train, train, batch_size=8)
    learner.fit_onecycle(2e-3, 6, verbose=0)
    assert learner.history["loss"][-1] < learner.history["loss"][0]
    with pytest.raises(ArgumentError, match="precision='half'; allowed are 'auto', 'float32'"):
        st.Transformer(str(tiny), precision="half")


def test_auto_is_what_the_machine_has_and_a_saved_predictor_keeps_it(
    tiny, tmp_path, monkeypatch, capsys
):
    texts, labels = TEXTS[:16], LABELS[:16]
    monkeypatch.setattr("simpletext.models.precision.has_bfloat16", lambda: True)
    transformer = st.Transformer(str(tiny), maxlen=16)
    transformer.preprocess_train(texts, labels, verbose=0)
    predictor = st.get_predictor(transformer.get_classifier(), transformer)
    assert capsys.readouterr().err.count("precision: bfloat16 (this machine supports it)") == 1
    predictor.save(tmp_path / "saved")
    again = st.load_predictor(tmp_path / "saved")
    assert precision_of(again.model) == "bfloat16"
    assert np.array_equal(again.predict_proba(texts), predictor.predict_proba(texts))
    exact = st.load_predictor(tmp_path / "saved", precision="float32")
    assert precision_of(exact.model) == "float32"
    np.testing.assert_allclose(exact.predict_proba(texts), again.predict_proba(texts), atol=0.02)
    monkeypatch.setattr("simpletext.models.precision.has_bfloat16", lambda: False)
    assert precision_of(st.load_predictor(tmp_path / "saved").model) == "float32"


def test_regression_and_pairs(tiny, capsys):
    transformer = st.Transformer(str(tiny), maxlen=16)
    pairs = [(text, "a film") for text in TEXTS[:32]]
    y = [float(label == "pos") for label in LABELS[:32]]
    train = transformer.preprocess_train(pairs, y, verbose=0)
    model = transformer.get_regression_model(metrics=["rmse", "spearman"], loss="huber")
    learner = st.get_learner(model, train, train, batch_size=8)
    learner.fit_onecycle(1e-3, 2, verbose=0)
    scores = learner.validate()
    assert scores["rmse"] == pytest.approx(learner.history["val_rmse"][-1], rel=1e-3)
    assert scores["spearman"] == pytest.approx(learner.history["val_spearman"][-1], abs=1e-3)
    assert "pearson" in capsys.readouterr().out
    assert {"text", "pair", "loss"} <= set(learner.top_losses(3).columns)
    one = transformer.preprocess_test(pairs[:1], y[:1], verbose=0)
    assert np.isnan(learner.validate(one, print_report=False)["pearson"])
    with pytest.raises(ArgumentError, match="A regression has no confusion matrix"):
        learner.plot("confusion_matrix")


def test_multi_label(tiny):
    transformer = st.Transformer(str(tiny), maxlen=16, class_names=["good", "bad", "never"])
    y = [["good"] if label == "pos" else ["bad"] for label in LABELS]
    train = transformer.preprocess_train(TEXTS, y, verbose=0)
    model = transformer.get_classifier(metrics=["accuracy", "f1_micro", "auc"], loss="focal")
    learner = st.get_learner(model, train, train, batch_size=16)
    learner.fit_onecycle(2e-3, 3, verbose=0)
    assert learner.validate(print_report=False).shape == (3, 2, 2)
    table = learner.top_losses(3)
    assert table["true"].map(lambda labels: isinstance(labels, list)).all()
    with pytest.raises(ArgumentError, match="class_weight needs one class a text"):
        learner.fit(1e-3, 1, class_weight="balanced")
