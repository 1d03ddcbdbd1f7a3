"""tf_model.h5: the original's numbers, from whole files and shards; broken files are refused."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import simpletext as st
from simpletext.checkpoints.tf_h5 import TfH5File, torch_name
from simpletext.errors import WeightsError

SPECIMENS = Path(__file__).parents[1] / "oldformats" / "h5"


def golden(folder):
    with np.load(folder / "golden.npz") as arrays:
        inputs = {k.removeprefix("in/"): arrays[k] for k in arrays if k.startswith("in/")}
        return inputs, {k: arrays[k] for k in arrays if not k.startswith("in/")}


def outputs(model, inputs):
    shape = inputs["input_ids"].shape
    inputs = {name: inputs.get(name, np.zeros(shape, "int32")) for name in model.input}
    return np.asarray(model(inputs, training=False))


@pytest.mark.parametrize("name", ["distilbert", "bert-sharded"])
def test_logits_are_the_originals(name):
    inputs, wanted = golden(SPECIMENS / name)
    model = st.load_classifier(SPECIMENS / name, verbose=0, new_head=False)
    np.testing.assert_allclose(outputs(model, inputs), wanted["logits"], atol=1e-6)


def test_hidden_states_of_a_file_with_other_heads():
    inputs, wanted = golden(SPECIMENS / "bert-pretraining")
    model = st.load_encoder(SPECIMENS / "bert-pretraining")
    np.testing.assert_allclose(outputs(model, inputs), wanted["hidden"], atol=1e-5)


def test_what_is_written_from_an_h5_is_a_safetensors_checkpoint(tmp_path):
    inputs, wanted = golden(SPECIMENS / "distilbert")
    st.save_checkpoint(st.load_classifier(SPECIMENS / "distilbert", verbose=0), tmp_path / "new")
    assert (tmp_path / "new" / "model.safetensors").is_file()
    again = st.load_classifier(tmp_path / "new", verbose=0, new_head=False)
    np.testing.assert_allclose(outputs(again, inputs), wanted["logits"], atol=1e-6)


def test_safetensors_written_by_tensorflow(tmp_path):
    inputs, wanted = golden(SPECIMENS / "distilbert")
    tensors = {}
    with h5py.File(SPECIMENS / "distilbert" / "tf_model.h5") as file:

        def gather(name, node):
            if isinstance(node, h5py.Dataset):
                tensors["/".join(name.split("/")[2:])] = node[()]

        file.visititems(gather)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "tf"})
    shutil.copy(SPECIMENS / "distilbert" / "config.json", tmp_path)
    model = st.load_classifier(tmp_path, verbose=0, new_head=False)
    np.testing.assert_allclose(outputs(model, inputs), wanted["logits"], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "scoped", "wanted"),
    [
        ("tf_x/bert/encoder/layer_._0/dense/kernel:0", True, "bert.encoder.layer.0.dense.weight"),
        ("bert/embeddings/LayerNorm/gamma:0", False, "bert.embeddings.LayerNorm.weight"),
        ("tf_x/mlm___cls/predictions/bias:0", True, "cls.predictions.bias"),
        ("model.shared/model.shared/embeddings:0", True, "model.shared.weight"),
        ("x/blocks_._0_._1/attention/r_w_bias:0", True, "blocks.0.1.attention.r_w_bias"),
        ("x/key_conv_attn_layer/depthwise_kernel:0", True, "key_conv_attn_layer.depthwise.weight"),
    ],
)  # fmt: skip
def test_names(name, scoped, wanted):
    assert torch_name(name, scoped) == wanted


def broken(tmp_path, content):
    """A folder whose tf_model.h5 has this content."""
    shutil.copy(SPECIMENS / "distilbert" / "config.json", tmp_path)
    (tmp_path / "tf_model.h5").write_bytes(content)
    return tmp_path


WHOLE = (SPECIMENS / "distilbert" / "tf_model.h5").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
        (b"not hdf5 at all", "not an HDF5 file"),
        (WHOLE[:5000], "truncated or damaged"),
        (WHOLE[: len(WHOLE) // 2], "truncated or damaged"),
    ],
)
def test_files_that_are_not_whole(tmp_path, content, message):
    with pytest.raises(WeightsError, match=message):
        st.load_encoder(broken(tmp_path, content))


def h5_with(tmp_path, make):
    """A file that lists one data set, which `make` puts there."""
    path = tmp_path / "tf_model.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("bert")
        make(group)
        file.attrs["layer_names"] = ["bert"]
        group.attrs["weight_names"] = ["m/x/kernel:0"]
    return path


def test_links_and_storage_outside_of_the_file_are_refused(tmp_path):
    def link(group):
        group["m/x/kernel:0"] = h5py.ExternalLink("/etc/passwd", "/x")

    def soft(group):
        group["m/x/kernel:0"] = h5py.SoftLink("/bert")

    def external(group):
        group.create_dataset("m/x/kernel:0", (4,), "f4", external=[("/etc/passwd", 0, 16)])

    for make, message in ((link, "holds a link"), (soft, "holds a link"), (external, "outside of")):
        with pytest.raises(WeightsError, match=message):
            TfH5File(h5_with(tmp_path, make))


def test_virtual_data_sets_are_refused(tmp_path):
    def virtual(group):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
        group.create_virtual_dataset("m/x/kernel:0", layout)

    with pytest.raises(WeightsError, match="outside of itself"):
        TfH5File(h5_with(tmp_path, virtual))


def test_a_size_that_the_file_does_not_have_is_refused_before_memory_is_spent(tmp_path):
    def huge(group):
        group.create_dataset("m/x/kernel:0", (2**20, 2**20), "f4")

    with pytest.raises(WeightsError, match=r"declares 4398046511104 bytes for .* and holds 0"):
        TfH5File(h5_with(tmp_path, huge))


def test_a_refusal_has_one_reason(tmp_path):
    def link(group):
        group["m/x/kernel:0"] = h5py.SoftLink("/bert")

    with pytest.raises(WeightsError) as caught:
        TfH5File(h5_with(tmp_path, link))
    assert "truncated or damaged" not in str(caught.value)


def test_a_compressed_size_that_the_file_can_not_have(tmp_path):
    def bomb(group):
        group.create_dataset("m/x/kernel:0", (2**14, 2**14), "f4", compression="gzip")

    with pytest.raises(WeightsError, match="declares 1073741824 bytes"):
        TfH5File(h5_with(tmp_path, bomb))


def test_a_whole_keras_model_is_named(tmp_path):
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = ["dense"]
        file.attrs["model_config"] = "{}"
    with pytest.raises(WeightsError, match="written by Keras' own save or by another program"):
        TfH5File(tmp_path / "tf_model.h5")


def test_a_shard_that_is_missing(tmp_path):
    folder = shutil.copytree(SPECIMENS / "bert-sharded", tmp_path / "folder")
    (folder / "tf_model-00002-of-00003.h5").unlink()
    with pytest.raises(
        WeightsError, match=r"no file .*tf_model-00002-of-00003.h5, which the index"
    ):
        st.load_encoder(folder)


def test_an_index_that_names_files_outside_of_the_folder(tmp_path):
    folder = shutil.copytree(SPECIMENS / "bert-sharded", tmp_path / "folder")
    index = folder / "tf_model.h5.index.json"
    index.write_text(index.read_text().replace("tf_model-00001", "../tf_model-00001"))
    with pytest.raises(OSError, match="names a file outside of itself"):
        st.load_encoder(folder)


def test_an_index_that_names_no_shards(tmp_path):
    shutil.copy(SPECIMENS / "distilbert" / "config.json", tmp_path)
    (tmp_path / "tf_model.h5.index.json").write_text(json.dumps({"metadata": {}}))
    with pytest.raises(OSError, match="names no shards"):
        st.load_encoder(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flax_model.msgpack", "Flax weights"),
        ("model.gguf", "a GGUF file"),
        ("adapter_config.json", "an adapter"),
    ],
)
def test_what_lies_in_the_folder_is_named(tmp_path, name, message):
    shutil.copy(SPECIMENS / "distilbert" / "config.json", tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(WeightsError, match=message):
        st.load_encoder(tmp_path)
