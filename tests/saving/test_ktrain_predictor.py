"""ktrain's predictors: their probabilities, and nothing of their pickles is run."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import simpletext as st
from simpletext.checkpoints.pickle_data import as_list, read_pickle
from simpletext.errors import ArgumentError, CheckpointError

SPECIMENS = Path(__file__).parents[1] / "oldformats" / "ktrain"
NAMES = ["tiny-single", "tiny-strings", "tiny-multi", "tiny-regression", "bert-mode"]


def golden(name):
    return json.loads((SPECIMENS / f"{name}.golden.json").read_text(encoding="utf-8"))


def assert_golden(predictor, name):
    wanted = golden(name)
    values = predictor.predict_proba(wanted["probes"])
    np.testing.assert_allclose(values.reshape(-1), np.array(wanted["proba"]).reshape(-1), atol=1e-6)
    if wanted["classes"]:
        assert predictor.get_classes() == wanted["classes"]


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_ktrains(name, tmp_path):
    predictor = st.load_predictor(SPECIMENS / name)
    assert_golden(predictor, name)
    predictor.save(tmp_path / "new")
    assert_golden(st.load_predictor(tmp_path / "new"), name)


@pytest.fixture
def old_layout(tmp_path):
    """The layout of 2020. Two opcodes of the specimen were overwritten with its user's name."""
    shutil.copytree(SPECIMENS / "old-0.15", tmp_path / "old")
    content = bytearray((SPECIMENS / "old-0.15.preproc").read_bytes())
    for place in (429, 1874):
        assert content[place : place + 1] == b"x"
        content[place : place + 1] = b"q"
    (tmp_path / "old.preproc").write_bytes(content)
    return tmp_path / "old"


def test_the_layout_of_2020_with_the_tokenizer_in_the_pickle(old_layout):
    assert_golden(st.load_predictor(old_layout), "old-0.15")


def test_the_task_and_the_classes_are_those_of_the_pickle():
    predictor = st.load_predictor(SPECIMENS / "tiny-multi")
    assert predictor.labels.task == "multi_label_classification"
    assert predictor.maxlen == 32
    assert isinstance(predictor.predict("good"), list)


def test_other_classes_can_be_given():
    predictor = st.load_predictor(SPECIMENS / "tiny-single", classes=["minus", "plus"])
    assert predictor.get_classes() == ["minus", "plus"]


def test_options_of_ktrain_folders_for_ours(trained, tmp_path):
    trained.predictor.save(tmp_path / "saved")
    with pytest.raises(ArgumentError, match="classes is for folders of ktrain"):
        st.load_predictor(tmp_path / "saved", classes=["a", "b"])


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def with_pickle(tmp_path, content):
    folder = shutil.copytree(SPECIMENS / "tiny-single", tmp_path / "folder")
    (folder / "tf_model.preproc").write_bytes(content)
    return folder


def test_a_payload_is_refused_and_not_run(tmp_path):
    content = pickle.dumps(Payload(tmp_path / "owned"))
    with pytest.raises(CheckpointError, match="isn't a preprocessor of ktrain"):
        st.load_predictor(with_pickle(tmp_path, content))
    assert not (tmp_path / "owned").exists()


WHOLE = (SPECIMENS / "tiny-single" / "tf_model.preproc").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (WHOLE[:500], "can't be read as a pickle"),
        (b"", "can't be read as a pickle"),
        (pickle.dumps({"a": 1}), "isn't a preprocessor of ktrain"),
        (WHOLE.replace(b"Transformer", b"NERPreproce"), "of the kind NERPreproce"),
        (b"\x80\x04]\x94(" + b"h\x00" * 10 + b"e.", "isn't a preprocessor of ktrain"),
        (b"cos\nsystem\nP1\n.", "PERSID isn't supported"),
    ],
)
def test_pickles_that_are_none_of_ktrain(tmp_path, content, message):
    with pytest.raises(CheckpointError, match=message):
        st.load_predictor(with_pickle(tmp_path, content))


def test_a_shape_that_is_no_number_costs_nothing(tmp_path):
    array = pickle.dumps(np.array(["a", "b"], dtype="<U1"), protocol=2)
    path = tmp_path / "shape"
    path.write_bytes(array)
    assert as_list(read_pickle(path)) == ["a", "b"]
    record = read_pickle(path)
    record.state = (1, ("x" * 1000,), *record.state[2:])
    assert as_list(record) is None


def test_references_that_grow_without_end_cost_nothing(tmp_path):
    bomb = b"\x80\x04]\x94]\x94" + b"(" + b"h\x01" * 200 + b"e" * 1
    path = tmp_path / "bomb"
    path.write_bytes(bomb + b"0" + b"h\x00" + b"h\x00" + b"a" + b".")
    value = read_pickle(path)
    assert value[0] is value
