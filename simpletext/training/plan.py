"""What a training is going to do, checked before any work is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ArgumentError
from ..utils.validation import require_count, require_flag, require_number, shown
from . import schedules
from .schedules import Schedule

UNTIL_STOPPED = 1024  # epochs of autofit by default, as in ktrain
PATIENCE, PLATEAU = 5, 2  # of autofit by default


@dataclass(frozen=True)
class Plan:
    """What a training is going to do. `prepared` adds what is known only at its start.

    Attributes:
        name: the schedule's name.
        epochs: passes over the training data, at most.
        make_schedule: (learning rate, steps per epoch) -> learning rate of each step.
        make_momentum: steps per epoch -> momentum of each step; None leaves it unchanged.
        early_stopping: epochs without a better `monitor` before the training ends, or None.
        reduce_on_plateau: epochs without a better `monitor` before the rate is reduced, or None.
        reduce_factor: the rate is divided by this.
        monitor: the quantity of the history by which epochs are compared; by default "val_loss",
            or "loss" without validation data.
        settings: what else distinguishes this training from others; JSON values.
        lr: the learning rate.
        steps: batches per epoch.
    """

    name: str
    epochs: int
    make_schedule: Callable[[float, int], Schedule]
    make_momentum: Callable[[int], Schedule] | None = None
    early_stopping: int | None = None
    reduce_on_plateau: int | None = None
    reduce_factor: float = 2
    monitor: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    lr: float = 0.0
    steps: int = 0

    def prepared(self, lr: float, steps: int, **settings: Any) -> "Plan":
        """The plan with its learning rate, its steps per epoch and further settings."""
        return replace(self, lr=lr, steps=steps, settings={**self.settings, **settings})

    def monitoring(self, has_validation: bool) -> "Plan":
        """The plan with its monitor chosen by the data.

        Raises:
            ArgumentError: a monitor that was passed needs validation data, and there are none.
        """
        wanted = "val_loss" if self.monitor is None else self.monitor
        if not isinstance(wanted, str):
            raise ArgumentError(f"monitor={shown(wanted)}; it must be a name, such as 'val_loss'.")
        if has_validation or not wanted.startswith("val_"):
            return replace(self, monitor=wanted)
        if self.decides and self.monitor is not None:
            raise ArgumentError(
                f"monitor={shown(self.monitor)} needs validation data. Pass val_data to "
                'get_learner, or use monitor="loss".'
            )
        return replace(self, monitor="loss")

    @property
    def decides(self) -> bool:
        """Whether the monitored quantity has any effect on the training."""
        return bool(self.early_stopping or self.reduce_on_plateau)

    @property
    def schedule(self) -> Schedule:
        """Step -> learning rate."""
        return self.make_schedule(self.lr, self.steps)

    @property
    def momentum(self) -> Schedule | None:
        """Step -> momentum, or None."""
        return self.make_momentum and self.make_momentum(self.steps)

    def describe(self) -> dict[str, Any]:
        """The plan as JSON values: two trainings are the same if these are."""
        own = ("name", "epochs", "steps", "early_stopping", "reduce_on_plateau", "reduce_factor")
        return {name: getattr(self, name) for name in (*own, "monitor", "lr")} | dict(self.settings)


def one_cycle(epochs: Any, momentum: tuple[bool, float, float]) -> Plan:
    """The plan of `Learner.fit_onecycle`.

    Args:
        epochs: passes over the training data.
        momentum: whether it cycles, and its highest and lowest value.
    """
    count = require_count("epochs", epochs)
    cycle, setting = _momentum(*momentum)
    return Plan(
        "one_cycle",
        count,
        lambda lr, steps: schedules.one_cycle(lr, steps * count),
        cycle and (lambda steps: cycle(steps * count)),
        settings={"momentum": setting},
    )


def constant_or_cycles(
    n_cycles: Any, cycle_len: Any, cycle_mult: Any, lr_decay: Any, early_stopping: Any
) -> Plan:
    """The plan of `Learner.fit`: a constant rate, or SGDR if `cycle_len` is passed."""
    epochs, mult = require_count("n_cycles", n_cycles), require_count("cycle_mult", cycle_mult)
    length = _optional("cycle_len", cycle_len)
    decay = schedules.require_learning_rate(lr_decay)
    patience = _optional("early_stopping", early_stopping)
    settings = {"cycle_len": length, "cycle_mult": mult, "lr_decay": decay}
    if length is None:
        return Plan(
            "constant",
            epochs,
            lambda lr, steps: schedules.constant(lr),
            early_stopping=patience,
            settings=settings,
        )
    return Plan(
        "sgdr",
        sum(length * mult**i for i in range(epochs)),
        lambda lr, steps: schedules.sgdr(lr, steps, length, mult, decay),
        early_stopping=patience,
        settings=settings,
    )


def linear(epochs: Any, warmup_ratio: Any, early_stopping: Any) -> Plan:
    """The plan of `Learner.fit_linear`."""
    count = require_count("epochs", epochs)
    ratio = require_number("warmup_ratio", warmup_ratio, 0, 1)
    return Plan(
        "linear",
        count,
        lambda lr, steps: schedules.linear(lr, steps * count, ratio),
        early_stopping=_optional("early_stopping", early_stopping),
        settings={"warmup_ratio": ratio},
    )


def triangular(
    epochs: Any,
    early_stopping: Any,
    reduce_on_plateau: Any,
    reduce_factor: Any,
    momentum: tuple[bool, float, float],
    monitor: str,
) -> Plan:
    """The plan of `Learner.autofit`; without epochs it trains until it gets no better."""
    if epochs is None:
        epochs = UNTIL_STOPPED
        early_stopping = PATIENCE if early_stopping is None else early_stopping
        reduce_on_plateau = PLATEAU if reduce_on_plateau is None else reduce_on_plateau
    factor = require_number("reduce_factor", reduce_factor, 1.000001, what="a number above 1")
    cycle, setting = _momentum(*momentum)
    return Plan(
        "triangular",
        require_count("epochs", epochs),
        schedules.triangular,
        cycle and (lambda steps: schedules.repeated(cycle(steps), steps)),
        early_stopping=_optional("early_stopping", early_stopping),
        reduce_on_plateau=_optional("reduce_on_plateau", reduce_on_plateau),
        reduce_factor=factor,
        monitor=monitor,
        settings={"momentum": setting},
    )


def _optional(name: str, value: Any) -> int | None:
    return None if value is None else require_count(name, value)


def _momentum(
    cycles: bool, high: float, low: float
) -> tuple[Callable[[int], Schedule] | None, list[float] | bool]:
    """A cycle of the momentum by its number of steps, and the plan's setting for it."""
    if not require_flag("cycle_momentum", cycles):
        return None, False
    high = require_number("max_momentum", high, 0, 0.999999)
    low = require_number("min_momentum", low, 0, 0.999999)
    if low > high:
        raise ArgumentError(
            f"min_momentum={shown(low)} and max_momentum={shown(high)}; they must be from 0 to "
            "below 1, and the smaller one first."
        )
    return lambda steps: schedules.one_cycle_momentum(high, low, steps), [float(high), float(low)]
