"""Protocol buffers read as fields, without a schema (https://protobuf.dev/programming-guides/encoding)."""

from collections.abc import Iterator
from typing import Any

Field = tuple[int, Any]  # the field's number; an int, or bytes


def fields(message: bytes) -> Iterator[Field]:
    """The fields of a message, in the file's order.

    Raises:
        ValueError: it ends within a field, or has a field of a deprecated type.
    """
    place = 0
    while place < len(message):
        tag, place = varint(message, place)
        kind = tag & 7
        if kind == 0:
            value, place = varint(message, place)
            yield tag >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"a field of kind {kind}")
        size = {1: 8, 5: 4}.get(kind, 0)
        if kind == 2:
            size, place = varint(message, place)
        end = place + size
        if end > len(message):
            raise ValueError("a field goes beyond the end")
        content = bytes(message[place:end])
        yield tag >> 3, content if kind == 2 else int.from_bytes(content, "little")
        place = end


def varint(message: bytes, place: int) -> tuple[int, int]:
    """The variable-length integer (varint) at a position, and the position after it.

    Raises:
        ValueError: it doesn't end, or has more than 64 bits.
    """
    value = 0
    for shift in range(0, 64, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
    raise ValueError("a number doesn't end")
