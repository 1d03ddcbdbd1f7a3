"""What depends on the Keras backend, and every use of a private Keras or TensorFlow API.

No other module asks which backend runs or uses an API of this table. All were tried with Keras
3.15.1: those of TensorFlow with version 2.21.0, the others with PyTorch 2.13.0 and JAX 0.10.2 too.
`tests/utils/test_backend.py` fails if one of them goes away.

| API | used by | why |
|---|---|---|
| `Layer._inbound_nodes`, `KerasTensor._keras_history` | `producing_call` | call the layer that made a symbolic tensor again, with other options |
| `Model.predict_function`, `make_predict_function` | `compile_predict` | compile once for batches of all shapes |
| `Model.train_function` | `forget_training_step` | what changes the step has to compile it anew |
| `Model.jax_state_sync` | `set_learning_rate` | JAX: within `fit` the variables' values are kept elsewhere |
| `Optimizer._exclude_from_weight_decay`, `..._pattern` | `copy_decay_exclusions` | `get_config` leaves them out |
| `Optimizer._backend_update_step`, `_apply_weight_decay`, `_get_variable_index` | `Adam` | work that is shared by all variables is done once per step |
| `Adam._momentums`, `_velocities`, `tf.raw_ops.ResourceApplyAdam` | `Adam` | TensorFlow: one operation per variable instead of some 25 |
| `tf.__internal__.get_enclosing_xla_context` | `map_row_slices` | XLA needs arrays of known shapes |
| `tf.data.experimental.assert_cardinality` | `with_cardinality` | Keras warns of a dataset that ends unexpectedly |
| `tf.config.experimental.get_device_details` | `gpu_has_bfloat16` | the generation of an NVIDIA GPU |
| `keras.ops.custom_gradient` | `custom_gradient` | public, but backends pass the gradient in different ways |
| `keras.distribution.list_devices` | `devices` | public, but fails on PyTorch |
"""  # noqa: E501 - a table

import functools
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

PREFETCHED = 2  # batches prepared while one trains
AMPERE = 8  # the first NVIDIA generation with bfloat16


def name() -> str:
    """The Keras backend: "tensorflow", "jax", "torch" or another one."""
    return keras.backend.backend()


def is_tensorflow() -> bool:
    """Whether Keras runs on TensorFlow."""
    return name() == "tensorflow"


# Devices


def devices() -> list[str]:
    """What Keras computes on, such as "cpu:0", "gpu:0", "tpu:0", "cuda:0" or "cpu"."""
    if name() in ("tensorflow", "jax"):
        return list(keras.distribution.list_devices())
    # Elsewhere list_devices raises an AttributeError; PyTorch's tensors know their device.
    return [str(getattr(ops.zeros(()), "device", "cpu"))]


def gpu_has_bfloat16() -> bool:
    """Whether the GPU that Keras computes on has bfloat16 in its hardware."""
    if is_tensorflow():
        import tensorflow as tf

        gpu = tf.config.list_physical_devices("GPU")[0]
        capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
        return capability is not None and capability[0] >= AMPERE
    if name() == "jax":
        import jax

        capability = getattr(jax.devices()[0], "compute_capability", "0")
        return int(str(capability).split(".")[0]) >= AMPERE
    import torch

    return bool(torch.cuda.is_bf16_supported())


# Models


def compile_predict(model: keras.Model, inputs: Any) -> None:
    """Compile prediction at once for batches of all shapes, if it isn't compiled yet.

    TensorFlow would compile for the first batch's shape, and for the second one's again, for all.
    Nothing happens unless `inputs` is a dict of the model's inputs.
    """
    if model.predict_function is not None or not is_tensorflow() or model.run_eagerly:
        return
    tensors = {tensor.name: tensor for tensor in getattr(model, "inputs", None) or ()}
    if not isinstance(inputs, dict) or inputs.keys() != tensors.keys():
        return
    import tensorflow as tf

    shapes = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    model.make_predict_function()
    compiled: Any = model.predict_function
    compiled.get_concrete_function([(shapes,)])


def forget_training_step(model: keras.Model) -> None:
    """Have the training step compiled anew: it holds constants and the list of its variables."""
    model.train_function = None


def set_learning_rate(model: keras.Model, rate: float) -> None:
    """Set the rate of a model's optimizer, also from a callback in the midst of `fit`."""
    if name() == "jax":
        model.jax_state_sync()  # there Keras keeps the variables' values elsewhere meanwhile
    model.optimizer.learning_rate = rate


def producing_call(tensor: Any) -> tuple[keras.layers.Layer, tuple, dict[str, Any]]:
    """The layer that made a symbolic tensor, with the arguments of that call."""
    layer, call, _ = tensor._keras_history
    given = layer._inbound_nodes[call].arguments
    return layer, given.args, given.kwargs


