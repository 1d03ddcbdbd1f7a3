"""ktrain's `text` namespace: `from simpletext import text`."""

from .transformer import Transformer

__all__ = ["Transformer"]
