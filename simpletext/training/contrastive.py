"""Contrastive fine-tuning: few labels train the encoder on pairs of texts before a new head.

A handful of texts per class make many pairs, of one class or of two. Moving the first together and
the others apart improves the encoder before a head's loss would make it overfit (SetFit,
https://arxiv.org/abs/2209.11055). Here all pairs of a batch count at once (supervised contrastive
learning, https://arxiv.org/abs/2004.11362).
"""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.optimizers.schedules import CosineDecay

from ..errors import ArgumentError, DataError
from ..inference.embeddings import embed, embedder
from ..models.loading import Architecture, architecture_of, newly_initialised
from ..tasks.task import Task
from ..tokenization.batching import Batches
from ..tokenization.encoded_texts import EncodedTexts
from ..utils import backend, console
from ..utils.interrupt import CtrlC
from ..utils.validation import shown
from .optimizer import AdamW
from .sources import DataSource, Rows
from .weights import TrainingState

TEXTS = 64  # per step
EACH = 4  # texts per class in a step, or more where there are few classes
STEPS = 20
RATE = 1e-4  # the highest, after a tenth of the steps; then it falls to 0
TEMPERATURE = 0.1
MANY = 64  # texts per class above which "auto" leaves the pairs out
FOLDS = 4  # of the comparison of the encoder with and without pairs
ENOUGH = 128  # held-out texts that decide it


class ContrastiveLoss(keras.losses.Loss):
    """Cross-entropy of finding the texts of a text's own class among the others of the batch."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Keras' call: class numbers, (batch,), and vectors, (batch, features) -> (batch,)."""
        unit = ops.normalize(ops.cast(y_pred, "float32"), axis=-1)
        itself = ops.eye(ops.shape(unit)[0])
        logits = ops.matmul(unit, ops.transpose(unit)) / TEMPERATURE - 1e9 * itself
        classes = ops.reshape(y_true, (-1, 1))
        same = ops.cast(ops.equal(classes, ops.transpose(classes)), "float32") - itself
        found = ops.sum(same * ops.log_softmax(logits), axis=-1)
        return -found / ops.maximum(ops.sum(same, axis=-1), 1.0)


