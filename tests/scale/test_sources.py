"""What a bulk prediction reads."""

import json

import numpy as np
import pytest

from simpletext.errors import ArgumentError, DataError
from simpletext.scale import sources

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.csv").write_text('text,id\n"two\nlines",07\n"a, b",8\n')
    (folder / "a.jsonl").write_text(json.dumps({"id": 1, "text": "x"}) + "\n")
    (folder / "_left.csv").write_text("no\n1\n")
    (folder / "notes.md").write_text("no")
    return folder


def test_a_folder_is_read_by_name(folder):
    files = sources.files_of(folder)
    assert [file.name for file in files] == ["a.jsonl", "b.csv"]
    assert sorted(sources.columns_of(folder, files)) == ["id", "text"]
    assert not sources.is_parquet(files)


def test_other_types_become_parquet_once(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    staged = sources.staged(folder, sources.files_of(folder), out)
    assert sources.counted(staged) == [(str(staged[0]), 1), (str(staged[1]), 2)]
    rows = sources.read_rows(str(staged[1]), 0, 2, ["text", "id"]).to_pydict()
    assert rows == {"text": ["two\nlines", "a, b"], "id": ["07", "8"]}
    (folder / "b.csv").write_text("text,id\nother,1\n")
    assert sources.staged(folder, sources.files_of(folder), out) == staged


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (0, 1), (3, 4), (2, 7), (9, 10)])
def test_rows_across_row_groups(tmp_path, start, stop):
    pq.write_table(pa.table({"a": list(range(10))}), tmp_path / "x.parquet", row_group_size=3)
    table = sources.read_rows(str(tmp_path / "x.parquet"), start, stop, ["a"])
    assert table.to_pydict() == {"a": list(range(start, stop))}


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        sources.files_of(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="no file of type .csv, .tsv"):
        sources.files_of(tmp_path)
    (tmp_path / "x.md").write_text("x")
    with pytest.raises(DataError, match="unknown file type"):
        sources.files_of([tmp_path / "x.md"])
    with pytest.raises(ArgumentError, match="source=5; it must be a file"):
        sources.files_of(5)
    with pytest.raises(ArgumentError, match="it must be a file, a folder, a list of files"):
        sources.files_of(np.array(5))
    (tmp_path / "x.parquet").write_text("x")
    with pytest.raises(DataError, match="can't be read as Parquet"):
        sources.counted([tmp_path / "x.parquet"])
    with pytest.raises(DataError, match="no column 'txt'; the columns are 'text'"):
        sources.require_columns(["txt"], ["text"])


def test_a_column_of_several_types_is_refused(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"text": "a"}\n{"text": 1}\n')
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DataError, match="a column with values of several types"):
        sources.staged(None, [tmp_path / "x.jsonl"], out)
    assert list(out.iterdir()) == []
