"""The gradients written by hand are those that a framework derives by itself."""

import keras
import numpy as np
import pytest
from keras import ops

from simpletext.layers import recomputation
from simpletext.layers.activations import ACTIVATIONS
from simpletext.utils.backend import graphs

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="its graphs are TensorFlow's"
)
SCORES = [recomputation.SCORES_AT_ONCE, 100, 1]  # of a row, in the tests of attention, there are 50
if keras.backend.backend() != "tensorflow":
    SCORES = SCORES[:1]  # they have no parts
rng = np.random.default_rng(0)
X = rng.normal(size=(3, 5, 8)).astype("float32") * 3
WEIGHTS = rng.normal(size=(3, 5, 8)).astype("float32")  # so that no two gradients are alike


def gradients(function, *arrays):
    """The function's value and the gradients of its weighted sum, on any backend."""
    variables = [keras.Variable(array) for array in arrays]

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.given = variables

        def call(self, x):
            return function(*(ops.reshape(variable, variable.shape) for variable in self.given))

    model = Model()
    # with a rate of 1 a step of SGD is the gradient
    model.compile(keras.optimizers.SGD(1.0), lambda y, out: ops.sum(out * y), run_eagerly=True)
    value = ops.convert_to_numpy(model(X))
    before = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    model.fit(X, WEIGHTS, batch_size=len(X), epochs=1, verbose=0, shuffle=False)
    after = [ops.convert_to_numpy(variable) for variable in variables]
    return value, [old - new for old, new in zip(before, after, strict=True)]


def assert_alike(ours, derived, **tolerance):
    np.testing.assert_allclose(ours[0], derived[0], **tolerance)
    for mine, theirs in zip(ours[1], derived[1], strict=True):
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(mine, theirs, **tolerance)


def test_gelu():
    assert_alike(gradients(recomputation.gelu, X), gradients(ACTIVATIONS["gelu"], X), atol=2e-5)


def test_product_of_gelu():
    x, kernel = X.reshape(15, 8), rng.normal(size=(8, 4)).astype("float32")

    def shaped(product):
        return lambda x, kernel: ops.tile(ops.reshape(product(x, kernel), (3, 5, 4)), (1, 1, 2))

    derived = gradients(shaped(lambda x, k: ops.matmul(ACTIVATIONS["gelu"](x), k)), x, kernel)
    assert_alike(gradients(shaped(recomputation.product_of_gelu), x, kernel), derived, atol=1e-4)


@pytest.mark.parametrize("use_bias", [True, False])
def test_layer_norm(use_bias):
    vectors = [rng.normal(size=8).astype("float32") for _ in range(1 + use_bias)]

    def plain(x, gamma, beta=0.0):
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        return centred / ops.sqrt(variance + 1e-5) * gamma + beta

    def ours(x, gamma, *beta):
        return recomputation.layer_norm(x, 1e-5, gamma, *beta)

    assert_alike(gradients(ours, X, *vectors), gradients(plain, X, *vectors), atol=1e-4)


@pytest.mark.parametrize("drops", ["each", "all heads alike", None])
@pytest.mark.parametrize("spread", [(0, 1, 2), (1, 2), (2,), (0,), ()])
@pytest.mark.parametrize("scores", SCORES)
def test_attention(drops, spread, scores, monkeypatch):
    monkeypatch.setattr(recomputation, "SCORES_AT_ONCE", scores)
    batch, heads, length, width = 3, 2, 5, 4
    arrays = [rng.normal(size=(batch, heads, length, width)).astype("float32") for _ in range(3)]
    shape = [1 if i in spread else n for i, n in enumerate((batch, heads, length, length))]
    bias = rng.normal(size=shape).astype("float32")
    drawn = rng.random((batch, 1 if drops == "all heads alike" else heads, length, length)) < 0.7
    keep = drawn if drops else None

    def plain(query, key, value, bias):
        weights = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + bias)
        kept = weights if keep is None else weights * ops.cast(keep, "float32")
        context = ops.transpose(ops.matmul(kept, value), (0, 2, 1, 3))
        return ops.reshape(context, (batch, length, heads * width))

    def ours(query, key, value, bias):
        return recomputation.attention(query, key, value, bias, keep)

    if {1, 2} <= set(spread):  # a mask, which has no gradient
        mask = ops.convert_to_tensor(bias)
        found, derived = (gradients(lambda *x, f=f: f(*x, mask), *arrays) for f in (ours, plain))
        assert_alike(found, derived, atol=1e-5)
    else:
        assert_alike(gradients(ours, *arrays, bias), gradients(plain, *arrays, bias), atol=1e-5)


