"""Labels as people and programs write them into config.json."""

import json
import shutil

import numpy as np
import pytest

import simpletext as st
from simpletext.errors import ArgumentError, CheckpointError, UnsupportedModelError, WeightsError
from simpletext.models.config_labels import labels_in


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    """A fine-tuned classifier of three classes as another program would have written it."""
    folder = tmp_path_factory.mktemp("labels") / "three"
    transformer = st.Transformer(tiny, maxlen=12)
    transformer.preprocess_train(["a", "b", "c"], ["x", "y", "z"], verbose=0)
    st.get_predictor(transformer.get_classifier(verbose=0), transformer).save(folder)
    (folder / "simpletext.json").unlink()
    return folder


@pytest.fixture
def three(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "three")


def change(folder, remove=(), **entries):
    config = json.loads((folder / "config.json").read_text()) | entries
    config = {name: value for name, value in config.items() if name not in remove}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def classes_of(folder):
    return st.Predictor.from_pretrained(folder).get_classes()


def test_num_labels_alone(three):
    change(three, remove=("id2label", "label2id"), num_labels=3)
    assert classes_of(three) == ["LABEL_0", "LABEL_1", "LABEL_2"]


def test_neither_names_nor_number(three):
    change(three, remove=("id2label", "label2id"))
    assert classes_of(three) == ["LABEL_0", "LABEL_1", "LABEL_2"]


def test_names_for_another_number_of_labels(three, capsys):
    change(three, id2label={"0": "no", "1": "yes"})
    assert classes_of(three) == ["LABEL_0", "LABEL_1", "LABEL_2"]
    said = capsys.readouterr().err
    assert "has names for 2 labels, but the head has 3 outputs; they are called LABEL_0 to" in said


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"2": "c", "0": "a", "1": "b"}, ["a", "b", "c"]),
        ({"0": 0, "1": 1, "2": 2.5}, ["0", "1", "2.5"]),
    ],
)
def test_names_in_other_forms(three, names, expected, tmp_path):
    predictor = st.Predictor.from_pretrained(change(three, id2label=names))
    assert predictor.get_classes() == expected
    predictor.save(tmp_path / "again")
    assert st.load_predictor(tmp_path / "again").get_classes() == expected


def test_label2id_alone(three):
    change(three, remove=("id2label",), label2id={"b": 1, "a": 0, "c": 2})
    assert classes_of(three) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "names", [{"a": "x", "b": "y", "c": "z"}, {"0": "a", "2": "b", "3": "c"}, ["a", "b", "c"],
              "abc", 3, {"0": ["a"], "1": "b", "2": "c"}, {"0": None, "1": "b", "2": "c"}]
)  # fmt: skip
def test_names_that_cannot_be_read(three, names):
    with pytest.raises(UnsupportedModelError, match="it must have a name for each of the numbers"):
        classes_of(change(three, id2label=names))


def test_a_name_twice(three):
    change(three, id2label={"0": "a", "1": "b", "2": "a"})
    with pytest.raises(UnsupportedModelError, match=r"'a' for the outputs \[0, 2\]. Give each"):
        classes_of(three)


def test_new_names_replace_odd_ones(three):
    change(three, id2label={"0": "a", "1": "a", "2": "a"})
    transformer = st.Transformer(three, maxlen=12)
    transformer.preprocess_train(["a", "b"], ["x", "y"], verbose=0)
    assert transformer.get_classifier(verbose=0).output_shape == (None, 2)


def test_an_odd_problem_type(three):
    change(three, problem_type="ranking")
    with pytest.raises(UnsupportedModelError, match="problem_type='ranking'; pass problem_type="):
        classes_of(three)
    assert st.Predictor.from_pretrained(three, task="single_label_classification")


@pytest.mark.parametrize("number", [10**9, -1, "3", None, 2.5])
def test_a_number_of_labels_without_a_head(tiny, tmp_path, number):
    folder = shutil.copytree(tiny, tmp_path / "bare")
    change(folder, remove=("id2label", "label2id"), num_labels=number)
    with pytest.raises(ArgumentError, match=r"num_labels in config.json=.*from 1 to 100000"):
        st.load_classifier(folder, verbose=0)
    with pytest.raises(WeightsError, match="no trained weights for classifier"):
        st.Predictor.from_pretrained(folder)


def test_sizes_that_the_weights_deny_cost_no_memory(three):
    change(three, num_hidden_layers=1_000_000)
    with pytest.raises(WeightsError, match=r"lacks 'bert.encoder.layer.2.attention.self.query"):
        classes_of(three)
    change(three, num_hidden_layers=2, vocab_size=10**9)
    with pytest.raises(WeightsError, match="has the shape"):
        classes_of(three)


def test_links_out_of_the_folder(three, tmp_path):
    (tmp_path / "weights").write_bytes((three / "model.safetensors").read_bytes())
    (three / "model.safetensors").unlink()
    (three / "model.safetensors").symlink_to(tmp_path / "weights")
    for load in (st.load_encoder, st.load_classifier, st.Predictor.from_pretrained):
        with pytest.raises(CheckpointError, match="is a link out of its folder"):
            load(three)


def test_label_names_are_in_the_order_of_the_logits():
    assert labels_in({"id2label": {"10": "k", **{str(i): f"{i}" for i in range(10)}}})[-1] == "k"
    assert labels_in({}) is None
    assert np.shape(labels_in({"id2label": {0: "a", 1: "b"}})) == (2,)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}, True),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"}, True),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, False),
        ({}, False),
    ],
)
def test_a_cross_encoders_sigmoid_is_named(tiny, tmp_path, capsys, entries, said):
    folder = tmp_path / "scores"
    transformer = st.Transformer(tiny, maxlen=12)
    transformer.preprocess_train(["a", "b"], [0.5, 1.5], verbose=0)
    model = transformer.get_regression_model(verbose=0)
    st.get_predictor(model, transformer).save(folder)
    (folder / "simpletext.json").unlink()
    st.Predictor.from_pretrained(change(folder, **entries))
    assert ("1 / (1 + exp(-value)) gives the same" in capsys.readouterr().err) == said
