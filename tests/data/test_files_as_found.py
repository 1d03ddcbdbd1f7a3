"""Texts and tables in the forms that other programs write them."""

import re

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import simpletext as st
from simpletext.errors import DataError


def test_an_array_with_one_column_has_one_text_per_row(tiny):
    t = st.Transformer(tiny, maxlen=8)
    assert t.preprocess_test(np.array([["a"], ["b"]]), verbose=0, y=None).texts == ["a", "b"]


def test_a_0d_array_is_one_text(trained):
    predictor = trained.predictor
    assert predictor.predict(np.array("a text")) == predictor.predict("a text")
    with pytest.raises(DataError, match="this is one value"):
        st.Transformer("x").preprocess_test(np.array("a text"))


def test_a_table_is_refused_before_its_column_names_are_predicted(trained):
    frame = pd.DataFrame({"text": ["a"], "other": ["b"]})
    for verb in (trained.predictor.predict, trained.predictor.predict_df):
        with pytest.raises(DataError, match="this is a table with the columns 'text', 'other'"):
            verb(frame)


def test_a_series_keeps_its_index(trained):
    series = pd.Series(["good", "bad"], index=[7, 3])
    assert list(trained.predictor.predict_df(series).index) == [7, 3]


def test_a_byte_order_mark_with_the_encoding_given(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbftext,label\na,b\n")
    assert st.read_texts(tmp_path / "a.csv", encoding="utf-8").texts == ["a"]


def test_quotes_in_a_tsv_are_part_of_the_text(tmp_path):
    rows = ['"Hello, he said.\t0', "Fine by me.\t1", 'And so it ends"\t1', "Last one.\t0"]
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    texts, labels, _ = st.read_texts(tmp_path / "a.tsv")
    assert texts == [row.split("\t")[0] for row in rows]
    assert labels == [0, 1, 1, 0]
    (tmp_path / "b.tsv").write_text('text\tlabel\n"Hello" he said\t0\nFine.\t1\n')
    assert st.read_texts(tmp_path / "b.tsv").texts == ['"Hello" he said', "Fine."]


def test_quoted_fields_of_a_tsv_are_unquoted(tmp_path):
    table = pd.DataFrame({"text": ['say "hi"', "a\ttab", "two\nlines"], "label": [0, 1, 0]})
    table.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    assert st.read_texts(tmp_path / "a.tsv").texts == table["text"].tolist()


def test_what_excel_adds(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\ntext;label;;\na, b;x;;\nc;y;;\n")
    assert st.read_texts(tmp_path / "a.csv")[:2] == (["a, b", "c"], ["x", "y"])


@pytest.mark.parametrize("options", [{}, {"indent": 1}, {"orient": "records"}, {"orient": "split"}])
def test_pandas_own_json(tmp_path, options):
    table = pd.DataFrame({"text": ["good", "bad"], "label": ["pos", "neg"]})
    table.to_json(tmp_path / "a.json", **options)
    if options.get("orient") == "split":
        with pytest.raises(DataError, match="There is no column 'text'"):
            st.read_texts(tmp_path / "a.json")
    else:
        assert st.read_texts(tmp_path / "a.json")[:2] == (["good", "bad"], ["pos", "neg"])


def test_a_column_twice():
    frame = pd.DataFrame([["a", "b", "c"]], columns=["text", "text", "label"])
    with pytest.raises(DataError, match="The DataFrame has the column 'text' twice"):
        st.read_texts(frame)


def test_columns_that_are_numbers():
    assert st.read_texts(pd.DataFrame([["a", "x"]]), 0, 1)[:2] == (["a"], ["x"])


def test_an_arrow_table():
    table = pa.table({"text": ["a"], "label": ["x"]})
    assert st.read_texts(table)[:2] == (["a"], ["x"])


def test_a_streamed_dataset_without_column_names():
    def rows():
        yield {"text": "a", "label": "x"}
        yield {"text": "b", "label": "y"}

    stream = datasets.IterableDataset.from_generator(rows)
    assert st.read_texts(stream)[:2] == (["a", "b"], ["x", "y"])


def test_the_names_behind_lists_of_numbers():
    kind = datasets.ClassLabel(names=["joy", "anger", "fear"])
    features = datasets.Features(text=datasets.Value("string"), label=datasets.Sequence(kind))
    data = datasets.Dataset.from_dict({"text": ["a"], "label": [[1, 2]]}, features=features)
    assert st.read_texts(data).labels == [["anger", "fear"]]


def test_an_address_is_shown_as_it_is():
    with pytest.raises(DataError, match="'https://x.org/a.csv' is an address, not a local file"):
        st.read_texts("https://x.org/a.csv")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("review,stars\ngood,1\n", "If it has another name, pass it as text=."),
        (
            "review;stars\ngood;1\n",
            "The columns seem to be separated by ';': pass sep=';'",
        ),
        ("texts,label\ngood,1\n", "Did you mean 'texts'?"),
    ],
)
def test_a_column_of_another_name(tmp_path, content, hint):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=re.escape(hint)):
        st.read_texts(tmp_path / "a.csv", sep=",")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('Text;Label\n"Good; again";good\n', "a broken quote in the row"),
        ("Text;Label\nBad, never again;bad\n", "the row has 2 fields, the header 1"),
    ],
)
def test_rows_of_another_separator(tmp_path, content, message):
    """Spreadsheets save such files as CSV where numbers have a decimal comma."""
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=message) as failure:
        st.read_texts(tmp_path / "a.csv")
    assert str(failure.value).endswith("The columns seem to be separated by ';': pass sep=';'.")
    assert st.read_texts(tmp_path / "a.csv", "Text", "Label", sep=";").labels


def test_a_folder_and_a_spreadsheet(tmp_path):
    with pytest.raises(DataError, match="is a folder. Pass a file; .*texts_from_folder"):
        st.read_texts(tmp_path)
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="Save it as CSV in the spreadsheet program"):
        st.read_texts(tmp_path / "a.xlsx")
