"""Marian and BART that write texts: the same logits as PyTorch, and weights both ways."""

import json

import keras
import numpy as np
import pytest
from seq2seq_models import KINDS, golden, with_targets, write_original

import simpletext as st
from simpletext.errors import FolderExistsError, UnsupportedModelError, WeightsError
from simpletext.models.seq2seq import load_seq2seq
from simpletext.utils.files import read_json

MARIAN_ONLY = "Supported for translation: marian, bart"


def last_logits(model):
    return keras.ops.convert_to_numpy(model(with_targets(), training=False))[:, -1]


@pytest.fixture(scope="module", params=KINDS)
def pair(request, tmp_path_factory):
    """A random original's folder, and our model of it."""
    folder = tmp_path_factory.mktemp("original") / request.param
    write_original(folder, request.param)
    return folder, load_seq2seq(folder)


def test_logits_are_pytorchs(pair):
    folder, model = pair
    assert np.abs(last_logits(model) - golden(folder.name)["logits"]).max() < 1e-5


def test_weights_go_both_ways(pair, tmp_path):
    from safetensors.numpy import load_file

    folder, model = pair
    st.save_checkpoint(model, tmp_path / "saved")
    files = [load_file(each / "model.safetensors") for each in (folder, tmp_path / "saved")]
    assert files[0].keys() == files[1].keys()
    assert all(np.array_equal(files[0][name], files[1][name]) for name in files[0])
    for name in ("generation_config.json", "config.json"):
        assert read_json(tmp_path / "saved" / name) == read_json(folder / name)
    with pytest.raises(FolderExistsError):
        st.save_checkpoint(model, tmp_path / "saved")


def test_positions_of_older_files_and_a_missing_bias_are_no_fault(tmp_path):
    from safetensors.numpy import load_file, save_file

    path = write_original(tmp_path / "marian", "marian") / "model.safetensors"
    expected, tensors = last_logits(load_seq2seq(tmp_path / "marian")), load_file(path)
    bias = tensors.pop("final_logits_bias")
    tensors["model.encoder.embed_positions.weight"] = np.zeros((40, 16), "float32")
    save_file(tensors, path)
    assert np.abs(last_logits(load_seq2seq(tmp_path / "marian")) + bias - expected).max() < 1e-5


def test_a_config_without_code_is_refused(tmp_path):
    path = write_original(tmp_path / "marian", "marian") / "config.json"
    config = read_json(path)
    path.write_text(json.dumps(config | {"normalize_before": True}))
    with pytest.raises(UnsupportedModelError, match="normalize_before=True"):
        load_seq2seq(tmp_path / "marian")
    path.write_text(json.dumps(config | {"model_type": "t5"}))
    with pytest.raises(UnsupportedModelError, match=MARIAN_ONLY):
        load_seq2seq(tmp_path / "marian")


def test_missing_weights_are_named(tmp_path):
    from safetensors.numpy import load_file, save_file

    path = write_original(tmp_path / "marian", "marian") / "model.safetensors"
    tensors = load_file(path)
    del tensors["model.decoder.layers.0.encoder_attn.q_proj.weight"]
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"lacks 'model.decoder.layers.0.encoder_attn.q_proj"):
        load_seq2seq(tmp_path / "marian")
