"""From a plan to a finished training: options, checkpoint folder, resuming, errors explained."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from ..errors import ArgumentError, CheckpointError, NotEnoughMemoryError
from ..models.loading import newly_initialised
from ..models.target_scaling import standardised
from ..utils import backend, console
from ..utils.backend.distribution import processes
from ..utils.files import local_path
from ..utils.interrupt import CtrlC
from ..utils.processes import is_first, require_unforked
from ..utils.validation import require_flag, require_verbose, shown
from .checkpointing import LAST
from .contrastive import require_pairs
from .linear_probing import start_head
from .optimizer import check_schedulable, momentum_of, restart_optimizer
from .plan import Plan
from .processes import require_divisible, together
from .progress import TrainingBar
from .run import Run
from .schedules import require_learning_rate
from .sources import TrainingData, for_fit
from .weights import WeightsBackup

ClassWeight = Mapping[Any, float] | str | None
Callbacks = Any  # a sequence of keras.callbacks.Callback, or one
History = dict[str, list[float]]

# At and above these rates a training hardly ever succeeds.
UNUSUAL_FOR_ENCODERS, UNUSUAL = 0.1, 1.0


@dataclass
class FitOptions:
    """What all verbs of training have in common; see `Learner.fit_onecycle`.

    Raises:
        ArgumentError: no callbacks, or `resume` without a folder.
    """

    checkpoint_folder: str | Path | None
    class_weight: ClassWeight
    callbacks: Callbacks
    verbose: int
    resume: bool
    head_start: bool

    def __post_init__(self) -> None:
        self.resume = require_flag("resume", self.resume)
        self.head_start = require_flag("head_start", self.head_start)
        self.verbose = require_verbose(self.verbose)
        if self.callbacks is None:
            self.callbacks = ()
        if isinstance(self.callbacks, keras.callbacks.Callback):
            self.callbacks = (self.callbacks,)
        if not isinstance(self.callbacks, Sequence) or not all(
            isinstance(each, keras.callbacks.Callback) for each in self.callbacks
        ):
            raise ArgumentError(
                f"callbacks={shown(self.callbacks)}; it must be a list of keras.callbacks.Callback "
                "objects, such as [keras.callbacks.TerminateOnNaN()]."
            )
        if self.resume and self.checkpoint_folder is None:
            raise ArgumentError(
                "resume=True needs checkpoint_folder: the folder of the training to continue."
            )

    @property
    def folder(self) -> Path | None:
        """The checkpoint folder as an absolute path."""
        if self.checkpoint_folder is None:
            return None
        return local_path(self.checkpoint_folder).absolute()


@dataclass
class LearnerState:
    """What a learner keeps from one training to the next.

    Attributes:
        trainings: each training's checkpoint folder, or None, and its history; in order.
        epochs: the number of epochs trained, which fixes the order of the rows in the next one.
        initial: the model before its first training, or None.
        interrupted: whether Ctrl-C ended the last training.
        plan: the plan of the last training, or None.
    """

    trainings: list[tuple[Path | None, History]] = field(default_factory=list)
    epochs: int = 0
    initial: WeightsBackup | None = None
    interrupted: bool = False
    plan: Plan | None = None

    @property
    def folders(self) -> set[Path]:
        """The checkpoint folders in use."""
        return {folder for folder, _ in self.trainings if folder is not None}

    def record(self, run: Run) -> None:
        """Add a training. One that was resumed replaces its own first part."""
        mine = [i for i, (folder, _) in enumerate(self.trainings) if folder == run.folder]
        if run.resumed and mine:
            del self.trainings[mine[-1]]
        self.trainings.append((run.folder, run.history))
        self.epochs = run.first_epoch + run.epoch + (not run.finished)
        self.interrupted = run.interrupted

    def history(self) -> History:
        """The histories of all trainings, one after the other."""
        joined: History = {}
        for _, history in self.trainings:
            for name, values in history.items():
                joined.setdefault(name, []).extend(values)
        return joined


def require_compiled(model: object) -> None:
    """Refuse what is no compiled Keras model.

    Raises:
        ArgumentError: another object, or a model that isn't compiled.
    """
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"model is a {type(model).__name__}; it must be a Keras model.")
    if not model.compiled:
        raise ArgumentError(
            "The model isn't compiled: call model.compile(optimizer=..., loss=...) first, "
            "or get it from Transformer.get_classifier()."
        )


def require_trainable(model: keras.Model, callbacks: Any = (), plan: Plan | None = None) -> None:
    """Refuse what would conflict with the schedule, or can't follow one.

    Raises:
        ArgumentError: an optimizer or a callback with its own schedule, a frozen model, a constant
            momentum that should cycle.
    """
    require_unforked()
    check_schedulable(model.optimizer)
    rivals = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
    for callback in callbacks:
        if isinstance(callback, rivals):
            raise ArgumentError(
                f"{type(callback).__name__} sets the learning rate, and so does the learner. Use "
                "fit, fit_onecycle, fit_linear or autofit(reduce_on_plateau=...) without it."
            )
    if not model.trainable_variables:
        raise ArgumentError("All of the model is frozen: call unfreeze() first.")
    if plan is not None and plan.make_momentum is not None:
        momentum_of(model.optimizer)


def require_free_folder(how: FitOptions, known: set[Path]) -> None:
    """Refuse a checkpoint folder with another training in it, and create the folder.

    Args:
        how: has the folder, or None.
        known: folders that belong to this learner, which may be used again.

    Raises:
        CheckpointError: another training is in it, or it can't be created.
    """
    folder = how.folder
    if folder is None:
        return
    if (folder / LAST).exists() and not how.resume and folder not in known:
        raise CheckpointError(
            f"{folder} holds a training already. Pass resume=True to continue it; for a new one "
            "use another folder, or remove this one."
        )
    if not is_first():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"checkpoint_folder can't be created: {error}.") from error


def warn_of_unusual_rate(model: keras.Model, lr: float) -> None:
    """Print a line if a learning rate is far above those that work."""
    limit = UNUSUAL_FOR_ENCODERS if hasattr(model, "architecture") else UNUSUAL
    if lr >= limit:
        console.note(
            f"The learning rate {lr:g} is unusually high: the training will probably fail. Usual "
            "rates are 1e-5 to 1e-3; lr_find() measures one."
        )


def is_auto(lr: Any) -> bool:
    """Whether the learning rate is the one that `lr_find` suggests."""
    return isinstance(lr, str) and lr == "auto"


def checked(
    model: keras.Model, lr: Any, plan: Plan, data: TrainingData, how: FitOptions,
    state: LearnerState,
) -> Plan:  # fmt: skip
    """The plan for these data; refuses what can't be trained, before any work is done.

    Raises:
        ArgumentError, CheckpointError: see `Learner.fit_onecycle`.
    """
    require_divisible(model, data)  # first: among processes, the other checks wait for all
    require_trainable(model, how.callbacks, plan)
    if how.head_start:
        require_pairs(model, data.train)
    plan = plan.monitoring(data.validation is not None)
    if not is_auto(lr):
        rate = require_learning_rate(lr)
        if how.verbose:
            warn_of_unusual_rate(model, rate)
    require_free_folder(how, state.folders)
    return plan


def train(
    model: keras.Model, plan: Plan, lr: float, data: TrainingData, how: FitOptions,
    state: LearnerState,
) -> None:  # fmt: skip
    """Carry out a plan, or the rest of it, and record it in the learner's state."""
    plan = plan.prepared(lr, data.steps, seed=data.seed, batch_size=data.batch_size)
    if how.folder is not None or processes() > 1:  # what a training is compared by
        plan = plan.prepared(lr, data.steps, **_details(model, data, how))
    data.training(state.epochs, how.class_weight)  # a wrong class_weight is refused here
    model.optimizer.build(model.trainable_variables)  # else its step is traced twice
    if state.initial is None:
        state.initial = WeightsBackup.of(model)
    state.plan = plan
    with standardised(model, data.targets):
        _run(model, plan, data, how, state)


