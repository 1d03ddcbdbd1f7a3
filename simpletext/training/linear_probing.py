"""A new head's first training, on the encoder as it is; then the two are trained together.

Linear probing before fine-tuning (https://arxiv.org/abs/2202.10054): a head that knows nothing
sends wrong gradients into an encoder that knows a lot, and a short training ends before the two
have found each other. Here the encoder reads each text once, and the head learns from what it
said: that takes a fraction of an epoch's time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.optimizers.schedules import CosineDecay

from ..inference.forward import predict_batch
from ..utils import console
from ..utils.interrupt import CtrlC
from .sources import one_pass

# Texts that the encoder reads: more for more classes. Training brings the rest.
ROWS_A_CLASS, FEWEST, MOST = 64, 256, 2048
STEPS = 500  # of Adam, about, at most
HELD_OUT = 5  # one row in so many tells when to stop
RATE = 0.01  # of the first of these steps, falling to 0
BATCH = 32  # rows a step, at most


@dataclass(frozen=True)
class HeadStart:
    """What a head's first training needs to know.

    Attributes:
        batches: `(x, y)` or `(x, y, sample_weight)`, gone through once at most.
        options: what a step is given besides: class weights, of data that come batch by batch.
        seed: fixes the order of the rows.
    """

    batches: Any
    options: Mapping[str, Any]
    seed: int

    def give(self, model: keras.Model, ctrl_c: CtrlC, verbose: int) -> None:
        """Train the layers that `load_classifier` made new, if nothing has trained them yet.

        A model whose new layers don't take one vector a text is left as it is.

        Args:
            model: compiled; its own loss is what the head learns by.
            ctrl_c: asked after each batch.
            verbose: 0 shows no progress.
        """
        start = head_input(model)
        if start is not None:
            wanted = rows_for(model.output.shape[-1])
            said = self._read(keras.Model(model.input, start), wanted, ctrl_c, verbose)
            self._train(keras.Model(start, model.output), said, model.loss, ctrl_c)
        mark_trained(model)

    def _read(
        self, encoder: keras.Model, wanted: int, ctrl_c: CtrlC, verbose: int
    ) -> tuple[np.ndarray, ...]:
        """What the encoder says to `wanted` texts, with their labels and, where given, weights."""
        read: list[tuple] = []
        rows = 0
        with console.bar(len(self.batches), "new head", verbose) as bar:
            for x, *truth in one_pass(self.batches):
                count = len(truth[0])
                features = predict_batch(encoder, x, count).astype("float32")
                read.append((features, *map(np.asarray, truth)))
                rows += count
                more = math.ceil(max(wanted - rows, 0) / count)
                bar.total = min(len(self.batches), len(read) + more)
                bar.update()
                ctrl_c.leave()
                if rows >= wanted:
                    break
        return tuple(np.concatenate(parts) for parts in zip(*read, strict=True))

    def _train(self, head: keras.Model, said: tuple, loss: Any, ctrl_c: CtrlC) -> None:
        """Train until rows that are held out say that the head learns the others by heart.

        By single steps: `fit` takes longer to begin and end an epoch of these than to train it.
        """
        held = len(said[0]) // HELD_OUT
        if not held:
            return
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(len(said[0]))
        check, learn = [part[order[:held]] for part in said], order[held:]
        steps = -(-len(learn) // BATCH)
        epochs = -(-STEPS // steps)
        patience = max(3, 30 // steps)  # epochs, and of few rows so many that they tell
        head.compile(keras.optimizers.Adam(CosineDecay(RATE, epochs * steps)), loss)
        head.optimizer.build(head.trainable_variables)  # else the first batch is traced twice
        best, lowest, since = head.get_weights(), math.inf, 0
        for _ in range(epochs):
            for rows in np.array_split(rng.permutation(learn), steps):
                head.train_on_batch(*(part[rows] for part in said), **self.options)
                ctrl_c.leave()
            head.reset_metrics()
            found = head.test_on_batch(*check)
            since += 1
            if found < lowest:
                best, lowest, since = head.get_weights(), found, 0
            if since == patience:
                break
        head.set_weights(best)


def rows_for(outputs: int) -> int:
    """How many texts tell a head with so many outputs enough to start with."""
    return min(max(ROWS_A_CLASS * outputs, FEWEST), MOST)


def mark_trained(model: keras.Model) -> None:
    """Say that no layer of the model is new any more."""
    for variable in model.variables:
        variable.made_new = False


def head_input(model: keras.Model) -> Any:
    """The tensor that the new layers start from, (batch, features), or None."""
    new = [v for v in model.trainable_variables if getattr(v, "made_new", False)]
    names = {variable.path.split("/")[0] for variable in new}
    first = next((layer for layer in model.layers if layer.name in names), None)
    return first.input if first is not None and len(first.input.shape) == 2 else None
