import builtins
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, CheckpointError
from simpletext.training.usual import usual_rate
from simpletext.tuning import search
from simpletext.tuning.clock import Deadline, Pace
from simpletext.tuning.search import Limits, Reporter, Search, StoppedEarly
from simpletext.tuning.settings import TrainingSettings
from simpletext.tuning.tuner import space_of

DATA = (TEXTS, LABELS)
FAST = {"maxlen": 16, "batch_size": 8, "val_pct": 0.25}
SPACE = {"lr": (1e-5, 5e-3), "epochs": [1, 5], "frozen_blocks": [0, 9]}

pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tune") / "search"


@pytest.fixture(scope="module")
def result(tiny, folder):
    """A search with an impossible value, some of whose tries fail."""
    return st.tune(
        DATA, checkpoint=str(tiny), space=SPACE, trials=5, folder=folder, verbose=0, **FAST
    )


def test_the_default_training_is_tried_first(result):
    first = result.to_frame().iloc[0]
    assert (first["lr"], first["epochs"], first["frozen_blocks"]) == (5e-5, 5, 0)
    assert first["state"] == "complete"
    assert first["batch_size"] == 8


def test_the_best_try_is_the_predictor(result):
    table = result.to_frame()
    complete = table[table["state"] == "complete"]
    assert result.metric == "accuracy"
    assert result.score == complete["accuracy"].max()
    assert table["best"].sum() == 1
    assert table.set_index("number").loc[result.number, "accuracy"] == result.score
    learner = result.predictor.learner
    matrix = learner.validate(print_report=False)
    assert np.trace(matrix) / matrix.sum() == pytest.approx(result.score)
    assert result.settings.lr == table.set_index("number").loc[result.number, "lr"]
    assert result.predictor.predict("a good film") in ("pos", "neg")
    assert f"accuracy={result.score:.4f}" in repr(result)


def test_a_try_that_fails_says_why_and_the_search_goes_on(result):
    table = result.to_frame()
    failed = table[table["state"] == "failed"]
    assert len(table) == 5
    assert len(failed) > 0
    assert set(failed["frozen_blocks"]) == {9}
    assert failed["note"].str.contains("blocks=9; it must be a whole number from 0 to 2").all()


def test_the_figure_has_a_point_for_each_try_with_a_score(result):
    figure = result.plot(return_fig=True)
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel()) == ("try", "learning rate")
    assert second.get_xscale() == "log"
    points = sum(len(line.get_xdata()) for line in first.lines if line.get_label() != "best")
    assert points == result.to_frame()["accuracy"].notna().sum()


def test_a_search_that_was_killed_goes_on(result, tiny, folder):
    """A killed process leaves a running try behind, and perhaps the model of one."""
    left = result.study.ask()
    left.suggest_float("lr", 1e-5, 5e-3, log=True)
    (folder / "best-99").mkdir()
    again = st.tune(
        DATA, checkpoint=str(tiny), space=SPACE, trials=6, folder=folder, resume=True, verbose=0,
        **FAST,
    )  # fmt: skip
    table = again.to_frame()
    assert len(table) == 6
    assert table["lr"].iloc[-1] == left.params["lr"]
    assert again.score >= result.score
    assert [path.name for path in folder.glob("best-*")] == [f"best-{again.number}"]
    saved = st.load_predictor(folder / f"best-{again.number}")
    assert saved.predict(TEXTS[:9]) == again.predictor.predict(TEXTS[:9])
    ended = st.tune(
        DATA, checkpoint=str(tiny), space=SPACE, trials=6, folder=folder, resume=True, verbose=0,
        **FAST,
    )  # fmt: skip
    assert len(ended.to_frame()) == 6
    assert ended.predictor.predict(TEXTS[:9]) == again.predictor.predict(TEXTS[:9])


def test_a_folder_with_another_search_is_refused(result, tiny, folder, tmp_path):
    options = {"checkpoint": str(tiny), "trials": 1, "verbose": 0, **FAST}
    with pytest.raises(CheckpointError, match=r"holds a search already. Pass resume=True"):
        st.tune(DATA, space=SPACE, folder=folder, **options)
    with pytest.raises(CheckpointError, match=r"has other values for data, space\. Continue it"):
        st.tune(
            (TEXTS[1:], LABELS[1:]), space={"lr": [1e-4]}, folder=folder, resume=True, **options
        )
    others = {"schedule": "linear", "class_weight": "balanced", "pooling": "mean"}
    with pytest.raises(CheckpointError, match=r"other values for class_weight, pooling, schedule"):
        st.tune(DATA, space=SPACE, folder=folder, resume=True, **options, **others)
    (tmp_path / "study.db").write_text("no database")
    with pytest.raises(CheckpointError, match=r"study.db can't be read as a search"):
        st.tune(DATA, space=SPACE, folder=tmp_path, resume=True, **options)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"space": {"lr": 2}, "lr": 1e-4}, "lr is in space and passed as well"),
        ({"rate": 1}, "There is no setting 'rate'; allowed are"),
        ({"trials": 0}, "trials=0; it must be a whole number, 1 or more"),
        ({"minutes": 0}, "minutes=0; it must be a number of minutes, like 10"),
        ({"minutes": "10"}, "minutes='10'; it must be a number of minutes"),
        ({"resume": True}, "resume=True needs folder"),
        ({"schedule": "cosine"}, "schedule='cosine'; allowed"),
        ({"checkpoint": []}, r"checkpoint=\[\]; name one or more"),
        ({"seed": -1}, "seed=-1; it must be a whole number from 0"),
    ],
)
def test_bad_arguments_are_refused_before_the_data_are_read(wrong, message):
    with pytest.raises(ArgumentError, match=message):
        st.tune("nofile.csv", **wrong)