def _details(model: keras.Model, data: TrainingData, how: FitOptions) -> dict[str, Any]:
    """What else distinguishes a training from others, as JSON values."""
    weights = how.class_weight
    if isinstance(weights, Mapping):
        weights = {str(name): float(weight) for name, weight in weights.items()}
    return {
        "train_data": data.train.describe(),
        "val_data": data.validation and data.validation.describe(),
        "class_weight": weights,
        "optimizer": type(model.optimizer).__name__,
        "weight_decay": getattr(model.optimizer, "weight_decay", None),
        "layer_decay": getattr(model.optimizer, "layer_decay", None),
    }


def _run(
    model: keras.Model, plan: Plan, data: TrainingData, how: FitOptions, state: LearnerState
) -> None:
    run = Run(model, plan, state.epochs, how.folder)
    if how.resume and run.folder is not None and (run.folder / LAST).exists():
        run.resume(run.folder)
        if how.verbose:
            console.note(run.describe_resumed())
    same = {**plan.describe(), "epochs done": run.epoch, "head_start": how.head_start}
    try:
        with memory_explained(data), together(model, data, same):
            _carry_out(run, data, how)
    finally:
        state.record(run)


def restore_initial(model: keras.Model, state: LearnerState) -> None:
    """Restore the weights from before the first training, if there was one."""
    if state.initial is not None:
        state.initial.restore(model)
        restart_optimizer(model)


