"""`TrainingSettings`: what a try trains with, and what all tries have in common."""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ArgumentError
from ..tasks.losses import name_of
from ..training.contrastive import require_few_shot
from ..training.fitting import ClassWeight, is_auto
from ..training.schedules import require_learning_rate
from ..utils.defaults import DEFAULT_MODEL
from ..utils.files import plain_path
from ..utils.validation import MOST_SEED, did_you_mean, require_count, shown


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of one try.

    Attributes:
        checkpoint: a name on the Hub, or a folder.
        lr: the highest learning rate; None for the one that is usual for the encoder's size,
            "auto" for the one that is measured.
        epochs: passes over the training data; None for those that are usual for the data.
        batch_size: texts per training step.
        maxlen: maximum tokens per text.
        frozen_blocks: so many of the lowest blocks, and the embeddings, aren't trained; 0 trains
            everything.
    """

    checkpoint: str = DEFAULT_MODEL
    lr: float | str | None = None
    epochs: int | None = None
    batch_size: int = 32
    maxlen: int = 128
    frozen_blocks: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "TrainingSettings":
        """Checked settings; those that aren't named have their defaults.

        Raises:
            ArgumentError: an unknown name, or a value that isn't allowed.
        """
        return cls(**{name: checked_setting(name, value) for name, value in values.items()})

    @property
    def rate(self) -> float | str:
        """`lr` of a try, whose settings are complete (see `TrialRunner.complete`)."""
        if self.lr is None:
            raise TypeError("lr isn't decided yet")
        return self.lr

    @property
    def passes(self) -> int:
        """`epochs` of a try, whose settings are complete."""
        if self.epochs is None:
            raise TypeError("epochs aren't decided yet")
        return self.epochs

    def to_dict(self) -> dict[str, Any]:
        """Name -> value."""
        return asdict(self)


def checked_setting(name: str, value: Any) -> Any:
    """One value of a setting.

    Raises:
        ArgumentError: an unknown setting, or a value that isn't allowed.

    Example:
        >>> checked_setting("epochs", 3)
        3
    """
    if name not in _CHECKS:
        raise ArgumentError(
            f"There is no setting {shown(name)}; allowed are {', '.join(_CHECKS)}."
            + did_you_mean(name, _CHECKS, 1)
        )
    return _CHECKS[name](value)


def _checkpoint(value: Any) -> str:
    plain_path(value)
    return os.fspath(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "checkpoint": _checkpoint,
    "lr": lambda value: value if is_auto(value) else require_learning_rate(value),
    "epochs": lambda value: require_count("epochs", value),
    "batch_size": lambda value: require_count("batch_size", value),
    "maxlen": lambda value: require_count("maxlen", value, 3),
    "frozen_blocks": lambda value: require_count("frozen_blocks", value, 0),
}


@dataclass(frozen=True)
class CommonOptions:
    """What all tries have in common; see `simpletext.train`."""

    val_pct: float = 0.1
    schedule: str = "onecycle"
    early_stopping: int | None = None
    class_weight: ClassWeight = None
    loss: Any = None
    metrics: Any = None
    class_names: Sequence[Hashable] | None = None
    task: str | None = None
    pooling: str = "auto"
    few_shot: bool | str = False
    cache_dir: str | os.PathLike | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        require_count("seed", self.seed, 0, MOST_SEED)
        require_few_shot(self.few_shot)

    def describe(self) -> dict[str, str]:
        """What the scores depend on, as texts: two searches with the same are the same."""
        weights: Any = self.class_weight
        loss, names = self.loss, self.class_names
        if isinstance(weights, Mapping):
            weights = sorted(f"{_text(key)}: {_text(value)}" for key, value in weights.items())
        values = {
            "val_pct": self.val_pct, "schedule": self.schedule, "metric": self.metrics,
            "early_stopping": self.early_stopping, "class_weight": weights,
            "loss": loss if loss is None or isinstance(loss, str) else name_of(loss),
            "class_names": None if names is None else list(names),
            "task": self.task, "pooling": self.pooling, "few_shot": self.few_shot,
            "seed": self.seed,
        }  # fmt: skip
        return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    """The value as a text, whatever it is."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - an object of the user's, which can't be shown
        return shown(value)
