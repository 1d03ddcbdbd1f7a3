import re
from html.parser import HTMLParser
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import LABELS, TEXTS
from sklearn.metrics import f1_score

import simpletext as st
from simpletext.errors import FolderExistsError
from simpletext.evaluation.html_report import _answer, confused_pairs, write_report
from simpletext.evaluation.intervals import intervals
from simpletext.inference.predictions import Predictions
from simpletext.tasks.labels import Labels
from simpletext.tasks.task import task_named

EVIL = "<script>alert(1)</script> & $x$"


class Page(HTMLParser):
    """The tags of a page, its words, and the addresses in it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href", "xlink:href") and v]

    def handle_data(self, data):
        self.words.append(data)


def test_the_report_of_a_training(trained, tmp_path):
    path = tmp_path / "report.html"
    trained.learner.report(path, trained.predictor)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    words = " ".join(page.words)
    for heading in ("Scores in full", "Training", "Confusion matrix", "Calibration", "Data",
                    "Worst mistakes", "Settings", "How to load the model"):  # fmt: skip
        assert heading in words
    assert "accuracy" in words
    assert "95 % interval" in words
    assert f"simpletext {st.__version__}" in words
    assert f"backend {keras.backend.backend()} " in words
    assert "duplicate" in words  # the fixture validates on its training texts
    assert "script" not in page.tags
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"url\(['\"]?http|@import", text)
    assert len(text) < 1_000_000
    assert "Suspected wrong labels" not in words
    with pytest.raises(FolderExistsError):
        trained.learner.report(path)
    trained.learner.report(tmp_path / "more.html", suspects=True)
    words = " ".join(Page((tmp_path / "more.html").read_text(encoding="utf-8")).words)
    assert "Suspected wrong labels" in words
    assert f"{len(trained.learner.suspects(verbose=0))} training texts have a label" in words


@pytest.mark.parametrize("labels", [[EVIL, "b"], [[EVIL], ["b", "c"]], [0.5, 2.5]])
def test_texts_and_labels_are_escaped_for_each_task(tiny, tmp_path, labels):
    transformer = st.Transformer(str(tiny), maxlen=16)
    texts = [f"good {EVIL}", f"bad {EVIL}"] * 4
    data = transformer.preprocess_train(texts, labels * 4, verbose=0)
    model = transformer.get_model(verbose=0)
    learner = st.get_learner(model, data, data, batch_size=8)
    learner.report(tmp_path / "a.html", st.get_predictor(model, transformer))
    page = Page((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert EVIL in "".join(page.words)  # a span begins at each explained word


def report_of(rows, path):
    """A report on so many held-out rows, as after three epochs of 32 texts per step."""
    rng = np.random.default_rng(0)
    labels = Labels("single_label_classification", tuple(f"class {i}" for i in range(20)))
    texts = [f"text {i} " + " ".join(map(str, rng.integers(0, 99, 9))) for i in range(rows)]
    texts[::7] = ["the same text"] * len(texts[::7])  # findings with many rows
    y, values = rng.integers(0, 20, rows), rng.dirichlet(np.ones(20), rows).astype("float32")
    data = SimpleNamespace(texts=texts, pairs=None, labels=labels, ids=y)
    steps = 3 * rows // 32
    history = {
        "loss": [1.0, 0.5, 0.4], "val_loss": [1.0, 0.6, 0.5],
        "lr": list(rng.random(steps)), "momentum": list(rng.random(steps)),
    }  # fmt: skip
    learner = SimpleNamespace(train_data=data, val_data=data, history=history, settings={})
    write_report(path, learner, Predictions(values, labels, y, texts))
    return path.stat().st_size


def test_a_report_does_not_grow_with_the_rows(tmp_path):
    small, large = (report_of(rows, tmp_path / f"{rows}.html") for rows in (2_000, 20_000))
    assert small < 500_000
    assert large < small + 150_000  # 18,000 more rows: 8 bytes each would be as many


@pytest.mark.slow
def test_a_report_of_100_000_rows_is_small(tmp_path):
    assert report_of(100_000, tmp_path / "report.html") < 3_000_000


def test_intervals_are_those_of_the_binomial_distribution():
    """1000 rows, 90 % right: the normal approximation is 0.9 +- 1.96 * 0.0095."""
    y = np.zeros(1000, dtype=int)
    values = np.eye(2)[(np.arange(1000) % 10 == 0).astype(int)]
    score, low, high = intervals(task_named("single_label_classification").headline, y, values)[
        "accuracy"
    ]
    assert score == pytest.approx(0.9)
    assert (low, high) == pytest.approx((0.8814, 0.9186), abs=0.004)


def test_headlines_are_scikit_learns_scores():
    rng = np.random.default_rng(0)
    y, values = rng.integers(0, 4, 60), rng.random((60, 4))
    found = task_named("single_label_classification").headline(y, values)
    wanted = f1_score(y, values.argmax(axis=1), average="macro")
    assert found["macro F1"] == pytest.approx(wanted)
    several = (rng.random((60, 4)) > 0.6).astype("float32")
    found = task_named("multi_label_classification").headline(several, values)
    predicted = values >= 0.5
    assert found["micro F1"] == pytest.approx(f1_score(several, predicted, average="micro"))
    assert found["macro F1"] == pytest.approx(f1_score(several, predicted, average="macro"))


def test_confused_pairs_are_ordered():
    labels = Labels("single_label_classification", ("a", "b", "c"))
    y, predicted = np.array([0, 0, 0, 0, 1, 2]), np.array([1, 1, 0, 2, 1, 2])
    pairs = confused_pairs(Predictions(np.eye(3)[predicted], labels, y))
    assert pairs == [("a", "b", 2, 0.5), ("a", "c", 1, 0.25)]


def test_train_writes_a_report(tiny, tmp_path):
    import pandas as pd
    from typer.testing import CliRunner

    from simpletext import cli

    pd.DataFrame({"text": TEXTS, "label": LABELS}).to_csv(tmp_path / "a.csv", index=False)
    words = ["train", tmp_path / "a.csv", "--checkpoint", tiny, "--maxlen", "16", "--epochs", "1",
             "--out", tmp_path / "out", "--report", tmp_path / "r.html", "-q"]  # fmt: skip
    result = CliRunner().invoke(cli.app, list(map(str, words)))
    assert result.exit_code == 0, result.output
    assert "Confusion matrix" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (["a", "b"], "a, b"),
        ([], "none"),
        ([("Oslo", "LOC")], "Oslo (LOC)"),
        (4.199999809265137, "4.2"),
        ("pos", "pos"),
    ],
)
def test_labels_are_shown_as_words(value, shown):
    assert _answer(value) == shown
