"""What single families do differently, beyond the numbers that the parity tests compare."""

import keras
import numpy as np
import pytest
from parity.fixtures import read_fixture
from parity.weights import seeded_weights, write_checkpoint
from safetensors.numpy import save_file

from simpletext.errors import UnsupportedModelError
from simpletext.models.families import family_of
from simpletext.models.loading import load_classifier, load_encoder


def base(model_type):
    return read_fixture(model_type).checkpoints["base"]


def write(folder, model_type, **changes):
    """A family's base checkpoint with another config."""
    checkpoint = base(model_type)
    return write_checkpoint(folder, checkpoint.config | changes, checkpoint.shapes)


@pytest.mark.parametrize(
    ("model_type", "field", "value"),
    [
        ("bert", "num_attention_heads", 5),
        ("bert", "num_hidden_layers", "two"),
        ("bert", "add_cross_attention", True),
        ("electra", "position_embedding_type", "relative_key"),
        ("roberta", "pad_token_id", None),
        ("albert", "num_hidden_groups", 4),
        ("mpnet", "relative_attention_num_buckets", 16),
        ("squeezebert", "embedding_size", 16),
        ("convbert", "conv_kernel_size", 4),
        ("convbert", "hidden_size", 30),
        ("mobilebert", "normalization_type", "batch_norm"),
        ("mobilebert", "intra_bottleneck_size", 22),
        ("nomic_bert", "prenorm", True),
        ("nomic_bert", "moe_every_n_layers", 2),
        ("bart", "decoder_attention_heads", 5),
    ],
)
def test_a_config_that_is_not_supported_is_named(tmp_path, model_type, field, value):
    write(tmp_path, model_type, **{field: value})
    with pytest.raises(UnsupportedModelError, match=f"{field}={value!r}"):
        load_encoder(tmp_path)


def test_other_scalings_of_rotary_positions_are_named(tmp_path):
    write(tmp_path, "nomic_bert", rope_parameters={"rope_type": "yarn", "factor": 2.0})
    with pytest.raises(UnsupportedModelError, match="rope_type='yarn'"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    ("model_type", "longest"), [("bert", 20), ("roberta", 20), ("mpnet", 70), ("bart", 20)]
)
def test_the_longest_text(model_type, longest):
    config = base(model_type).config
    family = family_of(config)
    assert family.max_length(family.read_config(config)) == longest


@pytest.mark.parametrize(("count", "has_types"), [(1, False), (2, True)])
def test_one_token_type_is_no_input(tmp_path, count, has_types):
    checkpoint = base("roberta")
    key = "roberta.embeddings.token_type_embeddings.weight"
    shapes = checkpoint.shapes | {key: [count, 32]}
    write_checkpoint(tmp_path, checkpoint.config | {"type_vocab_size": count}, shapes)
    names = {tensor.name for tensor in load_encoder(tmp_path).inputs}
    assert names == {"input_ids", "attention_mask"} | ({"token_type_ids"} if has_types else set())


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_bart_finds_its_tied_embeddings_by_any_name(tmp_path, side):
    checkpoint = base("bart")
    tensors = seeded_weights(checkpoint.shapes)
    tensors[f"model.{side}.embed_tokens.weight"] = tensors.pop("model.shared.weight")
    write_checkpoint(tmp_path, checkpoint.config, {})
    save_file(tensors, tmp_path / "model.safetensors")
    words = load_classifier(tmp_path).get_layer("embeddings").word_embeddings.embeddings
    expected = seeded_weights(checkpoint.shapes)["model.shared.weight"]
    np.testing.assert_array_equal(np.asarray(words), expected)


def test_bart_has_three_labels_where_the_config_says_none(tmp_path, capsys):
    checkpoint = base("bart")
    config = {k: v for k, v in checkpoint.config.items() if k not in ("id2label", "label2id")}
    write_checkpoint(tmp_path, config, checkpoint.shapes)
    assert load_classifier(tmp_path).output_shape == (None, 3)
    assert "newly initialised" not in capsys.readouterr().err


def test_bart_classifies_the_last_end_and_not_the_padding(tmp_path):
    model = load_classifier(write(tmp_path, "bart"))
    ids = np.array([[0, 11, 2, 12, 2]])
    longer = np.array([[0, 11, 2, 12, 2, 1, 1]])
    answers = [
        np.asarray(model({"input_ids": x, "attention_mask": (x != 1).astype("int32")}))
        for x in (ids, longer)
    ]
    np.testing.assert_allclose(*answers, atol=1e-6)


def test_bart_leaves_layers_out_in_training_only(tmp_path):
    case = base("bart").cases["padded"]
    write(tmp_path / "kept", "bart", dropout=0.0, classifier_dropout=0.0)
    write(
        tmp_path / "out", "bart", dropout=0.0, classifier_dropout=0.0,
        encoder_layerdrop=1.0, decoder_layerdrop=1.0,
    )  # fmt: skip
    kept, out = (load_encoder(tmp_path / name) for name in ("kept", "out"))
    np.testing.assert_array_equal(np.asarray(out(case.inputs)), np.asarray(kept(case.inputs)))
    start = keras.Model(out.inputs, out.get_layer("embeddings").output[1])
    trained = out(case.inputs, training=True)
    np.testing.assert_array_equal(np.asarray(trained), np.asarray(start(case.inputs)))


def test_nomic_reads_the_names_of_its_older_files(tmp_path):
    checkpoint = base("nomic_bert")
    renamed = {
        "hidden_size": "n_embd",
        "num_hidden_layers": "n_layer",
        "num_attention_heads": "n_head",
        "intermediate_size": "n_inner",
        "layer_norm_eps": "layer_norm_epsilon",
    }
    config = {renamed.get(key, key): value for key, value in checkpoint.config.items()}
    older = {"activation_function": "swiglu", "prenorm": False, "rotary_emb_base": 1000}
    write_checkpoint(tmp_path, config | older, checkpoint.shapes)
    case = checkpoint.cases["padded"]
    inputs = {"token_type_ids": np.zeros_like(case.inputs["input_ids"]), **case.inputs}
    np.testing.assert_allclose(
        np.asarray(load_classifier(tmp_path)(inputs)), case.logits, atol=1e-5
    )


def test_albert_runs_few_blocks_often(tmp_path):
    model = load_encoder(write(tmp_path, "albert"))
    blocks = [layer for layer in model.layers if layer.name.startswith("layer_")]
    assert len(blocks) == 1
    assert len(blocks[0]._inbound_nodes) == base("albert").config["num_hidden_layers"]
