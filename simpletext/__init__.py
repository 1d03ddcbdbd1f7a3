"""Few-line training and use of Hugging Face text encoders on Keras 3."""

from . import text
from .data.entity_files import read_entities
from .data.parallel_texts import read_pairs
from .data.tables import read_texts
from .data.tags import repair_tags
from .errors import SimpletextError
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
    "convert",
    "generate",
    "get_learner",
    "get_predictor",
    "load_classifier",
    "load_encoder",
    "load_predictor",
    "read_entities",
    "read_pairs",
    "read_texts",
    "read_tfrecord",
    "repair_tags",
    "save_checkpoint",
    "text",
    "train",
    "write_tfrecord",
]
