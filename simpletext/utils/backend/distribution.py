"""One training on several devices or processes: JAX with `keras.distribution.DataParallel`.

Every process computes the same batches from the same data, and gives its devices their rows.
"""

import itertools
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import keras
import numpy as np

from ...errors import ArgumentError, TrainingError
from .current import name
from .models import forget_training_step

PADDING, WEIGHTS = "padding", "weights"  # what the third part of a divided batch holds
LONGEST_WAIT = 30  # seconds from the first process to the last one that begins a training
LIBRARIES = ("simpletext-keras", "keras", "jax", "numpy")
_checks = itertools.count()  # the number of the next comparison of the processes


@dataclass(frozen=True)
class Devices:
    """The devices among which the rows of a batch are divided."""

    distribution: keras.distribution.DataParallel

    @property
    def count(self) -> int:
        """The devices of all processes."""
        return int(self.distribution.num_model_replicas)

    def places(self, rows: int) -> np.ndarray:
        """The places in a batch of so many rows, padded, that this process' devices compute."""
        padded = -(-rows // self.count) * self.count
        layout: Any = self.distribution.get_data_layout((padded,)).backend_layout
        parts = layout.addressable_devices_indices_map((padded,)).values()
        return np.unique(np.concatenate([np.arange(padded)[places] for places in parts]))


def devices() -> Devices | None:
    """The devices among which batches are divided; None if there is one, or if not by rows."""
    chosen = keras.distribution.distribution()
    if name() != "jax" or not isinstance(chosen, keras.distribution.DataParallel):
        return None
    found = Devices(chosen)
    return found if found.count > 1 else None


def processes() -> int:
    """The number of processes of this training."""
    if name() != "jax":
        return 1
    import jax

    return int(jax.process_count())


def require_supported(model: keras.Model) -> None:
    """Refuse several processes that would not train one model together.

    Raises:
        ArgumentError: a distribution that isn't supported, or a model made outside of it.
    """
    checks = {"tensorflow": _check_strategy, "torch": _check_torchrun, "jax": _check_layout}
    checks.get(name(), lambda model: None)(model)


def _check_strategy(model: keras.Model) -> None:
    import tensorflow as tf

    strategy = model.distribute_strategy if hasattr(model, "distribute_strategy") else None
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise ArgumentError(
            "MultiWorkerMirroredStrategy doesn't work with Keras 3. For several machines use "
            "KERAS_BACKEND=jax with keras.distribution.DataParallel; for several GPUs of one "
            "machine tf.distribute.MirroredStrategy."
        )


def _check_torchrun(model: keras.Model) -> None:
    import torch

    ready = torch.distributed.is_available() and torch.distributed.is_initialized()
    world = torch.distributed.get_world_size() if ready else int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        raise ArgumentError(
            f"This is one of {world} PyTorch processes, but Keras on PyTorch doesn't share "
            "gradients: each process would train a model of its own. For one training on several "
            "GPUs or machines use KERAS_BACKEND=jax with keras.distribution.DataParallel. For "
            "independent trainings start the processes without torchrun (without WORLD_SIZE)."
        )


def _check_layout(model: keras.Model) -> None:
    shared = devices()
    if shared is None and processes() > 1:
        raise ArgumentError(
            f"This is one of {processes()} JAX processes, but no DataParallel is set: each process "
            "would train a model of its own. Call keras.distribution.set_distribution("
            "keras.distribution.DataParallel()) before the model is made."
        )
    if shared is None:
        return
    apart = [v.path for v in model.variables if len(v.value.sharding.device_set) != shared.count]
    if apart:
        raise ArgumentError(
            f"The weights of the model aren't on the {shared.count} devices of DataParallel: "
            f"{len(apart)} of them, {apart[0]} first. Call keras.distribution.set_distribution("
            "keras.distribution.DataParallel()) before the model is made."
        )


# Batches


class LocalBatches(keras.utils.PyDataset):
    """This process' rows of each batch, with padding rows so that all devices get equally many.

    The padding rows are copies of the batch's last row, at its end. The third part of a batch says
    how many there are, by the width of an array, so that the compiled step takes them off again.

    Args:
        batches: a `PyDataset` of `(x, y)` or `(x, y, sample_weight)`, the same in all processes.
        shared: the devices.
    """

    def __init__(self, batches: Any, shared: Devices) -> None:
        super().__init__()
        self.batches, self.shared = batches, shared

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[Any, Any, dict[str, Any]]:
        x, y, *weights = self.batches[index]
        rows = len(y)
        places = self.shared.places(rows)
        mine = np.minimum(places, rows - 1)
        x, y, *weights = keras.tree.map_structure(lambda part: part[mine], (x, y, *weights))
        more = -rows % self.shared.count
        marker = {PADDING: np.zeros((len(mine), 1 + more), "uint8")}
        return x, y, marker | ({WEIGHTS: weights[0]} if weights else {})

    def on_epoch_end(self) -> None:
        """Keras' call after an epoch."""
        self.batches.on_epoch_end()


def without_padding(batch: tuple) -> tuple:
    """A batch of `LocalBatches` as it was; another one as it is."""
    if len(batch) < 3 or not isinstance(batch[2], dict) or PADDING not in batch[2]:
        return batch
    x, y, marker = batch
    rows, width = marker[PADDING].shape
    parts = (x, y, marker[WEIGHTS]) if WEIGHTS in marker else (x, y)
    if width == 1:
        return parts
    return tuple(keras.tree.map_structure(lambda part: part[: rows + 1 - width], parts))


def divided(batches: Any) -> Any:
    """The batches as `fit` takes them: this process' rows, if there are several devices."""
    shared = devices()
    return batches if shared is None else LocalBatches(batches, shared)


@contextmanager
def prepared(model: keras.Model, batches: Any) -> Iterator[None]:
    """A block in which the model trains on `divided` batches; nothing on a single device."""
    shared = devices()
    if shared is None:
        yield
        return
    model._symbolic_build(data_batch=batches[0])
    if "train_step" not in vars(model):
        model.train_step = _trimmed(model.train_step)
        model.test_step = _trimmed(model.test_step)
        forget_training_step(model)
    mesh = shared.distribution.device_mesh
    with keras.distribution.DataParallel(mesh, auto_shard_dataset=False).scope():
        yield


def _trimmed(step: Callable[[Any, tuple], Any]) -> Callable[[Any, tuple], Any]:
    def on_rows(state: Any, batch: tuple) -> Any:
        return step(state, without_padding(batch))

    return on_rows


class _Replicated(keras.distribution.DataParallel):
    """Every device computes all rows."""

    def get_data_layout(self, data_shape: Any) -> Any:
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)


