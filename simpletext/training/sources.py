"""What a `Learner` trains and looks at, seen as one thing: encoded texts, arrays, datasets.

A source gives batches as `(x, y)` or `(x, y, sample_weight)`, either a `PyDataset` or a
`tf.data.Dataset`, and knows what there is to know about labels and texts.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, DataError
from ..inference.outputs import Truth, check_width, truth_in
from ..tasks.labels import Labels
from ..tasks.losses import class_weights
from ..tokenization.encoded_texts import Batches, EncodedTexts, LabelledTexts

PREFETCHED = 2  # batches made ready while one trains


class Rows:
    """Data that lie in memory row by row: encoded texts, or arrays.

    Attributes:
        y: what the model's loss is given, in the data's own order.
        labels: the task and classes; None where the model has several outputs.
        ids: labels as numbers (see `Labels.encode`); None where `labels` is.
        texts, pairs: the texts behind the rows; None where there are none.
    """

    def __init__(self, data: Any, y: np.ndarray, weights: np.ndarray | None, truth: Truth) -> None:
        self.data, self.y, self.weights = data, y, weights
        self.ids: Any = truth[0]
        self.labels: Labels | None = truth[1]
        self.texts: Sequence[str] | None = getattr(data, "texts", None)
        self.pairs: Sequence[str] | None = getattr(data, "pairs", None)

    def __len__(self) -> int:
        return len(self.y)

    def steps(self, batch_size: int) -> int:
        """Batches an epoch."""
        return -(-len(self) // batch_size)

    def training(
        self, batch_size: int, seed: int, epoch: int, class_weight: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Shuffled batches, and what `fit` needs to know besides: nothing."""
        weights = self.weights
        if class_weight is not None:
            if self.labels is None:
                raise ArgumentError("class_weight needs a model with one output.")
            by_class = class_weights(class_weight, self.labels, self.ids)
            weights = by_class if weights is None else by_class * weights
        if isinstance(self.data, EncodedTexts):
            batches: Any = Batches(self.data, batch_size, True, seed, epoch)
        else:
            batches = ArrayBatches(self.data, self.y, batch_size, seed, epoch)
        return (batches if weights is None else Weighted(batches, weights)), {}

    def validation(self, batch_size: int) -> Any:
        """Batches in a fixed order, with their weights."""
        batches = self.ordered(batch_size)
        return batches if self.weights is None else Weighted(batches, self.weights)

    def ordered(self, batch_size: int) -> Any:
        """Batches in a fixed order; `order` tells the row behind each result."""
        if isinstance(self.data, EncodedTexts):
            return Batches(self.data, batch_size)
        return ArrayBatches(self.data, self.y, batch_size)

    def example(self, row: int) -> Any:
        """The model's input for one row, as a batch of one."""
        if isinstance(self.data, EncodedTexts):
            return self.data.padded(np.array([row]))
        return _taken(self.data, np.array([row]))


