import shutil
from inspect import signature
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from conftest import LABELS, TEXTS, write_tokenizer

import simpletext as st
from simpletext.errors import ArgumentError, DataError
from simpletext.tasks.task import MULTI, REGRESSION
from simpletext.training.verbs import SCHEDULES, fit_by

FAST = {"maxlen": 16, "lr": 2e-3, "batch_size": 8, "verbose": 0}


def test_from_a_file_to_a_predictor_in_one_call(tmp_path, tiny):
    pd.DataFrame({"text": TEXTS, "label": LABELS}).to_csv(tmp_path / "a.csv", index=False)
    predictor = st.train(tmp_path / "a.csv", checkpoint=str(tiny), epochs=8, **FAST)
    assert predictor.predict(["a great film", "a very sad film"]) == ["pos", "neg"]
    assert predictor.report.sum() == 10
    assert len(predictor.learner.history["loss"]) == 8
    predictor.save(tmp_path / "saved")
    assert st.load_predictor(tmp_path / "saved").predict("a great film") == "pos"


def test_what_it_says(tiny, capsys):
    st.train((TEXTS, LABELS), checkpoint=str(tiny), epochs=1, maxlen=16)
    told = "".join(capsys.readouterr())
    for line in ("split: 86 texts", "task: single-label", "learning rate: 0.0001", "accuracy"):
        assert line in told


def test_verbose_0_is_silent(tiny, capfd):
    st.train((TEXTS, LABELS), checkpoint=str(tiny), epochs=1, **FAST)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("data", "options", "task"),
    [
        (([("a", text) for text in TEXTS], LABELS), {}, "single_label_classification"),
        ((TEXTS, [["x", "y"], ["x"], []] * 32), {}, MULTI),
        ((TEXTS, np.linspace(0, 5, 96)), {}, REGRESSION),
        ((TEXTS, np.random.RandomState(0).rand(96, 3)), {}, REGRESSION),
        ((TEXTS, [1, 2, 3] * 32), {"task": REGRESSION}, REGRESSION),
        (({"t": TEXTS, "u": TEXTS, "a": [0, 1] * 48, "b": [1, 1] * 48}),
         {"text": ["t", "u"], "label": ["a", "b"]}, MULTI),
    ],
    ids=["pairs", "lists", "regression", "targets", "said", "columns"],
)  # fmt: skip
def test_every_task(tiny, tmp_path, data, options, task):
    predictor = st.train(data, checkpoint=str(tiny), epochs=1, **options, **FAST)
    assert predictor.labels.task == task
    predictor.save(tmp_path / "saved")
    again = st.load_predictor(tmp_path / "saved")
    paired = isinstance(data, dict) or isinstance(data[0][0], tuple)
    texts = [("a", "good film"), ("a", "bad")] if paired else ["a good film", "bad"]
    assert np.allclose(again.predict_proba(texts), predictor.predict_proba(texts), atol=1e-5)
    assert again.predict(texts) == predictor.predict(texts)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("فيلم رائع", "فيلم ممل", ["فيلم", "رائع", "ممل"]),  # Arabic, from right to left
        ("这部电影很好", "这部电影很差", list("这部电影很好差")),  # Chinese, without spaces
    ],
)
def test_any_language(tiny, tmp_path, good, bad, words):
    folder = shutil.copytree(tiny, tmp_path / "model")
    write_tokenizer(folder, words)
    table = pd.DataFrame({"النص": [good, bad] * 24, "标签": ["إيجابي", "差"] * 24})
    table.to_csv(tmp_path / "a.csv", index=False)
    predictor = st.train(tmp_path / "a.csv", "النص", "标签", str(folder), epochs=8, **FAST)
    assert predictor.predict([good, bad]) == ["إيجابي", "差"]
    predictor.save(tmp_path / "saved")
    assert st.load_predictor(tmp_path / "saved").predict(good) == "إيجابي"


def test_validation_data_and_a_cache(tiny, tmp_path):
    options = FAST | {"checkpoint": str(tiny), "epochs": 1, "cache_dir": tmp_path}
    predictor = st.train((TEXTS, LABELS), val=(TEXTS[:6], LABELS[:6]), **options)
    assert predictor.report.sum() == 6
    assert len(list(tmp_path.glob("*.lock"))) == 2


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (TEXTS, ArgumentError, r"data must be a table or \(texts, labels\); this is a list of 96"),
        (("a", "b"), ArgumentError, r"this is a tuple of 2"),
        ("nofile.csv", DataError, "There is no file 'nofile.csv'"),
        ((TEXTS, LABELS[:-1]), DataError, "There are 96 texts and 95 labels"),
    ],
)
def test_bad_data(tiny, data, error, message):
    with pytest.raises(error, match=message):
        st.train(data, checkpoint=str(tiny), maxlen=16)


