"""TensorFlow's checkpoints read without TensorFlow: bit by bit its own numbers, or refused."""

from pathlib import Path

import numpy as np
import pytest
from bundles import write_bundle

from simpletext.checkpoints.crc32c import masked_crc32c
from simpletext.checkpoints.protobuf import fields
from simpletext.checkpoints.tensor_bundle import TensorBundle
from simpletext.errors import WeightsError

SPECIMENS = Path(__file__).parents[1] / "oldformats"
BUNDLES = sorted(path.with_suffix("") for path in SPECIMENS.rglob("*.index"))


@pytest.mark.parametrize("prefix", BUNDLES, ids=lambda p: p.relative_to(SPECIMENS).as_posix())
def test_every_tensor_is_that_of_tensorflows_own_reader(prefix):
    tf = pytest.importorskip("tensorflow")
    theirs, ours = tf.train.load_checkpoint(str(prefix)), TensorBundle(prefix)
    shapes = theirs.get_variable_to_shape_map()
    assert set(shapes) == set(ours.entries)
    for key in shapes.keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        value = theirs.get_tensor(key)
        assert ours.get_tensor(key).tobytes() == np.asarray(value).tobytes()
        assert ours.shape(key) == value.shape


def test_other_types_and_several_blocks(tmp_path):
    """TensorFlow's own writer: thousands of keys, half precision, bfloat16, whole numbers."""
    tf = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(0)
    tensors = {f"layer_{i}/kernel": rng.random((2, 3)).astype("float32") for i in range(2000)}
    tensors |= {"half": rng.random(5).astype("float16"), "whole": np.arange(4)}
    tensors |= {"empty": np.zeros((0, 4), "float32"), "one": np.float32(3)}
    brain = tf.cast(tensors["half"], tf.bfloat16)
    keys = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "x"),
        tensor_names=[*keys, "brain"],
        shape_and_slices=[""] * (len(keys) + 1),
        tensors=[*(tensors[key] for key in keys), brain],
    )
    bundle = TensorBundle(tmp_path / "x")
    for key in keys:
        np.testing.assert_array_equal(bundle.get_tensor(key), tensors[key])
    wanted = tf.cast(brain, tf.float32).numpy()
    np.testing.assert_array_equal(bundle.get_tensor("brain"), wanted)


@pytest.mark.parametrize("size", [0, 1, 1000, 16384, 16385, 50_000, 8 * 2**20 + 20_000])
def test_checksums(size):
    """Against the definition, bit by bit; the longest ones by their parts."""
    content = np.random.default_rng(size).integers(0, 256, size, "uint8")
    register, table = 0xFFFFFFFF, []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    for byte in content.tolist():
        register = (register >> 8) ^ table[(register ^ byte) & 0xFF]
    crc = register ^ 0xFFFFFFFF
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c(content) == masked


TENSORS = {"a/kernel": np.ones((4, 8), "float32"), "b": np.arange(5, dtype="float32")}


def test_a_written_bundle_is_read(tmp_path):
    write_bundle(tmp_path / "x", TENSORS, {"a/kernel": "scope/kernel"})
    bundle = TensorBundle(tmp_path / "x")
    assert bundle.names() == {"scope/kernel": "a/kernel"}
    np.testing.assert_array_equal(bundle.get_tensor("a/kernel"), TENSORS["a/kernel"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (2**20, 2**20)}, "declares 4398046511104 bytes"),
        ({"shape": (2**40, 0)}, "declares 0 bytes"),
        ({"offset": 2**40}, "data files don't hold"),
        ({"shard": 7}, "data files don't hold"),
        ({"size": 64}, "data files don't hold"),
        ({"dtype": 12}, "of the type 12"),
        ({"sliced": True}, "in parts"),
        ({"shape": (1,) * 70 + (32,)}, "with 71 axes"),
    ],
)
def test_entries_that_can_not_be(tmp_path, changes, message):
    write_bundle(tmp_path / "x", TENSORS, changes={"a/kernel": changes})
    with pytest.raises(WeightsError, match=message):
        TensorBundle(tmp_path / "x")


def test_a_missing_data_file(tmp_path):
    write_bundle(tmp_path / "x", TENSORS, shards=2)
    with pytest.raises(WeightsError, match="needs the file x.data-00001-of-00002"):
        TensorBundle(tmp_path / "x")


@pytest.mark.parametrize("shards", [0, 10**6])
def test_a_number_of_data_files_that_can_not_be(tmp_path, shards):
    write_bundle(tmp_path / "x", TENSORS, shards=shards)
    with pytest.raises(WeightsError, match=f"names {shards} data files"):
        TensorBundle(tmp_path / "x")


def test_damaged_data_are_found_by_their_checksum(tmp_path):
    write_bundle(tmp_path / "x", TENSORS)
    data = tmp_path / "x.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[3] ^= 1
    data.write_bytes(content)
    with pytest.raises(WeightsError, match="checksum of 'a/kernel' is wrong"):
        TensorBundle(tmp_path / "x").get_tensor("a/kernel")


def test_a_damaged_description_of_the_model_is_found_by_its_checksum(tmp_path):
    write_bundle(tmp_path / "x", TENSORS, {"a/kernel": "scope/kernel"})
    data = tmp_path / "x.data-00000-of-00001"
    data.write_bytes(data.read_bytes().replace(b"scope/kernel", b"scope/kornel"))
    with pytest.raises(WeightsError, match="the checksum of a text is wrong"):
        TensorBundle(tmp_path / "x").names()


def test_a_description_of_the_model_with_other_variables(tmp_path):
    write_bundle(tmp_path / "x", TENSORS, {"b/kernel": "scope/kernel"})
    with pytest.raises(WeightsError, match="lacks 'b/kernel', which its description.* names"):
        TensorBundle(tmp_path / "x").names()


def test_truncated_data(tmp_path):
    write_bundle(tmp_path / "x", TENSORS)
    data = tmp_path / "x.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(WeightsError, match="truncated or of another checkpoint"):
        TensorBundle(tmp_path / "x")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"


@pytest.mark.parametrize("name", ["x.index", "x.data-00000-of-00001"])
def test_a_pointer_of_git_lfs(tmp_path, name):
    write_bundle(tmp_path / "x", TENSORS)
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(WeightsError, match="is a Git LFS pointer"):
        TensorBundle(tmp_path / "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "it is empty"), (b"x" * 100, "it lacks an index's magic number")],
)
def test_files_that_are_no_index(tmp_path, content, message):
    (tmp_path / "x.index").write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        TensorBundle(tmp_path / "x")


def test_a_damaged_index_is_found_by_its_checksum(tmp_path):
    write_bundle(tmp_path / "x", TENSORS)
    index = tmp_path / "x.index"
    content = bytearray(index.read_bytes())
    content[10] ^= 1
    index.write_bytes(content)
    with pytest.raises(WeightsError, match="checksum is wrong"):
        TensorBundle(tmp_path / "x")


@pytest.mark.parametrize("message", [b"\x08", b"\x12\x05ab", b"\x0b", b"\x08" + b"\xff" * 11])
def test_fields_that_end_too_early(message):
    with pytest.raises(ValueError, match="end|kind"):
        list(fields(message))
