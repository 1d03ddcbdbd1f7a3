"""Integrated gradients (https://arxiv.org/abs/1703.01365) over a model's embeddings."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import ArgumentError
from ..tasks.task import task_named
from ..utils import backend

LAYER = "embeddings"  # the name of every encoder's first layer
POINTS = (20, 40, 80)  # of the integral: the first number is enough for most texts
SLACK = 0.01  # of the weights' sum; beyond it, more points are taken

# Embedded rows, each (rows, length, features), and the other arguments -> (scores, gradients).
WithSlopes = Callable[..., tuple[Any, list]]


class IntegratedGradients:
    """Integrated gradients of one model, which is split at its embeddings on first use.

    Args:
        model: dict of ids -> logits, with a layer `embeddings`.
        task: the task's name.
    """

    def __init__(self, model: keras.Model, task: str) -> None:
        self._model, self._task = model, task_named(task)

    def token_weights(
        self,
        inputs: Mapping[str, np.ndarray],
        baseline: Mapping[str, np.ndarray],
        index: int,
        temperature: float,
        token: int = 0,
    ) -> np.ndarray:
        """Each token's share of the score difference between a text and its baseline, (length,).

        The score is a class's probability (regression: the value).

        Args:
            inputs: of one text, each (1, length).
            baseline: the same with neutral tokens.
            index: the class.
            temperature: divides the logits.
            token: the place of the token whose class it is, where tokens have classes.
        """
        ends, starts = self._embedded(inputs), self._embedded(baseline)
        ids = [inputs[tensor.name] for tensor in self._model.inputs]
        numbers = np.int32(index), np.float32(temperature), np.int32(token)
        for count in POINTS:
            weights, difference = self._integrated(starts, ends, ids, numbers, count)
            if abs(weights.sum() - difference) <= SLACK * max(abs(difference), 1):
                break
        return weights

    def _integrated(
        self, starts: list, ends: list, ids: list, numbers: tuple, count: int
    ) -> tuple[np.ndarray, float]:
        """Each token's weight, (length,), from the gradients at `count` points of the path.

        And the difference in score between the path's two ends, which are computed along with them.
        """
        points, shares = np.polynomial.legendre.leggauss(count)
        points, shares = np.append((points + 1) / 2, [0, 1]), np.append(shares / 2, [0, 0])
        steps = points.reshape(-1, 1, 1).astype("float32")
        # each (points, length, features)
        ways = [a + steps * (b - a) for a, b in zip(starts, ends, strict=True)]
        ids = [ops.convert_to_tensor(np.repeat(x, len(points), axis=0)) for x in ids]
        values, slopes = self._scores_and_slopes(ways, ids, *numbers)
        means = [np.tensordot(shares, ops.convert_to_numpy(slope), axes=1) for slope in slopes]
        weights = sum(
            ((b - a)[0] * mean).sum(axis=-1) for a, b, mean in zip(starts, ends, means, strict=True)
        )
        *_, first, last = ops.convert_to_numpy(values)
        return weights, float(last - first)

    def _embedded(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The embeddings of one text, each (1, length, features)."""
        lower, _ = self._halves
        return [np.asarray(ops.convert_to_numpy(x), "float32") for x in _flat(lower(dict(inputs)))]

    def _scores(self, embedded: list, ids: list, index: Any, temperature: Any, token: Any) -> Any:
        """The score of each row, (rows,)."""
        _, upper = self._halves
        logits = ops.cast(upper([*embedded, *ids], training=False), "float32")
        if self._task.per_token:
            logits = ops.take(logits, token, axis=1)
        if self._task.has_classes:
            logits = getattr(ops, self._task.activation)(logits / temperature)
        return ops.take(logits, index, axis=1)

    @cached_property
    def _halves(self) -> tuple[keras.Model, keras.Model]:
        """The model up to its embeddings, and the rest (which takes the ids too, for the mask)."""
        model = self._model
        if LAYER not in [layer.name for layer in model.layers]:
            raise ArgumentError(
                f"This model has no layer named {LAYER!r}, so 'gradient' can't explain it; use "
                "'occlusion'."
            )
        embedded = model.get_layer(LAYER).output
        inputs = {tensor.name: tensor for tensor in model.inputs}
        lower = keras.Model(inputs, embedded, name="lower")
        return lower, keras.Model([*_flat(embedded), *model.inputs], model.output, name="upper")

    @cached_property
    def _scores_and_slopes(self) -> WithSlopes:
        """`_scores` and the gradients of their sum, for texts of all lengths."""
        if not backend.has_gradients():
            raise ArgumentError(
                f"The Keras backend {backend.name()!r} has no gradients; use 'occlusion'."
            )
        lower, _ = self._halves
        rows = [keras.KerasTensor((None, None, x.shape[-1]), "float32") for x in lower.outputs]
        ids = [keras.KerasTensor((None, None), "int32") for _ in lower.inputs]
        kinds = ("int32", "float32", "int32")
        numbers = [keras.KerasTensor((), kind) for kind in kinds]
        return backend.value_and_gradient(self._scores, [rows, ids, *numbers])


def _flat(tensors: Any) -> list[Any]:
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