def short_variable_names() -> AbstractContextManager:
    """A block in which TensorFlow calls a new variable `kernel`, without its layers' names.

    TensorFlow keeps a kernel for each name that it meets: those of a BERT take 0.2 of the 0.5
    seconds that its layers take to make. Keras' paths don't come from there.
    """
    if not is_tensorflow():
        return nullcontext()
    import tensorflow as tf

    return tf.name_scope("")


# Data


def as_fit_dataset(batches: keras.utils.PyDataset, varying: int) -> Any:
    """What `fit` is given: on TensorFlow a `tf.data.Dataset` that isn't autotuned.

    Keras makes an autotuned one of a `PyDataset`. The thread that tunes may miss that an epoch is
    over, and everything waits until it wakes up: for as long as the epoch took, or a minute
    (TensorFlow 2.21).

    Args:
        batches: with a length and `on_epoch_end`.
        varying: in how many of a batch's parts, inputs first, the second dimension varies, as the
            length of texts does.
    """
    if not is_tensorflow():
        return batches
    import tensorflow as tf

    epochs = itertools.count()

    def one_epoch() -> Iterator[tuple]:
        if next(epochs):  # Keras begins each epoch by a new iterator
            batches.on_epoch_end()
        yield from (keras.tree.lists_to_tuples(batches[i]) for i in range(len(batches)))

    signature = _signature(batches[0], varying)
    dataset = tf.data.Dataset.from_generator(one_epoch, output_signature=signature)
    options = tf.data.Options()
    options.autotune.enabled = False
    counted = with_cardinality(dataset, len(batches))
    return counted.prefetch(PREFETCHED).with_options(options)


def _signature(batch: tuple, varying: int) -> Any:
    """The types and shapes of all batches: rows vary, and the length of texts does."""
    import tensorflow as tf

    def spec(part: np.ndarray) -> Any:
        return tf.TensorSpec((None, *part.shape[1:]), part.dtype)

    def text_spec(part: np.ndarray) -> Any:
        return tf.TensorSpec((None,) * part.ndim, part.dtype)

    return tuple(
        keras.tree.map_structure(text_spec if i < varying else spec, part)
        for i, part in enumerate(keras.tree.lists_to_tuples(batch))
    )


def with_cardinality(dataset: Any, steps: int) -> Any:
    """A `tf.data.Dataset` with its length known: else Keras warns at its end that data ran out."""
    import tensorflow as tf

    return dataset.apply(tf.data.experimental.assert_cardinality(steps))