class Stream:
    """Data that come batch by batch: a `tf.data.Dataset`, or a `PyDataset` of the user's.

    They have their own batch size and their own order, and the learner keeps both.
    """

    labels: Labels | None = None
    texts: Sequence[str] | None = None
    pairs: Sequence[str] | None = None

    def __init__(self, data: Any, name: str) -> None:
        self.data, self.name = data, name
        self._steps: int | None = None

    def steps(self, batch_size: int) -> int:
        """Batches an epoch; counted once where the dataset doesn't know it itself."""
        if self._steps is None:
            self._steps = _count(self.data, self.name)
            if not isinstance(self.data, keras.utils.PyDataset):
                self.data = _sized(self.data, self._steps)
        return self._steps

    def training(
        self, batch_size: int, seed: int, epoch: int, class_weight: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """The batches, and what `fit` needs to know besides."""
        if class_weight is None:
            return self.data, {}
        if not isinstance(class_weight, Mapping):
            raise ArgumentError(
                f"class_weight={class_weight!r}; for a dataset that comes batch by batch it must "
                "be a dict, class index -> weight."
            )
        return self.data, {"class_weight": dict(class_weight)}

    def validation(self, batch_size: int) -> Any:
        """The batches as they are."""
        self.steps(batch_size)
        return self.data

    ordered = validation

    def example(self, row: int) -> Any:
        """The model's input for one row, as a batch of one."""
        for batch in one_pass(self.data):
            count = len(keras.tree.flatten(batch[0])[0])
            if row < count:
                return keras.tree.map_structure(lambda part, at=row: part[at : at + 1], batch[0])
            row -= count
        raise ArgumentError(f"{self.name} has no row of that number.")


Source = Rows | Stream


def as_source(name: str, data: Any, model: keras.Model, sample_weight: Any = None) -> Source:
    """Whatever a user brings as a source.

    Args:
        name: what the argument is called, for messages.
        data: encoded texts with labels; `(x, y)` or `(x, y, sample_weight)` of arrays, where x may
            be a dict or list of them; a `tf.data.Dataset` or `PyDataset` of such batches.
        model: the compiled model that the data are for.
        sample_weight: a weight a row, (rows,).

    Raises:
        DataError: none of these; no labels; a different number of rows in x, y and weights;
            labels that the model has no output for.
    """
    if isinstance(data, LabelledTexts):
        check_width(name, data.labels, model)
        truth = (data.y, data.labels)
        return Rows(data, data.y, _weights(name, sample_weight, len(data)), truth)
    if isinstance(data, EncodedTexts):
        raise DataError(f"{name} has no labels: give them, as in preprocess_test(texts, labels).")
    if isinstance(data, tuple) and len(data) in (2, 3):
        return _arrays(name, data, model, sample_weight)
    if isinstance(data, keras.utils.PyDataset) or hasattr(data, "element_spec"):
        if sample_weight is not None:
            raise ArgumentError(
                f"sample_weight goes with rows in memory; let {name} yield (x, y, sample_weight)."
            )
        return Stream(data, name)
    raise DataError(
        f"{name} is a {type(data).__name__}; it must come from preprocess_train or "
        "preprocess_test, or be a tuple (x, y) of arrays, a tf.data.Dataset or a keras PyDataset."
    )


def _arrays(name: str, data: tuple, model: keras.Model, sample_weight: Any) -> Rows:
    if any(isinstance(part, str) for part in keras.tree.flatten(data[0])[:1]):
        raise DataError(f"{name} has texts; they go through Transformer.preprocess_train.")
    x = keras.tree.map_structure(np.asarray, data[0])
    y = np.asarray(data[1])
    if len(data) == 3 and sample_weight is not None:
        raise ArgumentError(f"{name} has weights already; sample_weight gives them again.")
    counts = {len(part) if part.ndim else 0 for part in [*keras.tree.flatten(x), y]}
    if len(counts) != 1 or 0 in counts:
        raise DataError(f"{name} has {sorted(counts)} rows in its arrays; all need the same, 1+.")
    for part in keras.tree.flatten(x):
        if part.dtype.kind not in "biuf":
            raise DataError(
                f"{name} has an array of {part.dtype}; a Keras model takes numbers. Texts go "
                "through Transformer.preprocess_train."
            )
    weights = _weights(name, data[2] if len(data) == 3 else sample_weight, len(y))
    return Rows(x, y, weights, truth_in(model, y, name))


def _weights(name: str, weights: Any, rows: int) -> np.ndarray | None:
    if weights is None:
        return None
    array = np.asarray(weights, dtype="float32")
    if array.shape != (rows,):
        raise DataError(f"sample_weight has the shape {array.shape}; {name} has {rows} rows.")
    wrong = np.flatnonzero(~(array >= 0) | np.isinf(array))
    if len(wrong):
        raise DataError(f"Row {wrong[0]} has the weight {array[wrong[0]]}; it must be 0 or more.")
    return array


def _count(data: Any, name: str) -> int:
    if isinstance(data, keras.utils.PyDataset):
        count = data.num_batches
    else:
        count = int(data.cardinality())
        if count == -2:  # tf.data's word for unknown
            count = sum(1 for _ in data)
    if count is None or count < 1:
        raise DataError(
            f"{name} has no end or no batches, so there are no epochs. "
            "Use dataset.take(steps) to say how many batches make one."
        )
    return count


def _sized(dataset: Any, steps: int) -> Any:
    """The dataset with its length known: else Keras warns at its end that data ran out."""
    if int(dataset.cardinality()) == steps:
        return dataset
    import tensorflow as tf

    return dataset.apply(tf.data.experimental.assert_cardinality(steps))


def one_pass(batches: Any) -> Iterator[tuple]:
    """The batches of one epoch."""
    if not isinstance(batches, keras.utils.PyDataset):
        yield from batches
        return
    yield from (batches[i] for i in range(len(batches)))
    batches.on_epoch_end()


def for_fit(batches: Any) -> Any:
    """What `fit` is given: on TensorFlow, our batches as a `tf.data.Dataset` that isn't autotuned.

    Of a `PyDataset` Keras makes an autotuned one. The thread that tunes may miss that an epoch is
    over, and everything waits until it wakes up: for as long as the epoch took, or a minute
    (TensorFlow 2.21).
    """
    ours = isinstance(batches, (Batches, ArrayBatches, Weighted))
    if not ours or keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    epochs = itertools.count()

    def one_epoch() -> Iterator[tuple]:
        if next(epochs):  # Keras begins each epoch by a new iterator
            batches.on_epoch_end()
        yield from (keras.tree.lists_to_tuples(batches[i]) for i in range(len(batches)))

    dataset = tf.data.Dataset.from_generator(one_epoch, output_signature=_signature(batches))
    options = tf.data.Options()
    options.autotune.enabled = False
    counted = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return counted.prefetch(PREFETCHED).with_options(options)


def _signature(batches: Any) -> Any:
    """The types and shapes of all batches: rows vary, and the length of texts does."""
    import tensorflow as tf

    plain = batches.batches if isinstance(batches, Weighted) else batches
    x, *others = keras.tree.lists_to_tuples(batches[0])

    def spec(part: np.ndarray) -> Any:
        return tf.TensorSpec((None, *part.shape[1:]), part.dtype)

    def text_spec(part: np.ndarray) -> Any:
        return tf.TensorSpec((None, None), part.dtype)

    x = keras.tree.map_structure(text_spec if isinstance(plain, Batches) else spec, x)
    return (x, *map(spec, others))


class ArrayBatches(keras.utils.PyDataset):
    """Batches of arrays, shuffled by seed and epoch, or with no seed in their own order.

    Args:
        x: an array, or a dict or list of arrays, each with a row an example.
        y: labels, a row an example.
        batch_size: rows a batch; the last one may be smaller.
        seed: with the epoch's number it fixes the order.
        epoch: the number of the first epoch.
    """

    def __init__(
        self, x: Any, y: np.ndarray, batch_size: int, seed: int | None = None, epoch: int = 0
    ) -> None:
        super().__init__()
        self.x, self.y, self.batch_size, self.seed, self.epoch = x, y, batch_size, seed, epoch
        self._plan()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        rows = self.rows[index]
        return _taken(self.x, rows), self.y[rows]

    @property
    def order(self) -> np.ndarray:
        """The row behind each result, when results of all batches are put one after the other."""
        return np.concatenate(self.rows)

    def on_epoch_end(self) -> None:
        """Keras' call after an epoch: draw the rows anew."""
        self.epoch += 1
        self._plan()

    def _plan(self) -> None:
        order = np.arange(len(self.y))
        if self.seed is not None:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.y))
        self.rows = [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]


class Weighted(keras.utils.PyDataset):
    """Batches with the weights of their rows.

    Args:
        batches: `Batches` or `ArrayBatches`.
        weights: a weight a row, (rows,).
    """

    def __init__(self, batches: Any, weights: np.ndarray) -> None:
        super().__init__()
        self.batches, self.weights = batches, weights

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[Any, Any, np.ndarray]:
        x, y = self.batches[index]
        return x, y, self.weights[self.batches.rows[index]]

    def on_epoch_end(self) -> None:
        """Keras' call after an epoch."""
        self.batches.on_epoch_end()


def _taken(x: Any, rows: np.ndarray) -> Any:
    return keras.tree.map_structure(lambda part: part[rows], x)
