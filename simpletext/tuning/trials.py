"""`TrialRunner`: several trainings on the same rows, from the same weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from ..data.tables import Examples
from ..learner import Learner, get_learner
from ..predictor import Predictor, get_predictor
from ..preparation import require_fitting, split
from ..tasks.labels import checked_names
from ..tokenization.encoded_texts import EncodedTexts, LabelledTexts
from ..training.usual import usual_training
from ..training.verbs import fit_by
from ..training.weights import TrainingState, WeightsBackup
from ..transformer import Transformer
from .settings import CommonOptions, TrainingSettings

EVALUATED = 32  # held-out rows per batch


@dataclass(frozen=True)
class Encoded:
    """The rows as one checkpoint reads them."""

    transformer: Transformer
    train: LabelledTexts
    val: EncodedTexts


class BuiltModel:
    """A model that each try takes back to its first weights, with its training step traced."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._initial = WeightsBackup.of(model)
        self._frozen, self._start = 0, TrainingState.of(model)

    def restored(self, frozen_blocks: int) -> keras.Model:
        """The model as it was built, with its lowest blocks frozen."""
        if frozen_blocks != self._frozen:
            self._initial.restore(self.model)
            learner = Learner(self.model)
            learner.unfreeze()
            if frozen_blocks:
                learner.freeze(blocks=frozen_blocks)
            self._frozen, self._start = frozen_blocks, TrainingState.of(self.model)
        self._start.restore(self.model)
        return self.model


class TrialRunner:
    """Trains on the same rows with different settings.

    Texts are encoded once per checkpoint and maxlen, and a checkpoint is read once, as long as the
    next try has the same one.

    Args:
        train: the training rows, or all rows.
        val: the held-out rows; None takes them from `train`.
        options: what all tries have in common.
        first: the settings of the first try, whose checkpoint decides what the labels are.
        verbose: 0 prints nothing.
    """

    def __init__(
        self, train: Examples, val: Examples | None, options: CommonOptions,
        first: TrainingSettings, verbose: int,
    ) -> None:  # fmt: skip
        self.options, self.first, self.verbose = options, first, verbose
        self._encoded: dict[tuple[str, int], Encoded] = {}
        self._built: tuple[str, BuiltModel] | None = None
        self._given_names = options.class_names or train.class_names
        self._decided: tuple[Any, Any] = (None, None)
        preproc = self._transformer(first)
        require_fitting(preproc, train, options.loss, options.metrics)
        if val is None:
            train, val = split(preproc, train, options.val_pct, options.seed, verbose)
            self._decided = (preproc.class_names, preproc.task)
        self.train, self.val = train, val

    def encoded(self, settings: TrainingSettings) -> Encoded:
        """The rows for a checkpoint and a maxlen."""
        key = (settings.checkpoint, settings.maxlen)
        if key not in self._encoded:
            preproc = self._transformer(settings)
            how: dict[str, Any] = {"cache_dir": self.options.cache_dir, "verbose": 0}
            data = preproc.preprocess_train(self.train.texts, self.train.labels, **how)
            val = preproc.preprocess_test(self.val.texts, self.val.labels, **how)
            self._encoded[key] = Encoded(preproc, data, val)
        return self._encoded[key]

    def steps(self, settings: TrainingSettings) -> int:
        """Training steps per epoch."""
        return -(-len(self.train.texts) // settings.batch_size)

    def validation_steps(self) -> int:
        """Batches of the held-out rows."""
        return -(-len(self.val.texts) // EVALUATED)

    def run(
        self, settings: TrainingSettings, callbacks: Sequence[Any] = (), verbose: int = 0
    ) -> Learner:
        """Train with these settings; the learner has the model, and the history with the scores.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        encoded, options = self.encoded(settings), self.options
        settings = self.complete(settings)
        model = self._model(settings, encoded.transformer).restored(settings.frozen_blocks)
        learner = get_learner(
            model, encoded.train, encoded.val, settings.batch_size, EVALUATED, seed=options.seed
        )
        fit_by(
            options.schedule, learner, settings.rate, settings.passes,
            options.early_stopping, options.class_weight, verbose, callbacks,
        )  # fmt: skip
        if learner.interrupted:
            raise KeyboardInterrupt
        return learner

    def complete(self, settings: TrainingSettings) -> TrainingSettings:
        """The settings with the usual learning rate and epochs where they have none."""
        encoded = self.encoded(settings)
        transformer = encoded.transformer
        lr, epochs = usual_training(
            transformer.files.config, transformer.few_shot, encoded.train, settings.lr,
            settings.epochs,
        )  # fmt: skip
        return replace(settings, lr=lr, epochs=epochs)

    def predictor(self, settings: TrainingSettings, learner: Learner) -> Predictor:
        """The predictor of a try whose model still has the weights it was trained to."""
        predictor: Predictor = get_predictor(learner.model, self.encoded(settings).transformer)
        return predictor

    def release(self) -> None:
        """Drop the built model; the next try builds and compiles another one."""
        self._built = None

    def limit_rows(self, count: int) -> None:
        """Train on some of the rows only, chosen at random. The classes stay those of all rows."""
        labels = self.encoded(self.first).train.labels
        self._decided = (list(labels.classes), labels.task)
        rng = np.random.default_rng(self.options.seed)
        rows = sorted(rng.permutation(len(self.train.texts))[:count].tolist())
        texts, y = self.train.texts, self.train.labels or []
        self.train = Examples([texts[i] for i in rows], [y[i] for i in rows])
        self._encoded.clear()

    def _transformer(self, settings: TrainingSettings) -> Transformer:
        """A checkpoint's `Transformer`, with the classes and task that all rows decided."""
        options = self.options
        preproc = Transformer(
            settings.checkpoint, settings.maxlen, checked_names(self._given_names),
            task=options.task, pooling=options.pooling, few_shot=options.few_shot,
            seed=options.seed,
        )  # fmt: skip
        names, task = self._decided
        preproc.class_names, preproc.task = names or preproc.class_names, task or preproc.task
        return preproc

    def _model(self, settings: TrainingSettings, preproc: Transformer) -> BuiltModel:
        if self._built is None or self._built[0] != settings.checkpoint:
            self._built = None  # its memory is free before the next one needs it
            options = self.options
            model = preproc.get_model(metrics=options.metrics, loss=options.loss, verbose=0)
            self._built = (settings.checkpoint, BuiltModel(model))
        return self._built[1]
