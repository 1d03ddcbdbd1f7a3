import json

import keras
import numpy as np
import pytest

import simpletext as st
from simpletext.errors import ArgumentError, UnsupportedModelError, WeightsError


def test_a_missing_head_is_made_new_and_said_once(tiny, capsys):
    model = st.load_classifier(tiny, num_labels=3)
    told = capsys.readouterr().err
    assert told.count("newly initialised; train it before use") == 1
    assert "no weights for classifier;" in told
    assert model.output_shape == (None, 3)


def test_a_head_for_other_labels_is_made_new(tiny, tmp_path, capsys):
    st.save_checkpoint(st.load_classifier(tiny, num_labels=3), tmp_path / "saved")
    capsys.readouterr()
    assert st.load_classifier(tmp_path / "saved").output_shape == (None, 3)
    assert capsys.readouterr().err == ""
    assert st.load_classifier(tmp_path / "saved", num_labels=5).output_shape == (None, 5)
    assert "no weights for classifier;" in capsys.readouterr().err


def test_names_and_shapes_of_the_model(tiny):
    model = st.load_classifier(tiny, num_labels=2)
    assert set(model.input) == {"input_ids", "token_type_ids", "attention_mask"}
    assert all(tensor.shape == (None, None) for tensor in model.input.values())
    names = [layer.name for layer in model.layers]
    assert {"embeddings", "layer_0", "layer_1", "pooler", "classifier"} <= set(names)


def test_keras_own_format_works(tiny, tmp_path):
    model = st.load_classifier(tiny, num_labels=2)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = {name: np.ones((1, 5), "int32") for name in model.input}
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(again(x)))


def test_the_same_seed_makes_the_same_head(tiny):
    def head(seed):
        return st.load_classifier(tiny, num_labels=3, seed=seed).get_layer("classifier").kernel

    assert np.array_equal(head(1), head(1))
    assert not np.array_equal(head(1), head(2))
    assert float(np.std(np.asarray(head(1)))) == pytest.approx(0.02, rel=0.3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_labels": 0}, "num_labels=0; it must be a whole number, 1 or more"),
        ({"problem_type": "guess"}, "problem_type='guess'; allowed are 'multi_label"),
        ({"pooling": "max"}, "pooling='max'; allowed are 'auto', 'original', 'mean'"),
    ],
)
def test_bad_arguments(tiny, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        st.load_classifier(tiny, **arguments)


def test_a_strange_model_cannot_be_saved_as_a_checkpoint(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ArgumentError, match="wasn't made by load_encoder"):
        st.save_checkpoint(model, tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("hidden_act", "sine"), ("position_embedding_type", "relative_key"), ("is_decoder", True)],
)
def test_config_values_that_are_not_supported_are_named(tiny, tmp_path, field, value):
    import json
    import shutil

    folder = shutil.copytree(tiny, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text()) | {field: value}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnsupportedModelError, match=repr(value)):
        st.load_encoder(folder)


def test_a_model_for_questions_is_no_text_classifier(tmp_path, tiny, capsys):
    model = st.load_classifier(tiny, 3, pooling="original", verbose=0)
    st.save_checkpoint(model, tmp_path / "tagger")
    path = tmp_path / "tagger" / "config.json"
    config = json.loads(path.read_text()) | {"architectures": ["BertForQuestionAnswering"]}
    path.write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="its head doesn't classify whole texts"):
        st.Predictor.from_pretrained(tmp_path / "tagger")
    again = st.load_classifier(tmp_path / "tagger")
    assert "newly initialised" in capsys.readouterr().err
    assert "classifier/kernel" in again.architecture.newly_initialised


def test_numpy_integers_as_num_labels(tiny):
    assert st.load_classifier(tiny, np.int64(3), verbose=0).output_shape == (None, 3)
