"""TensorFlow's checkpoints, `x.index` with `x.data-00000-of-00001`, read without TensorFlow.

The index is a LevelDB table (https://github.com/google/leveldb/blob/main/doc/table_format.md) of
protocol buffers (tensorflow/core/protobuf/tensor_bundle.proto); the data are raw numbers. Both have
checksums, and both are checked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..utils.files import beside
from .crc32c import masked_crc32c
from .protobuf import fields, varint
from .safetensors_file import is_lfs_pointer

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER = 48  # bytes
LARGEST_INDEX = LARGEST_GRAPH = 1 << 24  # bytes
MOST_SHARDS = 10_000
MOST_AXES = 8
STRING, BFLOAT16 = 7, 14
# DataType of tensorflow/core/framework/types.proto -> numpy's type in the file.
DTYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", BFLOAT16: "<u2",
    17: "<u2", 19: "<f2", 22: "<u4", 23: "<u8",
}  # fmt: skip
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# Raised when damaged bytes are read.
DAMAGE = (ValueError, IndexError, KeyError, TypeError, OverflowError)


@dataclass(frozen=True)
class Entry:
    """A tensor in the data files."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    sliced: bool = False


class TensorBundle:
    """The tensors of a checkpoint by key; numbers are views of the file's memory map.

    Args:
        prefix: the path without ".index".

    Raises:
        WeightsError: a file is missing, damaged, or declares more than the files hold.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix, self.index = prefix, beside(prefix, ".index")
        with self._reading():
            table = dict(_table(_content(self.index)))
            self._shards = self._opened(_shard_count(table.pop("", b"")))
            self.entries = {key: _entry(value) for key, value in table.items()}
        for key, entry in self.entries.items():
            self._check(key, entry)

    def shape(self, key: str) -> tuple[int, ...]:
        """A tensor's shape."""
        return self.entries[key].shape

    def get_tensor(self, key: str) -> np.ndarray:
        """One tensor, in the file's type; bfloat16 as float32.

        Raises:
            WeightsError: its checksum is wrong.
        """
        entry = self.entries[key]
        content = self._bytes(entry)
        if masked_crc32c(content) != entry.crc:
            raise WeightsError(
                f"{self.prefix}: the checksum of {key!r} is wrong. The data file is damaged; get "
                "it again."
            )
        value = content.view(DTYPES[entry.dtype]).reshape(entry.shape)
        if entry.dtype == BFLOAT16:
            return (value.astype("uint32") << 16).view("float32")
        return value

    def names(self) -> dict[str, str]:
        """The variables' full names -> their keys, for checkpoints of tf.train.Checkpoint.

        Empty for TensorFlow 1, whose keys are the names.
        """
        if GRAPH not in self.entries:
            return {}
        with self._reading():
            if self.entries[GRAPH].size > LARGEST_GRAPH:
                raise ValueError("its description of the model is too long")
            names = dict(_full_names(self._string(self.entries[GRAPH])))
        absent = next((key for key in names.values() if key not in self.entries), None)
        if absent is not None:
            raise WeightsError(
                f"{self.index} lacks {absent!r}, which its description of the model names. The "
                "checkpoint is damaged; get it again."
            )
        return names

    def _string(self, entry: Entry) -> bytes:
        """The value of a tensor with one string, stored as its length, a checksum and its bytes."""
        content = self._bytes(entry).tobytes()
        length, place = varint(content, 0)
        text = content[place + 4 :]
        if len(text) != length:
            raise ValueError("a text isn't as long as it should be")
        # The checksum is of the length in 4 bytes instead of a varint (tensor_bundle.cc).
        if masked_crc32c(length.to_bytes(4, "little") + content[place:]) != entry.crc:
            raise ValueError("the checksum of a text is wrong")
        return text

    def _bytes(self, entry: Entry) -> np.ndarray:
        return self._shards[entry.shard][entry.offset : entry.offset + entry.size]

    def _opened(self, count: int) -> list[np.ndarray]:
        """The memory maps of all data files."""
        shards = []
        for number in range(count):
            path = beside(self.prefix, f".data-{number:05}-of-{count:05}")
            if not path.is_file():
                raise WeightsError(
                    f"{self.index} needs the file {path.name} beside it, which is missing. Get the "
                    "checkpoint again, whole."
                )
            if is_lfs_pointer(path):
                raise _lfs(path)
            # Copy-on-write: PyTorch warns about read-only arrays.
            empty = not path.stat().st_size
            shards.append(np.zeros(0, "uint8") if empty else np.asarray(np.memmap(path, mode="c")))
        return shards

    def _check(self, key: str, entry: Entry) -> None:
        """Refuse an entry that isn't supported, or is larger than the data files."""
        if entry.dtype not in (*DTYPES, STRING) or entry.sliced or len(entry.shape) > MOST_AXES:
            raise WeightsError(
                f"{self.index} has {key!r} in parts, of the type {entry.dtype} or with "
                f"{len(entry.shape)} axes, which simpletext doesn't read. Save it anew with "
                "TensorFlow, in one part and as numbers."
            )
        known = entry.dtype != STRING
        count = 1
        for length in entry.shape:
            count *= length
        declared = count * np.dtype(DTYPES[entry.dtype]).itemsize if known else entry.size
        within = entry.shard < len(self._shards)
        if (
            not within
            or declared != entry.size
            or entry.offset + entry.size > len(self._shards[entry.shard])
        ):
            raise WeightsError(
                f"{self.index} declares {declared} bytes for {key!r}, which the data files don't "
                "hold: they are truncated or of another checkpoint. Get all of them again."
            )

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except WeightsError:
            raise
        except DAMAGE as error:
            raise WeightsError(
                f"{self.index} can't be read ({error}). It is truncated, damaged, or no index of a "
                "TensorFlow checkpoint; get it again."
            ) from error


