import pytest
from conftest import TEXTS
from parity.fixtures import read_fixture
from parity.weights import write_checkpoint

import simpletext as st
from simpletext.errors import ArgumentError
from simpletext.inference.embeddings import embed, embedder
from simpletext.models.families import MODULES


@pytest.mark.parametrize("model_type", MODULES)
def test_every_family_has_one_vector_per_text(model_type, tmp_path):
    checkpoint = read_fixture(model_type).checkpoints["base"]
    write_checkpoint(tmp_path, checkpoint.config, checkpoint.shapes)
    model = st.load_classifier(tmp_path, 2, verbose=0)
    output = embedder(model).output
    assert len(output.shape) == 2
    assert output.shape[-1] > 2  # not the logits


def test_vectors_of_texts(trained):
    data = trained.predictor.encoder.encode(TEXTS[:7])
    assert embed(trained.learner.model, data, 3).shape == (7, 32)


def test_models_that_are_not_ours_are_refused():
    import keras

    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ArgumentError, match="wasn't made by load_encoder"):
        embedder(model)
