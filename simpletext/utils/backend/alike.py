"""Layers alike, such as the blocks of an encoder, are traced once by TensorFlow.

TensorFlow takes as long to trace and optimise a block as to compute it a dozen times, and a model
has many blocks. Here all blocks of a kind are calls of one function of their weights.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras

from .current import is_tensorflow

Call = Callable[..., Any]
# kind of layer -> its function and the places of the variables that the function changes
_functions: ContextVar[dict[tuple, tuple[Any, list[int]]] | None] = ContextVar(
    "functions", default=None
)


@contextmanager
def layers_alike_traced_once() -> Iterator[None]:
    """A block in which each `traced_once_if_alike` call is traced once per kind of layer.

    Outside, as in exports, layers are traced one by one: their graphs hold no functions.
    """
    if not is_tensorflow() or _functions.get() is not None:
        yield
        return
    token = _functions.set({})
    try:
        yield
    finally:
        _functions.reset(token)


def traced_once_if_alike(call: Call) -> Call:
    """A layer's `call`, which `layers_alike_traced_once` applies to.

    Args:
        call: of arrays by position, and options by name that can be hashed. What it returns
            depends on them, the layer's configuration and its variables alone.
    """

    @functools.wraps(call)
    def by_kind(layer: keras.layers.Layer, *arrays: Any, **options: Any) -> Any:
        functions = _functions.get()
        if functions is None or not _in_graph():
            return call(layer, *arrays, **options)
        kind = _kind(layer, options)
        if kind not in functions:
            functions[kind] = _function(functools.partial(call, **options), layer)
        function, changed = functions[kind]
        variables = layer.variables
        result, values = function([_whole(v) for v in variables], arrays)
        for place, value in zip(changed, values, strict=True):
            variables[place].assign(value)
        return result

    return by_kind


def _in_graph() -> bool:
    import tensorflow as tf

    return not tf.executing_eagerly()


def _whole(variable: keras.Variable) -> Any:
    """The variable's value in its own type, whatever the layer computes in."""
    import tensorflow as tf

    return tf.convert_to_tensor(variable._value)


def _kind(layer: keras.layers.Layer, options: dict[str, Any]) -> tuple:
    """What layers have in common whose calls differ in the values of their variables only."""
    config = {key: x for key, x in layer.get_config().items() if key not in ("name", "seed")}
    variables = [(tuple(v.shape), v.dtype, v.trainable) for v in layer.variables]
    return type(layer), repr(config), tuple(variables), tuple(sorted(options.items()))


def _function(call: Call, layer: keras.layers.Layer) -> tuple[Any, list[int]]:
    """`call` as a function of the variables' values and the arrays.

    It returns the result, and the new values of the variables that it changes, as the states of
    random numbers. Their places are in the list, once it is traced.
    """
    import tensorflow as tf

    variables = layer.variables
    changed: list[int] = []

    def of_values(values: list, arrays: tuple) -> tuple[Any, list]:
        held = [
            value if variable.trainable else tf.stop_gradient(value)
            for variable, value in zip(variables, values, strict=True)
        ]
        token = _functions.set(None)
        try:
            with keras.StatelessScope(list(zip(variables, held, strict=True))) as scope:
                before = [scope.get_current_value(variable) for variable in variables]
                result = call(layer, *arrays)
        finally:
            _functions.reset(token)
        after = [scope.get_current_value(variable) for variable in variables]
        changed[:] = [i for i, value in enumerate(before) if after[i] is not value]
        return result, [after[i] for i in changed]

    # Inlined, each call would be optimised by itself again.
    once = {"_noinline": True}
    return tf.function(of_values, autograph=False, experimental_attributes=once), changed
