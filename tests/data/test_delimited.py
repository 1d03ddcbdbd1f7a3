"""Several labels in one field."""

import datasets
import pandas as pd
import pytest
from commands import run

import simpletext as st
from simpletext.data.streams import read_stream
from simpletext.data.tables import read_texts
from simpletext.errors import ArgumentError, DataError
from simpletext.tasks.labels import infer_labels

TABLE = {"text": ["one", "two", "three", "four"], "label": ["a;b", " b ; c", "a;c", ""]}
ROWS = [["a", "b"], ["b", "c"], ["a", "c"], []]


def as_csv(folder, table, name="data.csv"):
    pd.DataFrame(table).to_csv(folder / name, index=False)
    return folder / name


def test_fields_are_split():
    assert read_texts(TABLE, label_sep=";").labels == ROWS


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "frame", "dataset", "arrow"])
def test_every_kind_of_table(kind, tmp_path):
    frame = pd.DataFrame(TABLE)
    frame.loc[3, "label"] = None  # how most files and pandas write an empty field
    file = tmp_path / f"data.{kind}"
    source = file
    if kind == "csv":
        frame.to_csv(file, index=False)
    elif kind == "jsonl":
        frame.to_json(file, orient="records", lines=True)
    elif kind == "parquet":
        frame.to_parquet(file)
    else:
        dataset = datasets.Dataset.from_pandas(frame)
        source = {"frame": frame, "dataset": dataset, "arrow": dataset.data.table}[kind]
    assert read_texts(source, label_sep=";").labels == ROWS


def test_numbers_are_names_as_they_are_written(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\none,1|02\ntwo,3\n")
    assert read_texts(tmp_path / "a.csv", label_sep="|").labels == [["1", "02"], ["3"]]
    (tmp_path / "b.csv").write_text("text,label\none,1\ntwo,2.50\n")
    assert read_texts(tmp_path / "b.csv", label_sep="|").labels == [["1"], ["2.50"]]


def test_a_stream_and_ktrains_readers(tmp_path, tiny):
    table = {name: column * 8 for name, column in TABLE.items()}
    file = as_csv(tmp_path, table)
    stream = read_stream(file, label_sep=";")
    assert stream.labels() == ROWS * 8
    assert [labels for _, labels in stream.chunks()] == [ROWS * 8]
    options = {"preprocess_mode": str(tiny), "maxlen": 8, "verbose": 0, "label_sep": ";"}
    for train, _, preproc in (
        st.text.texts_from_csv(file, "text", "label", **options),
        st.text.texts_from_df(pd.DataFrame(table), "text", "label", **options),
    ):
        assert preproc.get_classes() == ["a", "b", "c"]
        assert train.y.shape[1] == 3


def test_train_in_one_call(tmp_path, tiny):
    file = as_csv(tmp_path, {name: column * 4 for name, column in TABLE.items()})
    predictor = st.train(file, checkpoint=str(tiny), val=file, maxlen=8, epochs=1, lr=1e-3,
                         label_sep=";", verbose=0)  # fmt: skip
    assert predictor.labels.task == "multi_label_classification"
    assert predictor.get_classes() == ["a", "b", "c"]


def test_the_command_line_trains_and_evaluates(tmp_path, tiny):
    file = as_csv(tmp_path, {name: column * 4 for name, column in TABLE.items()})
    assert "multi-label classification, 3 classes" in run("check", file, "--label-sep", ";").output
    result = run("train", file, "--val", file, "--checkpoint", tiny, "--out", tmp_path / "out",
                 "--maxlen", 8, "--epochs", 1, "--label-sep", ";")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert run("evaluate", tmp_path / "out", file, "--label-sep", ";").exit_code == 0
    with pytest.raises(DataError, match=r"pass label_sep= where the table is read"):
        run(
            "evaluate",
            tmp_path / "out",
            as_csv(tmp_path, {n: c[:3] for n, c in TABLE.items()}, "b.csv"),
        )
    with pytest.raises(ArgumentError, match="--label-sep isn't for --task translation"):
        run("train", file, "--task", "translation", "--label-sep", ";", "--out", tmp_path / "b")


@pytest.mark.parametrize("names", [["a;b", "b;c", "a;c", "a"], ["x|y", "y|x", "x"], ["a,b", "b,a"]])
def test_a_hint_if_classes_look_delimited(names, tiny, capsys):
    hint = infer_labels(names).hint
    assert "looks like several labels in one string. To split them, pass label_sep=" in hint
    st.Transformer(str(tiny), maxlen=8).preprocess_train(["text"] * len(names), names)
    assert hint in capsys.readouterr().err
    assert hint in str(st.check(["text"] * len(names), names))
    with pytest.raises(DataError, match="only one text .*\nhint: '.*' looks like several labels"):
        st.train((["text"] * len(names), names), checkpoint=str(tiny), maxlen=8, verbose=0)


@pytest.mark.parametrize(
    "names",
    [["a", "b"], ["x; y", "a", "b", "c", "d"], [1, 2], ["Oslo, NO", "Rome, IT", "Bari, IT"]],
)
def test_no_hint_for_other_classes(names):
    assert infer_labels(names).hint == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_sep": ""}, "label_sep=''; it must be a string such as ';'"),
        ({"label_sep": 1}, "label_sep=1; it must be a string"),
        ({"label_sep": ";", "label": ["text", "label"]}, "there are 2 label columns. Leave"),
        ({"label_sep": ";", "label": None}, "there are 0 label columns"),
    ],
)
def test_arguments_that_are_refused(options, message):
    for read in (read_texts, lambda _, **options: read_stream("no.csv", **options)):
        with pytest.raises(ArgumentError, match=message):
            read(TABLE, **options)


def test_data_that_have_nothing_to_split(tiny):
    for value in (1.5, True, ["a", "b"]):
        with pytest.raises(DataError, match="label_sep=';', but the column has the label .* only"):
            read_texts({"text": ["one"], "label": [value]}, label_sep=";")
    with pytest.raises(ArgumentError, match="label_sep=';' is for tables; these are texts and lab"):
        st.train((["one"], ["a;b"]), checkpoint=str(tiny), label_sep=";")
    with pytest.raises(ArgumentError, match="a word has one tag"):
        st.train(TABLE, checkpoint=str(tiny), task="token_classification", label_sep=";")
