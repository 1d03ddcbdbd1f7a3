"""Every family against the original implementation, driven by the one table in parity/.

Checkpoints are rebuilt from their keys and shapes with weights made from the keys; what the
original answers to them is in the committed fixtures.
"""

import json
import os
from collections import defaultdict
from pathlib import Path

import keras
import numpy as np
import pytest
from parity.families import FAMILIES
from parity.made import (
    REALISTIC,
    answer,
    assert_near,
    cases_of,
    fixture,
    inputs_for,
    make,
)
from parity.weights import seeded_weights, write_checkpoint
from safetensors.numpy import load_file, save_file

from simpletext.errors import UnsupportedModelError, WeightsError
from simpletext.models.families import MODULES
from simpletext.models.loading import load_classifier, load_encoder, save_checkpoint
from simpletext.utils import backend

# Only the first token is classified: in the last layer Longformer has projections of their own for
# it, and for Funnel it has neither place nor segment.
UNUSED = {
    "longformer": tuple(f"layer_1/attention/{name}/" for name in ("query", "key", "value")),
    "funnel": ("layer_3/attention/position_", "layer_3/attention/segment"),
}
REDUCED = 0.2  # logits are of the order of one, bfloat16 keeps two to three digits of them


# Rare settings that simpletext refuses.
REFUSED = [
    ("bert", "is_decoder"),
    ("deberta", "talking_head"),
    ("flaubert", "summary_proj_to_labels"),
    ("flaubert", "summary_use_proj"),
    ("xlm", "summary_proj_to_labels"),
    ("xlm", "summary_use_proj"),
]


def variants():
    return [
        pytest.param((model_type, name), id=f"{model_type}-{name}")
        for model_type in MODULES
        for name in (FAMILIES[model_type].checkpoints() if model_type in FAMILIES else ())
        if (model_type, name) not in REFUSED
    ]


# Both are made once and used by all tests that want them: pytest runs those one after the other.
@pytest.fixture(scope="module", params=variants())
def variant(request, tmp_path_factory):
    return make(*request.param, tmp_path_factory.mktemp("variant"))


@pytest.fixture(scope="module", params=MODULES)
def base(request, tmp_path_factory):
    return make(request.param, "base", tmp_path_factory.mktemp("base"))


def hidden_and_logits(variant):
    """A function: case -> hidden states and, if there is a head, logits."""
    model = variant.model
    if not variant.row.head:
        return lambda case: (answer(model, case), None)
    head = [layer for layer in model.layers if layer.name == "first_token"]
    # What goes into it are the encoder's states, so that one run gives both.
    if head and not hasattr(model.architecture.head, "encode"):
        states = head[0].input
        if states.shape[1] == 1:  # the last block is called a second time, for one token
            states = states._keras_history.operation.output
        both = keras.Model(model.inputs, [states, model.output])
        return lambda case: answer(both, case)
    encoder = load_encoder(variant.folder)
    return lambda case: (answer(encoder, case), answer(model, case))


@pytest.fixture(scope="module")
def measured():
    """The largest differences of each family, kept in a file if one is named (make_table.py)."""
    found = defaultdict(lambda: {"tiny": 0.0, "realistic": 0.0})
    yield found
    if name := os.environ.get("SIMPLETEXT_MEASURED"):
        path = Path(name)
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        path.write_text(json.dumps(known | found, indent=1) + "\n", encoding="utf-8")


def assert_same_hidden(ours, case, tolerance):
    """Where padding is, the original's hidden states mean nothing; some channels are stored."""
    ours = ours[..., : case.hidden.shape[-1]]
    assert ours.shape == case.hidden.shape
    assert_near(ours[case.compare], case.hidden[case.compare], tolerance)


def largest(hidden, logits, case):
    """The largest difference in what is compared."""
    seen = hidden[..., : case.hidden.shape[-1]][case.compare] - case.hidden[case.compare]
    both = [seen] if logits is None else [seen, logits - case.logits]
    return max(np.abs(part).max() for part in both)


def tensors_in(folder):
    return load_file(folder / "model.safetensors")


def config_in(folder):
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def shapes_of(tensors):
    return {key: list(value.shape) for key, value in tensors.items()}


@pytest.mark.parametrize("model_type", MODULES)
def test_family_has_a_row_and_its_fixture(model_type):
    assert model_type in FAMILIES
    names = list(FAMILIES[model_type].checkpoints())
    assert names == list(fixture(model_type).checkpoints)


