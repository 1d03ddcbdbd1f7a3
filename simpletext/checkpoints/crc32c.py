"""CRC-32C, the checksum of TensorFlow's checkpoints, in numpy.

Many parts of equal size are run through the register at once and joined afterwards: the register is
linear, so what a part's start adds to its end is a product over GF(2).
"""

from functools import cache
from typing import Any

import numpy as np

POLYNOMIAL = 0x82F63B78
MASK_DELTA = 0xA282EAD8
# Parts at once, and bytes per part; both powers of 2. Shorter data are processed byte by byte.
SHAPES = ((4096, 2048), (256, 64))


def masked_crc32c(data: Any) -> int:
    """The checksum of bytes as TensorFlow and LevelDB store it.

    Example:
        >>> hex(masked_crc32c(b"123456789"))
        '0xc78ab0e5'
    """
    content = np.frombuffer(data, "uint8")
    state = np.uint32(0xFFFFFFFF)
    for parts, size in SHAPES:
        while len(content) >= parts * size:
            state = _after_zeros(state, parts * size) ^ _of_parts(content, parts, size)
            content = content[parts * size :]
    register, table = int(state), _table(1).tolist()
    for byte in content.tolist():
        register = table[(register ^ byte) & 0xFF] ^ (register >> 8)
    crc = register ^ 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def _of_parts(content: np.ndarray, parts: int, size: int) -> np.uint32:
    """The register after the first `parts * size` bytes, starting at 0."""
    words = content[: parts * size].view("<u2").reshape(parts, -1)  # (parts, size / 2)
    table, state = _table(2), np.zeros(parts, "uint32")
    for column in words.T:
        state = table[(state & 0xFFFF) ^ column] ^ (state >> 16)
    while len(state) > 1:
        state = _after_zeros(state[::2], size) ^ state[1::2]
        size *= 2
    return state[0]


@cache
def _table(size: int) -> np.ndarray:
    """The next register for each value of its lowest `size` bytes."""
    values = np.arange(256**size, dtype="uint32")
    for _ in range(8 * size):
        values = (values >> 1) ^ (values & 1) * np.uint32(POLYNOMIAL)
    return values


@cache
def _zeros(size: int) -> np.ndarray:
    """The register after `size` bytes of 0, for each of its bits; size is a power of 2."""
    if size == 1:
        bits = np.uint32(1) << np.arange(32, dtype="uint32")
        return _table(1)[bits & 0xFF] ^ (bits >> 8)
    half = _zeros(size // 2)
    return _product(half, half)


def _after_zeros(state: Any, size: int) -> Any:
    return _product(_zeros(size), np.asarray(state))


def _product(images: np.ndarray, values: np.ndarray) -> Any:
    """The sum of the images of the bits that are set in each value."""
    result = np.zeros_like(values)
    for bit, image in enumerate(images):
        result = result ^ ((values >> np.uint32(bit)) & np.uint32(1)) * image
    return result
