"""Vectors of texts: what a model's head takes, for linear probes and similarities."""

import keras
import numpy as np

from ..models.heads import MaskedMean
from ..models.loading import architecture_of
from ..tokenization.encoded_texts import EncodedTexts
from ..utils.validation import require_verbose
from .forward import predict_logits
from .outputs import check_ids


def embedder(model: keras.Model) -> keras.Model:
    """The part of a classifier below its head: dict of ids -> (batch, features).

    With mean pooling that is the mean of the tokens' states, as sentence-transformers has it; with
    other heads it is what their first layer takes, mostly the state of the first token.
    """
    heads = architecture_of(model).head.table
    states = next(layer for layer in model.layers if layer.name in heads).input
    if len(states.shape) == 3:  # a head on every token, whose logits are averaged
        mask = next(each for each in model.inputs if each.name == "attention_mask")
        states = MaskedMean(name="mean_states")(states, mask)
    return keras.Model(model.input, states)


def embed(model: keras.Model, data: EncodedTexts, batch_size: int, verbose: int = 0) -> np.ndarray:
    """One vector per text by the encoder of a classifier, (texts, features) float32."""
    require_verbose(verbose)
    check_ids(data, model)
    return predict_logits(embedder(model), data, batch_size, verbose)