@pytest.mark.parametrize(("model_type", "name"), REFUSED)
def test_only_rare_settings_are_refused(model_type, name, tmp_path):
    assert FAMILIES[model_type].checkpoints()[name].rare
    with pytest.raises(UnsupportedModelError, match=f"config.json has {name}="):
        make(model_type, name, tmp_path)


def test_numbers_are_the_originals(variant, measured):
    run = hidden_and_logits(variant)
    for case in cases_of(variant):
        hidden, logits = run(case)
        assert_same_hidden(hidden, case, variant.tolerance)
        if variant.row.head:
            assert_near(logits, case.logits, variant.tolerance)
        size = "realistic" if variant.tolerance == REALISTIC else "tiny"
        most = max(measured[variant.model_type][size], largest(hidden, logits, case))
        measured[variant.model_type][size] = float(most)


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "mpnet", "deberta-v2", "longformer"])
def test_the_last_block_computes_no_more_than_the_head_reads(model_type, tmp_path):
    model = make(model_type, "base", tmp_path).model
    assert model.get_layer("first_token").input.shape[1] == 1


def test_saved_back_it_is_the_same_checkpoint(variant, tmp_path):
    save_checkpoint(variant.model, tmp_path / "saved")
    saved, original = tensors_in(tmp_path / "saved"), tensors_in(variant.folder)
    assert sorted(saved) == sorted(original)
    for key, value in original.items():
        np.testing.assert_array_equal(saved[key], value, key, strict=True)
    config = config_in(tmp_path / "saved")
    for key in variant.checkpoint.config.keys() - {"architectures"}:
        assert config[key] == variant.checkpoint.config[key], key


def test_saved_model_loads_as_it_was(base, tmp_path):
    save_checkpoint(base.model, tmp_path / "saved")
    again = load_classifier(tmp_path / "saved")
    for ours, before in zip(again.weights, base.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(before), ours.path)


def test_encoder_out_of_a_classifier(base, tmp_path):
    encoder = load_encoder(base.folder)
    for case in cases_of(base):
        assert_same_hidden(answer(encoder, case), case, base.tolerance)
    save_checkpoint(encoder, tmp_path / "saved")
    bare = fixture(base.model_type).checkpoints["encoder"]
    saved = shapes_of(tensors_in(tmp_path / "saved"))
    assert saved.items() <= bare.shapes.items()
    # A pooler or decoder that the original's classifier lacks can't come back from its file.
    lost = {key.split(".")[0] for key in bare.shapes.keys() - saved.keys()}
    assert lost <= {"pooler", "decoder"}
    encoder = "FunnelBaseModel" if "decoder" in lost else FAMILIES[base.model_type].encoder
    assert config_in(tmp_path / "saved")["architectures"] == [encoder]


def test_encoder_gets_a_new_head(base, tmp_path, capsys):
    bare = make(base.model_type, "encoder", tmp_path / "encoder")
    save_checkpoint(load_classifier(bare.folder, num_labels=3), tmp_path / "saved")
    assert capsys.readouterr().err.count("newly initialised; train it before use") == 1
    saved = tensors_in(tmp_path / "saved")
    assert shapes_of(saved) == base.checkpoint.shapes
    assert config_in(tmp_path / "saved")["architectures"] == [FAMILIES[base.model_type].classifier]
    new = [key for key in saved if not key.endswith(tuple(bare.checkpoint.shapes))]
    assert new
    for key in new:
        if saved[key].ndim == 1:  # biases and norms
            assert np.std(saved[key]) == 0
        else:
            assert 0 < np.std(saved[key]) < 0.5


def test_heads_of_other_tasks_are_left_out(base, tmp_path):
    own = tensors_in(base.folder)
    heads = fixture(base.model_type).other_heads.values()
    foreign = {key: np.ones(1, "float32") for keys in heads for key in keys if key not in own}
    folder = write_checkpoint(tmp_path, base.checkpoint.config, {})
    save_file(own | foreign, folder / "model.safetensors")
    for load in (load_classifier, load_encoder):
        assert not foreign.keys() & load(folder).architecture.kept.keys()


