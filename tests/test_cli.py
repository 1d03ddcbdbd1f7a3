import csv
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
import yaml
from commands import run
from conftest import LABELS, TEXTS
from typer.testing import CliRunner

import simpletext as st
from simpletext import cli
from simpletext.errors import SimpletextError
from simpletext.inference.pipeline import Pipeline

COMMAND = [sys.executable, "-c", "from simpletext.cli import main; main()"]


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "saved"
    trained.predictor.save(folder)
    return folder


@pytest.fixture
def table(tmp_path):
    pd.DataFrame({"text": TEXTS, "label": LABELS}).to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def test_train_predict_from_csv_to_csv(table, tiny, tmp_path):
    result = run("train", table, "--checkpoint", tiny, "--out", tmp_path / "out", "--epochs", 8,
                 "--lr", 2e-3, "--batch-size", 8, "--maxlen", 16)  # fmt: skip
    assert result.exit_code == 0
    assert f"saved: {tmp_path / 'out'}" in result.output
    assert run("predict", tmp_path / "out", table, "--out", tmp_path / "p.csv").exit_code == 0
    answers = pd.read_csv(tmp_path / "p.csv")
    assert list(answers) == ["text", "label", "predicted"]
    assert (answers.label == answers.predicted).mean() > 0.9
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_one_text(saved):
    assert run("predict", saved, "--text", "a great film").output == "pos\n"
    answer = run("predict", saved, "--text", "a great film", "--proba").output
    first, *lines = answer.splitlines()
    found = dict(line.split("\t") for line in lines)
    assert first == "pos"
    assert list(found) == ["neg", "pos"]
    assert sum(map(float, found.values())) == pytest.approx(1, abs=1e-5)


def test_with_probabilities_too_a_text_is_predicted_once(saved, monkeypatch):
    predicted, logits = [], Pipeline.logits

    def noting(self, data, *options):
        predicted.extend(data.texts)
        return logits(self, data, *options)

    monkeypatch.setattr(Pipeline, "logits", noting)
    run("predict", saved, "--text", "a great film, again", "--proba")
    assert predicted.count("a great film, again") == 1


def new_predictor(tiny, labels):
    """One that nobody trained, for the texts "good" and "bad"."""
    transformer = st.Transformer(str(tiny), maxlen=8)
    transformer.preprocess_train(["good", "bad"], labels, verbose=0)
    return st.get_predictor(transformer.get_model(verbose=0), transformer)


@pytest.mark.parametrize(("thresholds", "told"), [([0, 1, 0], "a; c\n"), ([1, 0, 1], "b\n")])
def test_several_labels_by_their_own_thresholds(tiny, tmp_path, thresholds, told):
    predictor = new_predictor(tiny, [["a", "b", "c"], []])
    predictor.settings = replace(predictor.settings, thresholds=thresholds)
    predictor.save(tmp_path / "saved")
    assert run("predict", tmp_path / "saved", "--text", "good").output == told


def test_a_regression_answers_with_its_value(tiny, tmp_path):
    predictor = new_predictor(tiny, [1.0, -1.0])
    predictor.save(tmp_path / "saved")
    told = run("predict", tmp_path / "saved", "--text", "good", "--proba").output
    assert float(told) == pytest.approx(predictor.predict("good"), abs=1e-6)


