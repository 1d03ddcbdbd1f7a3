"""The learning rate and the epochs where the user names none."""

from types import SimpleNamespace

import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.sklearn import TextClassifier
from simpletext.tasks.labels import Labels
from simpletext.tasks.task import MULTI, SINGLE
from simpletext.training.usual import FEW_TEXTS, usual_training

SMALL, BASE = {"hidden_size": 384}, {"hidden_size": 768}


class Data(list):
    """As many rows as wanted, with labels of a task."""

    def __init__(self, rows, task=SINGLE):
        super().__init__(range(rows))
        self.labels = Labels(task, ("a", "b"))


@pytest.mark.parametrize(
    ("config", "few_shot", "data", "expected"),
    [
        (SMALL, False, Data(FEW_TEXTS), (1e-4, 3)),
        (SMALL, False, Data(FEW_TEXTS - 1), (5e-5, 5)),
        (BASE, False, Data(40), (1.5e-5, 5)),
        (SMALL, True, Data(40), (2e-5, 3)),
        (SMALL, False, Data(40, MULTI), (1e-4, 3)),
        (SMALL, False, None, (1e-4, 3)),
        (SMALL, False, SimpleNamespace(labels=None), (1e-4, 3)),  # several outputs
    ],
)
def test_few_texts_have_a_lower_rate_and_more_epochs(config, few_shot, data, expected):
    assert usual_training(config, few_shot, data) == expected


def test_what_the_user_names_is_kept():
    assert usual_training(SMALL, False, Data(40), 3e-4, 1) == (3e-4, 1)
    assert usual_training(SMALL, False, Data(40), None, 2) == (1e-4, 2)
    assert usual_training(SMALL, False, Data(40), None, 3) == (5e-5, 3)
    assert usual_training(SMALL, False, Data(40), "auto") == ("auto", 5)


def test_train_and_the_estimator_have_the_same_defaults(tiny, monkeypatch):
    options = {"maxlen": 16, "verbose": 0}
    predictor = st.train((TEXTS, LABELS), checkpoint=str(tiny), **options)
    assert len(predictor.learner.history["loss"]) == 5
    assert max(predictor.learner.history["lr"]) == pytest.approx(5e-5, rel=0.1)
    given = []
    monkeypatch.setattr("simpletext.sklearn.fit_by", lambda *passed: given.append(passed[2:4]))
    TextClassifier(str(tiny), **options).fit(TEXTS, LABELS)
    assert given == [(5e-5, 5)]
