"""What `fit` is given."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from .current import is_tensorflow

PREFETCHED = 2  # batches prepared while one trains


def as_fit_dataset(batches: keras.utils.PyDataset, varying: int) -> Any:
    """What `fit` is given: on TensorFlow a `tf.data.Dataset` that isn't autotuned.

    Keras makes an autotuned one of a `PyDataset`. The thread that tunes may miss that an epoch is
    over, and everything waits until it wakes up: for as long as the epoch took, or a minute
    (TensorFlow 2.21).

    Args:
        batches: with a length and `on_epoch_end`.
        varying: in how many of a batch's parts, inputs first, the second dimension varies, as the
            length of texts does.
    """
    if not is_tensorflow():
        return batches
    import tensorflow as tf

    epochs = itertools.count()

    def one_epoch() -> Iterator[tuple]:
        if next(epochs):  # Keras begins each epoch by a new iterator
            batches.on_epoch_end()
        yield from (keras.tree.lists_to_tuples(batches[i]) for i in range(len(batches)))

    signature = _signature(batches[0], varying)
    dataset = tf.data.Dataset.from_generator(one_epoch, output_signature=signature)
    options = tf.data.Options()
    options.autotune.enabled = False
    counted = with_cardinality(dataset, len(batches))
    return counted.prefetch(PREFETCHED).with_options(options)


def _signature(batch: tuple, varying: int) -> Any:
    """The types and shapes of all batches: rows vary, and the length of texts does."""
    import tensorflow as tf

    def spec(part: np.ndarray) -> Any:
        return tf.TensorSpec((None, *part.shape[1:]), part.dtype)

    def text_spec(part: np.ndarray) -> Any:
        return tf.TensorSpec((None,) * part.ndim, part.dtype)

    return tuple(
        keras.tree.map_structure(text_spec if i < varying else spec, part)
        for i, part in enumerate(keras.tree.lists_to_tuples(batch))
    )


def with_cardinality(dataset: Any, steps: int) -> Any:
    """A `tf.data.Dataset` with its length known: else Keras warns at its end that data ran out."""
    import tensorflow as tf

    return dataset.apply(tf.data.experimental.assert_cardinality(steps))