def test_a_file_is_streamed_and_keeps_its_columns(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("simpletext.serving.tables.CHUNK", 3)
    rows = [["1", 'a "great", happy\nfilm'], ["2", "a sad film"]] * 4
    with (tmp_path / "a.tsv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t").writerows([["id", "words"], *rows])
    out = tmp_path / "b.tsv"
    assert run("predict", saved, tmp_path / "a.tsv", "--text", "words", "--proba",
               "--out", out).exit_code == 0  # fmt: skip
    with out.open(newline="", encoding="utf-8") as file:
        written = list(csv.reader(file, delimiter="\t"))
    assert written[0] == ["id", "words", "predicted", "neg", "pos"]
    assert [row[:3] for row in written[1:]] == [
        [*row, "pos" if row[0] == "1" else "neg"] for row in rows
    ]
    shown = run("predict", saved, tmp_path / "a.tsv", "--text", "words").output
    assert shown.startswith("id\twords\tpredicted\n")


def test_explain(saved, tmp_path):
    assert "great" in run("explain", saved, "--text", "a great film", "--samples", 50).output
    html = tmp_path / "a.html"
    run("explain", saved, "--text", "a great film", "--samples", 50, "--html", html)
    page = html.read_text()
    assert page.startswith('<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">')
    assert "great" in page
    assert "Green words support the prediction" in page


def test_export(saved, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        st.Predictor, "export", lambda self, *a, **k: asked.append((a, k)), raising=False
    )
    assert run("export", saved, tmp_path / "onnx", "--format", "onnx").exit_code == 0
    run("export", saved, tmp_path / "int8", "--quantize")
    assert asked == [
        ((tmp_path / name,), {"format": "onnx", "quantize": name == "int8"})
        for name in ("onnx", "int8")
    ]


def test_check(table, tiny, tmp_path):
    result = run("check", table, "--val", table, "--checkpoint", tiny, "--maxlen", 8,
                 "--plot", tmp_path / "a.png", "--table", tmp_path / "a.csv")  # fmt: skip
    assert "96 texts are training texts as well" in result.output
    assert "maxlen=8 cuts" in result.output
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "row" in pd.read_csv(tmp_path / "a.csv")


def test_check_for_wrong_labels(tiny, tmp_path):
    table = pd.DataFrame({"text": TEXTS * 2, "label": LABELS * 2})
    table.loc[3, "label"] = {"pos": "neg", "neg": "pos"}[table.label[3]]
    table.to_csv(tmp_path / "d.csv", index=False)
    result = run("check", tmp_path / "d.csv", "--checkpoint", tiny, "--maxlen", 8, "--suspects",
                 "--table", tmp_path / "t.csv")  # fmt: skip
    assert "labels are probably wrong at rows" in result.output
    found = pd.read_csv(tmp_path / "t.csv").dropna(subset="suggested")
    assert (found.label != found.suggested).all()


def test_from_descriptions_to_the_texts_to_label(minilm, tmp_path):
    rows = [("I want my money back", "refund"), ("my card was stolen", "card"),
            ("I lost my card", "card")]  # fmt: skip
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "labels.csv", index=False)
    made = run("from-labels", tmp_path / "labels.csv", "--out", tmp_path / "zero", "--maxlen", 16)
    assert f"saved: {tmp_path / 'zero'}" in made.output
    answer = run("predict", tmp_path / "zero", "--text", "somebody took my card").output
    assert answer == "card\n"
    texts = ["a refund, please", "a refund please", "my card or my money?"]
    pd.DataFrame({"text": texts}).to_csv(tmp_path / "texts.csv", index=False)
    found = run("pick", tmp_path / "zero", tmp_path / "texts.csv", "-n", 2).stdout.splitlines()
    assert found[0] == "row,text"
    assert len(set(found)) == 3
    assert {texts[int(line.split(",")[0])] for line in found[1:]} < set(texts)


def test_from_labels_writes_no_folder_for_natural_language_inference(monkeypatch, tmp_path):
    """Its predictor is the checkpoint itself, with sentences."""
    pd.DataFrame({"text": ["a", "b"], "label": ["x", "y"]}).to_csv(tmp_path / "l.csv", index=False)
    monkeypatch.setattr(st.Predictor, "from_labels", lambda *options: object())
    words = ["from-labels", tmp_path / "l.csv", "--out", tmp_path / "z", "--checkpoint", "an-nli"]
    with pytest.raises(SimpletextError, match="an-nli is a model of natural language inference, "):
        run(*words)
    assert not (tmp_path / "z").exists()


