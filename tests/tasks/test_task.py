"""A task is a file: a toy task is registered here and trained, saved and loaded like any other."""

from typing import ClassVar

import keras
import numpy as np
import pytest

import simpletext as st
from simpletext.errors import ArgumentError
from simpletext.tasks.labels import Labels
from simpletext.tasks.regression import Regression
from simpletext.tasks.task import TASKS, register, task_named


class TextLength(Regression):
    """A toy task: labels are words, and the model predicts the logarithm of their length."""

    name = "text_length"
    title = "text length"
    losses: ClassVar = {None: lambda _: keras.losses.MeanAbsoluteError()}
    default_metric = "rmse"

    def encode(self, labels, rows):
        return np.log([[len(row)] for row in rows]).astype("float32")

    def decode(self, labels, ids):
        return ["x" * round(float(np.exp(row[0]))) for row in ids]


@pytest.fixture
def toy_task():
    yield register(TextLength())
    del TASKS["text_length"]


def test_a_registered_task_is_trained_evaluated_saved_and_loaded(toy_task, tiny, tmp_path, capsys):
    texts, words = ["one", "two", "three", "four"] * 8, ["ab", "abcd", "abc", "abcdef"] * 8
    t = st.Transformer(tiny, maxlen=16, task="text_length")
    data = t.preprocess_train(texts, words)
    assert "task: text length, 1 target" in capsys.readouterr().err
    np.testing.assert_allclose(data.y[:2, 0], np.log([2, 4]), rtol=1e-6)
    model = t.get_model(verbose=0)
    assert isinstance(model.loss, keras.losses.MeanAbsoluteError)
    learner = st.get_learner(model, data, data)
    learner.fit_onecycle(1e-2, 2, verbose=0)
    assert "val_rmse" in learner.history
    assert "rmse" in learner.validate(print_report=False)
    predictor = st.get_predictor(learner.model, t)
    predictor.save(tmp_path / "saved")
    predicted = predictor.predict(texts[:4])
    assert all(set(word) <= {"x"} for word in predicted)
    assert st.load_predictor(tmp_path / "saved").predict(texts[:4]) == predicted


def test_an_unknown_task_is_refused_with_those_that_there_are():
    with pytest.raises(ArgumentError, match="task='ner'; allowed are .*regression"):
        task_named("ner")


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_has_a_default_loss_and_metric(name):
    task = TASKS[name]
    assert task.losses[None](0.0) is not None
    assert task.metrics[task.default_metric]("score", ["a", "b", "c"]).name == "score"
    assert Labels(name, ("a", "b")).kind is task
