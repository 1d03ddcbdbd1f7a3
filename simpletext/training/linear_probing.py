"""The head start: a newly initialised head is trained first, on the frozen encoder.

Linear probing before fine-tuning (https://arxiv.org/abs/2202.10054): a newly initialised head sends
random gradients into a pretrained encoder, and a short training ends before it has recovered. Here
the encoder runs once over each text, and the head is trained on its outputs, which takes a fraction
of an epoch's time.
"""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras.optimizers.schedules import CosineDecay

from ..inference.forward import predict_batch
from ..models.loading import newly_initialised
from ..tokenization.batching import NO_LABEL
from ..utils import console
from ..utils.backend.distribution import replicated
from ..utils.interrupt import CtrlC
from .contrastive import train_on_pairs
from .sources import TrainingData, one_pass
from .weights import TrainingState

# Texts that the encoder reads: more for more classes. Training does the rest.
ROWS_PER_CLASS, FEWEST, MOST = 64, 256, 2048
STEPS = 500  # of Adam, at most, approximately
FEW = 32  # texts per class; with fewer, the held-out ones are trained on too in the end
HELD_OUT = 5  # one row in so many is held out, to decide when to stop
RATE = 0.01  # of the first of these steps, falling to 0
BATCH = 32  # rows per step, at most


def train_new_head(
    model: keras.Model,
    batches: Any,
    options: Mapping[str, Any],
    seed: int,
    ctrl_c: CtrlC,
    verbose: int,
) -> None:
    """Train the newly initialised layers of a model; its other layers stay as they are.

    A model without newly initialised layers is left as it is, and so is one whose new layers don't
    take one vector per text, or per token where tokens have labels.

    Args:
        model: compiled; its own loss is used.
        batches: `(x, y)` or `(x, y, sample_weight)`, iterated over once at most.
        options: further arguments of `train_on_batch`, such as class weights.
        seed: fixes the order of the rows.
        ctrl_c: checked after each batch.
        verbose: 0 shows no progress.
    """
    start = head_input(model)
    if start is not None:
        encoder, head = keras.Model(model.input, start), keras.Model(start, model.output)
        rows = _encoded(encoder, batches, rows_for(model.output.shape[-1]), ctrl_c, verbose)
        _train(head, rows, model.loss, options, seed, ctrl_c)
    newly_initialised(model).clear()


def start_head(
    model: keras.Model, data: TrainingData, epoch: int, class_weight: Any, ctrl_c: CtrlC,
    verbose: int,
) -> None:  # fmt: skip
    """Train the newly initialised layers on the first batches of an epoch; see `train_new_head`.

    Before them the encoder is trained on pairs, if the model is for few labels (see `few_shot`).
    """
    if newly_initialised(model):
        batches, options = data.training(epoch, class_weight)
        with replicated():  # its rows are few
            train_on_pairs(model, data.train, data.seed, ctrl_c, verbose)
            train_new_head(model, batches, options, data.seed, ctrl_c, verbose)


def _encoded(
    encoder: keras.Model, batches: Any, wanted: int, ctrl_c: CtrlC, verbose: int
) -> tuple[np.ndarray, ...]:
    """The encoder's outputs for `wanted` texts, their labels and, if there are any, weights."""
    read: list[tuple] = []
    rows = 0
    with console.bar(len(batches), "new head", verbose) as bar:
        for x, *truth in one_pass(batches):
            count = len(truth[0])
            features = predict_batch(encoder, x, count).astype("float32")
            read.append(_labelled(features, *map(np.asarray, truth)))
            rows += count
            more = math.ceil(max(wanted - rows, 0) / count)
            bar.total = min(len(batches), len(read) + more)
            bar.update()
            ctrl_c.leave()
            if rows >= wanted:
                break
    return tuple(np.concatenate(parts) for parts in zip(*read, strict=True))


def _labelled(features: np.ndarray, y: np.ndarray, *weights: np.ndarray) -> tuple:
    """Rows to train on; of tokens' features, (batch, length, ...), one per labelled token."""
    if features.ndim == 2:
        return features, y, *weights
    mask = y != NO_LABEL
    spread = (np.broadcast_to(w if w.ndim == 2 else w[:, None], y.shape) for w in weights)
    return tuple(part[mask][:, None] for part in (features, y, *spread))


def _train(
    head: keras.Model,
    rows: tuple[np.ndarray, ...],
    loss: Any,
    options: Mapping[str, Any],
    seed: int,
    ctrl_c: CtrlC,
) -> None:
    """Train until the held-out rows show overfitting; the best weights are kept.

    By single steps: `fit` takes longer to begin and end an epoch of these than to train it.
    """
    held = len(rows[0]) // HELD_OUT
    if not held:
        return
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows[0]))
    check, learn = [part[order[:held]] for part in rows], order[held:]
    steps = -(-len(learn) // BATCH)
    epochs = max(1, round(STEPS / steps))
    patience = max(3, 30 // steps)  # epochs; more for few rows, whose loss is noisy
    head.compile(keras.optimizers.Adam(CosineDecay(RATE, epochs * steps)), loss)
    head.optimizer.build(head.trainable_variables)  # else the first batch is traced twice
    start = TrainingState.of(head)

    def train_epoch(which: np.ndarray) -> None:
        for chosen in np.array_split(rng.permutation(which), steps):
            head.train_on_batch(*(part[chosen] for part in rows), **options)
            ctrl_c.leave()

    best, lowest, last = head.get_weights(), math.inf, 0
    for epoch in range(epochs):
        train_epoch(learn)
        head.reset_metrics()
        found = head.test_on_batch(*check)
        if found < lowest:
            best, lowest, last = head.get_weights(), found, epoch
        if epoch - last == patience:
            break
    head.set_weights(best)
    is_few = len(order) < FEW * head.output.shape[-1]
    if is_few and math.isfinite(lowest):  # each text counts: once more, on all of them
        start.restore(head)
        for _ in range(last + 1):
            train_epoch(order)


def rows_for(outputs: int) -> int:
    """The number of texts on which a head with so many outputs is trained."""
    return min(max(ROWS_PER_CLASS * outputs, FEWEST), MOST)


def head_input(model: keras.Model) -> Any:
    """The input of the newly initialised layers, (batch, features), or None.

    For labels of tokens it is (batch, length, features).
    """
    new = newly_initialised(model)
    paths = [v.path for v in model.trainable_variables if v.path in new]
    names = {path.split("/")[0] for path in paths}
    first = next((layer for layer in model.layers if layer.name in names), None)
    dimensions = len(model.output.shape)
    return first.input if first is not None and len(first.input.shape) == dimensions else None
