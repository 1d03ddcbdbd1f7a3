import keras
import numpy as np
import pytest
from keras import ops

from simpletext.errors import UnsupportedModelError
from simpletext.layers import fused, kernels
from simpletext.layers.activations import activation
from simpletext.layers.attention import SelfAttention
from simpletext.layers.dense import Dense
from simpletext.layers.dropout import dropout
from simpletext.layers.transformer_block import TransformerBlock
from simpletext.utils import backend


class OtherAttention(SelfAttention):
    """One that a family brings, and that knows of no first token."""

    def call(self, x, bias, training=None):
        return super().call(x, bias, training=training)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's names")
def test_variables_have_few_names_in_tensorflow():
    blocks = [TransformerBlock(2, 16, "gelu", 1e-5, name=f"layer_{i}") for i in range(2)]
    for block in blocks:
        block.build((None, None, 8))
    variables = [variable for block in blocks for variable in block.weights]
    assert len({variable.path for variable in variables}) == len(variables) == 32
    assert {variable.value.name for variable in variables} == {
        "kernel:0", "bias:0", "gamma:0", "beta:0"
    }  # fmt: skip


def test_dropout_meets_its_rate_and_keeps_the_mean():
    x = ops.ones((8, 50, 401))
    y = np.asarray(dropout(x, 0.1, keras.random.SeedGenerator(1), training=True))
    assert y.shape == x.shape
    assert np.mean(y == 0.0) == pytest.approx(0.1, abs=0.005)
    assert y.mean() == pytest.approx(1.0, abs=0.005)
    assert len(np.unique(y)) == 2


def test_dropout_in_a_graph_with_unknown_lengths():
    generator, inputs = keras.random.SeedGenerator(1), keras.Input((None, None))
    drop = keras.layers.Lambda(lambda x: dropout(x, 0.5, generator, True))
    model = keras.Model(inputs, drop(inputs))
    for length in (1, 5, 8):
        assert model.predict_on_batch(np.ones((2, 3, length), "float32")).shape == (2, 3, length)


def test_dropout_draws_anew_each_time_and_alike_with_one_seed():
    x = ops.ones((4, 100))
    one, other = keras.random.SeedGenerator(1), keras.random.SeedGenerator(1)
    backend.seed_dropout(1, 0)
    first = np.asarray(dropout(x, 0.5, one, training=True))
    backend.seed_dropout(1, 0)
    assert np.array_equal(first, np.asarray(dropout(x, 0.5, other, training=True)))
    assert not np.array_equal(first, np.asarray(dropout(x, 0.5, one, training=True)))


def test_no_dropout_in_inference_or_at_rate_zero():
    x = np.ones((4, 100), "float32")
    generator = keras.random.SeedGenerator(1)
    assert dropout(x, 0.5, generator, training=False) is x
    assert dropout(x, 0.0, generator, training=True) is x


