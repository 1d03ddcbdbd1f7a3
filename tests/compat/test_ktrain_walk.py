"""ktrain's own Hugging Face tutorial with nothing changed but its import lines and the model."""

import numpy as np
import pytest

import simpletext as ktrain
from simpletext import text

CATEGORIES = ["alt.atheism", "soc.religion.christian", "comp.graphics", "sci.med"]


def newsgroups(subset):
    from sklearn.datasets import fetch_20newsgroups

    options = {"categories": CATEGORIES, "shuffle": True, "random_state": 42}
    try:
        return fetch_20newsgroups(subset=subset, download_if_missing=False, **options)
    except OSError:
        pytest.skip("20newsgroups isn't in scikit-learn's data folder: set SCIKIT_LEARN_DATA")


def walk(model_name, rows, test_rows, maxlen, epochs, folder):
    """The tutorial, cell by cell; returns the learner and the test data."""
    train_b, test_b = newsgroups("train"), newsgroups("test")
    x_train, y_train = train_b.data[:rows], train_b.target[:rows]
    x_test, y_test = test_b.data[:test_rows], test_b.target[:test_rows]

    t = text.Transformer(model_name, maxlen=maxlen, class_names=train_b.target_names)
    trn = t.preprocess_train(x_train, y_train)
    val = t.preprocess_test(x_test, y_test)
    model = t.get_classifier()
    learner = ktrain.get_learner(model, train_data=trn, val_data=val, batch_size=32)
    learner.lr_find(show_plot=True, max_epochs=1)
    learner.fit_onecycle(1e-4, epochs)
    learner.validate(class_names=t.get_classes())
    learner.view_top_losses(n=1, preproc=t)

    predictor = ktrain.get_predictor(learner.model, preproc=t)
    assert predictor.predict(x_test[0]) in train_b.target_names
    predictor.explain("Jesus Christ is the central figure of Christianity.", n_samples=100)
    predictor.save(folder)
    reloaded = ktrain.load_predictor(folder)
    np.testing.assert_array_equal(
        reloaded.predict_proba(x_test[:8]), predictor.predict_proba(x_test[:8])
    )
    assert reloaded.get_classes() == train_b.target_names
    return learner, val


def test_the_tutorial_runs(minilm, tmp_path, capsys):
    walk(minilm, rows=48, test_rows=40, maxlen=24, epochs=1, folder=tmp_path / "saved")
    told = capsys.readouterr().out
    assert "soc.religion.christian" in told
    assert "From: " in told  # the worst text is shown


@pytest.mark.slow
def test_the_tutorial_reaches_its_accuracy(minilm, tmp_path):
    """600 rows, two epochs: others reach 0.958 to 0.968."""
    learner, val = walk(minilm, 600, 400, maxlen=256, epochs=2, folder=tmp_path / "saved")
    assert np.mean(learner.predict().argmax(axis=1) == val.y) >= 0.95


@pytest.mark.slow
def test_few_rows_are_enough(minilm, data_folder):
    """banking77: 1500 random rows for 77 classes."""
    import pandas as pd

    train = pd.read_csv(data_folder / "banking77" / "train.csv").sample(1500, random_state=0)
    test = pd.read_csv(data_folder / "banking77" / "test.csv").sample(500, random_state=0)
    t = text.Transformer(minilm, maxlen=64)
    trn = t.preprocess_train(train["text"], train["label"])
    val = t.preprocess_test(test["text"], test["label"])
    learner = ktrain.get_learner(t.get_classifier(), trn, val, batch_size=32)
    learner.fit_onecycle(2e-4, 3)
    accuracy = np.mean(learner.predict().argmax(axis=1) == val.y)
    assert accuracy >= 0.70
