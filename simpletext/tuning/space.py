"""`SearchSpace`: which settings are searched, and between which values.

It knows no search library: Optuna's and Ray's samplers are made from its `dimensions`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from ..utils.validation import require_list, shown
from .settings import TrainingSettings, checked_setting

LOGARITHMIC = ("lr",)  # ranges in which each power of ten gets an equal share


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included; whole numbers if both are.

    Attributes:
        log: whether each power of ten gets an equal share.
    """

    low: float
    high: float
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are in it."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def describe(self) -> list[Any]:
        """As JSON values."""
        return ["range", self.low, self.high]

    def drawn(self, rng: Any) -> float:
        """A number at random, by NumPy's generator."""
        if self.is_whole:
            return int(rng.integers(self.low, self.high, endpoint=True))
        if self.log:
            return float(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def describe(self) -> list[Any]:
        """As JSON values."""
        return ["choice", *self.values]

    def drawn(self, rng: Any) -> Any:
        """A value at random, by NumPy's generator."""
        return self.values[int(rng.integers(len(self.values)))]


Dimension = Range | Choice


@dataclass(frozen=True)
class SearchSpace:
    """Which settings are searched; the others keep their defaults.

    Attributes:
        dimensions: name of a setting (see `TrainingSettings`) -> its values.

    Example:
        >>> space = SearchSpace.of({"lr": (1e-5, 5e-4), "batch_size": [16, 32]})
        >>> space.dimensions["lr"]
        Range(low=1e-05, high=0.0005, log=True)
    """

    dimensions: Mapping[str, Dimension]

    @classmethod
    def of(cls, space: Any) -> "SearchSpace":
        """The space that a user describes.

        Args:
            space: name of a setting -> `(low, high)` for a range of numbers, a list for a choice,
                or one value, which is fixed.

        Raises:
            ArgumentError: an unknown setting, or a value that isn't allowed.
        """
        if isinstance(space, SearchSpace):
            return space
        if not isinstance(space, Mapping) or not space:
            raise ArgumentError(
                f"space={shown(space)}; it must be a dict of settings, such as "
                '{"lr": (1e-5, 5e-4), "epochs": [2, 3]}.'
            )
        return cls({name: _dimension(name, values) for name, values in space.items()})

    def describe(self) -> dict[str, list[Any]]:
        """The space as JSON values: two spaces are the same if these are."""
        return {name: each.describe() for name, each in sorted(self.dimensions.items())}

    def drawn(self, rng: Any) -> dict[str, Any]:
        """A value at random for each setting, by NumPy's generator."""
        return {name: each.drawn(rng) for name, each in self.dimensions.items()}

    def checkpoints(self, default: str) -> list[str]:
        """The checkpoints in it, or the default one."""
        found = self.dimensions.get("checkpoint")
        return list(found.values) if isinstance(found, Choice) else [default]

    def contains(self, settings: TrainingSettings) -> bool:
        """Whether a search could try these settings."""
        return all(_is_in(each, getattr(settings, n)) for n, each in self.dimensions.items())


def default_space(
    checkpoints: Sequence[str], usual_rates: Sequence[float], fixed: Mapping[str, Any]
) -> SearchSpace:
    """What is searched where the user names no space.

    Args:
        checkpoints: one or several of them.
        usual_rates: the usual learning rate of each (see `usual_rate`).
        fixed: settings that the user has passed, which aren't searched.
    """
    space: dict[str, Any] = {
        "lr": (min(usual_rates) / 3, max(usual_rates) * 5),
        "epochs": (1, 6),
        "batch_size": [16, 32],
        "frozen_blocks": [0, 2],
    }
    if len(checkpoints) > 1:
        space["checkpoint"] = list(checkpoints)
    return SearchSpace.of({name: each for name, each in space.items() if name not in fixed})


def searchable(name: str, value: Any) -> Any:
    """One value of a setting in a search, which chooses the learning rate itself.

    Raises:
        ArgumentError: a value that isn't allowed, "auto" included.
    """
    value = checked_setting(name, value)
    if value == "auto":
        raise ArgumentError(
            f"{name}='auto' is for a single training; in a search leave it out, or pass numbers."
        )
    return value


def _dimension(name: str, values: Any) -> Dimension:
    is_range = isinstance(values, tuple) and len(values) == 2 and name != "checkpoint"
    if is_range:
        low, high = (searchable(name, value) for value in values)
        if low >= high:
            raise ArgumentError(
                f"space has {name} from {shown(values[0])} to {shown(values[1])}; it must be two "
                "numbers, the smaller one first."
            )
        return Range(low, high, name in LOGARITHMIC)
    if isinstance(values, (list, tuple)) or hasattr(values, "tolist"):
        chosen = require_list(name, values, "values")
        if not chosen:
            raise ArgumentError(f"space has no values for {name}. Name one or more.")
        return Choice(tuple(dict.fromkeys(searchable(name, value) for value in chosen)))
    return Choice((searchable(name, values),))


def _is_in(dimension: Dimension, value: Any) -> bool:
    if isinstance(dimension, Choice):
        return value in dimension.values
    return value is not None and dimension.low <= value <= dimension.high
