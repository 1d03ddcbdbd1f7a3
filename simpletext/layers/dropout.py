"""Dropout by random bytes."""

import math

import keras
from keras import ops

from ..utils import backend
from . import fused


def dropout(x, rate: float, seed_generator, training: bool):
    """`x` with a share `rate` of its values set to zero and the rest scaled up, in training."""
    if backend.has_fused_operations():
        return fused.dropout(x, rate) if training and rate else x
    keep, scale = to_keep(ops.shape(x), rate, seed_generator, training)
    return x if keep is None else ops.where(keep, x * scale, ops.zeros((), x.dtype))


def to_keep(shape, rate: float, seed_generator, training: bool):
    """The mask of the values that dropout keeps (bool, or None for all), and their scale.

    One random byte per value: the rate is rounded to 1/256, and the scale is exact for the rounded
    rate. Drawing a float per value takes three times as long, a tenth of a step.
    """
    dropped = round(rate * 256)
    if not training or dropped == 0:
        return None, 1.0
    *leading, last = shape
    words_a_row = (last + 3) // 4
    words = keras.random.randint(
        (math.prod(leading) * words_a_row, 1), -(2**31), 2**31 - 1, dtype="int32",
        seed=seed_generator,
    )  # fmt: skip
    random_bytes = ops.reshape(ops.view(words, "uint8"), (*leading, words_a_row * 4))
    return random_bytes[..., :last] >= dropped, 256 / (256 - dropped)
