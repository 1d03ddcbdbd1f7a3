"""The scores that a model had on held-out rows, for its model card."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

FEW = 64  # values of each variable in the fingerprint; any training changes some of them


@dataclass(frozen=True)
class Measured:
    """Scores, and the weights that had them.

    Attributes:
        scores: name -> value.
        weights: the fingerprint of the model's weights.
    """

    scores: Mapping[str, float]
    weights: str


def record_scores(model: keras.Model, scores: Mapping[str, float]) -> None:
    """Keep the scores of a model of ours; of others there is no card. NaN is no score."""
    known = {name: value for name, value in scores.items() if math.isfinite(value)}
    _measured(model)[:] = [Measured(known, _fingerprint(model))]


def scores_of(model: keras.Model) -> dict[str, float]:
    """The scores that were measured with the weights that the model has now, or none."""
    weights = _fingerprint(model)
    found = [each for each in _measured(model) if each.weights == weights]
    return dict(found[0].scores) if found else {}


def _measured(model: keras.Model) -> list[Measured]:
    """The list of a model of ours itself; of another model an empty one."""
    kept: list[Measured] = getattr(getattr(model, "architecture", None), "measured", [])
    return kept


def _fingerprint(model: keras.Model) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for variable in model.weights:
        values = keras.ops.reshape(variable, (-1,))[:FEW]
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(values)).tobytes())
    return digest.hexdigest()
