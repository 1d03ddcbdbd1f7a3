"""Labels in the forms that other programs give them: kept as they are, or refused with the row."""

import enum
import io

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import simpletext as st
from simpletext.data.labels import as_rows
from simpletext.errors import DataError
from simpletext.tasks.labels import Labels, infer_labels
from simpletext.tasks.task import MULTI, REGRESSION, SINGLE

ROWS = [[1, 0, 0], [0, 1, 1], [1, 1, 0]]


class Color(str, enum.Enum):  # noqa: UP042 - as older code has them
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    "y",
    [
        np.array(ROWS),
        pd.DataFrame(ROWS),
        sparse.csr_matrix(ROWS),
        sparse.coo_array(np.array(ROWS)),
        [np.array(row) for row in ROWS],
    ],
)
def test_rows_of_0_and_1_in_any_container(y):
    labels = infer_labels(y)
    assert labels.task == MULTI
    assert labels.encode(y).tolist() == ROWS


def test_tensors():
    tf = pytest.importorskip("tensorflow")
    assert as_rows(tf.constant([2, 0, 1])) == [2, 0, 1]
    assert as_rows(tf.constant([[2], [0]])) == [2, 0]  # as text_dataset_from_directory gives them
    assert as_rows([tf.constant(1), tf.constant(0)]) == [1, 0]


def test_an_iterator_of_labels_is_read_once(tiny):
    t = st.Transformer(tiny, maxlen=8)
    data = t.preprocess_train(["a", "b"], map(str.upper, "xy"), verbose=0)
    assert t.get_classes() == ["X", "Y"]
    assert data.y.tolist() == [0, 1]
    assert t.preprocess_test(["a"], (label for label in "Y"), verbose=0).y.tolist() == [1]


def test_enum_members_count_as_their_values():
    labels = infer_labels([Color.RED, Color.BLUE, Color.RED])
    assert labels.classes == ("blue", "red")
    assert all(type(name) is str for name in labels.classes)
    assert labels.encode([Color.RED]).tolist() == [1]


def test_dates_are_refused():
    with pytest.raises(DataError, match=r"The labels are dates or times \(datetime64"):
        infer_labels(pd.to_datetime(pd.Series(["2020-01-01", "2021-01-01"])))


def test_a_2_among_columns_of_0_and_1_is_refused_with_its_row():
    votes = pd.DataFrame({"insult": [1, 0, 0], "racism": [0, 1, 0], "obscene": [0, 0, 2]})
    with pytest.raises(DataError, match=r"Row 2 of the labels has 2 in column 2.*0 or 1.*regress"):
        infer_labels(votes)
    with pytest.raises(DataError, match="Row 2 of the labels has 2 in column 2"):
        Labels(MULTI, ("insult", "racism", "obscene")).encode(votes.to_numpy().tolist())


@pytest.mark.parametrize("stars", [np.array([[3, 4, 5], [1, 2, 5]]), [[3, 4, 4], [1, 2, 5]]])
def test_ratings_in_several_columns_are_no_classes(stars):
    with pytest.raises(DataError, match="Row 0 of the labels has 3 in column 0"):
        labels = infer_labels(stars)
        labels.encode(stars)
    assert infer_labels(stars, task=REGRESSION).encode(stars).tolist() == np.array(stars).tolist()


def test_lists_of_class_numbers_are_still_lists_of_names():
    labels = infer_labels([[3, 4], [5], []])
    assert labels.task == MULTI
    assert labels.classes == (3, 4, 5)


def test_numbers_that_nobody_gave_the_names_are_refused(tiny):
    t = st.Transformer(tiny, maxlen=8)
    t.preprocess_train(["a", "b", "c"], ["World", "Sports", "Business"], verbose=0)
    with pytest.raises(DataError, match=r"Row 0 has the label 0.*only if class_names fixes"):
        t.preprocess_test(["a", "b", "c"], [0, 1, 2], verbose=0)


def test_numbers_are_indices_into_class_names(tiny):
    names = ["World", "Sports", "Business"]
    t = st.Transformer(tiny, maxlen=8, class_names=names)
    t.preprocess_train(["a", "b", "c"], names, verbose=0)
    assert t.preprocess_test(["a", "b"], [2, 0], verbose=0).y.tolist() == [2, 0]


def test_a_files_numbers_are_the_names_that_look_like_them(tmp_path, tiny):
    (tmp_path / "a.csv").write_text("text,label\n" + "a,1\nb,2\nc,other\n" * 2)
    (tmp_path / "b.csv").write_text("text,label\na,1\nb,2\n")
    _, val, t = st.text.texts_from_csv(
        tmp_path / "a.csv", "text", "label", tmp_path / "b.csv", preprocess_mode=str(tiny),
        maxlen=8, verbose=0,
    )  # fmt: skip
    assert [t.get_classes()[i] for i in val.y] == ["1", "2"]


def test_signs_in_a_csv_make_no_regression(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,+1\nb,-1\n")
    labels = st.read_texts(tmp_path / "a.csv").labels
    assert labels == [1, -1]
    assert infer_labels(labels).task == SINGLE


@pytest.mark.parametrize("column", [["[0, 1]", "[1, 1]"], ["a;b;c", "b;c", "a"]])
def test_a_hint_where_names_look_like_lists(column):
    assert "looks like several labels in one string" in infer_labels(column).hint


def test_no_hint_for_usual_names():
    assert infer_labels(["R&D; sales", "a", "b", "c", "d"]).hint == ""


def test_lists_that_a_csv_kept_as_strings_get_a_hint():
    table = pd.DataFrame({"text": ["a", "b", "c"], "labels": [[0, 1], [1, 1], [0, 1]]})
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    assert "pass a list of names per text" in infer_labels(again.labels).hint


@pytest.mark.parametrize("values", [["yes", "no"], ["a", "b"], ["1", "x"]])
def test_several_label_columns_of_words_are_refused(values):
    table = pd.DataFrame({"text": ["good", "bad"], "kind": [1, 0], "rude": values})
    with pytest.raises(DataError, match="column 'rude' has '.*' in row .*1 where"):
        st.read_texts(table, "text", ["kind", "rude"])
