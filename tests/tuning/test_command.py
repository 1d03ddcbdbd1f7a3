import pandas as pd
import pytest
from commands import run
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.cli.tuning import _searched
from simpletext.errors import ArgumentError

pytest.importorskip("optuna")


@pytest.fixture
def table(tmp_path):
    pd.DataFrame({"text": TEXTS, "label": LABELS}).to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def test_values_of_a_space():
    assert _searched("lr=1e-5:5e-4") == ("lr", (1e-5, 5e-4))
    assert _searched("epochs=1:4") == ("epochs", (1, 4))
    assert _searched("batch_size=16,32") == ("batch_size", [16, 32])
    assert _searched("checkpoint=C:/bert,other") == ("checkpoint", ["C:/bert", "other"])


@pytest.mark.slow
def test_tune_writes_the_best_predictor_and_its_tries(table, tiny, tmp_path):
    out, tries, figure = tmp_path / "best", tmp_path / "tries.csv", tmp_path / "tries.png"
    done = run(
        "tune", table, "--out", out, "--checkpoint", tiny, "--maxlen", 16, "--trials", 2,
        "--space", "lr=1e-4:5e-3", "--space", "batch_size=8", "--table", tries, "--plot", figure,
        "--val-pct", 0.25,
    )  # fmt: skip
    assert done.exit_code == 0
    assert "on held-out rows: checkpoint=" in done.stdout
    assert pd.read_csv(tries)["state"].isin(["complete", "stopped early"]).tolist() == [True] * 2
    assert figure.stat().st_size > 1000
    assert st.load_predictor(out).get_classes() == ["neg", "pos"]


def test_wrong_words_are_refused(table, tiny, tmp_path):
    start = ["tune", table, "--out", tmp_path / "new", "--checkpoint", tiny]
    assert run(*start, "--space", "lr").exit_code == 2
    with pytest.raises(ArgumentError, match="There is no setting 'rate'"):
        run(*start, "--space", "rate=1:2")
    with pytest.raises(ArgumentError, match="--minutes isn't for --task translation"):
        run("train", table, "--out", tmp_path / "new", "--task", "translation", "--minutes", 1)
    with pytest.raises(ArgumentError, match="without minutes it must be one name or folder"):
        run("train", table, "--out", tmp_path / "new", "--checkpoint", tiny, "--checkpoint", tiny)
