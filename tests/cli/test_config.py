import numpy as np
import pandas as pd
import pytest
import yaml
from commands import run
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import SimpletextError


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "data.csv"
    pd.DataFrame({"text": TEXTS, "no": LABELS}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def first(table, tiny):
    """The folder of a run whose options came from the command line."""
    out = table.parent / "first"
    run("train", table, "--checkpoint", tiny, "--out", out, "--epochs", 1, "--lr", "1e-4",
        "--label", "no", "--maxlen", 16, "--batch-size", 16, "--class-weight", "balanced",
        "--metric", "f1", "--seed", 3, "--quiet")  # fmt: skip
    return out


def test_a_run_is_repeated_with_the_same_numbers(first):
    again = first.parent / "again"
    run("train", "--config", first / "train.yaml", "--out", again)
    values = [st.load_predictor(out).predict_proba(TEXTS) for out in (first, again)]
    np.testing.assert_array_equal(values[0], values[1])
    assert (again / "train.yaml").read_text() == (first / "train.yaml").read_text()


def test_options_on_the_command_line_win(first, tmp_path):
    start = ["train", "--config", first / "train.yaml", "--out", tmp_path / "out"]
    with pytest.raises(SimpletextError, match="There is no folder './none'"):
        run(*start, "--checkpoint", "./none")
    with pytest.raises(SimpletextError, match="There is no column 'maybe'"):
        run(*start, "--label", "maybe")


def test_what_is_written_is_all_options_but_those_that_name_what_a_run_writes(first, table, tiny):
    assert yaml.safe_load((first / "train.yaml").read_text()) == {
        "data": str(table), "text": ["text"], "label": ["no"], "checkpoint": [str(tiny)],
        "val_pct": 0.1, "maxlen": 16, "epochs": 1, "lr": 1e-4, "batch_size": 16,
        "schedule": "onecycle", "class_weight": "balanced", "metric": ["f1"], "pooling": "auto",
        "few_shot": False, "seed": 3, "quiet": True,
    }  # fmt: skip
    assert (first / "train.yaml").read_text().startswith(f"# simpletext {st.__version__}\n")


def test_the_folder_is_still_a_predictor_without_a_complaint(first, recwarn):
    st.load_predictor(first)
    assert not [each for each in recwarn if issubclass(each.category, st.MovedNumbersWarning)]


def test_other_commands_take_a_file_too(first, table, tmp_path):
    (tmp_path / "a.yaml").write_text(f"data: {table}\nproba: true\nbatch_size: 8\n")
    out = run("predict", first, "--config", tmp_path / "a.yaml").stdout
    assert out.startswith("text,no,predicted,neg,pos\n")
    (tmp_path / "b.yaml").write_text(f"folder: {first}\ndata: {table}\nlabel: no\n")
    assert "on 96 rows" in run("evaluate", "--config", tmp_path / "b.yaml").output
    (tmp_path / "c.yaml").write_text("text: [a good film]\nmethod: occlusion\n")
    assert "good" in run("explain", first, "--config", tmp_path / "c.yaml").output
    (tmp_path / "d.yaml").write_text(f"label:\n- no\ncheckpoint: {first.parent / 'gone'}\n")
    with pytest.raises(SimpletextError, match="no folder"):
        run("check", table, "--config", tmp_path / "d.yaml")


def test_tune_writes_a_file_of_its_own(table, tiny, tmp_path):
    pytest.importorskip("optuna")
    (tmp_path / "a.yaml").write_text(
        f"data: {table}\nlabel: no\ncheckpoint: {tiny}\ntrials: 1\nspace: [lr=1e-4]\nmaxlen: 16\n"
    )
    run("tune", "--config", tmp_path / "a.yaml", "--out", tmp_path / "out")
    kept = yaml.safe_load((tmp_path / "out" / "tune.yaml").read_text())
    assert (kept["trials"], kept["space"]) == (1, ["lr=1e-4"])
    assert not {"out", "config", "resume"} & kept.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochz: 3", "train has no option 'epochz'; allowed are data, out, text, .*quiet. Did"),
        ("config: a.yaml", "train has no option 'config'"),
        ("epochs: 2\nepochs: 3", "epochs is there twice. Leave out one of them."),
        ("maxlen: long", "maxlen is 'long'. .*integer.* Maximum number of tokens per text."),
        ("maxlen: 12.5", "maxlen is '12.5'. .*integer"),
        ("epochs: 0", "epochs is '0'. .*1.* Passes over the data"),
        ("lr: fast", "lr is 'fast'. 'fast' is neither a number, such as 1e-4, nor auto. Peak"),
        ("quiet: maybe", "quiet is 'maybe'. .*boolean.* Print nothing."),
        ("maxlen: [1, 2]", "maxlen must be one value. Maximum number"),
        ("text: {a: b}", "text must be one value, or a list of values. Column with the texts"),
        ("text: [a, [b]]", "text must be one value, or a list of values."),
        ("epochs: &a [*a]", "epochs must be one value."),
        ("label: no\nschedule: cosine", "schedule='cosine'; allowed are 'onecycle', 'linear'"),
        ("- epochs", "has no options; they are lines such as 'epochs: 3'"),
        ("# nothing", "has no options"),
        ("!!python/object/apply:os.system [echo]", "has no options"),
        ("? [a]\n: b", "the name of an option must be a word"),
        ("epochs: [", "isn't valid YAML: .*line 1"),
        ("epochs: \0", "isn't valid YAML: .*special characters"),
        ("[" * 5000, "isn't valid YAML: maximum recursion"),
        ("a" * 200_000, "is over 100,000 bytes, too much for options"),
    ],
)
def test_a_wrong_file_is_refused_before_the_work(text, message, table, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(SimpletextError, match=message):
        run("train", table, "--out", tmp_path / "out", "--config", tmp_path / "a.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_a_file_that_is_not_there_or_not_text(table, tmp_path):
    with pytest.raises(SimpletextError, match="There is no file"):
        run("train", table, "--config", tmp_path / "no.yaml")
    (tmp_path / "a.yaml").write_bytes(b"text: \xff")
    with pytest.raises(SimpletextError, match="isn't valid YAML: 'utf-8' codec"):
        run("train", table, "--config", tmp_path / "a.yaml")


def test_an_option_that_is_in_neither_is_missing(first):
    result = run("train", "--config", first / "train.yaml")
    assert result.exit_code == 2
    assert "Missing option '--out'" in result.output
