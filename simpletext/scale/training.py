"""`train`: one training by several workers, by Ray Train and JAX."""

import os
import signal
import threading
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, CheckpointError, ClusterError, SimpletextError
from ..predictor import Predictor, load_predictor
from ..preparation import both_parts
from ..tasks.labels import checked_names
from ..training.fitting import ClassWeight
from ..training.verbs import require_schedule
from ..transformer import Transformer
from ..tuning.settings import CommonOptions, TrainingSettings
from ..utils import backend, console
from ..utils.defaults import DEFAULT_MODEL
from ..utils.files import local_path, require_new_folder, work_folder
from ..utils.validation import require_count
from .cluster import (
    check_machines,
    connected,
    cpus_per_worker,
    everywhere,
    machines,
    worker_environment,
)  # fmt: skip
from .training_worker import LOG, PREDICTOR, TrainingJob, train_here

STORAGE = "checkpoints"  # the name of the run in Ray's storage, which is the training's folder
MOST_LETTERS = 200  # of what Ray says of a lost worker
MOST_STARTS = 4  # the first one, and three after workers were lost


def train(  # noqa: D417 - the others are described in `simpletext.train`
    data: Any, text: str | Sequence[str] = "text", label: str | Sequence[str] = "label",
    checkpoint: str | os.PathLike = DEFAULT_MODEL, *, folder: str | os.PathLike, workers: int,
    gpus_per_worker: int = 0, resume: bool = False, val: Any = None, val_pct: float = 0.1,
    maxlen: int = 128, epochs: int | None = None, lr: float | None = None, batch_size: int = 32,
    schedule: str = "onecycle", early_stopping: int | None = None, class_weight: ClassWeight = None,
    loss: Any = None, metrics: Any = None, class_names: Sequence[Hashable] | None = None,
    task: str | None = None, pooling: str = "auto", few_shot: bool | str = False,
    label_sep: str | None = None, cache_dir: str | os.PathLike | None = None, seed: int = 0,
    verbose: int = 1,
) -> Predictor:  # fmt: skip
    """Train a model with several workers, by Ray Train and JAX, and give its predictor.

    The rows of each batch are divided between the workers; the numbers are those of one process.
    If a worker is lost, the training starts again after its last complete epoch, up to three times.

    Args:
        data: (texts, labels), a table that `read_texts` can read, or what it has read.
        text: the column with the texts, or two of them with pairs of texts.
        label: the column with the labels, or several.
        checkpoint: a name on the Hub, or a folder that all machines see.
        folder: the new folder for the training, on storage that all machines see: the predictor in
            `predictor`, Ray's checkpoints in `checkpoints`, messages and epochs in `log.txt`.
        workers: the number of processes.
        gpus_per_worker: GPUs of each worker; without them the CPUs are divided between the workers.
        resume: continue the training in `folder`, if there is one. `workers` may differ.
        batch_size: texts per step of all workers together.
        val, val_pct, maxlen, epochs, lr, schedule, early_stopping: see `simpletext.train`.
        class_weight, loss, metrics, class_names, task, pooling: see `simpletext.train`.
        few_shot, label_sep, cache_dir, seed, verbose: see `simpletext.train`.

    Returns:
        The predictor, from its folder, with what `Learner.validate` gives as its `report`.

    Raises:
        ArgumentError: another backend than JAX, more workers than fit on the machines, a value
            that isn't allowed.
        CheckpointError: `folder` has a training already, or (resume) another or a complete one.
        ClusterError: no Ray, no such cluster, a machine with other versions or without the folder;
            workers were lost four times, or Ctrl-C was pressed.
        TrainingError: the loss is not a number, or memory is exhausted.
    """
    _require_jax()
    require_schedule(schedule, early_stopping)
    named = {"epochs": epochs, "lr": lr}
    values = {name: value for name, value in named.items() if value is not None}
    values |= {"batch_size": batch_size, "maxlen": maxlen}
    settings = TrainingSettings.of({"checkpoint": everywhere(checkpoint), **values})
    options = CommonOptions(
        val_pct, schedule, early_stopping, class_weight, loss, metrics, checked_names(class_names),
        task, pooling, few_shot,
        None if cache_dir is None else local_path(cache_dir).absolute(), seed,
    )  # fmt: skip
    require_count("workers", workers)
    require_count("gpus_per_worker", gpus_per_worker, 0)
    target = _require_free(folder, resume)
    Transformer(settings.checkpoint, maxlen).files.config  # noqa: B018 - fails early without one
    tables = both_parts(data, val, text, label, task, label_sep)
    job = TrainingJob(tables[0], tables[1] if val is not None else None, settings, options, target)
    return _trained(job, workers, gpus_per_worker, verbose)


