import json
import shutil
import socket
import time
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import simpletext as st
from simpletext.checkpoints.folder import find_checkpoint
from simpletext.checkpoints.weight_files import WeightFiles
from simpletext.errors import (
    CheckpointError,
    FolderExistsError,
    UnknownModelError,
    UnreachableModelError,
    UnsupportedModelError,
    WeightsError,
)
from simpletext.utils.files import new_folder


@pytest.fixture
def copy(tiny, tmp_path):
    """A copy of the tiny checkpoint, to be damaged."""
    return shutil.copytree(tiny, tmp_path / "copy")


def set_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


# ---- finding ---------------------------------------------------------------------------------


def test_a_cached_model_is_found_without_the_network(minilm):
    start = time.perf_counter()
    checkpoint = find_checkpoint(minilm)
    assert time.perf_counter() - start < 5
    assert checkpoint.config["model_type"] == "bert"
    assert checkpoint.has_mean_pooling


@pytest.fixture
def unresolvable(monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


@pytest.mark.usefixtures("unresolvable")
def test_an_uncached_model_without_a_network_is_refused_soon():
    start = time.perf_counter()
    with pytest.raises(UnreachableModelError, match="isn't in the local cache, and the Hub can't"):
        find_checkpoint("someone/some-model")
    assert time.perf_counter() - start < 15


@pytest.mark.parametrize("status", ["gated", "unknown"])
def test_what_the_hub_says(monkeypatch, status):
    from huggingface_hub import errors

    # huggingface_hub 1 speaks through httpx, huggingface_hub 2 through httpx2.
    httpx = import_module("httpx2" if find_spec("httpx2") else "httpx")
    kinds = {"gated": errors.GatedRepoError, "unknown": errors.RepositoryNotFoundError}
    request = httpx.Request("GET", "https://huggingface.co/someone/some-model")

    def refuse(*args, **kwargs):
        raise kinds[status]("no", response=httpx.Response(401, request=request))

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    wanted = {
        "gated": (UnreachableModelError, "'someone/some-model' is a gated model. Accept its terms"),
        "unknown": (UnknownModelError, "There is no model 'someone/some-model' on the Hub"),
    }
    error, message = wanted[status]
    with pytest.raises(error, match=message):
        find_checkpoint("someone/some-model")


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", "spa ce", "x" * 200])
def test_a_name_that_can_be_no_model(name):
    with pytest.raises(UnknownModelError, match="no folder|neither a folder"):
        find_checkpoint(name)


def test_an_unsupported_kind_names_the_supported_ones(copy):
    set_config(copy, model_type="llama")
    with pytest.raises(UnsupportedModelError, match=r"model_type='llama'.*Supported: bert"):
        st.load_encoder(copy)


def test_a_folder_without_config(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no config\.json in"):
        st.load_encoder(tmp_path)


def test_a_config_that_is_no_json(copy):
    (copy / "config.json").write_text('{"model_type": ')
    with pytest.raises(CheckpointError, match=r"config\.json isn't valid JSON"):
        st.load_encoder(copy)


# ---- weights ---------------------------------------------------------------------------------


def tensors(folder):
    return load_file(folder / "model.safetensors")


def same_weights(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


def test_sharded_files(copy, tiny):
    whole = tensors(copy)
    names = sorted(whole)
    parts = {"model-00001-of-00002.safetensors": names[::2]}
    parts["model-00002-of-00002.safetensors"] = names[1::2]
    for file, keys in parts.items():
        save_file({key: whole[key] for key in keys}, copy / file)
    where = {key: file for file, keys in parts.items() for key in keys}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    (copy / "model.safetensors").unlink()
    assert same_weights(st.load_encoder(copy), st.load_encoder(tiny))


def test_legacy_names_of_norms(copy, tiny):
    old = {".weight": ".gamma", ".bias": ".beta"}
    renamed = {}
    for key, value in tensors(copy).items():
        stem, dot, leaf = key.rpartition(".")
        renamed[stem + old[dot + leaf] if "LayerNorm" in key else key] = value
    save_file(renamed, copy / "model.safetensors")
    assert same_weights(st.load_encoder(copy), st.load_encoder(tiny))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_comes_as_float32(copy, tiny, dtype):
    import ml_dtypes

    kind = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}[dtype]
    save_file({k: v.astype(kind) for k, v in tensors(copy).items()}, copy / "model.safetensors")
    for half, full in zip(
        st.load_encoder(copy).weights, st.load_encoder(tiny).weights, strict=True
    ):
        assert half.dtype == "float32"
        np.testing.assert_allclose(half.numpy(), full.numpy(), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("shift", range(0, 64, 8))
def test_the_model_keeps_nothing_of_the_file(copy, tiny, shift):
    """Wherever in the file the numbers begin: some backends take aligned memory as it is."""
    path = copy / "model.safetensors"
    save_file(tensors(copy), path, metadata={"shift": "x" * shift})
    model = st.load_encoder(copy)
    content = path.read_bytes()
    with path.open("r+b") as file:  # the same file, not a new one of its name
        file.write(b"\0" * len(content))
    assert same_weights(model, st.load_encoder(tiny))
    for value in model.architecture.kept.values():
        assert value.any()


def test_a_cut_weight_file(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"model\.safetensors can't be read .* truncated"):
        st.load_encoder(copy)


def test_a_corrupt_weight_file(copy):
    (copy / "model.safetensors").write_bytes(b"\xff" * 4096)
    with pytest.raises(WeightsError, match=r"model\.safetensors can't be read"):
        st.load_encoder(copy)


def test_no_weight_file(copy):
    (copy / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"There is no model\.safetensors"):
        st.load_encoder(copy)


@pytest.fixture
def pickled(copy):
    """A checkpoint that holds pytorch_model.bin only."""
    torch = pytest.importorskip("torch")
    values = {key: torch.tensor(value) for key, value in tensors(copy).items()}
    (copy / "model.safetensors").unlink()
    torch.save(values, copy / "pytorch_model.bin")
    return copy


def test_a_pickled_checkpoint_loads_where_torch_is(pickled, tiny):
    assert same_weights(st.load_encoder(pickled), st.load_encoder(tiny))


def test_a_pickle_runs_nothing(pickled, tmp_path):
    import pickle

    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    (pickled / "pytorch_model.bin").write_bytes(pickle.dumps({"x": Harm()}))
    with pytest.raises(WeightsError, match=r"was written by PyTorch before version 1\.6"):
        st.load_encoder(pickled)
    pytest.importorskip("torch").save({"x": Harm()}, pickled / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="holds more than tensors"):
        st.load_encoder(pickled)
    assert not (tmp_path / "harm").exists()


def test_an_unsafe_pytorch_is_refused(pickled, monkeypatch):
    monkeypatch.setattr("simpletext.checkpoints.torch_file.version", lambda name: "2.5.1+cpu")
    with pytest.raises(WeightsError, match="PyTorch 2.5.1.*CVE-2025-32434.*2.10 or later"):
        st.load_encoder(pickled)


def test_a_pickle_without_torch_says_how_to_convert(copy, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(WeightsError, match=r"is a pickle.*save_pretrained\(new_folder\)"):
        st.load_encoder(copy)


def test_a_shard_outside_of_the_folder_is_refused(copy):
    (copy / "model.safetensors").unlink()
    index = {"weight_map": {"x": "../model.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="names a file outside of itself"):
        WeightFiles(copy)


# ---- writing ---------------------------------------------------------------------------------


def test_a_new_folder_appears_only_when_whole(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "new") as temporary:
        (temporary / "half").write_text("...")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "new") as temporary:
        (temporary / "whole").write_text("...")
        assert not (tmp_path / "new").exists()
    assert [p.name for p in tmp_path.rglob("*")] == ["new", "whole"]


def test_nothing_is_overwritten(tiny, tmp_path):
    encoder = st.load_encoder(tiny)
    st.save_checkpoint(encoder, tmp_path / "saved")
    with pytest.raises(FolderExistsError, match="exists already and is left as it is"):
        st.save_checkpoint(encoder, tmp_path / "saved")


@pytest.mark.parametrize("load", [st.load_encoder, st.load_classifier])
def test_load_save_load_is_exact(tiny, tmp_path, load):
    model = load(tiny)
    st.save_checkpoint(model, tmp_path / "saved")
    assert same_weights(load(tmp_path / "saved"), model)
    if load is st.load_encoder:
        assert tensors(tmp_path / "saved").keys() == tensors(tiny).keys()
