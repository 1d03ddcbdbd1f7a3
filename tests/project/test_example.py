"""The data of the example: which docstrings it takes, and that they don't give themselves away."""

import re
import subprocess
import sys

import docstrings
import pytest
from hypothesis import given
from hypothesis import strategies as st

NAMES = re.compile(
    r"numpy|scipy|scikit[-_ ]learn|sklearn|keras|tensorflow|matplotlib|pandas", re.IGNORECASE
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("NumPy arrays, or numpy.linalg.norm(x).", "library arrays, or library(x)."),
        ("Uses scikit-learn, scikit_learn or SKLEARN", "Uses library, library or library"),
        ("import numpy as np\nnp.zeros(3)", "import library as library\nlibrary(3)"),
        ("a KerasTensor of `tf.keras.Model`", "a libraryTensor of `library`"),
        ("to_numpy() and from_pandas_df", "to_library() and from_library_df"),
        ("see https://pandas.pydata.org/docs/x.html.", "see library"),
        ("`.pyplot.show` or plt.show()", "`.library` or library()"),
        ("mpl_toolkits.mplot3d", "library"),
        ("works with torch and JAX", "works with library and library"),
        ("the tf-idf weights, p-values (pd) and np", "the tf-idf weights, p-values (pd) and np"),
        ("rank 1. Then sp. is short for species", "rank 1. Then sp. is short for species"),
    ],
)
def test_names_aliases_and_paths_are_masked(text, masked):
    assert docstrings.mask(text) == masked


word = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["NumPy", "scipy", "scikit-learn", "Keras", "pandas", "np.", "as tf", "."]),
)


@given(st.lists(word, max_size=12))
def test_no_name_survives_the_mask(words):
    for text in ("".join(words), " ".join(words)):
        masked = docstrings.mask(text)
        assert not NAMES.search(masked)
        assert docstrings.mask(masked) == masked


def test_only_public_docstrings_are_taken(tmp_path, monkeypatch):
    module = tmp_path / "made_up_library"
    (module / "tests").mkdir(parents=True)
    body = " word" * 20
    (module / "__init__.py").write_text(
        f'"""Module{body}"""\n'
        f'def public():\n    """Public{body}"""\n'
        f'def _private():\n    """Private{body}"""\n'
        'def short():\n    """Too short."""\n'
        f'class Thing:\n    """Thing{body}"""\n'
        f'    def method(self):\n        """Method{body} of numpy.array"""\n'
        "raise SystemExit('the source is read, never run')\n"
    )
    (module / "tests" / "test_it.py").write_text(f'def test():\n    """Test{body}"""\n')
    monkeypatch.syspath_prepend(tmp_path)
    found = docstrings.library_docstrings("made_up_library")
    assert found == {f"Public{body}", f"Thing{body}", f"Method{body} of library"}


def test_a_missing_library_is_named():
    advice = "no_such_library isn't installed: pip install simpletext-keras"
    with pytest.raises(SystemExit, match=advice):
        docstrings.library_docstrings("no_such_library")


def test_classes_are_balanced_and_have_no_text_in_common():
    found = {"a": {f"a{i}" for i in range(30)} | {"both"}, "b": {f"b{i}" for i in range(12)}}
    found["b"].add("both")
    chosen = docstrings.balanced(found, 20)
    assert [len(texts) for texts in chosen.values()] == [12, 12]
    assert "both" not in chosen["a"] + chosen["b"]
    assert chosen == docstrings.balanced(found, 20)


def test_the_split_keeps_the_shares_and_loses_nothing():
    chosen = {"a": [f"a{i}" for i in range(20)], "b": [f"b{i}" for i in range(10)]}
    train, valid = docstrings.split(chosen)
    assert sorted(train[0] + valid[0]) == sorted(chosen["a"] + chosen["b"])
    assert (valid[1].count("a"), valid[1].count("b")) == (4, 2)
    assert all(text[0] == label for text, label in zip(*train, strict=True))


def test_an_existing_folder_is_never_written_into(tmp_path):
    wanted = tmp_path / "demo-output"
    names = [docstrings.new_folder(wanted).name for _ in range(3)]
    assert names == ["demo-output", "demo-output-2", "demo-output-3"]


@pytest.mark.slow
def test_the_whole_example_runs(tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, docstrings.__file__, "--rows", "20", "--epochs", "1", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == set(docstrings.OUTPUTS)
    assert "gave the same 24 predictions" in done.stdout
