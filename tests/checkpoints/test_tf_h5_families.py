"""Every family that ever had a TensorFlow class: the names that the originals wrote are all read.

`oldformats/names/h5_names.json` has the names and shapes of the originals' files.
"""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from parity.fixtures import read_fixture
from safetensors.numpy import save_file

import simpletext as st
from simpletext.checkpoints.tf_h5 import as_torch, torch_name

NAMES = json.loads(
    (Path(__file__).parents[1] / "oldformats" / "names" / "h5_names.json").read_text()
)
# Families whose name has a dash, as the others' names end at the first one.
DASHED = ("roberta-prelayernorm", "xlm-roberta", "deberta-v2")
# Where the originals' configs differ from those of the parity fixtures.
CONFIGS = {
    "bart": {"decoder_ffn_dim": 48},
    "convbert": {"conv_kernel_size": 3},
    "convbert-groups": {"conv_kernel_size": 3, "embedding_size": 32, "num_groups": 2},
    "deberta": {"max_relative_positions": 8},
    "deberta-v2-conv": {"conv_kernel_size": 3, "conv_act": "gelu"},
    "funnel": {"block_sizes": [1, 1], "block_repeats": [1, 1]},
    "mobilebert": {"intra_bottleneck_size": 16, "true_hidden_size": 16},
}
POSITIONS = ("position_embeddings.weight", "embed_positions.weight")
TWO_TYPES = ("roberta", "xlm-roberta", "camembert", "longformer", "roberta-prelayernorm")


def family_of(entry):
    return next((name for name in DASHED if entry.startswith(name)), entry.split("-")[0])


def config_of(entry, variables):
    family = family_of(entry)
    base = read_fixture(family).checkpoints["base"]
    config = dict(base.config) | CONFIGS.get(entry, CONFIGS.get(family, {}))
    if family in TWO_TYPES:
        config["type_vocab_size"] = 2
    for name, shape in variables:
        key = torch_name(name, True)
        if key in base.shapes and key.endswith(
            ("position_embeddings.weight", "embed_positions.weight")
        ):
            config["max_position_embeddings"] += shape[0] - base.shapes[key][0]
            break
    return config


def write_both(entry, folder):
    """The same random weights as tf_model.h5 and as PyTorch's model.safetensors."""
    layers, rng = NAMES[entry], np.random.default_rng(0)
    variables = [tuple(variable) for items in layers.values() for variable in items]
    values = {name: rng.normal(size=shape).astype("float32") for name, shape in variables}
    ours, theirs = folder / "h5", folder / "torch"
    for part in (ours, theirs):
        part.mkdir()
        (part / "config.json").write_text(json.dumps(config_of(entry, variables)))
    with h5py.File(ours / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = list(layers)
        for layer, items in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name for name, _ in items]
            for name, _ in dict(items).items():
                group[name] = values[name]
    tensors = {torch_name(name, True): as_torch(value, name) for name, value in values.items()}
    tensors = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    save_file(tensors, theirs / "model.safetensors", metadata={"format": "pt"})
    return ours, theirs


@pytest.mark.parametrize("entry", NAMES)
def test_all_of_the_originals_weights_are_read(entry, tmp_path):
    models = [st.load_encoder(folder) for folder in write_both(entry, tmp_path)]
    for ours, theirs in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("entry", [entry for entry in NAMES if "-" not in entry])
def test_a_fine_tuned_head_is_read(entry, tmp_path):
    ours, _ = write_both(entry, tmp_path)
    model = st.load_classifier(ours, verbose=0, pooling="original", new_head=False)
    assert model.output_shape == (None, 3)
