"""Values that people and programs pass by mistake, for `test_zoo.py`."""

import datetime
import decimal
import enum
import fractions
import os
import pathlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from simpletext.errors import SimpletextError


class Odd:
    """An object that can't even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Colour(enum.Enum):
    RED = 1


def nested(depth: int = 3000) -> list:
    """A list in a list in a list, deeper than Python recurses."""
    inner: list = []
    for _ in range(depth):
        inner = [inner]
    return inner


def endless() -> list:
    """A list that contains itself."""
    rows: list = ["a"]
    rows.append(rows)
    return rows


# Each is made anew, for some can be read once only.
FEW: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "-1": lambda: -1,
    "0": lambda: 0,
    "2**63": lambda: 2**63,
    "10**400": lambda: 10**400,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "empty string": lambda: "",
    "string": lambda: "x",
    "half a surrogate pair": lambda: "a\ud800",
    "zero character": lambda: "a\0b",
    "bytes": lambda: b"abc",
    "empty list": list,
    "list with None": lambda: [None],
    "mixed list": lambda: ["a", 1],
    "dict": lambda: {"a": 1},
    "set": lambda: {"a", "b"},
    "generator": lambda: (str(i) for i in range(3)),
    "numpy int": lambda: np.int64(2),
    "matrix": lambda: np.zeros((2, 3)),
    "array of no axis": lambda: np.array(3),
    "object": object,
    "no repr": Odd,
    "nested": nested,
    "this folder": lambda: ".",
    "DataFrame": lambda: pd.DataFrame({"a": ["x"], "b": [1]}),
    "pd.NA": lambda: pd.NA,
}
MANY: dict[str, Callable[[], Any]] = FEW | {
    "1": lambda: 1,
    "1.5": lambda: 1.5,
    "-0.0": lambda: -0.0,
    "1 MB": lambda: "word " * 200_000,
    "long name": lambda: "x" * 5000,
    "bytearray": lambda: bytearray(b"a"),
    "memoryview": lambda: memoryview(b"ab"),
    "lists in a list": lambda: [[]],
    "list of nan": lambda: [float("nan")],
    "list of one": lambda: ["a"],
    "surrogates in a list": lambda: ["a", "\ud800"],
    "itself": endless,
    "empty dict": dict,
    "dict of numbers": lambda: {1: 2},
    "frozenset": lambda: frozenset(["a"]),
    "map": lambda: map(str, [1, 2]),
    "range": lambda: range(3),
    "pair": lambda: ("a", "b"),
    "tuple of three": lambda: ("a", "b", "c"),
    "numpy float": lambda: np.float32(2.5),
    "numpy bool": lambda: np.bool_(True),
    "numpy string": lambda: np.str_("x"),
    "empty array": lambda: np.array([]),
    "array of strings": lambda: np.array(["a", "b"]),
    "column": lambda: np.array([["a"], ["b"]], dtype=object),
    "path": lambda: pathlib.Path("nowhere"),
    "folder": pathlib.Path.cwd,
    "date": lambda: datetime.datetime(2020, 1, 1),
    "ellipsis": lambda: ...,
    "function": lambda: lambda *_, **__: None,
    "type": lambda: int,
    "complex": lambda: 1j,
    "decimal": lambda: decimal.Decimal("1.5"),
    "fraction": lambda: fractions.Fraction(1, 2),
    "Series": lambda: pd.Series(["a", "b"]),
    "empty DataFrame": pd.DataFrame,
    "NaT": lambda: pd.NaT,
    "categories": lambda: pd.Categorical(["a", "b"]),
    "enum": lambda: Colour.RED,
    "module": lambda: os,
    "exception": lambda: ValueError("x"),
}


def foreign(function, right, values):
    """The calls that end in another exception than one of ours, as strings."""
    found = []
    for argument in right:
        for name, value in values.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    function(**(right | {argument: value()}))
            except SimpletextError:
                pass
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                found.append(f"{argument}={name}: {type(error).__name__}: {error!s:.80}")
    return found
