"""`read_stream`: the columns and sources it takes. Its rows: tokenization/test_stream_cache.py."""

import numpy as np
import pytest

from simpletext.data.streams import read_stream
from simpletext.errors import ArgumentError, DataError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("0,1\ngood,pos\nbad,neg\n")
    return path


@pytest.mark.parametrize("names", [("0", "1"), (0, 1), (np.int64(0), np.array([1]))])
def test_columns_may_be_named_by_numbers(table, names):
    assert list(read_stream(table, *names).chunks()) == [(["good", "bad"], ["pos", "neg"])]


@pytest.mark.parametrize("argument", ["text", "label"])
@pytest.mark.parametrize("value", [1.5, object(), [None], np.zeros((2, 2)), b"0"])
def test_what_is_no_name_is_refused(table, argument, value):
    with pytest.raises(ArgumentError, match="can't be a column's name; name it as a string"):
        read_stream(table, **{argument: value})


@pytest.mark.parametrize("source", [3, np.array(3), [], None])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(DataError, match="a stream is read from .parquet, .csv and .tsv files"):
        read_stream(source)
