"""What the outputs of any compiled Keras model mean: the task, the classes, probabilities.

A model of `Transformer` returns logits, and its data have `labels`. For other models, the loss they
were compiled with determines the task, and whether outputs are logits.
"""

from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, DataError
from ..models.loading import Architecture
from ..tasks.labels import Labels
from ..tasks.regression import target_names
from ..tasks.task import MULTI, REGRESSION, SINGLE, task_named
from ..tokenization.encoded_texts import EncodedTexts

Truth = tuple[np.ndarray, Labels] | tuple[None, None]  # labels as numbers, and their classes


def truth_in(model: keras.Model, y: np.ndarray, name: str) -> Truth:
    """Labels as numbers, as `Labels.encode` returns them, and their `Labels`.

    Args:
        model: the compiled model.
        y: labels in the form that the model's loss takes.
        name: the data's name, for messages.

    Raises:
        DataError: a label that the model has no output for.
    """
    width = width_of(model)
    if width is None:
        return None, None
    task = _task(model, y, width)
    if not task_named(task).has_classes:
        return y.reshape(len(y), -1), Labels(task, target_names(y.size // len(y)))
    count = 2 if width == 1 else width
    labels = Labels(task, tuple(range(count)))
    if not labels.kind.has_one_class:
        return y, labels
    one_hot = y.ndim > 1 and y.shape[-1] == count and y.shape[-1] > 1
    ids = y.argmax(axis=-1) if one_hot else y.reshape(-1)
    wrong = np.flatnonzero((ids < 0) | (ids >= count) | (ids != ids.astype(int)))
    if len(wrong):
        raise DataError(
            f"Row {wrong[0]} of {name} has the label {ids[wrong[0]]}, but the model has "
            f"{count} classes, 0 to {count - 1}."
        )
    return ids.astype(int), labels


def check_width(name: str, labels: Labels, model: keras.Model) -> None:
    """Refuse data with another number of classes than the model's outputs."""
    width = width_of(model)
    if not labels.classes:  # texts, whose tokens `check_ids` compares with the model's
        return
    if width is not None and width != len(labels.classes):
        raise DataError(
            f"{name} has {len(labels.classes)} classes or targets, but the model has {width} "
            "outputs. Use the model of the Transformer that made the data."
        )


def check_ids(data: EncodedTexts, model: keras.Model) -> None:
    """Refuse token ids and lengths for which a model of ours has no embeddings.

    Raises:
        DataError: there are some, for example ids of another checkpoint's tokenizer.
    """
    architecture = getattr(model, "architecture", None)
    if not isinstance(architecture, Architecture) or not len(data.ids):
        return
    config = architecture.family.read_config(architecture.config)
    largest, smallest, longest = data.ids.max(), data.ids.min(), data.lengths.max()
    if smallest < 0 or largest >= config.vocab_size:
        raise DataError(
            f"The texts have the token id {largest if smallest >= 0 else smallest}, but the model "
            f"has embeddings for the ids 0 to {config.vocab_size - 1}. The tokenizer belongs to "
            "another checkpoint, or got new tokens after the training; use the model's own."
        )
    limit = architecture.family.max_length(config)
    if limit is not None and longest > limit:
        raise DataError(
            f"A text has {longest} tokens, but the model has positions for {limit}. Encode the "
            f"texts with maxlen={limit} or less."
        )


def width_of(model: keras.Model) -> int | None:
    """Outputs per row; None for a model with several output tensors."""
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or not shape or isinstance(shape[-1], (tuple, dict)):
        return None
    return shape[-1]


def probabilities_of(model: keras.Model, outputs: np.ndarray, labels: Labels) -> np.ndarray:
    """Outputs as probabilities, (rows, classes), or as values for regression."""
    if labels.kind.per_token:
        return labels.kind.probabilities(outputs)
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    if not labels.kind.has_classes:
        return outputs
    if outputs.shape[1] == 1 and labels.kind.has_one_class:  # one sigmoid for two classes
        from scipy.special import expit

        chance = expit(outputs) if _returns_logits(model, outputs) else outputs
        return np.concatenate([1 - chance, chance], axis=1)
    return labels.kind.probabilities(outputs) if _returns_logits(model, outputs) else outputs


def _task(model: keras.Model, y: np.ndarray, width: int) -> str:
    name = _loss_name(model)
    if "binary" in name:
        return SINGLE if width == 1 else MULTI
    if "categorical" in name or name == "sparsecrossentropy":
        return SINGLE
    is_whole = y.dtype.kind in "iub" and y.size == len(y)
    return SINGLE if is_whole and width > 1 else REGRESSION


def _loss_name(model: keras.Model) -> str:
    loss = _loss(model)
    name = type(loss).__name__ if isinstance(loss, keras.losses.Loss) else _name_of(loss)
    return name.replace("_", "").lower()


def _name_of(loss: Any) -> str:
    return getattr(loss, "__name__", "")


def _loss(model: keras.Model) -> Any:
    return keras.losses.get(model.loss) if isinstance(model.loss, str) else model.loss


def _returns_logits(model: keras.Model, outputs: np.ndarray) -> bool:
    """The loss's `from_logits`; without one, whether the values can't be probabilities."""
    loss = _loss(model)
    if isinstance(loss, keras.losses.Loss):
        said = loss.get_config().get("from_logits")
        if said is not None:
            return bool(said)
    elif isinstance(model.loss, str):
        return False  # Keras' losses by name take probabilities
    return _loss_name(model) == "sparsecrossentropy" or bool((outputs < 0).any() or
                                                             (outputs > 1).any())  # fmt: skip


def require_labels(labels: Labels | None) -> Labels:
    """The labels; raises an error for None, which a model with several outputs has."""
    if labels is None:
        raise ArgumentError(
            "The model has several outputs; a learner trains it, but reports need one output."
        )
    return labels
