"""A family's checkpoints as the tests load and ask them.

Rebuilt from their keys and shapes with weights made from the keys; what the original answers to
them is in the committed fixtures.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import keras
import numpy as np
from parity.families import FAMILIES, Variant
from parity.fixtures import Checkpoint, read_fixture
from parity.weights import write_checkpoint

from simpletext.models.loading import load_classifier, load_encoder

TINY, REALISTIC = 1e-5, 1e-4


@cache
def fixture(model_type):
    return read_fixture(model_type)


@dataclass(frozen=True)
class Made:
    """One variant of a family: its fixture, its folder on disk, and the model from there."""

    model_type: str
    row: Variant
    checkpoint: Checkpoint
    folder: Path
    tolerance: float
    model: keras.Model


def make(model_type, name, folder):
    row = FAMILIES[model_type].checkpoints()[name]
    checkpoint = fixture(model_type).checkpoints[name]
    write_checkpoint(folder, checkpoint.config, checkpoint.shapes)
    tolerance = REALISTIC if name == "realistic" else TINY
    load = load_classifier if row.head else load_encoder
    return Made(model_type, row, checkpoint, folder, tolerance, load(folder))


def inputs_for(model, case):
    """A case's inputs as this model takes them; left out, token types are 0, languages unsaid."""
    ids = case.inputs["input_ids"]
    inputs = {"token_type_ids": np.zeros_like(ids), "langs": np.full_like(ids, -1), **case.inputs}
    wanted = [tensor.name for tensor in model.inputs]
    # With less than two token types there is nothing to tell the model.
    assert set(case.inputs) - set(wanted) <= {"token_type_ids"}
    return {name: inputs[name] for name in wanted}


def cases_of(made):
    """All cases but those with token types that would matter and that the model isn't told."""
    told = "token_type_ids" in [tensor.name for tensor in made.model.inputs]
    strict = not FAMILIES[made.model_type].zero_types
    cases = made.checkpoint.cases.values()
    return [c for c in cases if told or not strict or "token_type_ids" not in c.inputs]


def answer(model, case):
    outputs = model(inputs_for(model, case))
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def assert_near(ours, theirs, tolerance):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= tolerance
