"""The two-way table between our variables' names and the names in a weight file.

A table maps a layer's path to the module of the original implementation, for example
`"layer_{i}/attention/query": "encoder.layer.{i}.attention.self.query"`; `LEAVES` maps the
variable's last name. A variable that isn't in a module there is listed with its full path. The same
table is used in both directions, and strictly: every variable is filled exactly once, every key of
the file is used or a known leftover, every shape agrees.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from keras import ops

from ..errors import WeightsError

# Our variable's last name -> the parameter's name in PyTorch's modules.
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
        table: our path -> the file's name; `{i}` and `{j}` are numbers in both, `{base}` is the
            encoder's prefix in the file's name, which files of bare encoders lack.
        base: that prefix, such as `"bert."`.
        optional: patterns of our paths (the head's) that a file may lack.
        leftovers: patterns of file keys that aren't part of this model.
        kept: patterns of file keys that this model doesn't use but the original encoder has;
            their tensors are written back on saving.
        aliases: file key -> other keys that the same tensor may have; all without the prefix.
        not_in_file: patterns of our paths that no file has.
    """

    table: Mapping[str, str]
    base: str = ""
    optional: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_in_file: tuple[str, ...] = ()
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
        """Whether a file's key is known not to be part of the model."""
        return _matches(key, self.leftovers)

    def is_kept(self, key: str) -> bool:
        """Whether the tensor of a file's key (without prefix) is kept for saving."""
        return _matches(key, self.kept)

    def variables(self, model: Any) -> list[Any]:
        """The variables of a model that are stored in files."""
        return [v for v in model.weights if not _matches(v.path, self.not_in_file)]

    def is_optional(self, path: str) -> bool:
        """Whether a file may lack our variable at `path`."""
        return _matches(path, self.optional)


def _as_regex(own: str) -> re.Pattern:
    return re.compile(re.sub(r"\\{(\w)\\}", r"(?P<\1>\\d+)", re.escape(own)))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Loaded:
    """The result of loading, besides the weights themselves.

    Attributes:
        fresh: paths of the newly initialised head variables, which the file lacks.
        kept: tensors of the original encoder that the model doesn't use.
    """

    fresh: list[str]
    kept: dict[str, np.ndarray]


class WeightLoader:
    """The values of a model's weights, read while it is built, and then strictly checked.

    Args:
        weights: the file's tensors by key (`checkpoint.WeightFiles`).
        weight_map: the model's table.
        skip: paths of variables to be newly initialised, such as an output layer of another size.
    """

    def __init__(self, weights: Any, weight_map: WeightMap, skip: Iterable[str] = ()) -> None:
        self._weights, self._map, self._skip = weights, weight_map, set(skip)
        self._base = _base_of(weights, weight_map.base)
        self._keys: dict[str, str] = {}

    def value(self, path: str, shape: tuple[int, ...]) -> Any:
        """The file's value for our variable at `path`; None if it is newly initialised.

        Called before memory is allocated for the variable.

        Raises:
            WeightsError: the file lacks it, or has it in another shape.
        """
        key = self._keys[path] = self._map.key_in(self._weights, path, self._base)
        if not self._is_fresh(path):
            return _decode(self._weights, key, path, shape)
        if path not in self._skip and not self._map.is_optional(path):
            raise WeightsError(
                f"{self._weights.name} lacks {key!r}, which the model that config.json describes "
                "needs. The file is incomplete or belongs to another config.json; get the "
                "checkpoint again."
            )
        return None

    def check(self, model: Any) -> Loaded:
        """Check the built `model` against the file, and return the result of loading.

        Raises:
            WeightsError: a key without a variable.
        """
        paths = [variable.path for variable in self._map.variables(model)]
        _check_filled(paths, self._keys)
        fresh = [path for path in paths if self._is_fresh(path)]
        used = {self._keys[path] for path in paths}
        bare = {key: key.removeprefix(self._base) for key in self._weights if key not in used}
        kept = [key for key in bare if self._map.is_kept(bare[key])]
        _check_known(self._weights, [key for key in bare if key not in kept], self._map, bare)
        # Copies, because the file's memory map is closed with the file.
        return Loaded(fresh, {bare[key]: np.array(self._weights[key]) for key in kept})

    def _is_fresh(self, path: str) -> bool:
        return path in self._skip or self._keys[path] not in self._weights


def file_tensors(model: Any, weight_map: WeightMap, kept: Mapping, *, bare: bool) -> dict:
    """All tensors in the form of the original implementation's file: key -> float32 array.

    Args:
        model: a built Keras model.
        weight_map: its table.
        kept: tensors kept from loading, by their key without the prefix.
        bare: omit the encoder's prefix, as files of encoders without a head do.
    """
    base = "" if bare else weight_map.base
    tensors = {
        weight_map.key(var.path, base): _encode(var.path, keras_value(var))
        for var in weight_map.variables(model)
    }
    return tensors | {base + key: value for key, value in kept.items()}


def keras_value(variable: Any) -> np.ndarray:
    """A variable's value as a numpy array, on every backend."""
    return np.asarray(variable)  # keras.ops.convert_to_numpy warns here under NumPy 2


def _encode(path: str, value: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(value.T if path.endswith("/kernel") else value)


def _decode(weights: Any, key: str, path: str, shape: tuple[int, ...]) -> Any:
    value, is_kernel = weights[key], path.endswith("/kernel")
    theirs = tuple(shape)[::-1] if is_kernel else tuple(shape)
    if value.shape != theirs:
        raise WeightsError(
            f"{weights.name}: {key!r} has the shape {value.shape}, where the model that "
            f"config.json describes needs {theirs}. Are the two files from the same checkpoint?"
        )
    # Transposed by the backend, on all cores; copied, as PyTorch and JAX may share NumPy's memory.
    if is_kernel and not value.T.flags.c_contiguous:  # TensorFlow's files have it like that
        reverse = tuple(range(value.ndim))[::-1]
        return ops.copy(ops.transpose(ops.convert_to_tensor(_ReadOnly(value)), reverse))
    return ops.copy(ops.convert_to_tensor(value.T if is_kernel else value))


class _ReadOnly:
    """An array that the backend only reads: TensorFlow would copy a plain one twice."""

    def __init__(self, array: np.ndarray) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._array, dtype, copy=copy)


def _base_of(weights: Any, base: str) -> str:
    return base if any(key.startswith(base) for key in weights) else ""


def _check_filled(paths: Iterable[str], keys: Mapping) -> None:
    missing = [path for path in paths if path not in keys]
    if missing:
        raise WeightsError(
            f"{_some(missing)} can't be filled from a file: weights have to be made with "
            "`layers.Part.add_weight`."
        )


def _check_known(weights: Any, others: list, weight_map: WeightMap, bare: Mapping) -> None:
    unknown = [
        key
        for key in others
        if not weight_map.is_leftover(key) and not weight_map.is_leftover(bare[key])
    ]
    if unknown:
        raise WeightsError(
            f"{weights.name} has {len(unknown)} tensors that aren't part of this model: "
            f"{_some(unknown)}. Either config.json names another architecture than the weights, "
            "or the family's table lacks them; please report the model's name."
        )


def _some(names: list, count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(repr(name) for name in names[:count]) + more
