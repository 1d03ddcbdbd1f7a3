import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpletext.errors import ArgumentError, DataError
from simpletext.tasks.labels import Labels, infer_labels
from simpletext.tasks.task import MULTI, REGRESSION, SINGLE


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (["b", "a", "b"], SINGLE, ("a", "b")),
        ([3, 7, 3], SINGLE, (3, 7)),
        ([True, False], SINGLE, (False, True)),
        (np.array([2, 0, 1]), SINGLE, (0, 1, 2)),
        ([[0, 1], [1, 0]], SINGLE, (0, 1)),
        (np.eye(3, dtype="float32"), SINGLE, (0, 1, 2)),
        ([[0, 1], [1, 1]], MULTI, (0, 1)),
        ([["x", "y"], ["y"], []], MULTI, ("x", "y")),
        (np.array([[3], [7], [3]]), SINGLE, (3, 7)),
        (pd.DataFrame({"y": ["b", "a"]}), SINGLE, ("a", "b")),
        (pd.DataFrame({"x": [1, 1], "y": [0, 1]}), MULTI, ("x", "y")),
        (pd.Series(["b", "a"], dtype="category"), SINGLE, ("a", "b")),
        ([-1, 10**12, -1], SINGLE, (-1, 10**12)),
        ([[], ["x"]], MULTI, ("x",)),
        ([{"x", "y"}, set()], MULTI, ("x", "y")),
        (np.array([[0.5], [2.0]]), REGRESSION, ("target",)),
        ([0.5, 2.0], REGRESSION, ("target",)),
        ([[0.5, 2.0], [1.5, 0.25]], REGRESSION, ("target_0", "target_1")),
    ],
)
def test_the_rule(y, task, classes):
    labels = infer_labels(y)
    assert (labels.task, labels.classes) == (task, classes)


def test_class_names_fix_the_order_and_integers_count_into_them():
    labels = infer_labels([1, 0], class_names=["z", "a"])
    assert labels.classes == ("z", "a")
    assert labels.encode([0, 1]).tolist() == [0, 1]
    assert labels.encode(["a", "z"]).tolist() == [1, 0]


def test_the_task_can_be_said():
    assert infer_labels([[0, 1], [1, 0]], task=MULTI).task == MULTI
    assert infer_labels(["a"], class_names=["a", "b"]).classes == ("a", "b")
    assert infer_labels([1, 2], task=REGRESSION).classes == ("target",)


@given(st.lists(st.text(), min_size=2).filter(lambda y: len(set(y)) > 1))
def test_single_labels_go_there_and_back(y):
    labels = infer_labels(y)
    assert labels.decode(labels.encode(y)) == y


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=4, unique=True), min_size=1))
def test_label_lists_go_there_and_back(y):
    labels = Labels(MULTI, tuple("abcd"))
    assert labels.decode(labels.encode(y)) == [sorted(row) for row in y]


def test_an_unseen_label_is_named_with_its_row_and_the_nearest():
    labels = infer_labels(["cat", "dog"])
    message = r"Row 1 has the label 'dgo'.*the 2 classes \('cat', 'dog'\).*Did you mean 'dog'\?"
    with pytest.raises(DataError, match=message):
        labels.encode(["cat", "dgo"])


@pytest.mark.parametrize(
    "missing", [None, float("nan"), np.nan, pd.NA, pd.NaT, [None], ["a", pd.NA]]
)
def test_missing_labels_are_named_with_their_rows(missing):
    with pytest.raises(DataError, match=r"2 labels are missing \(None or NaN\), at rows 1, 3"):
        infer_labels(["a", missing, "b", missing])


