"""Texts and their translations from files, in the forms that users have."""

import json

import pandas as pd
import pytest

import simpletext as st
from simpletext.errors import DataError

SOURCES, TARGETS = ["Guten Tag.", 'Er sagte: "nein".'], ["Hello.", 'He said, "no".']
EXPECTED = (SOURCES, TARGETS)


def test_tables_of_two_columns(tmp_path):
    frame = pd.DataFrame({"de": SOURCES, "en": TARGETS})
    frame.to_csv(tmp_path / "pairs.csv", index=False)
    frame.to_csv(tmp_path / "pairs.tsv", index=False, sep="\t")
    lines = "\n".join(json.dumps(row) for row in frame.to_dict("records"))
    (tmp_path / "pairs.jsonl").write_text(lines)
    for name in ("pairs.csv", "pairs.tsv", "pairs.jsonl"):
        assert st.read_pairs(tmp_path / name) == EXPECTED
    assert st.read_pairs(frame) == EXPECTED
    swapped = frame.assign(id=[1, 2])
    assert st.read_pairs(swapped, columns=("en", "de")) == (TARGETS, SOURCES)


def test_a_hugging_face_data_set():
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"de": SOURCES, "en": TARGETS})
    assert st.read_pairs(table) == EXPECTED


def test_two_parallel_files(tmp_path):
    for name, texts in (("a.de", SOURCES), ("a.en", TARGETS)):
        (tmp_path / name).write_text("\n".join(texts) + "\n", encoding="utf-8")
    assert st.read_pairs(tmp_path / "a.de", tmp_path / "a.en") == EXPECTED
    (tmp_path / "a.en").write_text("Hello.\n")
    with pytest.raises(DataError, match=r"a\.de has 2 lines and .*a\.en 1; line by line"):
        st.read_pairs(tmp_path / "a.de", tmp_path / "a.en")


@pytest.mark.parametrize("name", ["deu.txt", "deu.tsv"])
def test_files_of_tatoeba_and_manythings(tmp_path, name):
    path = tmp_path / name
    note = "\tCC-BY 2.0 (France) Attribution: tatoeba.org #1 (CK) & #2 (x)"
    lines = [f"{a}\t{b}{note}" for a, b in zip(SOURCES, TARGETS, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert st.read_pairs(path) == EXPECTED


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("Guten Tag.\tHello.\nEins\tone\tein Drittes\n")
    with pytest.raises(DataError, match="line 2: there are 3 columns; a line must be a source"):
        st.read_pairs(path)
    with pytest.raises(DataError, match=r"these are 3: \['de', 'en', 'id'\]. Name two"):
        st.read_pairs({"de": SOURCES, "en": TARGETS, "id": ["1", "2"]})
    with pytest.raises(DataError, match="There is no column 'ne'"):
        st.read_pairs({"de": SOURCES, "en": TARGETS}, columns=("de", "ne"))