def value_and_slope(x, mask):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = recomputation.attention(x, x, x, mask, None)
        squares = value * value
    return value, tape.gradient(squares, x)


@on_tensorflow
def test_attentions_backward_pass_is_written_once_for_all_layers(monkeypatch):
    import tensorflow as tf

    written = []

    def slopes(query, key, value, bias, keep, g, context):
        written.append(query.dtype)
        return query, key, value

    monkeypatch.setattr(recomputation, "_slopes", slopes)

    @tf.function(input_signature=[tf.TensorSpec((None, 2, None, 4))])
    def layers(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(3):
                y = recomputation.split_heads(
                    recomputation.attention(y, y, y, tf.zeros((1, 1, 1, 5)), None), 2
                )
        return tape.gradient(y, x)

    assert float(layers(ops.ones((3, 2, 5, 4)))[0, 0, 0, 0]) == 3
    assert written == ["float32"]


@on_tensorflow
@pytest.mark.parametrize("in_graph", [False, True])
def test_attention_has_second_derivatives(in_graph):
    import tensorflow as tf

    def plain(x):
        return recomputation.join_heads(
            ops.matmul(ops.softmax(ops.matmul(x, ops.swapaxes(x, 2, 3))), x)
        )

    def second(function, x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                squares = tf.square(function(x))
            slopes = tf.square(tape.gradient(squares, x))
        return outer.gradient(slopes, x)

    def found(x):
        return second(lambda x: recomputation.attention(x, x, x, tf.zeros((1, 1, 1, 5)), None), x)

    x = tf.constant(rng.normal(size=(3, 2, 5, 4)).astype("float32"))
    if in_graph:
        found = tf.function(found, input_signature=[tf.TensorSpec((None, 2, None, 4))])
    np.testing.assert_allclose(found(x), second(plain, x), rtol=1e-3, atol=1e-2)


@on_tensorflow
def test_attention_has_the_scores_of_a_few_rows_at_a_time(monkeypatch):
    rows = []

    def softmax(scores):
        rows.append(len(scores))
        return ops.softmax(scores)

    monkeypatch.setattr(recomputation, "softmax", softmax)
    monkeypatch.setattr(recomputation, "SCORES_AT_ONCE", 100)  # two rows of 2 * 5 * 5
    value_and_slope(ops.ones((5, 2, 5, 4)), ops.zeros((5, 1, 1, 5)))
    assert rows == [1, 2, 2] * 2  # forward and backward


@on_tensorflow
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_attention_of_any_number_of_rows(compiled, rows, monkeypatch):
    """Also where XLA compiles, as Keras has it on a GPU."""
    import tensorflow as tf

    x = rng.normal(size=(rows, 2, 3, 4)).astype("float32")
    mask = np.where(rng.random((rows, 1, 1, 3)) < 0.3, -1e9, 0).astype("float32")
    whole = value_and_slope(tf.constant(x), tf.constant(mask))
    monkeypatch.setattr(recomputation, "SCORES_AT_ONCE", 20)
    graphs._traced_once.cache_clear()
    specs = tf.TensorSpec((None, 2, None, 4)), tf.TensorSpec((None, 1, 1, None))
    graph = tf.function(value_and_slope, input_signature=specs, jit_compile=compiled)
    for found, expected in zip(graph(x, mask), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@on_tensorflow
@pytest.mark.parametrize(
    ("function", "shape", "again"),
    [
        (
            lambda x: recomputation.attention(x, x, x, ops.zeros((1, 1, 1, 3)), None),
            (1, 1, 3, 2),
            4,
        ),
        (lambda x: recomputation.product_of_gelu(x, ops.ones((2, 5))), (3, 2), 1),
    ],
)
def test_what_is_computed_again_waits_for_the_gradient(function, shape, again):
    """Or it would be computed in the forward pass, and kept."""
    import tensorflow as tf

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return tape.gradient(value, x)

    operations = slope.get_concrete_function(tf.ones(shape)).graph.get_operations()
    waiting = [op for op in operations if op.type == "Identity" and op.control_inputs]
    assert len(waiting) >= again
