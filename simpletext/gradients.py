"""Integrated gradients (https://arxiv.org/abs/1703.01365) over a model's embeddings."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from .errors import ArgumentError
from .labels import MULTI, REGRESSION

LAYER = "embeddings"  # what every encoder calls its first layer
POINTS = (20, 40, 80)  # on the way: the first are enough for most texts
SLACK = 0.01  # between the weights' sum and the difference; beyond it, more points are taken


def token_weights(
    model: keras.Model,
    inputs: Mapping[str, np.ndarray],
    baseline: Mapping[str, np.ndarray],
    score: Callable[[Any], Any],
) -> np.ndarray:
    """Each token's part of the difference in score between a text and its baseline, (length,).

    Args:
        model: dict of ids -> logits, with a layer `embeddings`.
        inputs: of one text, each (1, length).
        baseline: the same with neutral tokens.
        score: logits (batch, labels) -> (batch,).
    """
    lower, upper = _halves(model)
    ends = [np.asarray(ops.convert_to_numpy(x), "float32") for x in _flat(lower(dict(inputs)))]
    starts = [np.asarray(ops.convert_to_numpy(x), "float32") for x in _flat(lower(dict(baseline)))]

    def total(embedded: list[Any]) -> Any:
        rows = len(embedded[0])
        ids = [ops.convert_to_tensor(np.repeat(inputs[t.name], rows, axis=0)) for t in model.inputs]
        return ops.sum(score(upper([*embedded, *ids], training=False)))

    gap = _value(total, ends) - _value(total, starts)
    for count in POINTS:
        weights = _integrated(total, starts, ends, count)
        if abs(weights.sum() - gap) <= SLACK * max(abs(gap), 1):
            break
    return weights


def _value(function: Callable[[list[Any]], Any], arrays: list[Any]) -> float:
    return float(ops.convert_to_numpy(function([ops.convert_to_tensor(a) for a in arrays])))


def _integrated(
    total: Callable[[list[Any]], Any], starts: list[Any], ends: list[Any], count: int
) -> np.ndarray:
    """Each token's part, from the slopes at `count` points of the straight way, (length,)."""
    points, shares = np.polynomial.legendre.leggauss(count)
    steps = ((points + 1) / 2).reshape(-1, 1, 1).astype("float32")
    ways = [a + steps * (b - a) for a, b in zip(starts, ends, strict=True)]  # (points, length, n)
    means = [np.tensordot(shares / 2, slope, axes=1) for slope in gradient(total, ways)]
    return sum(
        ((b - a)[0] * mean).sum(axis=-1) for a, b, mean in zip(starts, ends, means, strict=True)
    )


def score_of(task: str, index: int, temperature: float) -> Callable[[Any], Any]:
    """Logits -> the probability of class `index` (regression: the value), (batch,)."""
    if task == REGRESSION:
        return lambda logits: logits[:, index]
    squash = ops.sigmoid if task == MULTI else ops.softmax
    return lambda logits: squash(logits / temperature)[:, index]


def gradient(function: Callable[[list[Any]], Any], arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The slope of a scalar function of arrays: the one thing each backend has its own way for."""
    tensors = [ops.convert_to_tensor(array) for array in arrays]
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value = function(tensors)
        slopes = tape.gradient(value, tensors)
    elif backend == "jax":
        import jax

        slopes = jax.grad(function)(tensors)
    elif backend == "torch":
        import torch

        for tensor in tensors:
            tensor.requires_grad_()
        slopes = torch.autograd.grad(function(tensors), tensors)
    else:
        raise ArgumentError(f"The Keras backend {backend!r} has no gradients; use 'occlusion'.")
    return [ops.convert_to_numpy(slope) for slope in slopes]


def _halves(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The model up to its embeddings, and from them on (with its inputs, for the mask)."""
    if LAYER not in [layer.name for layer in model.layers]:
        raise ArgumentError(
            f"This model has no layer named {LAYER!r}, so 'gradient' can't explain it; use "
            "'occlusion'."
        )
    embedded = model.get_layer(LAYER).output
    inputs = {tensor.name: tensor for tensor in model.inputs}
    lower = keras.Model(inputs, embedded, name="lower")
    return lower, keras.Model([*_flat(embedded), *model.inputs], model.output, name="upper")


def _flat(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
