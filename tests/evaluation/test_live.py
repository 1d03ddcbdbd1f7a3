"""Curves that a notebook shows during a training."""

import base64

import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError
from simpletext.evaluation.live import LiveCurves
from simpletext.utils import console


def test_a_notebook_gets_a_drawing_after_each_epoch(tiny, monkeypatch):
    transformer = st.Transformer(str(tiny), maxlen=12)
    data = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    learner = st.get_learner(transformer.get_classifier(verbose=0), data, data, batch_size=32)
    shown = []
    monkeypatch.setattr(console, "in_notebook", lambda: True)
    monkeypatch.setattr(console.Cell, "show", lambda self, data: shown.append(data))
    learner.fit(1e-4, 2, callbacks=LiveCurves("accuracy"), verbose=0, head_start=False)
    assert [each["text/plain"] for each in shown] == ["accuracy, epoch 1", "accuracy, epoch 2"]
    assert all(base64.b64decode(each["image/png"]).startswith(b"\x89PNG") for each in shown)
    with pytest.raises(ArgumentError, match="metric='f1'; allowed are .*'accuracy'"):
        learner.fit(1e-4, 1, callbacks=LiveCurves("f1"), verbose=0)
    assert len(shown) == 2


def test_a_terminal_has_no_place_for_it():
    with pytest.raises(ArgumentError, match=r"draws in a notebook only.*learner\.plot\(\) has"):
        LiveCurves()
