"""Few-line training and use of Hugging Face text encoders on Keras 3."""

from . import text
from .check import check
from .errors import SimpletextError
from .learner import Learner, get_learner
from .models import load_classifier, load_encoder, save_checkpoint
from .optimizer import AdamW
from .predictor import Predictor, get_predictor, load_predictor
from .tables import read_texts
from .tfrecords import read_tfrecord, write_tfrecord
from .train import train
from .transformer import Transformer

__version__ = "0.1.0"

__all__ = [
    "AdamW",
    "Learner",
    "Predictor",
    "SimpletextError",
    "Transformer",
    "check",
    "get_learner",
    "get_predictor",
    "load_classifier",
    "load_encoder",
    "load_predictor",
    "read_texts",
    "read_tfrecord",
    "save_checkpoint",
    "text",
    "train",
    "write_tfrecord",
]