def test_ctrl_c_gives_no_half_trained_predictor(tiny, monkeypatch):
    def press(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("simpletext.training.progress.TrainingBar.on_train_batch_end", press)
    with pytest.raises(KeyboardInterrupt):
        st.train((TEXTS, LABELS), checkpoint=str(tiny), epochs=1, **FAST)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"epochs": 1.5}, {"batch_size": 0}])
def test_bad_counts_are_refused_before_any_work(wrong):
    with pytest.raises(ArgumentError, match="it must be a whole number, 1 or more"):
        st.train("nofile.csv", **wrong)


def test_it_takes_what_a_learner_takes(tiny):
    predictor = st.train(
        (TEXTS, LABELS), checkpoint=str(tiny), epochs=4, maxlen=16, verbose=0, lr=1e-3,
        schedule="linear", class_weight="balanced", loss="focal", metrics=["f1"],
    )  # fmt: skip
    history = predictor.learner.history
    assert "val_f1" in history
    assert "accuracy" not in history
    assert max(history["lr"]) == pytest.approx(1e-3)
    assert np.argmax(history["lr"]) < len(history["lr"]) / 4  # 1cycle is highest in the middle


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_schedule_is_a_verb_of_the_learner(schedule):
    learner = Mock(spec=st.Learner)
    stops = None if schedule == "onecycle" else 2
    fit_by(schedule, learner, 1e-4, 3, stops, "balanced", 0)
    ((name, positional, named),) = learner.method_calls
    assert (name, positional) == (SCHEDULES[schedule], (1e-4, 3))
    assert named.get("early_stopping") == stops
    assert named["class_weight"] == "balanced"
    signature(getattr(st.Learner, name)).bind(learner, *positional, **named)


def test_the_head_is_chosen(tiny):
    """The head of the family has a pooler of its own."""
    options = {**FAST, "checkpoint": str(tiny), "epochs": 1}
    predictor = st.train((TEXTS, LABELS), pooling="original", **options)
    assert predictor.model.architecture.pooling == "original"
    with pytest.raises(ArgumentError, match="pooling='max'"):
        st.train((TEXTS, LABELS), pooling="max", **options)


def test_the_rate_is_measured(tiny, capsys):
    options = {**FAST, "lr": "auto", "verbose": 1}
    st.train((TEXTS, LABELS), checkpoint=str(tiny), epochs=1, **options)
    assert "learning rate: 1.0e-04 (usual for this size of encoder" in capsys.readouterr().err
    with pytest.raises(ArgumentError, match="learning rate='best'; it must be a number above 0"):
        st.train((TEXTS, LABELS), checkpoint=str(tiny), epochs=1, **{**FAST, "lr": "best"})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"schedule": "cosine"}, "schedule='cosine'; allowed"),
        ({"early_stopping": 2}, "early_stopping=2, but the 1cycle policy"),
    ],
)
def test_bad_options_are_refused_before_any_work(wrong, message):
    with pytest.raises(ArgumentError, match=message):
        st.train((TEXTS, LABELS), checkpoint="./none", **wrong)


TAGGED = ([["a", "good", "film"]], [["O", "B-X", "O"]])


@pytest.mark.parametrize(
    ("data", "wrong", "message"),
    [
        ((TEXTS, LABELS), {"loss": "focl"}, "loss='focl'; for single_label_classification allowed"),
        ((TEXTS, LABELS), {"metrics": ["rmse"]}, "'rmse' doesn't fit single_label_classification"),
        (TAGGED, {"loss": "mae"}, "loss='mae'; for token_classification"),
        (TAGGED, {"metrics": "auc"}, "'auc' doesn't fit token_class"),
    ],
)
@pytest.mark.parametrize("search", [False, True])
def test_losses_and_metrics_are_refused_before_encoding(
    tiny, monkeypatch, data, wrong, message, search
):
    monkeypatch.setattr(st.Transformer, "preprocess_train", None)
    minutes = {"minutes": 1} if search else {}
    with pytest.raises(ArgumentError, match=message):
        st.train(data, checkpoint=str(tiny), maxlen=16, verbose=0, **wrong, **minutes)
