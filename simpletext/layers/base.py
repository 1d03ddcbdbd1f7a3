"""The base class of all layers, and the source of new weights' values.

Every layer keeps its constructor's arguments as attributes of the same names, from which
`get_config` is derived.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from ..utils import backend

_value_of: ContextVar[Callable[[str, tuple[int, ...]], Any] | None] = ContextVar(
    "value_of", default=None
)


@contextmanager
def filled_by(value_of: Callable[[str, tuple[int, ...]], Any]) -> Iterator[None]:
    """In this block new weights take the value `value_of(path, shape)`, if that isn't None.

    Weights that are initialised first and overwritten later would cost twice the time.
    """
    token = _value_of.set(value_of)
    try:
        yield
    finally:
        _value_of.reset(token)


class Part(keras.layers.Layer):
    """A layer whose constructor arguments are also its attributes."""

    def add_weight(self, *, name, shape, initializer=None, **kwargs):
        value_of = _value_of.get()
        value = None if value_of is None else value_of(f"{self.path}/{name}", shape)
        if value is not None:
            initializer = lambda shape, dtype: ops.cast(value, dtype)  # noqa: E731
        with backend.short_variable_names():
            return super().add_weight(name=name, shape=shape, initializer=initializer, **kwargs)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._takes_training = "training" in inspect.signature(cls.call).parameters

    def __call__(self, *args, **kwargs):
        """Keras' call, which is left out within another layer's where that can be done."""
        training = backend.training_within_call(self, args[0] if args else None)
        if training is backend.OutsideCall:
            return super().__call__(*args, **kwargs)
        given = kwargs.pop("training", None)
        if self._takes_training:
            kwargs["training"] = training if given is None else given
        return self.call(*args, **kwargs)

    def get_config(self) -> dict:
        kinds = [kind for kind in type(self).__mro__ if issubclass(kind, Part) and kind is not Part]
        own = [p for k in kinds for p in inspect.signature(k.__init__).parameters.values()]
        named = {p.name for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)} - {"self"}
        return super().get_config() | {name: getattr(self, name) for name in sorted(named)}