# Gradients


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a gradient written by hand.

    Args:
        function: returns its result, and a function from the result's gradient to those of the
            arguments.
    """

    @ops.custom_gradient
    @functools.wraps(function)
    def with_gradient(*arguments: Any) -> tuple[Any, Callable[..., Any]]:
        result, gradient = function(*arguments)

        def from_backend(*upstream: Any, **named: Any) -> Any:
            return gradient(named["upstream"] if named else upstream[0])  # PyTorch gives the name

        return result, from_backend

    return with_gradient


def has_gradients() -> bool:
    """Whether `value_and_gradient` works on this backend."""
    return name() in ("tensorflow", "jax", "torch")


def value_and_gradient(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    """`function`, and the gradients of its sum by its first argument, a list of arrays.

    Args:
        function: of a list of arrays, and of further arguments, to an array.
        specs: for each argument its shapes and types, as `keras.KerasTensor`. On TensorFlow the
            function is compiled for them once.
    """
    makers = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
    return makers[name()](function, specs)


def _on_tensorflow(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    import tensorflow as tf

    def value_and_gradient(arrays: list, *others: Any) -> tuple[Any, list]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(arrays)
            values = function(arrays, *others)
        return values, tape.gradient(values, arrays)

    signature = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), specs)
    return tf.function(value_and_gradient, signature, autograph=False)


def _on_jax(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    import jax

    def value_and_gradient(arrays: list, *others: Any) -> tuple[Any, list]:
        values, pull = jax.vjp(lambda rows: function(rows, *others), arrays)
        return values, pull(ops.ones_like(values))[0]

    return value_and_gradient


def _on_torch(function: Callable[..., Any], specs: list) -> Callable[..., tuple[Any, Any]]:
    import torch

    def value_and_gradient(arrays: list, *others: Any) -> tuple[Any, tuple]:
        rows = [ops.convert_to_tensor(array).requires_grad_() for array in arrays]
        values = function(rows, *others)
        return values, torch.autograd.grad(values.sum(), rows)

    return value_and_gradient


# Graphs


def compiled(function: Callable[..., Any], specs: list) -> Callable[..., Any]:
    """`function`, compiled once for all shapes on TensorFlow; as it is elsewhere.

    Args:
        function: of tensors, in lists and tuples as in `specs`.
        specs: for each argument its shapes and types, as `keras.KerasTensor`.
    """
    if not is_tensorflow():
        return function
    import tensorflow as tf

    signature = keras.tree.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), specs)
    return tf.function(function, signature, autograph=False)


def after(other: Any, *tensors: Any) -> tuple:
    """The tensors, but no sooner than the other one is there, such as a gradient.

    What is computed again from them would else be computed in the forward pass, and kept: for
    TensorFlow runs what it can run, and does the same thing only once.
    """
    if not is_tensorflow():
        return tensors
    import tensorflow as tf

    with tf.control_dependencies([other]):
        return tuple(tf.identity(tensor) for tensor in tensors)


def map_row_slices(
    function: Callable[..., tuple], arrays: tuple, shapes: list, row_size: Any, limit: int
) -> Any:
    """The arrays that `function` makes of `arrays`, a few rows of the batch after the others.

    All rows at once on JAX, on PyTorch and in XLA, which want arrays of known shapes.

    Args:
        function: of the arrays' rows, to a tuple of arrays.
        arrays: (rows, ...); the first has all rows. One of a single row goes to all slices, as
            does None.
        shapes: of the results, (rows, ...), in so far as they are known.
        row_size: how many numbers `function` holds for a row.
        limit: how many it may hold at once.
    """
    if not is_tensorflow():
        return function(*arrays)
    import tensorflow as tf

    if tf.__internal__.get_enclosing_xla_context() is not None:
        return function(*arrays)
    rows = ops.shape(arrays[0])[0]
    at_once = tf.maximum(limit // tf.maximum(row_size, 1), 1)
    parts = tf.maximum((rows + at_once - 1) // at_once, 1)

    def one(part: Any, results: list) -> tuple[Any, list]:
        rows_of = slice(rows * part // parts, rows * (part + 1) // parts)
        taken = [x if x is None or x.shape[0] == 1 else x[rows_of] for x in arrays]
        made = function(*taken)
        return part + 1, [r.write(part, x) for r, x in zip(results, made, strict=True)]

    results = [
        tf.TensorArray(arrays[0].dtype, parts, infer_shape=False, element_shape=(None, *shape[1:]))
        for shape in shapes
    ]
    _, results = tf.while_loop(
        lambda part, _: part < parts, one, (0, results), parallel_iterations=1
    )
    return [result.concat() for result in results]


def call_traced_once(function: Callable[..., Any], arrays: tuple, *constants: Any) -> Any:
    """`function(arrays, *constants)`; in TensorFlow's graph one function for all such calls.

    For the backward pass alone: of a function that a tape records TensorFlow makes the gradient at
    once.

    Args:
        function: what to call.
        arrays: tensors, or None.
        constants: further arguments, which can be hashed.
    """
    if is_tensorflow():
        import tensorflow as tf

        if not tf.executing_eagerly():
            return _traced_once(function, constants)(*arrays)
    return function(arrays, *constants)


@functools.cache
def _traced_once(function: Callable[..., Any], constants: tuple) -> Any:
    import tensorflow as tf

    return tf.function(lambda *arrays: function(arrays, *constants), autograph=False)


# Optimizers


class Adam(keras.optimizers.Adam):
    """Keras' Adam, which on TensorFlow updates a variable in one operation.

    Subclasses override `begin_step` and `update_step`; weight decay is theirs. `beta_1` may be a
    variable.
    """

    def begin_step(self, learning_rate: Any) -> None:
        """Called once per step, before the variables are updated one by one."""

    def index_of(self, variable: Any) -> int:
        """The place of a variable among those that the optimizer was built for."""
        return self._get_variable_index(variable)

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        """Keras' call for all variables: what they share is computed once."""
        self.begin_step(learning_rate)
        if self._in_one_operation:
            step = ops.cast(self.iterations + 1, "float32")
            beta_1 = ops.multiply(self.beta_1, 1.0)  # a tensor: a variable would be read each time
            self._scalars = {  # by the names that TensorFlow's operation has for them
                "beta1": beta_1,
                "beta2": ops.convert_to_tensor(self.beta_2, "float32"),
                "beta1_power": ops.power(beta_1, step),
                "beta2_power": ops.power(self.beta_2, step),
                "epsilon": ops.convert_to_tensor(self.epsilon, "float32"),
            }
        return super()._backend_update_step(grads, trainable_variables, learning_rate)

    @property
    def _in_one_operation(self) -> bool:
        # Keras' own step is some 25 operations per variable, each of them a pass over memory.
        return is_tensorflow() and not self.amsgrad

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Adam's step for one variable, by the same formula on all backends."""
        if not self._in_one_operation:
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        index = self.index_of(variable)
        scalars = self._scalars | {"lr": learning_rate}
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
            **{name: ops.cast(scalar, variable.dtype) for name, scalar in scalars.items()},
        )

    def _apply_weight_decay(self, variables: list) -> None:
        """Nothing: a subclass decays in `update_step`, at each variable's own rate."""


def copy_decay_exclusions(
    source: keras.optimizers.Optimizer, target: keras.optimizers.Optimizer
) -> None:
    """Exclude the variables from weight decay that `source` excludes."""
    for attribute in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if hasattr(source, attribute):
            setattr(target, attribute, getattr(source, attribute))
