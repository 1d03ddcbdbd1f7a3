"""Writes TensorFlow's checkpoints (`x.index` with its data file) without TensorFlow, for tests."""

import struct

import numpy as np

from simpletext.checkpoints.crc32c import masked_crc32c
from simpletext.checkpoints.tensor_bundle import GRAPH, MAGIC

CODES = {"float32": 1, "int32": 3, "int64": 9, "bool": 10}
STRING = 7


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def nested(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def block(entries):
    """A block of a LevelDB table, its keys written out in full; with its checksum."""
    body = b"".join(
        varint(0) + varint(len(key)) + varint(len(value)) + key + value for key, value in entries
    )
    body += struct.pack("<II", 0, 1)
    return body + b"\0" + struct.pack("<I", masked_crc32c(body + b"\0"))


def table(entries):
    data = block(sorted(entries))
    meta = block([])
    handle = varint(0) + varint(len(data) - 5)
    index = block([(b"~", handle)])
    footer = varint(len(data)) + varint(len(meta) - 5)
    footer += varint(len(data) + len(meta)) + varint(len(index) - 5)
    return data + meta + index + footer.ljust(40, b"\0") + MAGIC


def entry(dtype, shape, offset, content, changes=None, checked=None):
    """A BundleEntryProto; `changes` put in other numbers than the right ones.

    `checked` are the bytes that the checksum is of, if they aren't those of the file.
    """
    changes, checked = changes or {}, content if checked is None else checked
    dims = b"".join(nested(2, number(1, size)) for size in changes.get("shape", shape))
    return (
        number(1, changes.get("dtype", dtype))
        + nested(2, dims)
        + number(3, changes.get("shard", 0))
        + number(4, changes.get("offset", offset))
        + number(5, changes.get("size", len(content)))
        + varint(6 << 3 | 5)
        + struct.pack("<I", masked_crc32c(checked))
        + (nested(7, b"") if changes.get("sliced") else b"")
    )


def graph_of(names):
    """A TrackableObjectGraph: key -> the variable's full name."""
    return b"".join(
        nested(1, nested(2, nested(2, name.encode()) + nested(3, key.encode())))
        for key, name in names.items()
    )


def write_bundle(prefix, tensors, names=None, shards=1, changes=None):
    """Write a checkpoint.

    Args:
        prefix: the path without ".index".
        tensors: key -> array.
        names: key -> full name, for a checkpoint of TensorFlow 2.
        shards: how many data files the index names; one is written.
        changes: key -> what to put wrong in its entry; see `entry`.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    data, entries = b"", [(b"", number(1, shards))]
    for key, value in tensors.items():
        value = np.asarray(value)
        content = value.tobytes()
        code = CODES[str(value.dtype)]
        proto = entry(code, value.shape, len(data), content, (changes or {}).get(key))
        entries.append((key.encode(), proto))
        data += content
    if names is not None:
        graph = graph_of(names)
        length = struct.pack("<I", len(graph))
        rest = struct.pack("<I", masked_crc32c(length)) + graph
        content = varint(len(graph)) + rest
        proto = entry(STRING, (), len(data), content, checked=length + rest)
        entries.append((GRAPH.encode(), proto))
        data += content
    prefix.with_name(prefix.name + ".index").write_bytes(table(entries))
    prefix.with_name(f"{prefix.name}.data-00000-of-{shards:05}").write_bytes(data)
