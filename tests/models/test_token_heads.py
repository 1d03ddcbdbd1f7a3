"""Heads for token classification against the original, for every family that has one.

The original's logits are in the committed fixtures (parity/make_token_golden.py).
"""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from parity.families import FAMILIES
from parity.fixtures import read_fixture
from parity.made import inputs_for
from parity.weights import write_checkpoint
from safetensors.numpy import load_file

from simpletext.errors import ArgumentError, UnsupportedModelError, WeightsError
from simpletext.models.families import MODULES
from simpletext.models.loading import load_classifier, save_checkpoint
from simpletext.tasks.losses import loss_for

GOLDEN = Path(__file__).parents[1] / "parity" / "fixtures" / "token_heads"
KNOWN = json.loads(GOLDEN.with_suffix(".json").read_text(encoding="utf-8"))
LOGITS = np.load(GOLDEN.with_suffix(".npz"))
FOUND = [name for name in MODULES if name != "bart"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TOLERANCE = {"base": 1e-5, "realistic": 1e-4}
TASK = "token_classification"


def write(folder, model_type, size="base"):
    made = KNOWN[model_type][size]
    return write_checkpoint(folder, made["config"], made["shapes"])


def assert_near(model, model_type, size):
    """Where there is no padding, the numbers are the original's."""
    told = "token_type_ids" in [tensor.name for tensor in model.inputs]
    compared = 0
    for name, case in read_fixture(model_type).checkpoints[size].cases.items():
        key = f"{model_type}/{size}/{name}"
        strict = "token_type_ids" in case.inputs and not FAMILIES[model_type].zero_types
        if key not in LOGITS or (strict and not told):
            continue
        ours = keras.ops.convert_to_numpy(model(inputs_for(model, case)))
        assert ours.shape == LOGITS[key].shape
        mask = case.inputs.get("attention_mask", np.ones(ours.shape[:2])).astype(bool)
        assert np.abs(ours - LOGITS[key])[mask].max() <= TOLERANCE[size]
        compared += 1
    assert compared


def test_every_family_whose_original_has_a_head_is_here():
    assert sorted(KNOWN) == sorted(FOUND)


@pytest.mark.parametrize("model_type", FOUND)
def test_numbers_are_the_originals_and_go_back(model_type, tmp_path):
    folder = write(tmp_path / "made", model_type)
    model = load_classifier(folder, new_head=False)
    assert model.output_shape == (None, None, len(TAGS))
    assert_near(model, model_type, "base")
    save_checkpoint(model, tmp_path / "saved")
    saved, before = (load_file(f / "model.safetensors") for f in (tmp_path / "saved", folder))
    assert sorted(saved) == sorted(before)
    for key, value in before.items():
        np.testing.assert_array_equal(saved[key], value, key, strict=True)
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config == json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize(
    "model_type",
    ["bert", *(pytest.param(m, marks=pytest.mark.slow) for m in FOUND if m != "bert")],
)
def test_numbers_of_wide_models_are_the_originals(model_type, tmp_path):
    folder = write(tmp_path, model_type, "realistic")
    assert_near(load_classifier(folder), model_type, "realistic")


@pytest.mark.parametrize("model_type", FOUND)
def test_an_encoder_gets_a_new_head_that_learns(model_type, tmp_path, capsys):
    bare = read_fixture(model_type).checkpoints["encoder"]
    write_checkpoint(tmp_path / "made", bare.config, bare.shapes)
    model = load_classifier(tmp_path / "made", len(TAGS), TASK, class_names=TAGS)
    assert "newly initialised; train it before use" in capsys.readouterr().err
    case = read_fixture(model_type).checkpoints["base"].cases["padded"]
    inputs = inputs_for(model, case)
    mask = case.inputs.get("attention_mask", np.ones(case.inputs["input_ids"].shape)).astype(bool)
    labels = np.where(mask, case.inputs["input_ids"] % len(TAGS), -1)
    model.compile(keras.optimizers.Adam(2e-3), loss_for(TASK), run_eagerly=True)
    first = model.test_on_batch(inputs, labels)
    for _ in range(4):
        model.train_on_batch(inputs, labels)
    assert model.test_on_batch(inputs, labels) < first
    save_checkpoint(model, tmp_path / "saved")
    saved = load_file(tmp_path / "saved" / "model.safetensors")
    assert {k: list(v.shape) for k, v in saved.items()} == KNOWN[model_type]["base"]["shapes"]


@pytest.mark.parametrize("model_type", ["bert", "roberta", "modernbert", "deberta-v2", "xlnet"])
def test_a_head_for_texts_is_replaced_and_the_other_way_round(model_type, tmp_path, capsys):
    texts = read_fixture(model_type).checkpoints["base"]
    write_checkpoint(tmp_path / "texts", texts.config, texts.shapes)
    tokens = load_classifier(tmp_path / "texts", 3, TASK)
    assert "newly initialised" in capsys.readouterr().err
    assert tokens.output_shape == (None, None, 3)
    folder = write(tmp_path / "tokens", model_type)
    whole = load_classifier(folder, 3, "single_label_classification")
    assert "newly initialised" in capsys.readouterr().err
    assert whole.output_shape == (None, 3)
    with pytest.raises(WeightsError, match="its head doesn't classify tokens"):
        load_classifier(tmp_path / "texts", problem_type=TASK, new_head=False)


def test_a_family_without_such_a_head_is_refused(tmp_path):
    bart = read_fixture("bart").checkpoints["base"]
    write_checkpoint(tmp_path, bart.config, bart.shapes)
    with pytest.raises(UnsupportedModelError, match="'bart', which has no head for token"):
        load_classifier(tmp_path, 3, TASK)


def test_a_funnel_without_a_decoder_is_refused(tmp_path):
    funnel = read_fixture("funnel").checkpoints["base"]
    write_checkpoint(tmp_path, funnel.config, funnel.shapes)
    with pytest.raises(UnsupportedModelError, match="without a decoder no token has one"):
        load_classifier(tmp_path, 3, TASK)


def test_mean_pooling_is_refused(tmp_path):
    folder = write(tmp_path, "bert")
    with pytest.raises(ArgumentError, match="for token classification allowed are 'auto'"):
        load_classifier(folder, pooling="mean")
