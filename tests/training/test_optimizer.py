import keras
import numpy as np
import pytest

import simpletext as st

BETAS, EPSILON = (0.9, 0.999), 1e-7


def adamw_in_numpy(weight, gradients, rate, decay):
    """The algorithm of https://arxiv.org/abs/1711.05101, step by step, in double precision."""
    weight, m, v = weight.astype("float64"), 0.0, 0.0
    for step, gradient in enumerate(gradients, start=1):
        m = BETAS[0] * m + (1 - BETAS[0]) * gradient
        v = BETAS[1] * v + (1 - BETAS[1]) * gradient**2
        unbiased = m / (1 - BETAS[0] ** step), v / (1 - BETAS[1] ** step)
        # Keras takes epsilon before the correction of v
        size = np.sqrt(unbiased[1]) + EPSILON / np.sqrt(1 - BETAS[1] ** step)
        weight = weight - rate * decay * weight - rate * unbiased[0] / size
    return weight


def build(optimizer):
    inputs = keras.Input((3,), dtype="int32")
    hidden = keras.layers.Embedding(5, 4, name="embeddings")(inputs)
    hidden = keras.layers.Dense(4, name="layer_0")(hidden[:, 0])
    model = keras.Model(inputs, keras.layers.Dense(2, name="classifier")(hidden))
    optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("amsgrad", [False, True])
def test_three_steps_are_those_of_the_paper(amsgrad):
    optimizer = st.AdamW(0.01, weight_decay=0.1, layer_decay=0.5, amsgrad=amsgrad)
    model = build(optimizer)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    rng = np.random.default_rng(0)
    # growing, so that amsgrad's largest v is always the newest
    steps = [[s * rng.uniform(1, 1.1, w.shape) for w in before] for s in (1.0, 2.0, 4.0)]
    for gradients in steps:
        optimizer.apply([keras.ops.convert_to_tensor(g, "float32") for g in gradients])
    for i, (variable, weight) in enumerate(zip(model.trainable_variables, before, strict=True)):
        top = variable.path.split("/")[0]
        rate = 0.01 * {"embeddings": 0.25, "layer_0": 0.5, "classifier": 1.0}[top]
        decay = 0.0 if variable.path.endswith("bias") else 0.1
        wanted = adamw_in_numpy(weight, [g[i] for g in steps], rate, decay)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), wanted, atol=2e-6)


def test_rows_of_an_embedding_that_no_text_has_stay_but_for_the_decay():
    model = build(optimizer := st.AdamW(0.01, weight_decay=0.1))
    model.compile(optimizer=optimizer, loss="mse")
    before = keras.ops.convert_to_numpy(model.trainable_variables[0])
    model.train_on_batch(np.array([[1, 1, 1], [1, 2, 2]]), np.ones((2, 2)))
    after = keras.ops.convert_to_numpy(model.trainable_variables[0])
    np.testing.assert_allclose(after[2:], before[2:] * (1 - 0.01 * 0.1), rtol=1e-5)
    assert np.abs(after[1] - before[1]).min() > 0.005


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="PyTorch keeps an array's order")
def test_a_step_is_the_same_for_a_transposed_array():
    """PyTorch's fused step would mix up the numbers of tensors in different orders."""
    import torch

    rng = np.random.default_rng(0)
    start, slopes = rng.normal(size=(5, 3)), rng.normal(size=(4, 5, 3))
    found = []
    for order in (np.ascontiguousarray, np.asfortranarray):
        variable = keras.Variable(start.astype("float32"))
        variable._value = torch.nn.Parameter(torch.as_tensor(order(start.astype("float32"))))
        optimizer = st.AdamW(0.1)
        optimizer.build([variable])
        for slope in slopes:
            optimizer.apply([torch.as_tensor(slope.astype("float32"))], [variable])
        found.append(keras.ops.convert_to_numpy(variable))
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)
    assert np.abs(found[0] - start).max() > 0.1
