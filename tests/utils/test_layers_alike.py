"""Layers alike are traced once, and compute what they compute when each is traced."""

import keras
import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.layers.attention import SelfAttention
from simpletext.layers.transformer_block import TransformerBlock
from simpletext.utils import backend

pytestmark = pytest.mark.skipif(not backend.is_tensorflow(), reason="TensorFlow traces")


@pytest.fixture
def traced(monkeypatch):
    """The layers whose attention is traced, one by one."""
    layers, attend = [], SelfAttention._context

    def context(layer, *arguments):
        layers.append(layer.path.split("/")[0])
        return attend(layer, *arguments)

    monkeypatch.setattr(SelfAttention, "_context", context)
    return layers


def blocks(sizes=(16, 16, 16), dtype="float32", rate=1e-3):
    """A model of blocks: states (batch, length, 8) and a bias -> (batch, length, 8)."""
    states, bias = keras.Input((None, 8)), keras.Input((1, 1, None))
    x = states
    for i, size in enumerate(sizes):
        options = {"seed": i, "name": f"layer_{i}", "dtype": dtype}
        x = TransformerBlock(2, size, "gelu", 1e-5, 0.1, 0.1, **options)(x, bias)
    model = keras.Model([states, bias], x)
    rng = np.random.RandomState(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(scale=0.5, size=variable.shape))
    model.compile(st.AdamW(rate), "mse")
    model.optimizer.build(model.trainable_variables)  # else the step is traced twice
    return model


def trained(model):
    """The model's variables after two epochs of two steps, and its loss."""
    rng = np.random.RandomState(1)
    x = [rng.normal(size=(4, 5, 8)).astype("float32"), np.zeros((4, 1, 1, 5), "float32")]
    y = rng.normal(size=(4, 5, 8)).astype("float32")
    history = model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    return [keras.ops.convert_to_numpy(v) for v in model.variables], history.history["loss"]


# Weights that were rounded to bfloat16 would be further off.
@pytest.mark.parametrize(
    ("dtype", "rate", "atol"), [("float32", 1e-3, 2e-6), ("mixed_bfloat16", 1e-5, 1e-4)]
)
def test_a_training_is_the_same_to_the_last_seed(traced, dtype, rate, atol):
    one_by_one, losses = trained(blocks(dtype=dtype, rate=rate))
    assert traced == ["layer_0", "layer_1", "layer_2"]
    traced.clear()
    with backend.layers_alike_traced_once():
        at_once, losses_at_once = trained(blocks(dtype=dtype, rate=rate))
    assert traced == ["layer_0"]
    np.testing.assert_allclose(losses_at_once, losses, rtol=1e-6 if dtype == "float32" else 1e-2)
    for mine, other in zip(at_once, one_by_one, strict=True):
        np.testing.assert_allclose(mine, other, atol=atol)  # integers, the seeds, are equal


def test_another_size_and_frozen_weights_are_other_kinds(traced):
    model = blocks((16, 24, 16))
    model.get_layer("layer_2").trainable = False
    before = model.get_layer("layer_2").get_weights()
    with backend.layers_alike_traced_once():
        trained(model)
    assert traced == ["layer_0", "layer_1", "layer_2"]
    for mine, other in zip(model.get_layer("layer_2").get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_fit_traces_a_block_once_for_training_and_once_for_the_rest(tiny, traced):
    transformer = st.Transformer(str(tiny), maxlen=16)
    data = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    model = transformer.get_classifier(pooling="mean", verbose=0)
    learner = st.get_learner(model, data, data, batch_size=8)
    learner.fit(1e-3, 1, verbose=0)  # with a head start, and validation
    assert traced == ["layer_0", "layer_0"]
    learner.fit(1e-3, 1, verbose=0)
    assert len(traced) == 2


def test_outside_of_it_graphs_have_no_functions():
    import tensorflow as tf

    model = blocks()
    call = tf.function(lambda x, bias: model([x, bias], training=False))
    spec = [tf.TensorSpec((None, None, 8)), tf.TensorSpec((None, 1, 1, None))]
    graph = call.get_concrete_function(*spec).graph
    assert not graph.as_graph_def().library.function
