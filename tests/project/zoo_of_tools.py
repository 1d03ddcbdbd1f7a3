"""Functions for `test_zoo.py`: what tunes, compares, labels, streams and predicts on workers."""

import pandas as pd
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.utils.defaults import DEFAULT_MODEL

SOME, TRUE = TEXTS[:24], LABELS[:24]


def functions(tiny, folder):
    """Name -> (function, arguments that are right)."""
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
            {name: value for name, value in trained.items() if name != "loss"}  # it is called
            | {"settings": [{"checkpoint": tiny} | settings]}),
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
            {"labels": {"refund": "money back", "praise": "good film"}, "checkpoint": DEFAULT_MODEL,
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
LONG = ("tune", "compare", "train by minutes", "from_labels", "Learner.suspects",
        "Predictor.pick")  # fmt: skip
WORKING = [name for name in NAMES if name not in ("scale.predict", *LONG)]  # without Ray, at once
