"""Logits for encoded texts: the one prediction path of `Learner` and `Predictor`."""

import keras
import numpy as np

from .batches import Batches, EncodedTexts


def predict_logits(model: keras.Model, data: EncodedTexts, batch_size: int) -> np.ndarray:
    """The model's outputs in the order of the data, (texts, labels) float32.

    Texts of about equal length share a batch, so that little is spent on padding.
    """
    batches = Batches(data, batch_size)
    batches.on_epoch_begin()
    outputs = [model.predict_on_batch(batches[i][0]) for i in range(len(batches))]
    stacked = np.concatenate(outputs).astype("float32")
    logits = np.empty_like(stacked)
    logits[batches.order] = stacked
    return logits
