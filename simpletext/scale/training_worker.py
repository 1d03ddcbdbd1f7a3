"""What runs on each worker of a training: one of its processes."""

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from ..data.tables import Examples
from ..learner import Learner, get_learner
from ..predictor import get_predictor
from ..preparation import prepared
from ..training.usual import usual_training
from ..training.verbs import fit_by
from ..transformer import Transformer
from ..tuning.settings import CommonOptions, TrainingSettings
from ..utils.processes import is_first

PREDICTOR, LOG = "predictor", "log.txt"
PATIENCE = 30  # seconds for all processes to connect, and at the end to disconnect


@dataclass(frozen=True)
class TrainingJob:
    """A training as it is sent to the workers.

    Attributes:
        train: the training rows, or all rows.
        val: the held-out rows; None takes them from `train`.
        settings: what it trains with.
        options: see `CommonOptions`.
        folder: that of the training.
    """

    train: Examples
    val: Examples | None
    settings: TrainingSettings
    options: CommonOptions
    folder: Path


class CheckpointReporter(keras.callbacks.Callback):
    """Gives each epoch's checkpoint to Ray, once the learner has written it.

    The learner writes after the users' callbacks, so it is there when the next epoch begins.

    Args:
        folder: the learner's checkpoint folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._metrics: dict[str, float] | None = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch's numbers."""
        self._metrics = {"epoch": epoch + 1} | {
            name: float(value) for name, value in (logs or {}).items()
        }

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Report the epoch before."""
        self._report()

    def on_train_end(self, logs: Any = None) -> None:
        """Report the last epoch."""
        self._report()

    def _report(self) -> None:
        """Ray's report, which waits for all workers; the first one has the checkpoint."""
        import ray.train

        if self._metrics is None:
            return
        mine = ray.train.Checkpoint.from_directory(self.folder) if is_first() else None
        ray.train.report(self._metrics, checkpoint=mine)
        self._metrics = None


def train_here(config: dict[str, Any]) -> dict[str, Any]:
    """One worker of a training, from connecting it to the others to the saved predictor.

    Args:
        config: has a `TrainingJob` in Ray's object store as "job".

    Returns:
        What `Learner.validate` gives.
    """
    import ray

    job = ray.get(config["job"][0])
    connect_processes()
    with _written(job.folder / LOG), tempfile.TemporaryDirectory() as checkpoints:
        _fetch_checkpoint(Path(checkpoints))
        learner, preproc = _trained(job, Path(checkpoints))
        predictor = get_predictor(learner.model, preproc)
        if not (job.folder / PREDICTOR).exists():
            predictor.save(job.folder / PREDICTOR)
        report = learner.validate(print_report=False)
    if ray.train.get_context().get_world_size() > 1:
        import jax

        jax.distributed.shutdown()  # waits for all, so that none ends under the others
    return report


def connect_processes() -> None:
    """Connect JAX in all workers, at an address of the first worker's machine only."""
    import jax
    import ray
    from ray.train.collective import broadcast_from_rank_zero

    context = ray.train.get_context()
    count, number = context.get_world_size(), context.get_world_rank()
    if count > 1:
        here = ray.util.get_node_ip_address()
        with socket.socket() as free:
            free.bind((here, 0))
            mine = f"{here}:{free.getsockname()[1]}"
        address = broadcast_from_rank_zero(mine if number == 0 else None)
        jax.distributed.initialize(
            address, count, number,
            initialization_timeout=PATIENCE, shutdown_timeout_seconds=PATIENCE,
            coordinator_bind_address=address if number == 0 else None,
        )  # fmt: skip
    keras.distribution.set_distribution(keras.distribution.DataParallel())


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    """A block whose messages go to the end of a file, in the first process; only it has any."""
    file = open(path if is_first() else os.devnull, "a", encoding="utf-8")  # noqa: SIM115
    with file, contextlib.redirect_stderr(file):
        yield


def _fetch_checkpoint(folder: Path) -> None:
    """Copy the last checkpoint in Ray's storage, if there is one, to where the learner reads it."""
    import ray.train

    last = ray.train.get_checkpoint()
    if last is not None:
        last.to_directory(folder)


def _trained(job: TrainingJob, checkpoints: Path) -> tuple[Learner, Transformer]:
    settings, options = job.settings, job.options
    preproc = Transformer(
        settings.checkpoint, settings.maxlen, options.class_names or job.train.class_names,
        task=options.task, pooling=options.pooling, few_shot=options.few_shot,
        seed=options.seed,
    )  # fmt: skip
    train, val, _ = prepared(
        preproc, job.train, job.val, options.val_pct, options.seed, 1, options.cache_dir
    )
    usual = usual_training(
        preproc.files.config, preproc.few_shot, train, settings.lr, settings.epochs
    )
    model = preproc.get_model(metrics=options.metrics, loss=options.loss)
    learner = get_learner(model, train, val, settings.batch_size, seed=options.seed)
    fit_by(
        options.schedule, learner, *usual, options.early_stopping,
        options.class_weight, 1, [CheckpointReporter(checkpoints)], checkpoints,
    )  # fmt: skip
    return learner, preproc