@contextmanager
def untrained(model: keras.Model, state: LearnerState) -> Iterator[None]:
    """The model as it was before its first training, for as long as the block takes."""
    if state.initial is None:
        yield
        return
    trained = WeightsBackup.of(model)
    state.initial.restore(model)
    try:
        yield
    finally:
        trained.restore(model)


def _carry_out(run: Run, data: TrainingData, how: FitOptions) -> None:
    """Train until the plan is done, it stops early, or the user presses Ctrl-C."""
    if run.finished:
        run.restore_best()
        return
    batches, arguments = data.training(run.first_epoch + run.epoch, how.class_weight)
    bar = TrainingBar(run.plan.steps, run.plan.epochs, run.history, how.verbose)
    seeds = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, _: backend.seed_dropout(data.seed, run.first_epoch + epoch)
    )
    try:
        with (
            CtrlC() as ctrl_c,
            backend.own_random_numbers(),
            backend.layers_alike_traced_once(),
            # It takes several models, such as those of a sweep, for one that is traced too often.
            console.silent("tensorflow"),
        ):
            _head_start(run.trained, data, run.first_epoch, how, ctrl_c)
            backend.set_learning_rate(run.trained, run.plan.lr)  # what trackers log first
            run.trained.fit(
                for_fit(batches),
                validation_data=for_fit(data.validating()),
                initial_epoch=run.epoch,
                epochs=run.plan.epochs,
                verbose=0,
                shuffle=False,  # our batches shuffle rows; Keras would only shuffle whole batches
                callbacks=[seeds, bar, *how.callbacks, run, ctrl_c],
                **arguments,
            )
    except KeyboardInterrupt:
        run.interrupted = True
        if how.verbose:
            console.note(run.describe_interrupted())
    finally:
        bar.close()
    run.restore_best()


def start_before_sweep(
    model: keras.Model, data: TrainingData, how: FitOptions, state: LearnerState
) -> None:
    """The head start of a training whose learning rate is found after it."""
    if state.initial is None:
        state.initial = WeightsBackup.of(model)
    with memory_explained(data), standardised(model, data.targets), CtrlC() as ctrl_c:
        _head_start(model, data, state.epochs, how, ctrl_c)


def _head_start(
    model: keras.Model, data: TrainingData, epoch: int, how: FitOptions, ctrl_c: CtrlC
) -> None:
    """Train a newly initialised head, unless the user left that out."""
    if how.head_start:
        start_head(model, data, epoch, how.class_weight, ctrl_c, how.verbose)
    newly_initialised(model).clear()


@contextmanager
def memory_explained(data: TrainingData) -> Iterator[None]:
    """Turn a backend's "out of memory" into an error that says what to lower."""
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        longest = data.train.longest
        tokens = f" of up to {longest} tokens" if longest else ""
        raise NotEnoughMemoryError(
            f"A batch of {data.batch_size} rows{tokens} doesn't fit into memory. Lower batch_size "
            "(AdamW's gradient_accumulation_steps makes up for it) or maxlen, use "
            "precision='bfloat16', freeze() a part, or use a smaller checkpoint."
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    known = type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
    return known or isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
