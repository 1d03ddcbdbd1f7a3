"""The zoo of `test_zoo.py` for what tunes, compares, labels, streams and predicts on workers."""

import keras
import pandas as pd
import pytest
from conftest import LABELS, TEXTS
from project.test_zoo import foreign
from project.zoo import FEW, MANY

import simpletext as st

SOME, TRUE = TEXTS[:24], LABELS[:24]


@pytest.fixture(scope="module")
def functions(tiny, minilm, tmp_path_factory):
    """Name -> (function, arguments that are right)."""
    folder = tmp_path_factory.mktemp("tools")
    csv = folder / "a.csv"
    pd.DataFrame({"text": SOME, "label": TRUE}).to_csv(csv, index=False)
    t = st.Transformer(tiny, maxlen=12)
    data, val = t.preprocess_train(SOME, TRUE, verbose=0), t.preprocess_test(SOME, TRUE, verbose=0)
    learner = st.get_learner(t.get_classifier(verbose=0), data, val, batch_size=24)
    predictor = st.get_predictor(learner.model, t)
    saved = folder / "saved"
    predictor.save(saved)
    common = {"val": None, "val_pct": 0.25, "schedule": "onecycle", "early_stopping": None,
              "class_weight": None, "loss": None, "class_names": None, "task": None,
              "cache_dir": None, "seed": 0}  # fmt: skip
    settings = {"maxlen": 12, "epochs": 1, "batch_size": 24, "lr": 1e-4}
    trained = {"data": csv, "text": "text", "label": "label"} | common
    return {
        "tune": (
            lambda **o: st.tune(verbose=0, **o),
            trained | settings | {
                "checkpoint": tiny, "space": {"lr": [1e-4]}, "trials": 1, "minutes": None,
                "folder": None, "resume": False, "metric": None}),
        "compare": (
            lambda **o: st.compare(verbose=0, **o),
            trained | {"settings": [{"checkpoint": tiny} | settings], "metrics": None}),
        "train by minutes": (
            lambda **o: st.train(csv, checkpoint=tiny, maxlen=12, verbose=0, **o),
            {"minutes": 0.01, "epochs": None}),
        "scale.predict": (
            st.scale.predict,
            {"predictor": saved, "source": csv, "out": "new", "text": "text", "workers": 0,
             "gpus_per_worker": 0, "batch_size": 8, "id": None, "columns": None, "proba": False,
             "long_text": "truncate", "verbose": 0}),
        "read_stream": (
            lambda **o: list(st.read_stream(**o).chunks()),
            {"source": csv, "text": "text", "label": "label"}),
        "from_labels": (
            st.Predictor.from_labels,
            {"labels": {"refund": "money back", "praise": "a good film"}, "checkpoint": minilm,
             "maxlen": 12, "batch_size": 8, "precision": "auto"}),
        "Predictor.pick": (predictor.pick, {"texts": SOME, "n": 2, "verbose": 0}),
        "Learner.suspects": (learner.suspects, {"n": 2, "verbose": 0}),
        "Learner.report": (
            learner.report,
            {"path": "new.html", "predictor": None, "val_data": val, "suspects": False}),
    }  # fmt: skip


NAMES = [
    "tune", "compare", "train by minutes", "scale.predict", "read_stream", "from_labels",
    "Predictor.pick", "Learner.suspects", "Learner.report",
]  # fmt: skip
# Whatever they accept is trained on, or embedded.
LONG = ("tune", "compare", "train by minutes", "from_labels", "Learner.suspects", "Predictor.pick")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def test_all_functions_are_named(functions):
    assert list(functions) == NAMES


@pytest.mark.parametrize("name", [n for n in NAMES if n not in (*LONG, "scale.predict")])
def test_the_right_arguments_are_accepted(functions, name):
    function, right = functions[name]
    function(**right)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_only_our_exceptions_leave(functions, name):
    assert foreign(*functions[name], FEW) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_only_our_exceptions_leave_for_all_values(functions, name):
    keras.utils.disable_interactive_logging()
    assert foreign(*functions[name], MANY) == []
