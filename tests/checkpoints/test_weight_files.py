"""The ways in which a family's weights lie on disk, and training in reduced precision.

Driven by the same table as the parity tests: what holds for BERT has to hold for every family.
"""

import json

import keras
import ml_dtypes
import numpy as np
import pytest
from parity.made import answer, assert_near, cases_of, inputs_for, make
from parity.weights import seeded_weights, write_checkpoint
from safetensors.numpy import save_file

import simpletext as st
from simpletext.checkpoints.weight_map import WeightLoader, WeightMap
from simpletext.errors import WeightsError
from simpletext.models.families import MODULES

HALVES = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
ROUNDING = 0.05  # logits are of the order of one, bfloat16 keeps two to three digits of weights
STEPS = 3


@pytest.fixture(scope="module", params=MODULES)
def base(request, tmp_path_factory):
    return make(request.param, "base", tmp_path_factory.mktemp("base"))


def load_with(base, folder, tensors):
    """The classifier from a folder with the base's config and other tensors."""
    write_checkpoint(folder, base.checkpoint.config, {})
    save_file(tensors, folder / "model.safetensors")
    return st.load_classifier(folder, new_head=False)


def assert_same_weights(ours, theirs):
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), one.path, strict=True)


@pytest.mark.parametrize("half", HALVES)
def test_half_precision_comes_as_float32(base, half, tmp_path):
    tensors = seeded_weights(base.checkpoint.shapes)
    halves = {key: value.astype(HALVES[half]) for key, value in tensors.items()}
    model = load_with(base, tmp_path, halves)
    for ours, full in zip(model.weights, base.model.weights, strict=True):
        rounded = np.asarray(full)
        if full.dtype == "float32":  # a seed is a whole number
            rounded = rounded.astype(HALVES[half]).astype("float32")
        np.testing.assert_array_equal(np.asarray(ours), rounded, ours.path, strict=True)
    case = cases_of(base)[0]
    assert_near(answer(model, case), case.logits, ROUNDING)


def test_shards_load_like_one_file(base, tmp_path):
    tensors = seeded_weights(base.checkpoint.shapes)
    names = sorted(tensors)  # neighbours, such as a kernel and its bias, are torn apart
    folder = write_checkpoint(tmp_path, base.checkpoint.config, {})
    (folder / "model.safetensors").unlink()
    where = {}
    for i in range(3):
        file = f"model-{i + 1:05}-of-00003.safetensors"
        save_file({name: tensors[name] for name in names[i::3]}, folder / file)
        where |= dict.fromkeys(names[i::3], file)
    index = {"metadata": {"total_size": 0}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert_same_weights(st.load_classifier(folder, new_head=False), base.model)


def test_legacy_names_of_norms_are_the_modern_ones(base, tmp_path):
    """The original renames them in every family that calls its norms `LayerNorm`."""
    tensors = seeded_weights(base.checkpoint.shapes)
    legacy = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for key, value in tensors.items()
    }
    if legacy.keys() == tensors.keys():
        pytest.skip("none of this family's norms is called LayerNorm")
    assert_same_weights(load_with(base, tmp_path, legacy), base.model)


def test_a_weight_that_takes_no_value_from_a_file_is_named():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="foreign")])
    with pytest.raises(WeightsError, match=r"foreign/kernel', .* `layers\.Part\.add_weight`"):
        WeightLoader({}, WeightMap({})).check(model)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_weights_have_the_type_that_is_asked_for(tiny, dtype):
    model = st.load_encoder(tiny, dtype=dtype)
    assert {weight.dtype for weight in model.weights} == {dtype}


@pytest.mark.slow  # for all families minutes; test_parity.py predicts with each in bfloat16
def test_it_trains_in_bfloat16(base):
    model = st.load_classifier(base.folder, dtype="mixed_bfloat16", new_head=False)
    case = next(case for case in reversed(cases_of(base)) if len(case.inputs["input_ids"]) > 1)
    inputs, labels = inputs_for(model, case), np.array([2, 0, 1])[: len(case.inputs["input_ids"])]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(st.AdamW(2e-3), loss, run_eagerly=True)
    losses = [model.test_on_batch(inputs, labels)]
    losses += [model.train_on_batch(inputs, labels) for _ in range(STEPS)]
    losses.append(model.test_on_batch(inputs, labels))
    assert np.isfinite(losses).all(), losses
    assert losses[-1] < losses[0]
    for weight in model.weights:
        assert np.isfinite(np.asarray(weight)).all(), weight.path
