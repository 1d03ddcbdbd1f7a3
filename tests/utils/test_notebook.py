"""What the objects that users hold show of themselves."""

import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.training.lr_finder import Curve
from simpletext.utils.notebook import Described


class Thing(Described):
    def _facts(self):
        return {"name": "<b>a & b</b>", "max_len": 3, "absent": None, "lines": "one\ntwo"}


def test_a_line_and_a_table_that_is_escaped():
    assert repr(Thing()) == "Thing(name=<b>a & b</b>, max_len=3, lines=one two)"
    page = Thing()._repr_html_()
    assert "&lt;b&gt;a &amp; b&lt;/b&gt;" in page
    assert "max len" in page
    assert "absent" not in page


def test_a_learner_shows_its_state(trained):
    name, task = trained.learner.model.name, "single-label classification, 2 classes (neg, pos)"
    shown = repr(trained.learner)
    assert shown.startswith(f"Learner(model={name}, train=96 rows, val=96 rows, batch_size=8, epoc")
    assert "epochs=15, loss=0." in shown
    assert repr(trained.learner.train_data) == f"Rows(rows=96, task={task})"
    new = st.get_learner(trained.learner.model, batch_size=4)
    assert repr(new) == f"Learner(model={name}, batch_size=4, epochs=0)"
    assert repr(trained.predictor) == f"Predictor(model={name}, task={task}, maxlen=16)"
    path = trained.transformer.checkpoint
    assert repr(trained.transformer) == f"Transformer(checkpoint={path}, maxlen=16, task={task})"


def test_a_dataset_of_unknown_length(trained):
    data = trained.learner.train_data.training(8, 0, 0)[0]
    learner = st.get_learner(trained.learner.model, data)
    assert "train=a Batches" in repr(learner)
    assert repr(learner.train_data).startswith("Stream(data=Batches")


def test_data_and_their_reports_are_short(trained):
    data = trained.transformer.preprocess_test(TEXTS * 6, LABELS * 6, verbose=0)
    assert repr(data).startswith("LabelledTexts(texts=576, tokens=")
    assert "task=single-label classification, 2 classes (neg, pos)" in repr(data)
    found = trained.predictor.predictions(TEXTS * 6, "truncate")
    assert repr(found).startswith("Predictions(texts=576, task=single-label classification")
    report = st.check(TEXTS * 6, LABELS * 6)
    assert repr(report).startswith("DataReport(texts=576 train, task=single-label")
    assert "duplicate" in report._repr_html_()
    for each in (data, found, report):
        assert len(repr(each)) < 300
        assert len(each._repr_html_()) < 2000


@pytest.mark.parametrize("name", ["transformer", "learner", "predictor"])
def test_a_notebook_gets_a_table(trained, name):
    page = getattr(trained, name)._repr_html_()
    assert "<table>" in page
    assert len(page) < 2000


def test_long_facts_are_cut(tiny):
    transformer = st.Transformer(str(tiny), maxlen=8)
    transformer.preprocess_train(["a", "b"], ["x" * 5000, "<script>"], verbose=0)
    assert len(repr(transformer)) < 600
    assert "<script>" not in transformer._repr_html_()


def test_a_curve_and_a_seq2seq():
    curve = Curve(np.geomspace(1e-7, 1e-2, 100), np.ones(100))
    expected = "Curve(steps=100, rates=1e-07 to 1e-02, suggested=none, the curve is inconclusive)"
    assert repr(curve) == expected
    assert repr(st.Seq2Seq.new()) == "Seq2Seq(checkpoint=new, maxlen=128)"
    assert "<table>" in st.Seq2Seq.new()._repr_html_()
