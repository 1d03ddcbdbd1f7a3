import numpy as np
import pytest

import simpletext as st
from simpletext import text
from simpletext.errors import ArgumentError, DataError


@pytest.fixture
def transformer(tiny):
    return st.Transformer(str(tiny), maxlen=8)


def test_making_one_does_no_work():
    assert st.Transformer("no/such-model", maxlen=99).get_classes() == []


def test_training_data_keep_texts_ids_and_labels(transformer, capsys):
    data = transformer.preprocess_train(["a good film", "", "a " * 50], ["pos", "neg", "pos"])
    told = capsys.readouterr().err
    assert "task: single-label classification, 2 classes (neg, pos)" in told
    assert "cut to maxlen: 1 of 3 (33.3%)" in told
    assert data.y.tolist() == [1, 0, 1]
    assert data.lengths.tolist() == [5, 2, 8]
    assert data.full_lengths.tolist() == [5, 2, 52]
    assert transformer.undo(0, data) == "a good film"
    assert transformer.get_classes() == ["neg", "pos"]


def test_verbose_0_is_silent(transformer, capsys):
    transformer.preprocess_train(["a", "b"], [0, 1], verbose=0)
    transformer.preprocess_test(["a", "b"], [0, 1], verbose=0)
    assert capsys.readouterr().err == ""


def test_test_data_with_and_without_labels(transformer):
    transformer.preprocess_train(["a", "b"], ["x", "y"], verbose=0)
    assert transformer.preprocess_test(["c"], ["y"], verbose=0).y.tolist() == [1]
    assert not hasattr(transformer.preprocess_test(["c"], verbose=0), "y")


def test_class_names_are_enough_for_test_data(tiny):
    transformer = text.Transformer(str(tiny), maxlen=8, class_names=["x", "y"])
    assert transformer.preprocess_test(["c"], [1], verbose=0).y.tolist() == [1]


@pytest.mark.parametrize("y", [np.eye(2)[[0, 1, 0]], [0, 1, 0], ["a", "b", "a"]])
def test_labels_of_every_kind(transformer, y):
    data = transformer.preprocess_train(["a", "b", "c"], y, verbose=0)
    assert data.y.tolist() == [0, 1, 0]
    model = transformer.get_classifier()
    assert model.output_shape == (None, 2)


def test_multi_hot_labels(transformer):
    data = transformer.preprocess_train(["a", "b"], [[1, 1, 0], [0, 0, 0]], verbose=0)
    assert data.y.tolist() == [[1, 1, 0], [0, 0, 0]]
    model = transformer.get_classifier()
    assert model.loss.name == "binary_crossentropy"
    assert model.architecture.config["problem_type"] == "multi_label_classification"


def test_regression(transformer):
    transformer.preprocess_train(["a", "b"], [0.5, 1.5], verbose=0)
    assert transformer.get_model().output_shape == (None, 1)
    with pytest.raises(DataError, match="use get_regression_model"):
        transformer.get_classifier()


def test_a_regression_model_for_classes_is_refused(transformer):
    transformer.preprocess_train(["a", "b"], [0, 1], verbose=0)
    with pytest.raises(DataError, match="use get_classifier"):
        transformer.get_regression_model()


def test_pairs(transformer):
    data = transformer.preprocess_train([("a", "good film"), ("b", "c")], [0, 1], verbose=0)
    types = data.padded(np.array([0]))["token_type_ids"]
    assert types.tolist() == [[0, 0, 0, 1, 1, 1]]
    with pytest.raises(DataError, match="These are single texts, but the model was trained on"):
        transformer.preprocess_test(["a"], verbose=0)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b"], ["x"], "There are 2 texts and 1 labels"),
        (["a"], ["x", "y"], "There are 1 texts and 2 labels"),
        ([], [], "The list of texts is empty"),
        (["a", None], [0, 1], "at rows 1; row 1 is None"),
        (["a"], None, "preprocess_train needs labels"),
    ],
)
def test_bad_training_data(transformer, texts, labels, message):
    with pytest.raises(DataError, match=message):
        transformer.preprocess_train(texts, labels)
    assert transformer.labels is None


def test_an_unseen_label(transformer):
    transformer.preprocess_train(["a", "b"], ["x", "y"], verbose=0)
    with pytest.raises(DataError, match="Row 0 has the label 'z'"):
        transformer.preprocess_test(["c"], ["z"])


def test_order_of_calls(transformer):
    with pytest.raises(DataError, match="call preprocess_train"):
        transformer.get_classifier()
    with pytest.raises(DataError, match="Call preprocess_train first"):
        transformer.preprocess_test(["c"], ["z"])


@pytest.mark.parametrize("maxlen", [0, -1, 2, 1.5, "8", True, None])
def test_a_maxlen_that_is_none(maxlen):
    with pytest.raises(ArgumentError, match="maxlen=.* it must be a whole number, 3 or more"):
        st.Transformer("any", maxlen=maxlen)


def test_a_maxlen_beyond_the_models_positions(tiny):
    transformer = st.Transformer(str(tiny), maxlen=21)
    with pytest.raises(ArgumentError, match="maxlen=21, but .* has positions for 20 tokens"):
        transformer.preprocess_train(["a", "b"], ["b", "c"])


def test_class_names_must_be_a_list():
    with pytest.raises(ArgumentError, match="class_names='abc'; it must be a list"):
        st.Transformer("any", class_names="abc")


def test_a_folder_without_a_tokenizer(tiny, tmp_path):
    import shutil

    folder = shutil.copytree(tiny, tmp_path / "copy")
    for name in ("tokenizer.json", "vocab.txt", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(st.SimpletextError, match="The tokenizer in .* is missing"):
        st.Transformer(str(folder), maxlen=8).preprocess_train(["a", "b"], ["b", "c"])
