import numpy as np
import pandas as pd
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, DataError

SOUND = [f"a film {i}" for i in range(30)]
TWO = ["x", "y"] * 15


def problems(report):
    return [(f.part, f.problem, f.rows, f.others) for f in report.findings]


def test_sound_data():
    report = st.check(SOUND, TWO, (["another film"], ["x"]))
    assert report.ok
    assert "nothing wrong was found" in str(report)
    assert report.to_frame().empty


def test_every_problem_is_found_with_its_rows():
    texts, labels = [*SOUND, "", " ", SOUND[3], SOUND[4]], [*TWO, "x", "y", "y", "y"]
    report = st.check(texts, labels, ([SOUND[7], "new", SOUND[0]], ["x", "y", "y"]))
    assert problems(report) == [
        ("train", "2 empty texts", [30, 31], None),
        ("train", "2 duplicate texts", [32, 33], [3, 4]),
        ("train", "the same text with different labels", [33], [4]),
        ("val", "2 texts are training texts as well", [0, 2], [7, 0]),
    ]
    told = str(report)
    assert "- train: 2 empty texts at rows 30, 31. Remove them" in told
    assert "train labels: y 18, x 16" in told or "train labels: x 16, y 18" in told
    table = report.to_frame()
    assert table.loc[table.part == "val", "text"].tolist() == [SOUND[7], SOUND[0]]
    assert table.loc[2:3, "label"].tolist() == ["y", "y"]
    assert table.other_row.isna().sum() == 2


def test_classes_with_few_texts_or_none():
    report = st.check(SOUND[:12], ["x"] * 11 + ["y"], class_names=["x", "y", "z"])
    assert [f.problem for f in report.findings] == [
        "no text has the label z",
        "fewer than 10 texts have the label y",
    ]
    assert report.classes()["train"].to_dict() == {"x": 11, "y": 1, "z": 0}


def test_labels_that_look_like_another_column():
    report = st.check(SOUND, list(range(30)))
    assert "30 classes for 30 texts" in [f.problem for f in report.findings]


def test_lengths_in_tokens_and_a_better_maxlen(tiny):
    texts = [*(["a film"] * 98), "a " * 12, "a " * 12]
    report = st.check(texts, TWO * 3 + TWO[:10], preproc=st.Transformer(str(tiny), maxlen=8))
    assert report.unit == "tokens"
    assert report.lengths["train"].max() == 14
    assert report.suggested_maxlen == 16
    assert "maxlen=8 cuts 2.0%" in str(report)
    assert "suggested maxlen: 16" in str(report)
    longer = st.check(["a " * 90, "b " * 90], preproc=st.Transformer(str(tiny), maxlen=8))
    assert longer.suggested_maxlen == 20  # as far as the model goes


def test_a_tokenizer_of_another_language_is_found(tiny):
    report = st.check(
        ["это фильм", "这是一部电影"] * 2, preproc=st.Transformer(str(tiny), maxlen=8)
    )
    assert any("of the tokens are unknown to" in f.problem for f in report.findings)


def test_pairs_multi_label_and_regression():
    pairs = [(text, "b") for text in SOUND]
    assert problems(st.check([*pairs, pairs[0]], [*TWO, "x"]))[0][1:3] == (
        "1 duplicate text", [30])  # fmt: skip
    several = st.check(SOUND, [["x", "y"]] * 15 + [["x"]] * 15)
    assert several.classes()["train"].tolist() == [30, 15]
    amounts = st.check(SOUND, np.linspace(0, 5, 30), (SOUND[:2], [0.5, 1.0]))
    assert "train targets: mean 2.5, from 0 to 5" in str(amounts)
    assert amounts.classes().loc["max", ("train", "target")] == 5


def test_texts_alone():
    report = st.check(["a", "a"])
    assert problems(report)[0][1] == "1 duplicate text"
    assert report.classes().empty
    assert len(report.plot().axes) == 1


@pytest.mark.parametrize("what", [None, "labels", "lengths"])
def test_figures(tmp_path, what, slow_clock):
    report = st.check(TEXTS, LABELS, (TEXTS[:9], LABELS[:9]))
    figure = report.plot(what)
    assert len(figure.axes) == (2 if what is None else 1)
    figure.savefig(tmp_path / "figure.png")
    with pytest.raises(ArgumentError, match="what='x'; allowed are 'labels', 'lengths' and None"):
        report.plot("x")


def test_bad_input():
    with pytest.raises(DataError, match="There are 2 texts and 1 labels"):
        st.check(["a", "b"], ["x"])
    with pytest.raises(DataError, match="There are 1 texts and 2 labels"):
        st.check(["a", "b"], ["x", "y"], (["a"], ["x", "y"]))
    with pytest.raises(DataError, match="Row 0 has the label 'z'"):
        st.check(["a", "b"], ["x", "y"], (["a"], ["z"]))
    with pytest.raises(ArgumentError, match=r"val must be a pair: \(texts, labels\)"):
        st.check(["a", "b"], ["x", "y"], pd.DataFrame({"text": ["a"]}))


def test_a_check_of_pairs_leaves_the_transformer_as_it_is(tiny):
    transformer = st.Transformer(tiny, maxlen=12)
    st.check([("good", "film"), ("bad", "film")], [1, 0], preproc=transformer)
    assert transformer.paired is None
    assert len(transformer.preprocess_train(["good", "bad"], [1, 0], verbose=0)) == 2


def test_dollar_signs_in_class_names_are_no_mathematics():
    """matplotlib raises an error for such a name where it takes it for a formula."""
    from simpletext.evaluation.plots import plot_confusion

    name = r"$\undefined{$"
    figure = plot_confusion(np.eye(2, dtype=int), [name, "b"])
    figure.canvas.draw()
    report = st.check(["good", "bad"], [name, "b"]).plot("labels")
    report.canvas.draw()
    assert name.replace("$", r"\$") in [t.get_text() for t in report.axes[0].get_yticklabels()]
