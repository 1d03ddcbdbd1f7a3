"""Reads the committed fixtures; needs numpy, nothing else. The format is told in README.md."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Case:
    """One batch: what goes into the model and what the original answers.

    `hidden` is compared at the positions where `compare` is true: the attended ones, or all where
    the model takes no mask or pools positions. `logits` are compared everywhere. Where only some
    channels are stored, `hidden` has fewer than the model: compare the first ones.
    """

    name: str
    inputs: dict[str, np.ndarray]
    hidden: np.ndarray
    compare: np.ndarray
    logits: np.ndarray | None
    extra: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """One variant: a config, the keys and shapes of its file, and its cases."""

    name: str
    config: dict[str, Any]
    shapes: dict[str, list[int]]
    cases: dict[str, Case]
    padding: dict[str, bool]


@dataclass(frozen=True)
class Fixture:
    """One family, as `make_golden.py` wrote it."""

    model_type: str
    versions: dict[str, str]
    other_heads: dict[str, list[str]]
    checkpoints: dict[str, Checkpoint]


def read_fixture(model_type: str, folder: Path = FOLDER) -> Fixture:
    """The fixture of a family, from its json and its npz."""
    told = json.loads((folder / f"{model_type}.json").read_text(encoding="utf-8"))
    with np.load(folder / f"{model_type}.npz") as arrays:
        stored = {key: arrays[key] for key in arrays.files}
    checkpoints = {name: _checkpoint(name, told["variants"], stored) for name in told["variants"]}
    return Fixture(model_type, told["versions"], told["other_heads"], checkpoints)


def _checkpoint(name: str, variants: dict[str, Any], stored: dict[str, np.ndarray]) -> Checkpoint:
    told = variants[name]
    config, shapes = (_whole(told[part], variants, part) for part in ("config", "shapes"))
    cases = {case: _case(name, case, stored) for case in told["cases"]}
    return Checkpoint(name, config, shapes, cases, told["padding"])


def _whole(told: dict[str, Any], variants: dict[str, Any], part: str) -> dict[str, Any]:
    """A dict as stored, or the one that it is told to differ from with the difference applied."""
    if set(told) != {"of", "set", "drop"}:
        return dict(told)
    base = variants[told["of"]][part]
    return {key: base[key] for key in base if key not in told["drop"]} | told["set"]


def _case(variant: str, case: str, stored: dict[str, np.ndarray]) -> Case:
    own = _under(f"input/{variant}/{case}/", stored)
    inputs = own or _under(f"input/{case}/", stored)
    outputs = _under(f"output/{variant}/{case}/", stored)
    hidden = outputs.pop("hidden")
    logits = outputs.pop("logits", None)
    mask = inputs.get("attention_mask")
    told = mask is not None and mask.shape == hidden.shape[:2]
    compare = mask.astype(bool) if told else np.ones(hidden.shape[:2], bool)
    inputs = {key: value.astype(np.int32) for key, value in inputs.items()}
    return Case(case, inputs, hidden, compare, logits, outputs)


def _under(prefix: str, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        key.removeprefix(prefix): value for key, value in stored.items() if key.startswith(prefix)
    }
