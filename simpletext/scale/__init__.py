"""Work on several processes and machines, by Ray: `pip install 'simpletext-keras[ray]'`.

Only this package imports Ray, and only when a function of it is called. The functions are imported
when they are first used, so that a worker loads no more than it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .predicting import predict
    from .training import train
    from .tuning import tune

__all__ = ["predict", "train", "tune"]

_MODULES = {"predict": "predicting", "train": "training", "tune": "tuning"}


def __getattr__(name: str) -> Any:
    """A function at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
