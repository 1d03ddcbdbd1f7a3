"""The private APIs that `simpletext.utils.backend` uses are there, and nobody else uses them."""

import ast
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from simpletext.models.precision import has_bfloat16  # the original: conftest.py replaces it
from simpletext.training.optimizer import AdamW
from simpletext.utils import backend

PACKAGE = Path(__file__).parents[2] / "simpletext"
OWN = sorted((PACKAGE / "utils" / "backend").glob("*.py"))
FILES = sorted(set(PACKAGE.rglob("*.py")) - set(OWN))

# Attributes of Keras and TensorFlow that only the folder `backend` may use.
PRIVATE = {
    "raw_ops", "__internal__", "jax_state_sync", "make_predict_function", "predict_function",
    "train_function", "make_train_function", "test_function", "list_devices",
    "list_physical_devices", "get_device_details", "assert_cardinality",
    "_backend_update_step", "_apply_weight_decay", "_get_variable_index", "_momentums",
    "_velocities", "_inbound_nodes", "_keras_history", "GradientTape", "control_dependencies",
}  # fmt: skip

on_tensorflow = pytest.mark.skipif(not backend.is_tensorflow(), reason="an API of TensorFlow")


def small_model():
    """Two inputs, each (batch, any length) -> (batch, 1)."""
    inputs = {name: keras.Input((None,), name=name, dtype="float32") for name in ("a", "b")}
    total = ops.sum(inputs["a"] + inputs["b"], axis=1, keepdims=True)
    model = keras.Model(inputs, keras.layers.Dense(1)(total))
    model.compile(AdamW(0.1), "mse")
    return model


def batch(length=3):
    return {name: np.ones((2, length), "float32") for name in ("a", "b")}