@pytest.mark.parametrize(
    ("metric", "message"),
    [(5, "metric=5; it must be a name, such as 'f1'"), ("f2", "There is no metric 'f2'"),
     ("rmse", "The metric 'rmse' doesn't fit single_label_classification")],
)  # fmt: skip
def test_a_metric_that_does_not_fit_is_refused_before_the_first_training(tiny, metric, message):
    with pytest.raises(ArgumentError, match=message):
        st.tune(DATA, checkpoint=str(tiny), metric=metric, maxlen=16, verbose=0)


def test_without_optuna_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ArgumentError, match=r'pip install "simpletext-keras\[tune\]"'):
        st.tune(DATA)


def test_too_little_time_is_an_error(tiny):
    with pytest.raises(ArgumentError, match="The time is too short for a training of 4 steps"):
        st.train(DATA, checkpoint=str(tiny), minutes=0.01, maxlen=16, batch_size=8, verbose=0)


def search_of(left, steps=20, rows=640):
    """A search without a model, whose deadline is in so many seconds."""
    limited = []
    runner = SimpleNamespace(
        steps=lambda settings: steps, limit_rows=limited.append, verbose=0,
        train=SimpleNamespace(texts=[""] * rows),
    )  # fmt: skip
    found = Search.__new__(Search)
    found.runner, found.limits = runner, Limits(None, Deadline(left / 60))
    return found, limited


def test_a_default_training_that_takes_too_long_is_shortened():
    settings, pace = TrainingSettings("one", epochs=3), Pace(10.0, 1.0, 2.0)
    found, limited = search_of(60)
    assert found._shortened(settings, pace).epochs == 2
    assert found._shortened(TrainingSettings("one", epochs=2), pace).epochs == 1
    found, limited = search_of(26)
    assert found._shortened(settings, pace).epochs == 1
    assert limited == [9 * 32]
    found, _ = search_of(15)
    with pytest.raises(ArgumentError, match=r"a step takes 1.0 s, and 10 s pass before"):
        found._shortened(settings, pace)


def test_a_try_is_compared_at_shares_of_its_training():
    reported = []
    trial = SimpleNamespace(
        report=lambda value, mark: reported.append((mark, value)),
        should_prune=lambda: len(reported) == 3,
    )
    reporter = Reporter(trial, "val_accuracy", epochs=5)
    with pytest.raises(StoppedEarly):
        for epoch in range(5):
            reporter.on_epoch_end(epoch, {"val_accuracy": epoch})
    assert reported == [(25, 1.0), (50, 2.0), (75, 3.0)]


def test_train_within_minutes_ends_in_time_and_keeps_the_best(tiny, monkeypatch, capsys):
    """Three tries; the clock is set on after them, so that the test doesn't take a minute."""
    ended = []
    keep = search.Search._keep

    def counted(self, best):
        keep(self, best)
        ended.append(best.score)
        if len(ended) == 3:
            monkeypatch.setattr(Deadline, "left", property(lambda self: 0.0))

    monkeypatch.setattr(search.Search, "_keep", counted)
    predictor = st.train(
        DATA, checkpoint=str(tiny), minutes=50, maxlen=16, batch_size=8, val_pct=0.25
    )
    assert predictor.tuning.score == max(ended) >= ended[0]
    table = predictor.tuning.to_frame()
    assert set(table["batch_size"]) == {8}  # as it was passed
    assert table["epochs"].iloc[0] == 5
    assert predictor.report.shape == (2, 2)
    shown = capsys.readouterr()
    assert "try 0: accuracy" in shown.err
    assert "(best so far)" in shown.err
    assert "precision" in shown.out


@pytest.mark.slow
def test_a_budget_is_kept(tiny):
    began = time.monotonic()
    predictor = st.train(DATA, checkpoint=str(tiny), minutes=0.75, maxlen=16, verbose=0)
    assert 0.9 < (time.monotonic() - began) / 45 < 1.1
    assert len(predictor.tuning.to_frame()) > 3


SCRIPT = """
import sys, simpletext as st
st.tune((sys.argv[1].split(","), sys.argv[2].split(",")), checkpoint=sys.argv[3],
        space={"lr": (1e-5, 5e-3)}, trials=100, folder=sys.argv[4], maxlen=16, batch_size=8,
        epochs=2)
"""


@pytest.mark.slow
def test_kill_9_loses_nothing_but_the_try_at_hand(tiny, tmp_path):
    words = [",".join(TEXTS), ",".join(LABELS), str(tiny), str(tmp_path / "search")]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words], stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("try 2:"):
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    again = st.tune(
        DATA, checkpoint=str(tiny), space={"lr": (1e-5, 5e-3)}, trials=5, epochs=2,
        folder=tmp_path / "search", resume=True, maxlen=16, batch_size=8, verbose=0,
    )  # fmt: skip
    assert len(again.to_frame()) == 5
    assert again.predictor.predict(TEXTS[:3])


@pytest.mark.parametrize("few_shot", [False, True, "auto"])
def test_the_default_training_is_in_the_default_space(tiny, few_shot):
    space, first = space_of(str(tiny), None, {"maxlen": 16}, few_shot)
    rate = usual_rate(st.Transformer(str(tiny), 16).files.config, few_shot)
    assert space.contains(replace(first, lr=rate, epochs=3))
