"""ktrain's predictors: their probabilities, and nothing of their pickles is run."""

import json
import os
import pickle
import shutil
import sys
import types
from pathlib import Path

import h5py
import numpy as np
import pytest
from parity.fixtures import read_fixture

import simpletext as st
from simpletext.checkpoints.pickle_data import as_list, read_pickle
from simpletext.errors import ArgumentError, CheckpointError

SPECIMENS = Path(__file__).parents[1] / "oldformats" / "ktrain"
ABC = ["a", "b", "c"]
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


def preproc(**attributes):
    """A pickle of ktrain's preprocessor with these attributes, made without ktrain."""
    name = "ktrain.text.preprocessor"
    module = types.ModuleType(name)
    kind = type("Transformer", (), {"__module__": name})
    module.Transformer = kind
    value = kind()
    vars(value).update(attributes)
    with pytest.MonkeyPatch.context() as patch:
        for part in ("ktrain", "ktrain.text"):
            patch.setitem(sys.modules, part, types.ModuleType(part))
        patch.setitem(sys.modules, name, module)
        return pickle.dumps(value)


def remade(tmp_path, **attributes):
    """The folder of a specimen with another pickle."""
    folder = shutil.copytree(SPECIMENS / "tiny-single", tmp_path / "remade")
    (folder / "tf_model.preproc").write_bytes(preproc(**attributes))
    return folder


def test_a_maxlen_that_nothing_says_is_said_to_be_a_default(tmp_path, capsys):
    predictor = st.load_predictor(remade(tmp_path, c=["neg", "pos"]))
    assert predictor.maxlen == 64  # the model's positions; else 128
    assert "maxlen 64, which is a default: the pickle doesn't say it" in capsys.readouterr().err


def test_a_maxlen_that_the_model_can_not_have(tmp_path):
    with pytest.raises(CheckpointError, match="has maxlen 65 and the model positions for 64"):
        st.load_predictor(remade(tmp_path, c=["neg", "pos"], maxlen=65))


def test_without_tokenizer_files_only_the_small_files_are_fetched(tmp_path, monkeypatch):
    folder = remade(tmp_path, c=["neg", "pos"], model_name="someone/model", maxlen=20)
    store = tmp_path / "store"
    store.mkdir()
    for path in [*folder.glob("*token*.json"), folder / "vocab.txt", folder / "config.json"]:
        shutil.copy(path, store)
        if path.name != "config.json":
            path.unlink()
    asked = []

    def fetch(name, allow_patterns, **options):
        asked.extend(allow_patterns)
        return str(store)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert len(st.load_predictor(folder).predict(["good", "bad"])) == 2
    assert "config.json" in asked
    assert not [pattern for pattern in asked if pattern.endswith((".safetensors", ".h5", ".bin"))]


def test_ktrains_pairs_have_no_token_types(tmp_path):
    """ktrain ran its models without them, so the texts of a pair are told apart by [SEP] alone."""
    pairs = [("good film", "a bad one"), ("a", "b b b")]
    for segments in (False, True):
        folder = remade(tmp_path / str(segments), c=["neg", "pos"], use_token_type_ids=segments)
        predictor = st.load_predictor(folder)
        batch = predictor.encoder.encode(*zip(*pairs, strict=True)).padded(np.arange(2))
        assert batch["token_type_ids"].any() == segments
        logits = np.asarray(
            predictor.model(batch | {"token_type_ids": batch["token_type_ids"] * 0})
        )
        powers = np.exp(logits)
        plain = powers / powers.sum(-1, keepdims=True)
        values = predictor.predict_proba(pairs)
        assert (np.abs(values - plain).max() < 1e-6) != segments


def test_ktrains_xlnet_has_no_token_types(tmp_path):
    """XLNet's tokenizer has a type of its own for the last token and for padding."""
    names = json.loads((SPECIMENS.parent / "names" / "h5_names.json").read_text())["xlnet"]
    fixture = read_fixture("xlnet").checkpoints["base"]
    folder = tmp_path / "xlnet"
    shutil.copytree(Path(__file__).parents[1] / "parity" / "tokenizers" / "xlnet", folder)
    rng, size = np.random.default_rng(0), len(vocabulary_of(folder))
    with h5py.File(folder / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = list(names)
        for layer, items in names.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name for name, _ in items]
            for name, shape in items:
                shape = [size, *shape[1:]] if "word_embedding" in name else shape
                group[name] = rng.normal(size=shape).astype("float32")
    config = fixture.config | {"vocab_size": size, "pad_token_id": 5}
    (folder / "config.json").write_text(json.dumps(config))
    options = {"c": ABC, "use_token_type_ids": False, "maxlen": 20}
    (folder / "tf_model.preproc").write_bytes(preproc(**options))
    predictor = st.load_predictor(folder)
    batch = predictor.encoder.encode(["a short text", "text"]).padded(np.arange(2))
    assert batch["attention_mask"][1, 0] == 0  # padded on the left
    alike = batch | {"token_type_ids": np.zeros_like(batch["input_ids"])}
    powers = np.exp(np.asarray(predictor.model(alike)))
    values = predictor.predict_proba(["a short text", "text"])
    np.testing.assert_allclose(values, powers / powers.sum(-1, keepdims=True), atol=1e-6)


def vocabulary_of(folder):
    return json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
