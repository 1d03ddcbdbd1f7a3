import numpy as np
import pandas as pd
import pytest

from simpletext.data.texts import as_texts
from simpletext.errors import DataError


@pytest.mark.parametrize(
    "texts",
    [["a", ""], ("a", ""), np.array(["a", ""]), pd.Series(["a", ""]), iter(["a", ""])],
    ids=["list", "tuple", "array", "series", "iterator"],
)
def test_texts_of_every_kind(texts):
    assert as_texts(texts) == (["a", ""], None)


def test_pairs():
    assert as_texts([("a", "b"), ["c", "d"]]) == (["a", "c"], ["b", "d"])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "The list of texts is empty"),
        ("one text", r"Texts must be a list of strings; this is 'one text' \(str\)"),
        (7, r"Texts must be a list of strings; this is 7 \(int\)"),
        (["a", None], r"1 of 2 texts aren't a string, at rows 1; row 1 is None \(NoneType\)"),
        (["a", float("nan"), "b", 3], r"2 of 4 texts aren't a string, at rows 1, 3; row 1 is nan"),
        ([b"bytes"], r"row 0 is b'bytes' \(bytes\)"),
        ([("a", "b"), ("a", "b", "c")], "1 of 2 texts aren't a pair of strings"),
        ([b"bytes"], "Decode bytes first"),
        (["a", 3], "convert them with str"),
        (["a", ("a", "b")], "Every row must be of one kind: a string, as the first row has it"),
        ([("a", "b", "c")], "1 of 1 texts aren't a pair of strings, at rows 0"),
        ({"a": 1}, r"this is {'a': 1} \(dict\)"),
        ({"a"}, r"this is {'a'} \(set\)"),
        (pd.DataFrame({"text": ["a"]}), r"a table with the columns 'text'. Give one of them"),
        ([("a", "b"), "a"], "1 of 2 texts aren't a pair of strings"),
    ],
)
def test_bad_texts(texts, message):
    with pytest.raises(DataError, match=message):
        as_texts(texts)
