"""ktrain's `text` namespace: `from simpletext import text`."""

from . import Transformer
from .compat.entities import (
    entities_from_array,
    entities_from_conll2003,
    entities_from_df,
    entities_from_txt,
)
from .compat.ktrain import text_classifier, text_regression_model
from .compat.readers import texts_from_array, texts_from_csv, texts_from_df, texts_from_folder

__all__ = [
    "Transformer",
    "entities_from_array",
    "entities_from_conll2003",
    "entities_from_df",
    "entities_from_txt",
    "text_classifier",
    "text_regression_model",
    "texts_from_array",
    "texts_from_csv",
    "texts_from_df",
    "texts_from_folder",
]
