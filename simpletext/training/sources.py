"""Training and validation data behind one interface: encoded texts, arrays, datasets.

A data source yields batches `(x, y)` or `(x, y, sample_weight)`, as a `PyDataset` or a
`tf.data.Dataset`, and has the labels and texts behind them where there are any.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, DataError
from ..inference.outputs import Truth, check_ids, check_width, truth_in
from ..tasks.labels import Labels
from ..tasks.losses import class_weights
from ..tokenization.batching import Batches, take_rows
from ..tokenization.encoded_texts import EncodedTexts, LabelledTexts
from ..utils import backend
from ..utils.backend import distribution
from ..utils.notebook import Described
from ..utils.ragged import flattened
from ..utils.validation import require_count, shown


class Rows(Described):
    """Data in memory, row by row: encoded texts, or arrays.

    Attributes:
        y: the targets of the loss, in the data's own order.
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

    def _facts(self) -> dict[str, Any]:
        return {"rows": len(self), "task": None if self.labels is None else self.labels.summary}

    def steps(self, batch_size: int) -> int:
        """Batches per epoch."""
        return len(self.ordered(batch_size))

    @property
    def summary(self) -> str:
        """The number of rows."""
        return f"{len(self)} rows"

    def describe(self) -> str:
        """The number of rows and a fingerprint of all that is trained on."""
        whole = isinstance(self.data, EncodedTexts)
        parts = [self.data.ids, self.data.offsets] if whole else keras.tree.flatten(self.data)
        digest = hashlib.blake2b(digest_size=8)
        for part in (*parts, self.y, *(() if self.weights is None else (self.weights,))):
            digest.update(np.ascontiguousarray(flattened(part)).tobytes())
        return f"{len(self)} rows ({digest.hexdigest()})"

    def training(
        self, batch_size: int, seed: int, epoch: int, class_weight: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Shuffled batches, and further arguments of `fit`: none."""
        weights = self.weights
        if class_weight is not None:
            if self.labels is None:
                raise ArgumentError("class_weight needs a model with one output.")
            by_class = class_weights(class_weight, self.labels, self.ids)
            weights = by_class if weights is None else by_class * weights
        batches = Batches(self.data, batch_size, True, seed, epoch, y=self.y, weights=weights)
        return batches, {}

    def validation(self, batch_size: int) -> Any:
        """Batches in a fixed order, with their weights."""
        return Batches(self.data, batch_size, y=self.y, weights=self.weights)

    def ordered(self, batch_size: int) -> Any:
        """Batches in a fixed order, without weights; their `order` has the row of each result."""
        return Batches(self.data, batch_size, y=self.y)

    def example(self, row: int) -> Any:
        """The model's input for one row, as a batch of one."""
        row = require_count("example_id", row, 0, len(self) - 1)
        return take_rows(self.data, np.array([row]))

    @property
    def longest(self) -> int | None:
        """Tokens of the longest text; None for arrays."""
        lengths = getattr(self.data, "lengths", None)
        return None if lengths is None else int(lengths.max())

    @property
    def maxlen(self) -> int | None:
        """Where texts were truncated, in tokens; None for arrays."""
        return getattr(self.data, "maxlen", None)


class Stream(Described):
    """Data that arrive in batches: a `tf.data.Dataset`, or a `PyDataset` of the user's.

    Their batch size and order are kept.
    """

    labels: Labels | None = None
    texts: Sequence[str] | None = None
    pairs: Sequence[str] | None = None
    longest: int | None = None
    maxlen: int | None = None
    y: np.ndarray | None = None

    def __init__(self, data: Any, name: str) -> None:
        self.data, self.name = data, name
        self._steps: int | None = None

    def _facts(self) -> dict[str, Any]:
        return {"data": self.describe(), "steps": self._steps}

    @property
    def summary(self) -> str:
        """The kind of data; rows aren't counted."""
        return f"a {self.describe()}"

    def describe(self) -> str:
        """The kind of data: what is in the batches isn't known."""
        return type(self.data).__name__

    def steps(self, batch_size: int) -> int:
        """Batches per epoch; counted once where the dataset doesn't know its length."""
        if self._steps is None:
            self._steps = _count(self.data, self.name)
            if not isinstance(self.data, keras.utils.PyDataset):
                self.data = _sized(self.data, self._steps)
        return self._steps

    def training(
        self, batch_size: int, seed: int, epoch: int, class_weight: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """The batches, and further arguments of `fit`."""
        if class_weight is None:
            return self.data, {}
        if not isinstance(class_weight, Mapping):
            raise ArgumentError(
                f"class_weight={shown(class_weight)}; for a dataset that comes batch by batch it "
                "must be a dict, class index -> weight."
            )
        return self.data, {"class_weight": dict(class_weight)}

    def validation(self, batch_size: int) -> Any:
        """The batches as they are."""
        self.steps(batch_size)
        return self.data

    ordered = validation

    def example(self, row: int) -> Any:
        """The model's input for one row, as a batch of one."""
        wanted = row = require_count("example_id", row, 0)
        for batch in one_pass(self.data):
            count = len(keras.tree.flatten(batch[0])[0])
            if row < count:
                return keras.tree.map_structure(lambda part, at=row: part[at : at + 1], batch[0])
            row -= count
        raise ArgumentError(f"example_id={wanted}; {self.name} has {wanted - row} rows.")


DataSource = Rows | Stream


@dataclass(frozen=True)
class TrainingData:
    """The data of a training and how they are cut into batches.

    Attributes:
        train, validation: the data; validation may be None.
        batch_size: rows per training step; a `Stream` has its own.
        eval_batch_size: rows per batch of the validation.
        seed: with the epoch's number it fixes the order of the training rows.
    """

    train: DataSource
    validation: DataSource | None
    batch_size: int
    eval_batch_size: int
    seed: int

    @property
    def targets(self) -> np.ndarray | None:
        """The targets of the loss for all rows; None for data that arrive in batches."""
        return self.train.y

    @property
    def steps(self) -> int:
        """Training steps per epoch."""
        return self.train.steps(self.batch_size)

    def training(self, epoch: int, class_weight: Any = None) -> tuple[Any, dict[str, Any]]:
        """Batches from an epoch on, and further arguments of `fit`."""
        return self.train.training(self.batch_size, self.seed, epoch, class_weight)

    def validating(self) -> Any:
        """Batches of the validation data, or None."""
        return self.validation and self.validation.validation(self.eval_batch_size)


def optional_source(
    name: str, data: Any, model: keras.Model, sample_weight: Any = None
) -> DataSource | None:
    """`as_source`, or None without data."""
    return None if data is None else as_source(name, data, model, sample_weight)


def require_source(name: str, source: DataSource | None) -> DataSource:
    """The source.

    Raises:
        ArgumentError: the learner has no such data.
    """
    if source is None:
        raise ArgumentError(f"The learner has no {name}.")
    return source


def as_source(name: str, data: Any, model: keras.Model, sample_weight: Any = None) -> DataSource:
    """The data source for what the user passes.

    Args:
        name: what the argument is called, for messages.
        data: encoded texts with labels; `(x, y)` or `(x, y, sample_weight)` of arrays, where x may
            be a dict or list of them; a `tf.data.Dataset` or `PyDataset` of such batches.
        model: the compiled model that the data are for.
        sample_weight: one weight per row, (rows,).

    Raises:
        DataError: none of these; no labels; a different number of rows in x, y and weights;
            labels that the model has no output for.
    """
    if isinstance(data, LabelledTexts):
        check_width(name, data.labels, model)
        check_ids(data, model)
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


def require_training(data: DataSource | None) -> DataSource:
    """A learner's training data.

    Raises:
        DataError: there are none.
    """
    if data is None:
        raise DataError("This learner has no training data: get_learner(model, train_data=...)")
    return data


def validation_source(data: Any, default: DataSource | None, model: keras.Model) -> DataSource:
    """The validation data that the user passes, or the learner's own.

    Raises:
        DataError: neither, or not such data (see `as_source`).
    """
    if data is not None:
        return as_source("val_data", data, model)
    if default is None:
        raise DataError("There is no validation data: pass val_data here or to get_learner.")
    return default


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
    try:
        array = np.asarray(weights, dtype="float32")
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"sample_weight={shown(weights)}; it must be a list of one number per row."
        ) from error
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
    return backend.with_cardinality(dataset, steps)


def one_pass(batches: Any) -> Iterator[tuple]:
    """The batches of one epoch."""
    if not isinstance(batches, keras.utils.PyDataset):
        yield from batches
        return
    yield from (batches[i] for i in range(len(batches)))
    batches.on_epoch_end()


def for_fit(batches: Any) -> Any:
    """What `fit` is given: batches of ours in the form that is fastest, others as they are."""
    if not isinstance(batches, Batches):
        return batches
    return distribution.divided(backend.as_fit_dataset(batches, batches.varying))
