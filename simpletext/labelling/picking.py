"""Which texts to label next: those that a model is unsure of, and that differ from each other."""

from typing import Any

import keras
import numpy as np

from ..inference.embeddings import embedder
from ..inference.forward import predict_logits
from ..inference.outputs import check_ids
from ..tokenization.encoded_texts import EncodedTexts
from ..utils.validation import require_verbose
from .suspects import centred_unit


def vectors_and_logits(
    model: keras.Model, data: EncodedTexts, batch_size: int, verbose: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Texts' vectors and logits, from one pass of the encoder, each (texts, ...) float32."""
    require_verbose(verbose)
    check_ids(data, model)
    encoder = embedder(model)
    head: Any = keras.Model(encoder.output, model.output)
    vectors = predict_logits(encoder, data, batch_size, verbose)
    logits = keras.ops.convert_to_numpy(head(vectors, training=False))
    return vectors, logits


def spread_out(vectors: np.ndarray, weights: np.ndarray, n: int) -> list[int]:
    """Rows with large weights that are far from each other, the best first.

    Each is the one with the largest weight times cosine distance to the nearest one before it
    (k-center greedy, https://arxiv.org/abs/1708.00489, with weights).

    Args:
        vectors: (rows, features).
        weights: (rows,), 0 or more.
        n: how many rows.

    Example:
        >>> spread_out(np.array([[1.0, 0], [1, 0.1], [0, 1], [-1, 0]]), np.array([3, 2.9, 2, 1]), 3)
        [0, 2, 3]
    """
    unit = centred_unit(vectors)
    free, nearest = np.ones(len(unit), bool), np.full(len(unit), 2.0)
    picked: list[int] = []
    for _ in range(min(n, len(unit))):
        worth = np.where(free, (weights + 1e-9) * np.maximum(nearest, 1e-9), -1.0)
        row = int(np.argmax(worth))
        picked.append(row)
        free[row] = False
        nearest = np.minimum(nearest, 1 - unit @ unit[row])
    return picked