def used_names(path):
    """The attributes, imported modules, methods and strings that could be names in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_private_apis_and_switches_are_in_one_folder(path):
    source = path.read_text(encoding="utf-8")
    assert not PRIVATE & set(used_names(path))
    assert not re.search(
        r"keras\.src|keras\.(backend|config)\.backend\(|ops\.custom_gradient", source
    )
    assert "_exclude_from_weight_decay" not in source


def test_the_table_names_what_the_folder_uses():
    documented = set(re.findall(r"\w+", backend.__doc__))
    here = {name for path in OWN for name in used_names(path)} & PRIVATE
    public = {"list_physical_devices", "GradientTape", "control_dependencies"}
    assert here - public <= documented


def test_the_name_is_that_of_keras():
    assert backend.name() == keras.backend.backend()
    assert backend.is_tensorflow() == (keras.backend.backend() == "tensorflow")


def test_devices_have_a_kind_and_a_number():
    assert backend.devices()
    assert all(re.match(r"(cpu|gpu|cuda|tpu|mps)\b", device) for device in backend.devices())


def test_precision_auto_works_where_keras_lists_no_devices(monkeypatch):
    """Keras 3.15 raises an AttributeError on PyTorch."""

    def list_devices(device_type=None):
        raise AttributeError("'NoneType' object has no attribute 'list_devices'")

    monkeypatch.setattr(keras.distribution, "list_devices", list_devices)
    monkeypatch.setattr("simpletext.utils.backend.current.name", lambda: "torch")
    assert has_bfloat16() in (True, False)


@pytest.mark.parametrize(("device", "has"), [("cuda:0", True), ("mps:0", False)])
def test_a_gpu_decides_the_precision(device, has, monkeypatch):
    monkeypatch.setattr(backend, "devices", lambda: [device])
    monkeypatch.setattr(backend, "gpu_has_bfloat16", lambda: True)
    monkeypatch.setattr("simpletext.models.precision._cpu_gains_by_bfloat16", lambda: False)
    assert has_bfloat16() is has


@on_tensorflow
@pytest.mark.parametrize(("details", "has"), [((8, 0), True), ((7, 5), False), (None, False)])
def test_the_generation_of_a_gpu_decides(details, has, monkeypatch):
    import tensorflow as tf

    told = {"compute_capability": details} if details else {}
    assert callable(tf.config.experimental.get_device_details)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: told)
    assert backend.gpu_has_bfloat16() is has


@on_tensorflow
def test_prediction_is_compiled_once_for_all_shapes():
    model = small_model()
    backend.compile_predict(model, batch())
    graph = model.predict_function
    assert graph is not None
    for length in (3, 5, 8):
        model.predict_on_batch(batch(length))
    assert model.predict_function is graph
    assert graph.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("inputs", [np.ones((2, 3)), {"a": np.ones((2, 3))}])
def test_inputs_without_the_models_names_are_left_to_keras(inputs):
    model = small_model()
    backend.compile_predict(model, inputs)
    assert model.predict_function is None


def test_a_forgotten_training_step_is_compiled_anew():
    model = small_model()
    model.fit(batch(), np.ones((2, 1)), verbose=0)
    assert model.train_function is not None
    backend.forget_training_step(model)
    assert model.train_function is None
    model.fit(batch(), np.ones((2, 1)), verbose=0)
    assert model.train_function is not None


def test_the_learning_rate_can_be_set_within_fit():
    model = small_model()
    rates = []

    class Callback(keras.callbacks.Callback):
        def on_train_batch_begin(self, step, logs=None):
            backend.set_learning_rate(model, 0.25)

        def on_train_end(self, logs=None):
            rates.append(float(ops.convert_to_numpy(model.optimizer.learning_rate)))

    model.fit(batch(), np.ones((2, 1)), verbose=0, callbacks=[Callback()])
    assert rates == [0.25]
    assert hasattr(model, "jax_state_sync") or backend.name() != "jax"


def test_the_call_that_made_a_tensor_can_be_repeated():
    class Scale(keras.layers.Layer):
        def call(self, x, by=1.0, again=False):
            return x * by * (2.0 if again else 1.0)

    inputs = keras.Input((2,))
    scale = Scale()
    layer, arguments, options = backend.producing_call(scale(inputs, by=3.0))
    assert layer is scale
    model = keras.Model(inputs, layer(*arguments, **options, again=True))
    np.testing.assert_allclose(model.predict_on_batch(np.ones((1, 2))), [[6.0, 6.0]])


def test_variables_excluded_from_decay_stay_excluded():
    first, second = (keras.optimizers.AdamW(weight_decay=0.1) for _ in range(2))
    first.exclude_from_weight_decay(var_names=["bias"])
    backend.copy_decay_exclusions(first, second)
    variable = keras.Variable([1.0], name="bias")
    assert not first._use_weight_decay(variable)
    assert not second._use_weight_decay(variable)


class Recorder(backend.Adam):
    """Remembers the calls of its hooks."""

    calls: list

    def begin_step(self, learning_rate):
        self.calls.append("begin")

    def update_step(self, gradient, variable, learning_rate):
        self.calls.append(self.index_of(variable))
        super().update_step(gradient, variable, learning_rate)


def variables_after(optimizer, steps=3):
    variables = [keras.Variable([1.0, -2.0]), keras.Variable([[3.0]])]
    optimizer.build(variables)
    for step in range(1, steps + 1):
        gradients = [ops.convert_to_tensor([0.5 * step, -1.0]), ops.convert_to_tensor([[2.0]])]
        optimizer.apply(gradients, variables)
    return [ops.convert_to_numpy(variable) for variable in variables]


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_takes_the_steps_of_keras_and_calls_its_hooks(amsgrad):
    ours, theirs = Recorder(0.1, amsgrad=amsgrad), keras.optimizers.Adam(0.1, amsgrad=amsgrad)
    ours.calls = []
    for mine, other in zip(variables_after(ours), variables_after(theirs), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5)
    by_variable = [] if backend.name() == "torch" and not amsgrad else [0, 1]
    assert list(ours.calls) == ["begin", *by_variable] * 3


@on_tensorflow
def test_adam_is_one_operation_of_tensorflow(monkeypatch):
    import tensorflow as tf

    called = []
    apply = tf.raw_ops.ResourceApplyAdam
    monkeypatch.setattr(
        tf.raw_ops, "ResourceApplyAdam", lambda **named: called.append(1) or apply(**named)
    )
    variables_after(backend.Adam(0.1), steps=1)
    assert len(called) == 2


def test_weight_decay_is_left_to_subclasses():
    plain, decayed = (variables_after(backend.Adam(0.1, weight_decay=w)) for w in (None, 0.5))
    for one, other in zip(plain, decayed, strict=True):
        np.testing.assert_allclose(one, other)


def test_value_and_gradient():
    def function(arrays, factor):
        return ops.sum(arrays[0] * arrays[0], axis=1) * factor + ops.sum(arrays[1], axis=1)

    specs = [[keras.KerasTensor((None, 2), "float32")] * 2, keras.KerasTensor((), "float32")]
    both = backend.value_and_gradient(function, specs)
    x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    values, gradients = both([x, x], np.float32(2.0))
    np.testing.assert_allclose(ops.convert_to_numpy(values), [13.0, 57.0])
    np.testing.assert_allclose(ops.convert_to_numpy(gradients[0]), 4.0 * x)
    np.testing.assert_allclose(ops.convert_to_numpy(gradients[1]), np.ones_like(x))


def test_a_gradient_written_by_hand_is_used():
    @backend.custom_gradient
    def tripled(x):
        return x * 3.0, lambda g: g * 100.0

    both = backend.value_and_gradient(
        lambda arrays: ops.sum(tripled(arrays[0]), axis=1), [[keras.KerasTensor((None, 1))]]
    )
    values, gradients = both([np.ones((2, 1), "float32")])
    np.testing.assert_allclose(ops.convert_to_numpy(values), [3.0, 3.0])
    np.testing.assert_allclose(ops.convert_to_numpy(gradients[0]), [[100.0], [100.0]])


def test_rows_are_mapped_slice_by_slice():
    x = ops.reshape(ops.arange(10.0), (5, 2))
    one = ops.ones((1, 2))
    sizes = []

    def function(x, one, nothing):
        assert nothing is None
        sizes.append(len(x))
        return (x + one, x * 2.0)

    total, double = backend.map_row_slices(function, (x, one, None), [(None, 2)] * 2, 2, 4)
    np.testing.assert_allclose(ops.convert_to_numpy(total), ops.convert_to_numpy(x) + 1.0)
    np.testing.assert_allclose(ops.convert_to_numpy(double), ops.convert_to_numpy(x) * 2.0)
    assert sizes == ([1, 2, 2] if backend.is_tensorflow() else [5])


@on_tensorflow
def test_xla_is_recognised():
    import tensorflow as tf

    assert tf.__internal__.get_enclosing_xla_context() is None
    graph = tf.function(
        lambda x: backend.map_row_slices(lambda x: (x + 1.0,), (x,), [(None, 2)], 2, 2)[0],
        jit_compile=True,
    )
    np.testing.assert_allclose(graph(tf.ones((3, 2))), np.full((3, 2), 2.0))


@on_tensorflow
def test_a_dataset_can_be_given_its_length():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_generator(lambda: iter([1, 2]), output_types=tf.int32)
    assert int(backend.with_cardinality(dataset, 2).cardinality()) == 2


@on_tensorflow
def test_names_of_variables_are_short():
    import tensorflow as tf

    with tf.name_scope("outer"), backend.short_variable_names():
        assert tf.Variable(1.0, name="kernel").name == "kernel:0"
