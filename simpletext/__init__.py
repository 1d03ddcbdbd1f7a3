"""Few-line training and use of Hugging Face text encoders on Keras 3.

The public names are imported when they are first used (PEP 562): `import simpletext` itself loads
neither Keras nor its backend.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import SimpletextError

if TYPE_CHECKING:  # editors and type checkers see the names with their types
    from . import scale, text
    from .data.entity_files import read_entities
    from .data.parallel_texts import read_pairs
    from .data.streams import read_stream
    from .data.tables import read_texts
    from .data.tags import repair_tags
    from .evaluation.data_check import check
    from .inference.generation import generate
    from .learner import Learner, get_learner
    from .models.loading import load_classifier, load_encoder, save_checkpoint
    from .predictor import Predictor, get_predictor, load_predictor
    from .quick import train
    from .saving.convert import convert
    from .seq2seq import Seq2Seq
    from .tokenization.tfrecords import read_tfrecord, write_tfrecord
    from .training.optimizer import AdamW
    from .transformer import Transformer
    from .translator import Translator
    from .tuning.comparison import compare
    from .tuning.tuner import tune

__version__ = "0.2.0"

__all__ = [
    "AdamW",
    "Learner",
    "Predictor",
    "Seq2Seq",
    "SimpletextError",
    "Transformer",
    "Translator",
    "check",
    "compare",
    "convert",
    "generate",
    "get_learner",
    "get_predictor",
    "load_classifier",
    "load_encoder",
    "load_predictor",
    "read_entities",
    "read_pairs",
    "read_stream",
    "read_texts",
    "read_tfrecord",
    "repair_tags",
    "save_checkpoint",
    "scale",
    "text",
    "train",
    "tune",
    "write_tfrecord",
]

_MODULES = {
    "AdamW": "training.optimizer",
    "Learner": "learner",
    "Predictor": "predictor",
    "Seq2Seq": "seq2seq",
    "Transformer": "transformer",
    "Translator": "translator",
    "check": "evaluation.data_check",
    "compare": "tuning.comparison",
    "convert": "saving.convert",
    "generate": "inference.generation",
    "get_learner": "learner",
    "get_predictor": "predictor",
    "load_classifier": "models.loading",
    "load_encoder": "models.loading",
    "load_predictor": "predictor",
    "read_entities": "data.entity_files",
    "read_pairs": "data.parallel_texts",
    "read_stream": "data.streams",
    "read_texts": "data.tables",
    "read_tfrecord": "tokenization.tfrecords",
    "repair_tags": "data.tags",
    "save_checkpoint": "models.loading",
    "train": "quick",
    "tune": "tuning.tuner",
    "write_tfrecord": "tokenization.tfrecords",
}


def __getattr__(name: str) -> Any:
    """A public name at its first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .utils.startup import import_keras

    import_keras()
    if name in ("scale", "text"):
        return import_module(f".{name}", __name__)
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