def has_magic(path: Path) -> bool:
    """Whether a file ends with the magic number of LevelDB's tables."""
    size = path.stat().st_size
    if size < FOOTER:
        return False
    with path.open("rb") as file:
        file.seek(size - len(MAGIC))
        return file.read() == MAGIC


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise WeightsError(f"There is no file {path}. Get the checkpoint again, whole.")
    if is_lfs_pointer(path):
        raise _lfs(path)
    if path.stat().st_size > LARGEST_INDEX:
        raise ValueError(f"it has {path.stat().st_size} bytes, too many for an index")
    return path.read_bytes()


def _lfs(path: Path) -> WeightsError:
    return WeightsError(
        f"{path} is a Git LFS pointer, not the file itself. Run `git lfs pull` in the folder, or "
        "download the file."
    )


def _table(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The keys and values of a LevelDB table."""
    footer = content[-FOOTER:]
    if len(footer) < FOOTER or footer[-8:] != MAGIC:
        raise ValueError("it lacks an index's magic number" if content else "it is empty")
    _, place = varint(footer, 0)  # the block of metadata: where it is, how long it is
    _, place = varint(footer, place)
    for _, handle in _block(content, *_handle(footer, place)):
        for key, value in _block(content, *_handle(handle, 0)):
            yield key.decode(), value


def _handle(message: bytes, place: int) -> tuple[int, int]:
    offset, place = varint(message, place)
    return offset, varint(message, place)[0]


def _block(content: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block; each key is stored as its difference from the key before."""
    end = offset + size
    if end + 5 > len(content):
        raise ValueError("a block goes beyond the end")
    if content[end] != 0:
        raise ValueError("it is compressed")
    if masked_crc32c(content[offset : end + 1]) != int.from_bytes(
        content[end + 1 : end + 5], "little"
    ):
        raise ValueError("a checksum is wrong")
    block = content[offset:end]
    restarts = int.from_bytes(block[-4:], "little")
    place, last, key = 0, len(block) - 4 * (restarts + 1), b""
    while place < last:
        shared, place = varint(block, place)
        added, place = varint(block, place)
        length, place = varint(block, place)
        key = key[:shared] + block[place : place + added]
        place += added
        yield key, block[place : place + length]
        place += length


def _shard_count(header: bytes) -> int:
    found = dict(fields(header))
    count = found.get(1, 0)
    if found.get(2, 0) != 0:
        raise ValueError("its numbers are big-endian")
    if not 1 <= count <= MOST_SHARDS:
        raise ValueError(f"it names {count} data files")
    return count


def _entry(message: bytes) -> Entry:
    found: dict[int, Any] = {}
    sliced = False
    for number, value in fields(message):
        sliced = sliced or number == 7
        found[number] = value
    dims = [dict(fields(value)) for number, value in fields(found.get(2, b"")) if number == 2]
    return Entry(
        dtype=found.get(1, 0),
        shape=tuple(dim.get(1, 0) for dim in dims),
        shard=found.get(3, 0),
        offset=found.get(4, 0),
        size=found.get(5, 0),
        crc=found.get(6, 0),
        sliced=sliced,
    )


def _full_names(graph: bytes) -> Iterator[tuple[str, str]]:
    """Full name and key of each variable in a TrackableObjectGraph; not those of optimizers."""
    for number, node in fields(graph):
        if number != 1:
            continue
        for kind, attribute in fields(node):
            if kind != 2:
                continue
            found = dict(fields(attribute))
            name, key = (found.get(part, b"").decode() for part in (2, 3))
            if name and not _is_training_state(key):
                yield name, key


def _is_training_state(key: str) -> bool:
    marks = (".OPTIMIZER_SLOT", "keras_api/metrics")
    return key.startswith("optimizer/") or "/optimizer/" in key or any(m in key for m in marks)
