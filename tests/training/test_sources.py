"""What `fit` is given: the batches of an epoch after the other, without autotuning."""

import keras
import numpy as np
import pytest

from simpletext.tasks.labels import Labels
from simpletext.tokenization.batching import Batches
from simpletext.tokenization.encoded_texts import EncodedTexts
from simpletext.tokenization.layout import Layout
from simpletext.training.sources import for_fit, one_pass

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="for_fit changes nothing on other backends"
)


def texts(epoch=0, weights=None):
    """Batches of 4 texts of 1 to 30 tokens."""
    lengths = list(range(1, 31))
    ids, types = [range(1, n + 1) for n in lengths], [[0] * n for n in lengths]
    layout = Layout(("input_ids", "attention_mask"), 0, 0, "right")
    data = EncodedTexts.gather(ids, types, lengths, layout, [f"text {n}" for n in lengths])
    labels = Labels("single_label_classification", ())
    data = data.with_labels(np.arange(30), labels)
    return Batches(data, 4, True, seed=2, epoch=epoch, weights=weights)


def arrays(x, weights=None):
    return Batches(x, 4, True, seed=2, y=np.arange(10.0), weights=weights)


def assert_same(found, wanted):
    keras.tree.assert_same_structure(found, wanted)
    for mine, theirs in zip(keras.tree.flatten(found), keras.tree.flatten(wanted), strict=True):
        np.testing.assert_array_equal(mine, theirs)


X = np.arange(20.0).reshape(10, 2)


@pytest.mark.parametrize(
    "make",
    [
        texts,
        lambda: texts(weights=np.linspace(0, 1, 30)),
        lambda: arrays(X),
        lambda: arrays({"a": X, "b": X[:, 0]}),
        lambda: arrays([X, X[:, :1]]),
        lambda: arrays(X, np.linspace(0, 1, 10)),
    ],
)
def test_each_epoch_has_the_batches_of_that_epoch(make):
    dataset, batches = for_fit(make()), make()
    assert int(dataset.cardinality()) == len(batches)
    for _ in range(3):
        wanted = [keras.tree.lists_to_tuples(batch) for batch in one_pass(batches)]
        assert_same([tuple(batch) for batch in dataset.as_numpy_iterator()], wanted)


def test_a_later_epoch_can_be_the_first():
    first = next(for_fit(texts(epoch=2)).as_numpy_iterator())
    assert_same(tuple(first), texts(epoch=2)[0])


def test_nothing_tunes_itself():
    assert for_fit(texts()).options().autotune.enabled is False


def test_data_of_the_user_stay_what_they_are():
    import tensorflow as tf

    dataset = tf.data.Dataset.range(3)
    assert for_fit(dataset) is dataset
    assert for_fit(None) is None
