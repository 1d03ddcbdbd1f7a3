"""Positions that aren't added to the embeddings: rotary positions and token distances."""

import keras
import numpy as np
from keras import ops

from ..errors import UnsupportedModelError
from .base import Part


@keras.saving.register_keras_serializable("simpletext")
class Rotary(Part):
    """Cosines and sines of rotary positions (https://arxiv.org/abs/2104.09864), for `rotate`.

    Args:
        width: size of an attention head.
        theta: base of the wavelengths.
        factor: positions are divided by it ("linear" scaling).
    """

    def __init__(self, width, theta, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.width, self.theta, self.factor = width, theta, factor

    def compute_output_spec(self, ids):
        shape = (ids.shape[1], self.width // 2)
        return tuple(keras.KerasTensor(shape, self.compute_dtype) for _ in ("cos", "sin"))

    def call(self, ids):  # (batch, length) -> (length, width / 2) twice
        positions = ops.cast(ops.arange(ops.shape(ids)[1]), "float32")
        angles = positions[:, None] * ops.convert_to_tensor(self._frequencies(), "float32")
        return ops.cast(ops.cos(angles), self.compute_dtype), ops.cast(
            ops.sin(angles), self.compute_dtype
        )

    def _frequencies(self):  # rounded to float32 as in the original; far positions need it
        exponents = np.arange(0, self.width, 2, dtype="float32") / np.float32(self.width)
        powers = (float(self.theta) ** exponents.astype("float64")).astype("float32")
        return np.float32(1.0) / powers / np.float32(self.factor)


def rotate(x, rotary):
    """Turn the pairs of (first half, second half) of each head by the angle of their position.

    Args:
        x: (batch, heads, length, width).
        rotary: cosines and sines, each (length, width / 2), from `Rotary`.
    """
    cos, sin = rotary
    first, second = ops.split(x, 2, axis=-1)
    return ops.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def rotary_settings(parameters: dict, theta: float) -> dict:
    """The arguments `theta` and `factor` of `Rotary`, from a config's `rope_parameters`.

    Args:
        parameters: that part of config.json.
        theta: the default.

    Raises:
        UnsupportedModelError: the scaling isn't "default" or "linear".
    """
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if kind not in ("default", "linear"):
        raise UnsupportedModelError(
            f"config.json has rope_type={kind!r}; simpletext supports 'default' and 'linear' only."
        )
    factor = parameters["factor"] if kind == "linear" else 1.0
    return {"theta": parameters.get("rope_theta", theta), "factor": factor}


@keras.saving.register_keras_serializable("simpletext")
class DistanceSinusoids(Part):
    """Sines and cosines of all distances in a text, in the order of `distances`.

    Args:
        width: size of the result.
        limit: further distances count as this far; None for no limit.
    """

    def __init__(self, width, limit=None, **kwargs):
        super().__init__(**kwargs)
        self.width, self.limit = width, limit

    def compute_output_spec(self, ids):
        length = ids.shape[1]
        count = None if length is None else 2 * length + 1
        return keras.KerasTensor((count, self.width), self.compute_dtype)

    def call(self, ids):  # (batch, length) -> (2 * length + 1, width)
        far = distances(ops.shape(ids)[1])
        if self.limit is not None:
            far = ops.clip(far, -self.limit, self.limit)
        return ops.cast(sinusoids(far, self.width), self.compute_dtype)


def sinusoids(numbers, width: int):
    """Sines, then cosines, of numbers: (count,) -> (count, width), in float32."""
    steps = np.arange(0, width, 2, dtype="float32") / np.float32(width)
    frequencies = np.float32(1.0) / (10000.0 ** steps.astype("float64")).astype("float32")
    angles = ops.cast(numbers, "float32")[:, None] * ops.convert_to_tensor(frequencies, "float32")
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def distances(length):
    """The distances of `by_distance`'s columns: length, length - 1, ..., -length."""
    return length - ops.arange(2 * length + 1)


def by_distance(scores, keys=None, step: int = 1):
    """Convert attention scores by distance to scores by key.

    Args:
        scores: (..., length, 2 * length + 1); column j of row q is for the key at distance
            q - k = length - j, see `distances`.
        keys: number of keys; by default the length. In general there are step * length + keys
            columns, and column j of row q is for the key at distance
            step * q - k = step * length - j.
        step: keys from one query's position to the next one's.

    Returns:
        (..., length, keys): entry [q, k] is `scores[q, step * (length - q) + k]`. Nothing is
        gathered: reshaped to rows `step` columns shorter, each row begins `step` columns further
        right than the row above.
    """
    *leading, length, width = ops.shape(scores)
    flat = ops.reshape(scores, (*leading, length * width))[..., step * length :]
    return ops.reshape(flat, (*leading, length, width - step))[
        ..., : length if keys is None else keys
    ]
