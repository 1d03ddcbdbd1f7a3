"""What a training on several devices or processes needs before its first step."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from ..errors import ArgumentError
from ..models.loading import newly_initialised
from ..tokenization.batching import Batches
from ..utils.backend import distribution
from .sources import Stream, TrainingData


def require_divisible(model: keras.Model, data: TrainingData) -> None:
    """Refuse processes, models and data that can't take part in one training.

    Raises:
        TrainingError: see `distribution.require_same`.
        ArgumentError: see `distribution.require_supported`; or data in batches of their own.
    """
    distribution.require_supported(model)
    if distribution.processes() == 1:
        return
    for name, source in (("train_data", data.train), ("val_data", data.validation)):
        if isinstance(source, Stream):
            raise ArgumentError(
                f"{name} is a {source.describe()}, whose batches can't be divided among "
                f"{distribution.processes()} processes. Pass the data of preprocess_train, or a "
                "tuple (x, y) of arrays; each process needs all rows."
            )
    distribution.require_same(_described(model, data))


@contextmanager
def together(model: keras.Model, data: TrainingData, facts: dict[str, Any]) -> Iterator[None]:
    """A block in which `fit` trains on the batches of all devices and processes.

    Args:
        model: compiled.
        data: the same in all processes.
        facts: what the processes must agree on besides what `require_divisible` compares; JSON
            values.

    Raises:
        TrainingError: the processes differ, or one doesn't come.
    """
    distribution.require_same(facts)
    batches, _ = data.training(0)
    if not isinstance(batches, Batches):  # the user's own, as they are
        yield
        return
    with distribution.prepared(model, batches):
        yield


def _described(model: keras.Model, data: TrainingData) -> dict[str, Any]:
    return {
        "train_data": data.train.describe(),
        "val_data": data.validation and data.validation.describe(),
        "batch_size": data.batch_size,
        "eval_batch_size": data.eval_batch_size,
        "steps": data.steps,
        "seed": data.seed,
        "trainable weights": sum(math.prod(v.shape) for v in model.trainable_variables),
        "newly initialised weights": len(newly_initialised(model)),
    }
