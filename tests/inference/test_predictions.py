"""What `Predictor.predict` and its sisters give, by every option."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import simpletext as st
from simpletext.errors import ArgumentError, DataError, WeightsError
from simpletext.inference.calibration import log_loss
from simpletext.inference.predictions import Predictions, thresholds_from
from simpletext.tasks.labels import Labels

SOME = ["a good film", "it was an awful film", "nice"]
MULTI = Labels("multi_label_classification", ("a", "b", "c"))
SINGLE = Labels("single_label_classification", ("a", "b"))


def untrained(tiny, labels, texts=("good", "bad"), maxlen=12):
    transformer = st.Transformer(str(tiny), maxlen=maxlen)
    transformer.preprocess_train(list(texts), labels, verbose=0)
    return st.get_predictor(transformer.get_model(), transformer)


@pytest.fixture(scope="module")
def multi(tiny):
    return untrained(tiny, [["a", "b"], ["c"]])


@pytest.fixture(scope="module")
def regression(tiny):
    return untrained(tiny, [0.5, 1.5])


def test_the_likeliest_few(trained):
    top = trained.predictor.predict(SOME, top_k=5)
    values = trained.predictor.predict_proba(SOME)
    assert [row[0][0] for row in top] == trained.predictor.predict(SOME)
    np.testing.assert_allclose([row[0][1] for row in top], values.max(axis=1))
    assert [len(row) for row in top] == [2, 2, 2]
    assert trained.predictor.predict("nice", top_k=1)[0][0] == "pos"


def test_no_answer_below_min_confidence(trained):
    values = trained.predictor.predict_proba(SOME).max(axis=1)
    limit = float(np.median(values))
    answers = trained.predictor.predict(SOME, min_confidence=limit)
    assert [answer is None for answer in answers] == (values < np.float32(limit)).tolist()
    assert None in answers


def test_a_frame(trained):
    frame = trained.predictor.predict_df([*SOME, "good " * 30])
    assert list(frame.columns) == ["text", "label", "probability", "truncated"]
    assert frame["truncated"].tolist() == [False, False, False, True]
    assert frame["label"].tolist() == trained.predictor.predict(frame["text"])
    np.testing.assert_allclose(
        frame["probability"], trained.predictor.predict_proba(frame["text"]).max(axis=1)
    )
    assert len(trained.predictor.predict_df("one text")) == 1


def test_frames_of_other_tasks(multi, regression):
    frame = multi.predict_df(["good", "bad"], threshold=0.0)
    assert frame["label"].tolist() == [["a", "b", "c"]] * 2
    np.testing.assert_allclose(frame["probability"].tolist(), multi.predict_proba(["good", "bad"]))
    assert list(regression.predict_df(["good"]).columns) == ["text", "value", "truncated"]
    pairs = Predictions(np.array([[0.2, 0.8]]), SINGLE, truncated=np.array([False])).frame(
        [("x", "y")], ["b"]
    )
    assert list(pairs.columns) == ["text", "text_b", "label", "probability", "truncated"]


def test_a_stream_keeps_the_order_and_reads_little(trained):
    read = []

    def source():
        for i in range(50):
            read.append(i)
            yield "good" if i % 3 else "awful"

    stream = trained.predictor.predict_iter(source(), chunk_size=8)
    assert next(stream) == "neg"
    assert len(read) == 8
    assert ["neg", *stream] == ["pos" if i % 3 else "neg" for i in range(50)]
    assert len(list(trained.predictor.predict_iter(SOME, True, top_k=None))) == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("one text",), DataError, "predict_iter takes texts to iterate over; this is 'one text'"),
        ((5,), DataError, "predict_iter takes texts to iterate over; this is 5"),
    ],
)
def test_a_stream_of_something_else(trained, arguments, error, message):
    with pytest.raises(error, match=message):
        trained.predictor.predict_iter(*arguments)
    with pytest.raises(ArgumentError, match="chunk_size=0; it must be a whole number, 1 or more"):
        trained.predictor.predict_iter(SOME, chunk_size=0)


def test_thresholds():
    def limits(threshold, kept=None):
        return thresholds_from(threshold, kept, MULTI, 0.5).round(4).tolist()

    assert limits(None) == [0.5, 0.5, 0.5]
    assert limits(None, [0.25, 0.5, 0.75]) == [0.25, 0.5, 0.75]
    assert limits(0.25) == [0.25] * 3
    assert limits([0.0, 0.5, 1.0]) == [0.0, 0.5, 1.0]
    assert limits({"c": 0.75}, [0.25, 0.5, 0.5]) == [0.25, 0.5, 0.75]


@pytest.mark.parametrize(
    ("threshold", "labels", "message"),
    [
        (0.5, SINGLE, "threshold=0.5 is for multi-label tasks; this is single_label"),
        ([0.5, 0.5], MULTI, "threshold=.*; it must be one number, one for each of the 3"),
        (1.5, MULTI, "threshold=1.5; probabilities go from 0 to 1"),
        ({"d": 0.5}, MULTI, "threshold names 'd', which isn't one of the labels: 'a', 'b', 'c'"),
    ],
)
def test_bad_thresholds(threshold, labels, message):
    with pytest.raises(ArgumentError, match=message):
        thresholds_from(threshold, None, labels, 0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k=0; it must be a whole number, 1 or more"),
        ({"top_k": True}, "top_k=True"),
        ({"min_confidence": 2}, "min_confidence=2; it must be a number from 0 to 1"),
        ({"threshold": 0.3}, "threshold=0.3 is for multi-label tasks"),
        ({"long_text": "cut"}, "long_text='cut'; allowed are 'truncate', 'chunk'"),
    ],
)
def test_bad_options(trained, options, message):
    with pytest.raises(ArgumentError, match=message):
        trained.predictor.predict(SOME, **options)


def test_options_of_other_tasks(multi, regression):
    with pytest.raises(ArgumentError, match="top_k needs a task with classes"):
        regression.predict(SOME, top_k=2)
    with pytest.raises(ArgumentError, match="the task single_label_classification"):
        multi.predict(SOME, min_confidence=0.5)


def test_cut_texts_are_told_once(trained, capsys):
    predictor = st.Predictor(
        trained.predictor.model, trained.predictor.tokenizer, trained.predictor.settings
    )
    predictor.predict(["good " * 30, "bad"])
    assert capsys.readouterr().err == (
        '1 of 2 texts were cut to 16 tokens; long_text="chunk" reads them whole.\n'
    )
    predictor.predict("good " * 30)
    assert capsys.readouterr().err == ""
    predictor.predict("good " * 30, verbose=1)
    assert "1 of 1 texts were cut" in capsys.readouterr().err


def test_a_long_text_in_windows(trained):
    predictor, text = trained.predictor, "the film " * 12 + "awful " * 30
    parts = predictor.tokenizer.windows([text], 16, 4)
    windows, counts = next(iter(parts))
    assert counts == [len(windows.lengths)]
    assert (windows.lengths[:-1] == 16).all()
    first, second = windows.ids[:16], windows.ids[16:32]
    assert first[-5:-1].tolist() == second[1:5].tolist()  # they overlap by 4 tokens
    assert predictor.predict(text, long_text="chunk") == "neg"
    short = ["a good film", "bad"]
    np.testing.assert_array_equal(
        predictor.predict_proba(short, long_text="chunk"), predictor.predict_proba(short)
    )
    mixed = predictor.predict_proba([*short, text], long_text="chunk")
    np.testing.assert_allclose(
        mixed[2], predictor.predict_proba(text, long_text="chunk"), atol=1e-6
    )
    assert not predictor.predict_df(text, long_text="chunk")["truncated"].any()


def test_pairs_and_single_texts_are_told_apart(trained, tiny):
    with pytest.raises(DataError, match="These are pairs of texts, but the model was trained on s"):
        trained.predictor.predict([("a", "b")])
    paired = untrained(tiny, ["x", "y"], [("a", "b"), ("c", "d")])
    with pytest.raises(DataError, match=r"These are single texts.*Pass pairs of texts"):
        paired.predict("a")
    with pytest.raises(DataError, match="is for single texts; pairs are cut to maxlen"):
        paired.predict(("a", "b"), long_text="chunk")
    assert list(paired.predict_df(("a", "b")).columns)[:2] == ["text", "text_b"]


def test_calibration(trained):
    predictor = st.Predictor(
        trained.predictor.model, trained.predictor.tokenizer, trained.predictor.settings
    )
    texts = ["a good film", "a bad film", "it was nice", "very sad"] * 5
    right = ["pos", "neg", "pos", "neg"] * 5
    right[0] = "neg"  # one of twenty is wrong
    before = predictor.predict_proba(texts)
    scores = predictor.calibrate(texts, right)
    after = predictor.predict_proba(texts)
    assert scores["log_loss_after"] <= scores["log_loss_before"]
    assert set(scores) >= {"temperature", "ece_before", "ece_after"}
    assert not np.allclose(before, after)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    with pytest.raises(DataError, match="Labels are missing"):
        predictor.calibrate(texts)
    with pytest.raises(DataError, match="There are 20 texts and 2 labels"):
        predictor.calibrate(texts, ["pos", "neg"])


def test_tuned_thresholds_are_used_and_saved(tiny, tmp_path):
    predictor = untrained(tiny, [["a", "b"], ["c"]])
    texts, sets = ["good film", "bad", "it was", "very sad"], [["a"], ["b"], ["a", "c"], []]
    transformer = st.Transformer(str(tiny), maxlen=12, class_names=["a", "b", "c"])
    data = transformer.preprocess_test(texts, sets, verbose=0)
    tuned = predictor.tune_thresholds(data)
    assert tuned == predictor.tune_thresholds(texts, sets)
    answers = predictor.predict(texts)
    values = predictor.predict_proba(texts)
    assert answers == predictor.labels.decode(values >= np.array(list(tuned.values()), "float32"))
    predictor.calibrate(texts, sets)
    assert predictor.predict(texts) == answers  # the thresholds moved along
    predictor.save(tmp_path / "saved")
    again = st.load_predictor(tmp_path / "saved")
    assert again.settings == predictor.settings
    assert again.predict(texts) == answers
    np.testing.assert_array_equal(again.predict_proba(texts), predictor.predict_proba(texts))


def test_what_cannot_be_calibrated(trained, regression):
    with pytest.raises(ArgumentError, match="A regression has no probabilities"):
        regression.calibrate(["a"], [1.0])
    with pytest.raises(ArgumentError, match="Thresholds are for multi-label tasks"):
        trained.predictor.tune_thresholds(["a"], ["pos"])


def test_pandas_and_numpy(trained):
    assert trained.predictor.predict(pd.Series(SOME)) == trained.predictor.predict(np.array(SOME))


@pytest.mark.parametrize("option", [{"top_k": 2}, {"min_confidence": 0.5}, {"threshold": 0.5}])
def test_options_that_return_proba_would_ignore_are_refused(trained, option):
    with pytest.raises(ArgumentError, match=f"{next(iter(option))} would be ignored"):
        trained.predictor.predict("a text", return_proba=True, **option)


def test_outputs_that_are_no_numbers(tiny):
    predictor = untrained(tiny, ["x", "y"])
    bias = predictor.model.get_layer("classifier").bias
    bias.assign([np.nan, 0.0])
    with pytest.raises(WeightsError, match=r"NaN or infinity for 2 of 2 rows.*load it again"):
        predictor.predict(["good", "bad"])


def test_ids_that_have_no_embedding(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "more")
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["unheard"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(content))
    transformer = st.Transformer(folder, maxlen=12)
    transformer.preprocess_train(["good", "bad"], ["x", "y"], verbose=0)
    model = transformer.get_classifier(verbose=0)
    predictor = st.get_predictor(model, transformer)
    assert predictor.predict("good") in ("x", "y")
    message = r"token id 5000, but the model has embeddings for the ids 0 to \d+. The tokenizer"
    with pytest.raises(DataError, match=message):
        predictor.predict("unheard")
    odd = transformer.preprocess_train(["unheard", "bad"], ["x", "y"], verbose=0)
    with pytest.raises(DataError, match=message):
        st.get_learner(model, odd)


@pytest.mark.parametrize(
    ("task", "y", "values", "wanted"),
    [
        ("single_label_classification", [0, 1], [[0.8, 0.2], [0.5, 0.5]], [0.8, 0.5]),
        ("multi_label_classification", [[1, 0]], [[0.8, 0.1]], [0.8, 0.9]),
    ],
)
def test_log_loss(task, y, values, wanted):
    found = log_loss(np.array(values, "float32"), np.array(y), Labels(task, ("a", "b")))
    assert found == pytest.approx(-np.log(wanted).mean(), rel=1e-6)


def test_calibration_needs_mistakes_and_several_classes(trained, capsys):
    predictor = trained.predictor
    with pytest.raises(DataError, match="All 1 texts have the same label"):
        predictor.calibrate(["a good film"], ["pos"])
    scores = predictor.calibrate(["a good film", "an awful film"], ["pos", "neg"])
    assert "All 2 texts are predicted correctly" in capsys.readouterr().err
    assert scores["temperature"] == 1.0
    assert predictor.settings.temperature == 1.0