def _require_jax() -> None:
    if backend.name() != "jax":
        raise ArgumentError(
            f"The backend is {backend.name()}; only JAX trains on several processes. Set the "
            "environment variable KERAS_BACKEND=jax before Keras is imported. For one process use "
            "simpletext.train."
        )


def _require_free(folder: str | os.PathLike, resume: bool) -> Path:
    """The training's folder, which isn't created yet.

    Raises:
        CheckpointError: it has a training that isn't to be continued, or is complete.
    """
    target = work_folder(folder, STORAGE, "training", resume)
    if not resume:
        require_new_folder(target)
    if (target / PREDICTOR).exists():
        raise CheckpointError(
            f"The training in {target} is complete: load_predictor({str(target / PREDICTOR)!r}). "
            "For a new one use another folder."
        )
    return target


def _trained(job: TrainingJob, workers: int, gpus: int, verbose: int) -> Predictor:
    ray = connected("train")
    cpus = cpus_per_worker(machines(ray), workers, gpus)
    job.folder.mkdir(parents=True, exist_ok=True)
    local = [job.settings.checkpoint] if Path(job.settings.checkpoint).exists() else []
    check_machines(ray, None, [str(job.folder), *local])
    if verbose:
        console.note(f"training with {workers} workers; the epochs are in {job.folder / LOG}")
    report = _fitted(ray, job, workers, {"CPU": cpus, "GPU": gpus}).return_value
    predictor: Predictor = load_predictor(job.folder / PREDICTOR)
    predictor.report = report
    return predictor


def _fitted(ray: Any, job: TrainingJob, workers: int, resources: dict[str, float]) -> Any:
    """Ray's result of the training, which continues when workers are lost.

    Ray's own retries would repeat errors too that come again each time, such as a loss that is not
    a number; here only lost workers are a reason to start again.
    """
    import ray.train as rt

    reference, starts = ray.put(job), 0
    while True:
        starts += 1
        try:
            with _own_interrupt():
                return _trainer(reference, job.folder, workers, resources).fit()
        except ray.exceptions.RayActorError as error:  # Ctrl-C: Ray ends its own process
            raise ClusterError("The training was stopped. Continue it with resume=True.") from error
        except rt.TrainingFailedError as error:
            failures = list(getattr(error, "worker_failures", {}).values()) or [error]
            if all(isinstance(failure, SimpletextError) for failure in failures):
                raise failures[0] from error
            if starts == MOST_STARTS:
                raise ClusterError(
                    f"The training failed {starts} times, at last by {_described(failures[0])} "
                    f"Look at {job.folder / LOG}, and start again with resume=True."
                ) from error
            console.note(f"Starting again after {_described(failures[0])}")


@contextmanager
def _own_interrupt() -> Iterator[None]:
    """A block after which Ctrl-C does what it did before; Ray's trainer leaves a handler behind."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _trainer(job: Any, folder: Path, workers: int, resources: dict[str, float]) -> Any:
    """Ray's trainer; one of the same folder continues after the last checkpoint there."""
    import ray.train
    from ray.train.v2.jax import JaxConfig, JaxTrainer

    environment = worker_environment(int(resources["CPU"]), resources["GPU"])
    return JaxTrainer(
        train_here,
        train_loop_config={"job": [job]},
        jax_config=JaxConfig(),  # the workers connect JAX themselves: at one address only
        scaling_config=ray.train.ScalingConfig(
            num_workers=workers, use_gpu=resources["GPU"] > 0, resources_per_worker=resources
        ),
        run_config=ray.train.RunConfig(
            name=STORAGE,
            storage_path=str(folder),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
            worker_runtime_env={"env_vars": environment},
        ),
    )


def _described(failure: BaseException) -> str:
    """The type, and the first sentence of what may be a page."""
    sentence = str(failure).strip().partition(". ")[0].splitlines()
    return f"{type(failure).__name__}: {' '.join(sentence)[:MOST_LETTERS].removesuffix('.')}."
