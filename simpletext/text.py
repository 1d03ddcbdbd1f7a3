"""ktrain's `text` namespace: `from simpletext import text`."""

from . import Transformer
from .compat.ktrain import text_classifier, text_regression_model
from .compat.readers import texts_from_array, texts_from_csv, texts_from_df, texts_from_folder

__all__ = [
    "Transformer",
    "text_classifier",
    "text_regression_model",
    "texts_from_array",
    "texts_from_csv",
    "texts_from_df",
    "texts_from_folder",
]
