"""Few-line training and use of Hugging Face text encoders on Keras 3."""

from . import text
from .errors import SimpletextError
from .learner import Learner, get_learner
from .models import load_classifier, load_encoder, save_checkpoint
from .optimizer import AdamW
from .predictor import Predictor, get_predictor, load_predictor
from .transformer import Transformer

__version__ = "0.1.0"

__all__ = [
    "AdamW",
    "Learner",
    "Predictor",
    "SimpletextError",
    "Transformer",
    "get_learner",
    "get_predictor",
    "load_classifier",
    "load_encoder",
    "load_predictor",
    "save_checkpoint",
    "text",
]