@pytest.mark.parametrize("hidden_act", ["gelu", "relu"])
def test_a_block_without_dropout_says_the_same_in_training(hidden_act):
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(2, 5, 8)).astype("float32"), np.zeros((2, 1, 1, 5), "float32")
    block = TransformerBlock(2, 16, hidden_act, 1e-5)
    block.build(x.shape)
    for variable in block.weights:
        variable.assign(rng.normal(size=variable.shape))
    answers = [ops.convert_to_numpy(block(x, bias, training=t)) for t in (True, False)]
    np.testing.assert_allclose(*answers, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("bias_shape", [(2, 1, 1, 5), (2, 2, 5, 5), (1, 2, 5, 5)])
@pytest.mark.parametrize("kind", [SelfAttention, OtherAttention])
def test_a_block_for_the_first_token_alone(kind, bias_shape, training, monkeypatch):
    rng = np.random.default_rng(0)
    x, bias = (rng.normal(size=shape).astype("float32") for shape in ((2, 5, 8), bias_shape))
    monkeypatch.setattr(
        TransformerBlock, "make_attention", lambda self, **policy: kind(2, **policy)
    )
    block = TransformerBlock(2, 16, "gelu", 1e-5)
    block.build(x.shape)
    for variable in block.weights:
        variable.assign(rng.normal(size=variable.shape))
    whole = ops.convert_to_numpy(block(x, bias, training=training))
    first = ops.convert_to_numpy(block(x, bias, training=training, only_first=True))
    np.testing.assert_allclose(first, whole[:, :1], atol=1e-5)
    assert block(keras.Input((None, 8)), keras.Input((2, 5, 5)), only_first=True).shape[1] == 1


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's gradients")
def test_the_first_token_alone_teaches_positions_as_well():
    """MPNet's bias is learned, and has a row for each query."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x, bias = (tf.constant(rng.normal(size=s), "float32") for s in ((2, 5, 8), (2, 2, 5, 5)))
    block = TransformerBlock(2, 16, "gelu", 1e-5)
    block.build(x.shape)
    for variable in block.weights:
        variable.assign(rng.normal(size=variable.shape))
    slopes = []
    for options in ({}, {"only_first": True}):
        with tf.GradientTape() as tape:
            tape.watch([x, bias])
            value = tf.reduce_sum(block(x, bias, training=True, **options)[:, 0] ** 3)
        slopes.append(tape.gradient(value, [x, bias]))
    for whole, first in zip(*slopes, strict=True):
        assert np.abs(whole).max() > 0.1
        np.testing.assert_allclose(first, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(backend.has_fused_operations(), reason="PyTorch's attention drops by itself")
def test_attention_drops_the_same_weights_in_all_heads():
    """Equal heads stay equal; the texts of a batch, and the tokens of a text, differ."""
    attention = SelfAttention(2, dropout=0.5, seed=3)
    x, bias = np.ones((2, 7, 8), "float32"), np.zeros((1, 1, 1, 7), "float32")
    attention.build(x.shape)
    for dense in (attention.query, attention.key, attention.value, attention.output_dense):
        dense.kernel.assign(np.eye(8))
    y = ops.convert_to_numpy(attention(x, bias, training=True))
    np.testing.assert_array_equal(y[..., :4], y[..., 4:])
    assert not np.array_equal(y[0], y[1])
    assert len(np.unique(y[0, :, 0])) > 1
    shares = y[..., 0] * 7 / 2  # of 7 equal weights, scaled up by 2
    np.testing.assert_allclose(shares, np.round(shares), atol=1e-5)


def test_an_unknown_activation_is_named():
    with pytest.raises(UnsupportedModelError, match="The activation 'sine' isn't supported"):
        activation("sine")


def test_exact_gelu():
    from math import erf, sqrt

    x = np.linspace(-4, 4, 41, dtype="float32")
    wanted = [0.5 * v * (1 + erf(v / sqrt(2))) for v in x]
    np.testing.assert_allclose(
        np.asarray(activation("gelu")(keras.ops.convert_to_tensor(x))), wanted, atol=1e-6
    )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="what TensorFlow can fuse")
def test_gelu_stands_beside_its_product():
    """With nothing between product, bias and gelu TensorFlow makes one operation of them."""
    import tensorflow as tf

    dense = Dense(4, "gelu", stddev=0.1)
    dense.build((None, None, 3))
    spec = tf.TensorSpec((None, None, 3), "float32")
    operations = tf.function(dense).get_concrete_function(spec).graph.get_operations()
    (erf,) = [operation for operation in operations if operation.type == "Erf"]
    scaled = erf.inputs[0].op
    assert scaled.inputs[0].op.type == "BiasAdd"


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_layers_within_layers_compute_in_the_models_precision(dtype, monkeypatch):
    """PyTorch calls them past Keras, which would set the type in which variables are read."""
    x = keras.Input((None, 8))
    y, bias = x, ops.zeros((1, 1, 1, 5))
    for _ in range(2):  # what the first one gets has to be converted, by Keras
        y = TransformerBlock(2, 16, "gelu", 1e-5, dtype=dtype)(y, bias)
    model = keras.Model(x, y)
    seen = []
    linear = kernels.linear

    def spied(x, kernel, *others):
        seen.append(keras.backend.standardize_dtype(ops.convert_to_tensor(kernel).dtype))
        return linear(x, kernel, *others)

    monkeypatch.setattr(kernels, "linear", spied)
    model(np.ones((2, 5, 8), "float32"))
    assert seen == [dtype.removeprefix("mixed_")] * 12


@pytest.mark.parametrize(
    ("dtype", "width", "bias", "takes"),
    [
        ("bfloat16", 64, (2, 1, 1, 5), True),
        ("float16", 128, (1, 1, 1, 5), True),
        ("float32", 64, (2, 1, 1, 5), False),  # more bits than it computes in
        ("bfloat16", 20, (2, 1, 1, 5), False),
        ("bfloat16", 136, (2, 1, 1, 5), False),
        ("bfloat16", 64, (1, 4, 5, 5), False),  # relative positions
    ],
)
def test_what_cudnns_attention_takes(dtype, width, bias, takes):
    query = ops.zeros((2, 4, 5, width), dtype)
    assert fused.has_cudnn_attention(query, ops.zeros(bias, dtype)) is takes
