"""Logits for encoded texts: the one prediction path of `Learner` and `Predictor`."""

import threading
from typing import Any

import keras
import numpy as np

from ..errors import WeightsError
from ..tokenization.batching import Batches
from ..tokenization.encoded_texts import EncodedTexts
from ..utils import backend, console
from ..utils.processes import require_unforked
from ..utils.ragged import flattened, is_ragged, ragged, split_as

# Keras stores prediction state on the model, so two threads would disturb each other. One batch at
# a time costs nothing: a batch uses all cores.
_ONE_AT_A_TIME = threading.Lock()


def predict_logits(
    model: keras.Model, data: EncodedTexts, batch_size: int, verbose: int = 0
) -> np.ndarray:
    """The model's outputs in the order of the data, (texts, labels) float32.

    Of texts with words, rows of (words, labels), the words that have a token (see `utils.ragged`).

    Texts of about equal length share a batch, so that little is spent on padding.

    Raises:
        WeightsError: outputs that aren't finite numbers.
    """
    batches = Batches(data, batch_size)
    outputs = []
    with console.bar(len(batches), "predict", verbose) as bar:
        for i in range(len(batches)):
            found = predict_batch(model, batches[i][0], len(batches.rows[i]))
            outputs.append(found if data.word_ids is None else _of_words(found, data, batches, i))
            bar.update()
    stacked = np.concatenate(outputs)
    if data.word_ids is None:
        stacked = stacked.astype("float32")
    logits = np.empty_like(stacked)
    logits[batches.order] = stacked
    _check_finite(logits)
    return logits


def _of_words(outputs: np.ndarray, data: EncodedTexts, batches: Batches, index: int) -> np.ndarray:
    """The outputs of words' first tokens, one row per text."""
    mask = data.first_tokens(batches.rows[index])
    flat = outputs.astype("float32")[mask]
    return split_as(flat, ragged(row[row] for row in mask))


def _check_finite(logits: np.ndarray) -> None:
    """Refuse NaN and infinity: the prediction would always be the first class."""
    if is_ragged(logits):
        finite = split_as(np.isfinite(flattened(logits)), logits)
        wrong = np.flatnonzero([not row.all() for row in finite])
    else:
        wrong = np.flatnonzero(~np.isfinite(logits.reshape(len(logits), -1)).all(axis=1))
    if len(wrong):
        raise WeightsError(
            f"The model returns NaN or infinity for {len(wrong)} of {len(logits)} rows, the first "
            f"is row {wrong[0]}. Its weights are damaged, or its training failed: load it again, "
            "or call reset_weights() and train with a lower learning rate."
        )


def predict_batch(model: keras.Model, inputs: Any, rows: int) -> np.ndarray:
    """The model's outputs for one batch of `rows` rows, (rows, ...)."""
    require_unforked()
    # TensorFlow takes several models with one batch each for one model that is traced too often,
    # and warns.
    with _ONE_AT_A_TIME, console.silent("tensorflow"):
        backend.compile_predict(model, inputs)
        outputs = model.predict_on_batch(inputs)
    # In the scope of a tf.distribute strategy each device predicts the whole batch.
    return np.asarray(outputs[:rows])
