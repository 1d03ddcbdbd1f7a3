"""The two-way table between our variables' names and the names in a weight file.

A table maps a layer's path to the module of the original implementation, for example
`"layer_{i}/attention/query": "encoder.layer.{i}.attention.self.query"`; the variable's own leaf
name says the rest (`LEAVES`). A single variable that is no module there stands in the table with
its full path. The same table is read in both directions, and strictly: every variable is filled
exactly once, every key of the file is used or known as a leftover, every shape agrees.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from .errors import WeightsError

# Our leaf name: the name of the same parameter in PyTorch's modules.
LEAVES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "embeddings": "weight",
    "weight": "weight",
}


@dataclass(frozen=True)
class WeightMap:
    """The table of one model.

    Attributes:
        table: our path -> the file's name; `{i}`, `{j}` stand for numbers in both, `{base}` in
            the file's name for the encoder's prefix, which files of bare encoders lack.
        base: that prefix, such as `"bert."`.
        optional: patterns of our paths (the head's) that a file may lack.
        leftovers: patterns of file keys that are no part of this model.
        kept: patterns of file keys that this model doesn't use, but the original encoder has:
            they are carried along and written back.
        aliases: file key -> other keys that the same tensor may have; all without the prefix.
    """

    table: Mapping[str, str]
    base: str = ""
    optional: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _patterns: list = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = [(_as_regex(own), theirs) for own, theirs in self.table.items()]
        object.__setattr__(self, "_patterns", patterns)

    def key(self, path: str, base: str) -> str:
        """The file's key for the variable at `path`."""
        module, _, leaf = path.rpartition("/")
        for pattern, theirs in self._patterns:
            if match := pattern.fullmatch(path):
                return theirs.format(base=base, **match.groupdict())
            if match := pattern.fullmatch(module):
                return theirs.format(base=base, **match.groupdict()) + "." + LEAVES[leaf]
        raise WeightsError(f"The weight table has no row for our variable {path!r}.")

    def key_in(self, weights: Any, path: str, base: str) -> str:
        """The key of the variable at `path`, or one of its other names if only that is there."""
        key = self.key(path, base)
        names = (key, *(base + other for other in self.aliases.get(key.removeprefix(base), ())))
        return next((name for name in names if name in weights), key)

    def is_leftover(self, key: str) -> bool:
        """Whether a file's key is known as no part of the model."""
        return _matches(key, self.leftovers)

    def is_kept(self, key: str) -> bool:
        """Whether a file's key (without prefix) is carried along."""
        return _matches(key, self.kept)

    def is_optional(self, path: str) -> bool:
        """Whether a file may lack our variable at `path`."""
        return _matches(path, self.optional)


def _as_regex(own: str) -> re.Pattern:
    return re.compile(re.sub(r"\\{(\w)\\}", r"(?P<\1>\\d+)", re.escape(own)))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Loaded:
    """What loading found besides the weights it put in.

    Attributes:
        fresh: paths of head variables that the file lacks, and which are new.
        kept: tensors of the original encoder that the model doesn't use.
    """

    fresh: list[str]
    kept: dict[str, np.ndarray]


def load_weights(
    model: Any, weights: Any, weight_map: WeightMap, skip: Iterable[str] = ()
) -> Loaded:
    """Fill `model`'s variables from `weights` (`checkpoint.WeightFiles`), strictly.

    Args:
        model: a built Keras model.
        weights: the file's tensors by key.
        weight_map: the model's table.
        skip: paths of variables that stay as they are, such as an output layer of another size.

    Raises:
        WeightsError: a variable without a key, a key without a variable, or another shape.
    """
    base = _base_of(weights, weight_map.base)
    wanted = {var.path: (var, weight_map.key_in(weights, var.path, base)) for var in model.weights}
    skipped = [path for path in wanted if path in set(skip)]
    fresh = skipped + [
        path
        for path, (_, key) in wanted.items()
        if key not in weights and weight_map.is_optional(path) and path not in skipped
    ]
    found = {path: pair for path, pair in wanted.items() if path not in fresh}
    _check_complete(weights, found)
    used = {key for _, key in wanted.values()}
    kept = [key for key in weights if key not in used and weight_map.is_kept(_bare(key, base))]
    _check_known(weights, used.union(kept), weight_map, base)
    for variable, key in found.values():
        variable.assign(_decode(variable, weights, key))
    return Loaded(fresh, {_bare(key, base): weights[key] for key in kept})


def file_tensors(model: Any, weight_map: WeightMap, kept: Mapping, *, bare: bool) -> dict:
    """All tensors as the original implementation's file has them: key -> float32 array.

    Args:
        model: a built Keras model.
        weight_map: its table.
        kept: tensors that were carried along, by their key without the prefix.
        bare: leave the encoder's prefix away, as files of encoders without a head do.
    """
    base = "" if bare else weight_map.base
    tensors = {
        weight_map.key(var.path, base): _encode(var.path, keras_value(var)) for var in model.weights
    }
    return tensors | {base + key: value for key, value in kept.items()}


def keras_value(variable: Any) -> np.ndarray:
    """A variable's value as a numpy array, on every backend."""
    return np.asarray(variable)  # keras.ops.convert_to_numpy warns here under NumPy 2


def _encode(path: str, value: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(value.T if path.endswith("/kernel") else value)


def _decode(variable: Any, weights: Any, key: str) -> np.ndarray:
    value = weights[key]
    value = value.T if variable.path.endswith("/kernel") else value
    if tuple(value.shape) != tuple(variable.shape):
        raise WeightsError(
            f"{weights.name}: {key!r} has the shape {weights[key].shape}, where the model that "
            f"config.json describes needs {_encode(variable.path, np.empty(variable.shape)).shape}."
            " Are the two files from the same checkpoint?"
        )
    return value


def _base_of(weights: Any, base: str) -> str:
    return base if any(key.startswith(base) for key in weights) else ""


def _bare(key: str, base: str) -> str:
    return key.removeprefix(base)


def _check_complete(weights: Any, found: Mapping) -> None:
    missing = [key for _, key in found.values() if key not in weights]
    if missing:
        raise WeightsError(
            f"{weights.name} lacks {len(missing)} of the model's tensors: {_some(missing)}. "
            "The file is incomplete or belongs to another config.json; get the checkpoint again."
        )


def _check_known(weights: Any, used: set, weight_map: WeightMap, base: str) -> None:
    unknown = [
        key
        for key in weights
        if key not in used
        and not weight_map.is_leftover(key)
        and not weight_map.is_leftover(_bare(key, base))
    ]
    if unknown:
        raise WeightsError(
            f"{weights.name} has {len(unknown)} tensors that this model has no place for: "
            f"{_some(unknown)}. Either config.json names another architecture than the weights, "
            "or the family's table lacks them; please report the model's name."
        )


def _some(names: list, count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(repr(name) for name in names[:count]) + more
