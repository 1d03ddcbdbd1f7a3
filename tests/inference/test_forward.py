import logging

import keras
import numpy as np
import pytest

from simpletext.inference.forward import predict_batch
from simpletext.models.loading import load_classifier


@pytest.fixture
def said():
    """What TensorFlow's logger says."""
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def model():
    inputs = keras.Input((None,))
    return keras.Model(inputs, keras.ops.sum(inputs, axis=1, keepdims=True))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the warning is TensorFlow's")
def test_several_models_with_few_batches_are_no_reason_to_warn(said):
    for _ in range(4):
        small = model()
        for length in (3, 5, 7):
            answers = predict_batch(small, np.ones((2, length), "float32"), 2)
            np.testing.assert_array_equal(answers, [[length], [length]])
    logging.getLogger("tensorflow").warning("something else")
    assert said == ["something else"]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counts TensorFlow's graphs")
def test_batches_of_all_shapes_are_compiled_for_once(tiny):
    """Else each first batch of another length, or of another number of rows, takes a second."""
    classifier = load_classifier(tiny, num_labels=2, verbose=0)

    def predict(rows, length):
        ids = {tensor.name: np.ones((rows, length), "int32") for tensor in classifier.inputs}
        return predict_batch(classifier, ids, rows)

    one = predict(1, 3)
    assert predict(4, 7).shape == (4, 2)
    np.testing.assert_allclose(predict(2, 3), np.repeat(one, 2, axis=0), atol=1e-6)
    assert classifier.predict_function.experimental_get_tracing_count() == 1
    classifier.compile(run_eagerly=True)
    np.testing.assert_allclose(predict(1, 3), one, atol=1e-6)


class Subclass(keras.Model):
    """A model that doesn't tell its inputs."""

    def call(self, x):
        return keras.ops.sum(x["a"], axis=1, keepdims=True)


def functional():
    a = keras.Input((None,), name="a")
    return keras.Model({"a": a}, keras.ops.sum(a, axis=1, keepdims=True))


@pytest.mark.parametrize("make", [Subclass, functional])
@pytest.mark.parametrize("dtype", ["float32", "int64"])  # the second isn't what it is made for
def test_other_models_that_take_a_dict(make, dtype):
    for length in (3, 5):
        answers = predict_batch(make(), {"a": np.ones((2, length), dtype)}, 2)
        np.testing.assert_array_equal(answers, [[length], [length]])


def test_rows_that_a_strategy_adds_are_left_away():
    class Doubling:
        predict_function = "compiled"

        def predict_on_batch(self, inputs):
            return np.concatenate([inputs, inputs])

    assert predict_batch(Doubling(), np.ones((3, 1)), 3).shape == (3, 1)
