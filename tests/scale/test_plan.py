"""The plan of a bulk prediction: which rows go into which file, and what a second run continues."""

import pytest

from simpletext.errors import ArgumentError, FolderExistsError
from simpletext.scale.plan import FILE, Part, Run, parts_of, rows_per_file


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_each_row_is_in_one_part_in_order(size):
    files = [("a", 5), ("b", 0), ("c", 1), ("d", 12)]
    parts = parts_of(files, size)
    rows = [(f, i) for part in parts for f, start, stop in part.slices for i in range(start, stop)]
    assert rows == [(name, i) for name, count in files for i in range(count)]
    assert [part.number for part in parts] == list(range(len(parts)))
    assert [part.first for part in parts] == [i * size for i in range(len(parts))]
    assert {part.rows for part in parts[:-1]} <= {size}
    assert [Part.from_json(part.as_json()) for part in parts] == parts


def test_no_rows_no_parts():
    assert parts_of([("a", 0)], 3) == []


def test_a_worker_has_several_files():
    assert rows_per_file(1000, 2) == 125
    assert rows_per_file(3, 3) == 1
    assert rows_per_file(10**9, 8) == 10_000
    with pytest.raises(ArgumentError, match=r"workers=8, but there are 5 rows\. Use fewer"):
        rows_per_file(5, 8)


RUN = Run("abc", [["in.csv", 5, 7]], ["text"], None, ["a"], False, "truncate")


def test_a_run_that_was_broken_off_goes_on(tmp_path):
    out = tmp_path / "out"
    assert RUN.resumed(out) == RUN
    out.mkdir()
    begun = Run(**vars(RUN) | {"rows_per_file": 12})
    begun.write(out)
    assert RUN.resumed(out) == begun


def test_another_run_is_refused(tmp_path):
    RUN.write(tmp_path)
    other = Run(**vars(RUN) | {"proba": True, "text": ["title"]})
    with pytest.raises(FolderExistsError, match="was begun with another text and proba"):
        other.resumed(tmp_path)


def test_a_complete_run_and_another_folder_are_refused(tmp_path):
    with pytest.raises(FolderExistsError, match=f"it has no {FILE} of a run"):
        RUN.resumed(tmp_path)
    Run(**vars(RUN) | {"complete": True}).write(tmp_path)
    with pytest.raises(FolderExistsError, match="is complete already"):
        RUN.resumed(tmp_path)
