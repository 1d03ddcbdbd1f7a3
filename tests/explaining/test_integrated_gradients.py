import keras
import numpy as np
import pytest
from parity.fixtures import read_fixture
from parity.weights import write_checkpoint

from simpletext.errors import ArgumentError
from simpletext.explaining.integrated_gradients import IntegratedGradients
from simpletext.models.loading import load_classifier
from simpletext.tasks.task import MULTI, REGRESSION, SINGLE

LENGTH, INDEX, TEMPERATURE = 9, 1, 2.0
SQUASH = {
    SINGLE: lambda x: np.exp(x) / np.exp(x).sum(),
    MULTI: lambda x: 1 / (1 + np.exp(-x)),
    REGRESSION: lambda x: x * TEMPERATURE,  # a value has no temperature
}


def made(folder, model_type, **options):
    checkpoint = read_fixture(model_type).checkpoints["base"]
    path = write_checkpoint(folder, checkpoint.config, checkpoint.shapes)
    return load_classifier(path, num_labels=3, verbose=0, **options)


def texts(model, length=LENGTH):
    """A text's ids and those of its baseline, in which all tokens but the marks are neutral."""
    shape = (1, length)
    inputs = {tensor.name: np.ones(shape, "int32") for tensor in model.inputs}
    inputs |= {"input_ids": np.random.default_rng(0).integers(3, 20, shape, dtype="int32")}
    if "token_type_ids" in inputs:
        inputs["token_type_ids"] = np.zeros(shape, "int32")
    marks = np.arange(length) % (length - 1) == 0
    return inputs, inputs | {"input_ids": np.where(marks, inputs["input_ids"], np.int32(2))}


# Of one embedded array and of several, with positions and without.
FAMILIES = ["bert", "deberta-v2", "funnel", "modernbert", "xlnet"]


@pytest.mark.parametrize(
    ("model_type", "task"),
    [*((name, SINGLE) for name in FAMILIES), ("bert", MULTI), ("bert", REGRESSION)],
)
def test_they_add_up_to_the_difference(tmp_path, model_type, task):
    model = made(tmp_path, model_type)
    inputs, baseline = texts(model)
    weights = IntegratedGradients(model, task).token_weights(inputs, baseline, INDEX, TEMPERATURE)
    first, last = (
        SQUASH[task](np.asarray(model.predict_on_batch(x))[0].astype("float64") / TEMPERATURE)
        for x in (baseline, inputs)
    )
    assert weights.shape == (LENGTH,)
    assert weights[[0, -1]] == pytest.approx([0, 0], abs=1e-6)  # the marks are the same in both
    assert np.abs(weights).max() > 1e-4
    assert weights.sum() == pytest.approx((last - first)[INDEX], rel=0.02, abs=1e-5)


def test_they_are_of_the_weights_as_they_are_now(tmp_path):
    """Compiled once, for all lengths and classes, and for a model that is trained further."""
    model = made(tmp_path, "bert")
    gradients = IntegratedGradients(model, SINGLE)

    def asked(gradients, length, index):
        return gradients.token_weights(*texts(model, length), index, 1.0)

    before = asked(gradients, 9, 0)
    for variable in model.trainable_variables:
        variable.assign(variable * 1.5)
    for length, index in ((9, 0), (5, 2)):
        new = asked(IntegratedGradients(model, SINGLE), length, index)
        np.testing.assert_allclose(asked(gradients, length, index), new, atol=1e-6)
    assert np.abs(asked(gradients, 9, 0) - before).max() > 1e-4


def test_in_reduced_precision(tmp_path):
    weights = [
        IntegratedGradients(model, SINGLE).token_weights(*texts(model), INDEX, 1.0)
        for model in (made(tmp_path / d, "bert", dtype=d) for d in ("float32", "mixed_bfloat16"))
    ]
    np.testing.assert_allclose(weights[1], weights[0], atol=0.1 * np.abs(weights[0]).max())


def test_a_model_without_embeddings():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ArgumentError, match="no layer named 'embeddings', so 'gradient' can't"):
        IntegratedGradients(model, SINGLE).token_weights({}, {}, 0, 1.0)