def test_it_trains(base):
    model = load_classifier(base.folder)
    # Where there are segments, only a pair has something to say about them.
    case = next(case for case in reversed(cases_of(base)) if len(case.inputs["input_ids"]) > 1)
    inputs, labels = inputs_for(model, case), np.array([2, 0, 1])[: len(case.inputs["input_ids"])]
    # Adam with a tiny epsilon moves every weight whose gradient isn't exactly zero.
    optimizer = keras.optimizers.Adam(2e-3, epsilon=1e-12)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, run_eagerly=True)
    first = model.test_on_batch(inputs, labels)
    for _ in range(3):
        model.train_on_batch(inputs, labels)
    assert model.test_on_batch(inputs, labels) < first
    moved = {
        v.path: (np.asarray(v) != np.asarray(before)).any()
        for v, before in zip(model.trainable_variables, base.model.trainable_variables, strict=True)
        if not v.path.startswith(UNUSED.get(base.model_type, ()))
    }
    assert all(moved.values()), moved


def compiled(model):
    """The model as a function that is traced once, with nothing known about batch and length."""
    if keras.backend.backend() != "tensorflow":
        return model.predict_on_batch
    import tensorflow as tf

    signature = {t.name: tf.TensorSpec((None, None), t.dtype, t.name) for t in model.inputs}
    return tf.function(lambda inputs: model(inputs), input_signature=[signature])


def test_one_graph_serves_all_lengths(base):
    run = compiled(base.model)
    with backend.layers_alike_traced_once():  # as in training and prediction
        for case in cases_of(base):
            logits = keras.ops.convert_to_numpy(run(inputs_for(base.model, case)))
            assert_near(logits, case.logits, base.tolerance)


def test_reduced_precision_stays_near(base):
    model = load_classifier(base.folder, dtype="mixed_bfloat16")
    for case in cases_of(base):
        assert_near(answer(model, case), case.logits, REDUCED)


def test_keras_can_copy_it(base):
    copy = keras.Model.from_config(base.model.get_config())
    copy.set_weights(base.model.get_weights())
    case = base.checkpoint.cases["padded"]
    assert_near(answer(copy, case), case.logits, base.tolerance)


def test_layers_have_the_names_that_freezing_goes_by(base):
    names = [layer.name for layer in base.model.layers]
    assert {"embeddings", "layer_0"} <= set(names)
    assert not any("." in name for name in names)  # PyTorch allows none


def test_unknown_activation_is_named(base, tmp_path):
    fields = {"hidden_act", "activation", "activation_function", "hidden_activation"}
    for field in fields & base.checkpoint.config.keys():
        config = base.checkpoint.config | {field: "wobbly"}
        write_checkpoint(tmp_path, config, base.checkpoint.shapes)
        with pytest.raises(UnsupportedModelError, match=f"{field}='wobbly'"):
            load_encoder(tmp_path)


def rewrite(base, folder, change):
    """The base checkpoint with its tensors changed."""
    tensors = seeded_weights(base.checkpoint.shapes)
    change(tensors)
    write_checkpoint(folder, base.checkpoint.config, {})
    save_file(tensors, folder / "model.safetensors")
    return folder


def encoder_key(base):
    """A key deep in the encoder."""
    return next(key for key in base.checkpoint.shapes if ".0." in key and key.endswith("weight"))


def test_unknown_key_is_named(base, tmp_path):
    rewrite(base, tmp_path, lambda tensors: tensors.update(surprise=np.ones(1, "float32")))
    with pytest.raises(
        WeightsError, match="part of this model: 'surprise'.*please report"
    ) as error:
        load_classifier(tmp_path)
    assert str(tmp_path / "model.safetensors") in str(error.value)


def test_missing_key_is_named(base, tmp_path):
    key = encoder_key(base)
    rewrite(base, tmp_path, lambda tensors: tensors.pop(key))
    message = f"lacks '{key}', which the model .* needs.*get the checkpoint again"
    with pytest.raises(WeightsError, match=message) as error:
        load_classifier(tmp_path)
    assert str(tmp_path / "model.safetensors") in str(error.value)


def test_wrong_shape_is_named(base, tmp_path):
    key = encoder_key(base)
    rewrite(base, tmp_path, lambda tensors: tensors.update({key: tensors[key][:-1].copy()}))
    with pytest.raises(WeightsError, match=f"'{key}' has the shape.*same checkpoint") as error:
        load_classifier(tmp_path)
    assert str(tmp_path / "model.safetensors") in str(error.value)


@pytest.mark.parametrize("model_type", ["gpt2", "llama", None])
def test_what_is_no_encoder_is_an_error(model_type, tmp_path):
    write_checkpoint(tmp_path / "other", {"model_type": model_type}, {"wte.weight": [4, 2]})
    with pytest.raises(UnsupportedModelError, match=f"model_type={model_type!r}"):
        load_classifier(tmp_path / "other")