class ClassBatches(Batches):
    """Batches of several texts of each of some classes.

    Args:
        data: encoded texts.
        y: their class numbers, (texts,).
        rows: those to draw from.
        seed: fixes what is drawn.
    """

    def __init__(self, data: EncodedTexts, y: np.ndarray, rows: np.ndarray, seed: int) -> None:
        self.choice, self.classes = rows, y[rows]
        super().__init__(data, TEXTS, seed=seed, y=y)

    def _draw(self) -> None:
        rng = np.random.default_rng(self.seed)
        by_class = [self.choice[self.classes == each] for each in np.unique(self.classes)]
        count = min(TEXTS // EACH, len(by_class))
        rounds = -(-STEPS * count // len(by_class))
        # All classes have their turn before one comes again.
        turns = np.concatenate([rng.permutation(len(by_class)) for _ in range(rounds)])
        self.rows = [
            np.concatenate([rng.permutation(by_class[k])[: TEXTS // count] for k in set(turn)])
            for turn in turns[: STEPS * count].reshape(STEPS, count).tolist()
        ]


def require_few_shot(few_shot: Any, kind: Task | None = None, paired: bool | None = None) -> None:
    """Refuse another value than False, True and "auto", and data whose labels make no pairs.

    Args:
        few_shot: the user's.
        kind: the task, if it is known.
        paired: whether the data are pairs of texts already.

    Raises:
        ArgumentError: such a value, or such data.
    """
    if not (isinstance(few_shot, bool) or (isinstance(few_shot, str) and few_shot == "auto")):
        raise ArgumentError(f"few_shot={shown(few_shot)}; allowed are False, True and 'auto'.")
    if few_shot and kind is not None and (not kind.has_one_class or kind.per_token):
        raise ArgumentError(
            f"few_shot={few_shot!r} compares texts of the same class and of others, so each text "
            f"needs exactly one class; this is {kind.title}. Leave few_shot out."
        )
    if few_shot and paired:
        raise ArgumentError(
            f"few_shot={few_shot!r} makes pairs of single texts, and these texts are pairs already."
            " Leave few_shot out."
        )


def set_few_shot(model: keras.Model, few_shot: bool | str) -> None:
    """Keep a `Transformer`'s few_shot on its model, whose training begins by it.

    Raises:
        ArgumentError: few_shot for a model whose head is trained.
    """
    if few_shot and not newly_initialised(model):
        raise ArgumentError(
            f"few_shot={few_shot!r} trains the encoder before a new head; the head of "
            f"{architecture_of(model).checkpoint} is trained already. Leave few_shot out."
        )
    model.architecture = replace(architecture_of(model), few_shot=few_shot)


def few_shot_of(model: keras.Model) -> bool | str:
    """What a model's `Transformer` was given as few_shot, while its head is newly initialised."""
    architecture = getattr(model, "architecture", None)
    if not isinstance(architecture, Architecture) or not newly_initialised(model):
        return False
    return architecture.few_shot


def require_pairs(model: keras.Model, source: DataSource) -> None:
    """Refuse what can't be trained on pairs, if the model's few_shot asks for it.

    Raises:
        DataError: data that aren't the texts of `preprocess_train`.
        ArgumentError: the encoder is frozen.
    """
    if not few_shot_of(model):
        return
    if not isinstance(source, Rows) or not isinstance(source.data, EncodedTexts):
        raise DataError("few_shot makes pairs of texts of preprocess_train; these are others.")
    if not embedder(model).trainable_variables:
        raise ArgumentError(
            "few_shot trains the encoder, but it is frozen: call unfreeze(), or leave few_shot out."
        )


def train_on_pairs(
    model: keras.Model, source: DataSource, seed: int, ctrl_c: CtrlC, verbose: int
) -> None:
    """Fine-tune a classifier's encoder on pairs of its training texts.

    With few_shot="auto" only if there are few texts per class, and if a linear probe of held-out
    texts gets better by it. A model without few_shot is left as it is.
    """
    few_shot = few_shot_of(model)
    if not few_shot:
        return
    pairs = Pairs(model, source, seed, ctrl_c, verbose)
    if few_shot is True or pairs.help():
        pairs.train(np.arange(len(pairs.y)))


class Pairs:
    """The training of an encoder on pairs, which can be tried on a part of the texts.

    Args:
        model: a classifier.
        source: its training texts.
        seed: fixes what is drawn.
        ctrl_c: checked after each step.
        verbose: 0 prints nothing.
    """

    def __init__(
        self, model: keras.Model, source: Any, seed: int, ctrl_c: CtrlC, verbose: int
    ) -> None:
        self.model, self.data, self.y = model, source.data, source.ids
        self.kind = source.labels.kind
        self.seed, self.ctrl_c, self.verbose = seed, ctrl_c, verbose
        self.encoder, warmup = embedder(model), STEPS // 10
        rates = CosineDecay(0.0, STEPS - warmup, warmup_target=RATE, warmup_steps=warmup)
        self.encoder.compile(AdamW(rates), ContrastiveLoss())
        self.start = TrainingState.of(self.encoder)

    def train(self, rows: np.ndarray) -> None:
        """Train the encoder on pairs of some texts."""
        batches = ClassBatches(self.data, self.y, rows, self.seed)
        with console.bar(STEPS, "pairs of texts", self.verbose) as bar:
            steps = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: bar.update()
            )
            self.encoder.fit(
                backend.as_fit_dataset(batches, batches.varying),
                verbose=0,
                shuffle=False,
                callbacks=[steps, self.ctrl_c],
            )

    def help(self) -> bool:
        """Whether held-out texts are predicted better after a training on the others."""
        counts = np.bincount(self.y)
        many = len(self.y) > MANY * np.count_nonzero(counts)
        if many or np.count_nonzero(counts >= FOLDS) < 2:
            what = "many" if many else "too few"
            self._note(f"{what} texts per class; the encoder isn't trained on pairs")
            return False
        plain, right = embed(self.model, self.data, TEXTS), np.zeros((2, 0))
        for train, test in self._folds():
            self.train(train)
            paired = embed(self.model, self.data, TEXTS)
            self.start.restore(self.encoder)
            found = [self._right(vectors, train, test) for vectors in (plain, paired)]
            right = np.concatenate([right, found], axis=1)
            if right.shape[1] >= ENOUGH:
                break
        before, after = right.mean(axis=1)
        self._note(
            f"accuracy of a linear probe on {right.shape[1]} held-out texts: {before:.3f}; "
            f"after training on pairs: {after:.3f}"
        )
        return bool(after > before)

    def _folds(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Texts to train on and held-out texts, of each class alike."""
        shuffled = np.random.default_rng(self.seed).permutation(len(self.y))
        fold = np.empty(len(self.y), int)
        fold[shuffled[np.argsort(self.y[shuffled], kind="stable")]] = np.arange(len(fold)) % FOLDS
        for number in range(FOLDS):
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)

    def _right(self, vectors: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Which held-out texts a linear probe predicts right, (texts,)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an early stop
            probe = self.kind.linear_probe().fit(vectors[train], self.y[train])
        return probe.predict(vectors[test]) == self.y[test]

    def _note(self, message: str) -> None:
        if self.verbose:
            console.note(message)