@pytest.mark.parametrize(
    ("y", "kwargs", "error", "message"),
    [
        ([], {}, DataError, "There are no labels"),
        ("abc", {}, DataError, "Labels must be a list or an array"),
        (["a", "a"], {}, DataError, "All labels are 'a'; a classification needs two classes"),
        (["a", 1], {}, DataError, "The labels mix int and str"),
        ({"a": 1}, {}, DataError, r"Labels must be a list or an array.*\(dict\)"),
        ({"a", "b"}, {}, DataError, r"Labels must be a list or an array.*\(set\)"),
        ([{"a": 1}, {}], {}, DataError, "Labels must be plain values such as strings: unhashable"),
        ([b"a", b"b"], {}, DataError, "The label b'a' is of type bytes; allowed are valid strings"),
        ([[], []], {}, DataError, "No text has a label"),
        (
            [[0, 1], [0, 0], [1, 0]],
            {},
            DataError,
            r"1 of 3 rows of 0 and 1 have no 1, at rows 1, and no row has several.*pass task='multi",  # noqa: E501
        ),
        ([1, "1"], {"class_names": [1, "1"]}, ArgumentError, "class_names has a name twice"),
        (["a"], {"task": "guess"}, ArgumentError, "task='guess'; allowed are"),
        (["a"], {"class_names": ["a", "a"]}, ArgumentError, "class_names has a name twice"),
    ],
)
def test_bad_labels(y, kwargs, error, message):
    with pytest.raises(error, match=message):
        infer_labels(y, **kwargs)


@pytest.mark.parametrize(
    ("names", "given", "ids"),
    [
        (["0", "1"], [0, 1, 1], [0, 1, 1]),
        (["1", "0"], [0, 1], [1, 0]),  # by name, not by index
        (["1", "2", "other"], [2, 1, "other"], [1, 0, 2]),
        (["2019", "2020"], [0, 1], [0, 1]),  # no name looks like an index
        (["2019", "2020"], [2020, 2019], [1, 0]),
        (["a", "b"], [1, 0], [1, 0]),
    ],
)
def test_whole_numbers_with_class_names(names, given, ids):
    assert infer_labels(given, names).encode(given).tolist() == ids


@pytest.mark.parametrize(
    ("names", "given"), [(["1", "2", "3"], [0, 1, 2]), (["0", "1", "x"], [0, 1, 2])]
)
def test_whole_numbers_are_never_both_names_and_indices(names, given):
    with pytest.raises(DataError, match="look like indices, so a whole number stands for such a n"):
        infer_labels(given, names).encode(given)


def test_rows_that_do_not_fit():
    labels = Labels(SINGLE, ("a", "b"))
    with pytest.raises(DataError, match="Row 1 of the one-hot labels has 0 ones"):
        labels.encode([[0, 1], [0, 0]])
    with pytest.raises(DataError, match="Row 0 of the labels has 3 columns; there are 2 classes"):
        labels.encode([[0, 1, 0]])
    with pytest.raises(DataError, match=r"Row 0 of the one-hot labels has 2 ones"):
        labels.encode([[1, 1], [0, 1]])
    with pytest.raises(DataError, match="Row 1 of the labels is .*; allowed are 0 and 1 only"):
        labels.encode([[1, 0], [0, 2]])
    with pytest.raises(DataError, match="whole number is an index into them only if"):
        labels.encode([1, 2])
    with pytest.raises(DataError, match="Row 0 has the target '1.5', a string"):
        Labels(REGRESSION, ("target",)).encode(["1.5"])
    labels = Labels(SINGLE, ("a", "b"), numbered=True)
    with pytest.raises(DataError, match=r"Row 2 has the label 5.*2 classes \('a', 'b'\)"):
        labels.encode([0, 1, 5])
    with pytest.raises(DataError, match="Row 1 has the target inf"):
        Labels(REGRESSION, ("target",)).encode([1.0, float("inf")])
    with pytest.raises(DataError, match="The labels have 2 targets per text; training had 1"):
        Labels(REGRESSION, ("target",)).encode([[1.0, 2.0]])
    with pytest.raises(DataError, match="a multi-label task needs a list of labels"):
        Labels(MULTI, ("a", "b")).encode(["a"])