@pytest.mark.parametrize("command", ["train", "predict", "evaluate", "explain", "export", "check"])
def test_help_tells_every_option(command):
    told = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "200"}).output
    assert "Usage" in told
    parameters = next(c for c in cli.app.registered_commands if c.callback.__name__ == command)
    names = parameters.callback.__annotations__.keys() - {"return", "ctx", "data", "folder", "out"}
    assert all(f"--{name.replace('_', '-')}" in told for name in names)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "{data}", "--label", "lable"], "There is no column 'lable'.*Did you mean"),
        (["check", "{folder}/no.csv"], "There is no file"),
        (["train", "{data}", "--out", "{folder}"], "exists already and is left as it is"),
        (
            ["train", "{data}", "--out", "{folder}/x", "--checkpoint", "./none"],
            "There is no folder",
        ),
        (["train", "{data}", "--out", "{folder}/x", "--task", "guess"], "task='guess'; allowed"),
        (["predict", "{folder}", "--text", "a"], "There is no simpletext.json"),
        (["predict", "{folder}/no", "--text", "a"], "There is no folder"),
        (["predict", "{saved}", "{data}", "--text", "txet"], "There is no column 'txet'"),
        (["predict", "{saved}", "{data}", "--out", "{data}"], "exists already"),
        (["predict", "{saved}", "--text", "a", "--text", "b", "--text", "c"], "given 3 times"),
        (["predict", "{saved}", "{data}", "--out", "{folder}/no/x.csv"], "can't be written: No su"),
        (["train", "{data}", "--out", "{data}/x"], "can't be written: (Not a dir|File exists)"),
        (["export", "{saved}", "{data}/x"], "can't be written: (Not a dir|File exists)"),
        (["explain", "{saved}", "--text", "a", "--html", "{folder}/no/x.html"], "can't be written"),
        (["explain", "{saved}", "--text", "a", "--method", "magic"], "magic"),
        (["evaluate", "{saved}", "{data}", "--label", "text"], "Row 0 has the label"),
    ],
)
def test_errors_of_ours(words, message, table, saved):
    names = {"data": table, "folder": table.parent, "saved": saved}
    with pytest.raises(SimpletextError, match=message):
        run(*(word.format(**names) for word in words))


def test_wrong_use_has_status_2(saved):
    assert run("predict", saved).exit_code == 2
    assert run("train").exit_code == 2


