"""Functions in TensorFlow's graphs."""

import functools
import threading
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from .current import is_tensorflow


def compiled(function: Callable[..., Any], specs: list) -> Callable[..., Any]:
    """`function`, compiled once for all shapes on TensorFlow; as it is elsewhere.

    Args:
        function: of tensors, in lists and tuples as in `specs`.
        specs: for each argument its shapes and types, as `keras.KerasTensor`.
    """
    if not is_tensorflow():
        return function
    return _Compiled(function, specs)


class _Compiled:
    """A TensorFlow graph of a function.

    `tf.function` checks the nested arguments at each call, which takes as long as the graph of a
    small step. Here they are flat, and of the types that the graph was made for.
    """

    def __init__(self, function: Callable[..., Any], specs: list) -> None:
        self._function, self._specs = function, specs
        self._lock, self._result = threading.Lock(), None
        self._graph: Any = None  # made at the first call

    def __call__(self, *arguments: Any) -> Any:
        import tensorflow as tf

        with self._lock:
            self._graph = self._graph or self._traced()
        tensors = [
            tf.convert_to_tensor(value, spec.dtype)
            for value, spec in zip(
                keras.tree.flatten(arguments), keras.tree.flatten(self._specs), strict=True
            )
        ]
        results = self._graph(*tensors)
        return keras.tree.pack_sequence_as(self._result, results)

    def _traced(self) -> Any:
        import tensorflow as tf

        def flat(*tensors: Any) -> list:
            result = self._function(*keras.tree.pack_sequence_as(self._specs, tensors))
            self._result = keras.tree.map_structure(lambda x: None, result)
            return keras.tree.flatten(result)

        signature = [tf.TensorSpec(x.shape, x.dtype) for x in keras.tree.flatten(self._specs)]
        return tf.function(flat, signature, autograph=False).get_concrete_function()


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