@contextmanager
def replicated() -> Iterator[None]:
    """A block in which every device computes all rows of a batch, of any number."""
    shared = devices()
    if shared is None:
        yield
        return
    with _Replicated(shared.distribution.device_mesh, auto_shard_dataset=False).scope():
        yield


# Processes


def require_same(facts: Mapping[str, Any]) -> None:
    """Compare what the processes are going to do: with different steps they would hang.

    So would one that makes or sets a variable of several processes before the others have come.

    Args:
        facts: name -> JSON value.

    Raises:
        TrainingError: other facts in another process, or a process that doesn't come.
    """
    if processes() == 1 or devices() is None:
        return
    import jax
    from jax._src.distributed import global_state

    client, number = global_state.client, next(_checks)
    mine = json.dumps({**facts, "versions": _versions()})
    client.key_value_set(f"simpletext/{number}/{jax.process_index()}", mine)
    deadline = time.monotonic() + LONGEST_WAIT
    everyone = [
        _facts_of(client, number, process, deadline) for process in range(jax.process_count())
    ]
    for process, theirs in enumerate(everyone):
        if theirs != everyone[0]:
            raise TrainingError(_describe(everyone[0], theirs, process))


def _facts_of(client: Any, number: int, process: int, deadline: float) -> dict[str, Any]:
    import jax

    left = max(deadline - time.monotonic(), 0.1)
    try:
        text = client.blocking_key_value_get(f"simpletext/{number}/{process}", int(1000 * left))
    except jax.errors.JaxRuntimeError as error:
        raise TrainingError(
            f"Process {process} hasn't come to this training within {LONGEST_WAIT} seconds. Look "
            "at its output; all processes must run the same program."
        ) from error
    return dict(json.loads(text))


def _describe(first: Mapping[str, Any], other: Mapping[str, Any], process: int) -> str:
    names = [fact for fact in {**first, **other} if first.get(fact) != other.get(fact)]
    apart = "; ".join(f"{n}: {first.get(n)} and {other.get(n)}" for n in names)
    return (
        f"Processes 0 and {process} differ, and would wait for each other without end. {apart}. "
        "Give all processes the same program, data, arguments and libraries, and a "
        "checkpoint_folder that all of them see."
    )


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        library: version(library) for library in LIBRARIES
    }