def test_an_error_is_one_message_and_status_1(tmp_path):
    done = subprocess.run([*COMMAND, "check", "no.csv"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "simpletext: There is no file 'no.csv'."
    assert "Traceback" not in done.stderr


def test_a_broken_row_leaves_no_half_file(saved, tmp_path):
    (tmp_path / "a.csv").write_text('text\ngood\n"bad\n')
    with pytest.raises(SimpletextError, match="line 3: a broken quote"):
        run("predict", saved, tmp_path / "a.csv", "--out", tmp_path / "b.csv")
    assert sorted(os.listdir(tmp_path)) == ["a.csv"]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_is_clean(table, tiny, tmp_path):
    words = ["train", table, "--checkpoint", tiny, "--out", tmp_path / "out", "--epochs", "5000",
             "--maxlen", "16"]  # fmt: skip
    process = subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        # Where the tests run in the background, a shell has them ignore the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    next(line for line in process.stderr if line.startswith("epoch 1/"))
    process.send_signal(signal.SIGINT)  # in the midst of the first step, while it is traced
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "simpletext: interrupted"
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_the_help_fits_into_80_columns_and_cuts_nothing_off(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for command in (
        [],
        ["train"],
        ["tune"],
        ["predict"],
        ["explain"],
        ["export"],
        ["check"],
        ["pick"],
    ):
        told = CliRunner().invoke(cli.app, [*command, "--help"], prog_name="simpletext").output
        assert max(map(len, told.splitlines())) <= 80
        assert "…" not in told


@pytest.mark.slow
def test_a_translator_is_trained_and_predicts(tmp_path):
    rows = ["de\ten", *["rot haus.\tred house.", "alt baum.\told tree."] * 20]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows))
    out = tmp_path / "out"
    result = run("train", tmp_path / "pairs.tsv", "--task", "translation", "--epochs", 1,
                 "--maxlen", 16, "--out", out)  # fmt: skip
    assert f"saved: {out}" in result.output
    assert "BLEU" in result.output
    assert run("predict", out, "--text", "rot haus.").output.count("\n") == 1
    pd.DataFrame({"de": ["rot haus."]}).to_csv(tmp_path / "new.csv", index=False)
    run("predict", out, tmp_path / "new.csv", "--text", "de", "--out", tmp_path / "p.csv")
    assert list(pd.read_csv(tmp_path / "p.csv")) == ["de", "predicted"]
    run("export", out, tmp_path / "served", "--format", "saved_model")
    assert (tmp_path / "served" / "predict.py").is_file()
    with pytest.raises(SimpletextError, match="--quantize isn't for translators. Leave it out."):
        run("export", out, tmp_path / "other", "--quantize")
    with pytest.raises(SimpletextError, match="evaluate is for labels"):
        run("evaluate", out, tmp_path / "pairs.tsv")
    with pytest.raises(SimpletextError, match="has a translator, and explain is for labels"):
        run("explain", out, "--text", "rot haus.")
    with pytest.raises(SimpletextError, match="has a translator, and pick is for labels"):
        run("pick", out, tmp_path / "pairs.tsv", "--text", "de")
    options = yaml.safe_load((out / "train.yaml").read_text())
    assert options["task"] == "translation"
    assert not {"checkpoint", "schedule", "pooling"} & options.keys()
    with pytest.raises(SimpletextError, match="A translator has no classes"):
        run("predict", out, "--text", "rot haus.", "--proba")


def test_a_table_of_three_columns_is_no_translation(tmp_path):
    (tmp_path / "three.tsv").write_text("de\ten\tid\nrot haus.\tred house.\t1\n")
    with pytest.raises(SimpletextError, match=r"these are 3: \['de', 'en', 'id'\]"):
        run("train", tmp_path / "three.tsv", "--task", "translation", "--out", tmp_path / "x")


def test_entities_from_conll_to_json_lines(tiny, tmp_path):
    known = {"good": "B-POS", "sad": "B-NEG"}
    texts = ["the good film", "a sad film", "sad the", "good a", "film good it", "it was sad"]
    sentences = [[f"{w} {known.get(w, 'O')}" for w in text.split()] for text in texts * 8]
    (tmp_path / "data.conll").write_text("\n\n".join("\n".join(rows) for rows in sentences))
    result = run("train", tmp_path / "data.conll", "--checkpoint", tiny, "--out", tmp_path / "out",
                 "--epochs", 15, "--lr", 3e-3, "--batch-size", 8, "--maxlen", 16)  # fmt: skip
    assert result.exit_code == 0
    assert "2 entity types (NEG, POS)" in result.output
    (tmp_path / "texts.txt").write_text("the good film\n\nsad: \u00e4\n", encoding="utf-8")
    run("predict", tmp_path / "out", tmp_path / "texts.txt", "--out", tmp_path / "entities.jsonl")
    lines = (tmp_path / "entities.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line) for line in lines]
    assert [answer["text"] for answer in answers] == ["the good film", "sad: \u00e4"]
    assert [(e["text"], e["label"], e["start"]) for e in answers[0]["entities"]] == [
        ("good", "POS", 4)
    ]
    told = json.loads(run("predict", tmp_path / "out", "--text", "a sad film").output)
    assert told["entities"][0]["label"] == "NEG"
    scores = run("evaluate", tmp_path / "out", tmp_path / "data.conll").output
    assert re.search(r"NEG +1\.000 +1\.000 +1\.000 +24\n", scores)
    long = [f"{w} {known.get(w, 'O')}" for w in ["the"] * 40 + ["sad"] * 3 + ["the"]]
    (tmp_path / "long.conll").write_text("\n".join(long))
    assert "0 entities" in run("evaluate", tmp_path / "out", tmp_path / "long.conll").output
    long = run("evaluate", tmp_path / "out", tmp_path / "long.conll", "--long-text", "chunk")
    assert "on 44 words of 1 sentences" in long.output


def test_a_file_of_lines_is_for_entities_only(saved, tmp_path):
    (tmp_path / "texts.txt").write_text("a good film\n")
    with pytest.raises(SimpletextError, match="takes a file with columns"):
        run("predict", saved, tmp_path / "texts.txt")


def test_evaluate(saved, table):
    told = run("evaluate", saved, table).output
    assert "accuracy 1.0000 on 96 rows" in told
    assert run("evaluate", saved, table, "--long-text", "chunk").output == told
    with pytest.raises(SimpletextError, match="long_text='whole'"):
        run("evaluate", saved, table, "--long-text", "whole")


def test_predict_reads_what_train_reads(saved, table, tmp_path):
    frame = pd.read_csv(table)
    frame["stars"] = range(len(frame))
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    run("predict", saved, tmp_path / "a.jsonl", "--out", tmp_path / "a.csv")
    answers = pd.read_csv(tmp_path / "a.csv")
    assert list(answers) == ["text", "label", "stars", "predicted"]
    assert answers.stars.tolist() == frame.stars.tolist()
    assert (answers.label == answers.predicted).all()


@pytest.mark.parametrize("option", [[], ["--proba"]])
def test_a_column_of_that_name_is_refused(saved, tmp_path, option):
    name = "pos" if option else "predicted"
    (tmp_path / "a.csv").write_text(f"text,{name}\ngood,1\n")
    with pytest.raises(SimpletextError, match=f"has a column '{name}' already"):
        run("predict", saved, tmp_path / "a.csv", "--out", tmp_path / "b.csv", *option)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_carriage_return_in_a_field_stays_in_its_field(saved, tmp_path):
    (tmp_path / "a.csv").write_bytes(b'text,id\n"good\rfilm",1\nbad,2\n')
    run("predict", saved, tmp_path / "a.csv", "--out", tmp_path / "b.csv")
    with (tmp_path / "b.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[:2] for row in rows] == [["text", "id"], ["good\rfilm", "1"], ["bad", "2"]]


def test_standard_output_is_a_csv_file(saved, tmp_path):
    """Messages, such as that texts were cut, go to standard error."""
    (tmp_path / "a.csv").write_text("text\n" + "schön " * 30 + "\n", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "predict", str(saved), str(tmp_path / "a.csv")],
        capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    lines = done.stdout.decode("utf-8").splitlines()
    assert lines[0] == "text,predicted"
    assert lines[1].startswith("schön schön")
    assert len(lines) == 2
    assert "1 of 1 texts were cut" in done.stderr.decode()


def test_labels_do_not_reach_the_terminal_raw(tiny, tmp_path):
    new_predictor(tiny, ["\x1b[31mred", "\x1b[31mred2"]).save(tmp_path / "saved")
    told = run("predict", tmp_path / "saved", "--text", "good").output
    assert told.startswith("\\x1b[31mred")


def test_the_version():
    assert run("--version").output == f"simpletext {st.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "a.csv", "--out", "x", "--batch-size", "0"], "Invalid value for '--batch-size'"),
        (["train", "a.csv", "--out", "x", "--seed", "-1"], "Invalid value for '--seed'"),
        (["train", "a.csv", "--out", "x", "--maxlen", "0"], "Invalid value for '--maxlen'"),
        (["predict", "x", "--text", "a", "--batch-size", "0"], "Invalid value for '--batch-size'"),
    ],
)
def test_numbers_out_of_range_are_wrong_use(words, message):
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_one_message(saved, table):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "predict", str(saved), str(table)],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert "simpletext: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_rate_of_train_is_a_number_or_auto(table, tiny, tmp_path):
    options = ["--checkpoint", tiny, "--epochs", 1, "--maxlen", 16, "--out", tmp_path / "new"]
    wrong = run("train", table, *options, "--lr", "best")
    assert wrong.exit_code == 2
    assert "'best' is neither a number" in wrong.output
    assert run("train", table, *options, "--lr", "auto").exit_code == 0
    assert st.load_predictor(tmp_path / "new").get_classes() == ["neg", "pos"]
