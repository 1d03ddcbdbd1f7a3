"""Small Keras models and data of other kinds than encoded texts, for tests of the learner."""

import keras
import numpy as np


def numbers(rows: int = 64, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows of six numbers whose largest of the first `classes` is the label."""
    x = np.random.default_rng(0).normal(size=(rows, 6)).astype("float32")
    return x, x[:, :classes].argmax(axis=1)


def network(classes: int = 3, loss=None, activation=None, metrics=("accuracy",), **options):
    """A compiled network with a dropout, on six numbers."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,)), keras.layers.Dense(16, "relu"), keras.layers.Dropout(0.1, seed=1)]
    model = keras.Sequential([*layers, keras.layers.Dense(classes, activation)])
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = options.pop("optimizer", None) or keras.optimizers.Adam(0.01)
    model.compile(optimizer, loss, metrics=list(metrics), **options)
    return model


class Pieces(keras.utils.PyDataset):
    """A user's own dataset."""

    def __init__(self, x, y, size=16):
        super().__init__()
        self.x, self.y, self.size = x, y, size

    def __len__(self):
        return -(-len(self.y) // self.size)

    def __getitem__(self, i):
        part = slice(i * self.size, (i + 1) * self.size)
        return self.x[part], self.y[part]
