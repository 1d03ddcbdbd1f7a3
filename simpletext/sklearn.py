"""scikit-learn estimators: `TextClassifier`, `TextRegressor` and `TokenClassifier`.

They go into `cross_val_score`, `GridSearchCV` and `Pipeline`. A pickle of a fitted one holds the
predictor's folder (JSON, tokenizer files, safetensors) and nothing that runs.
"""

import os
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score

from . import Transformer, get_learner, get_predictor
from .data.labels import as_rows, collected
from .data.texts import as_texts
from .errors import DataError
from .tasks.labels import task_of
from .tasks.task import REGRESSION, TOKENS, task_named
from .tasks.token_classification import entity_f1
from .training.fitting import ClassWeight
from .training.usual import usual_training
from .training.verbs import fit_by, require_schedule
from .utils.defaults import DEFAULT_MODEL
from .utils.validation import require_list


class _TextEstimator(BaseEstimator):
    """What the estimators share."""

    _task: str | None = None

    def __init__(
        self,
        checkpoint: str = DEFAULT_MODEL,
        maxlen: int = 128,
        epochs: int | None = None,
        lr: float | str | None = None,
        batch_size: int = 32,
        pooling: str = "auto",
        seed: int = 0,
        verbose: int = 0,
        schedule: str = "onecycle",
        early_stopping: int | None = None,
        class_weight: ClassWeight = None,
        loss: Any = None,
        metrics: Any = None,
        cache_dir: str | os.PathLike | None = None,
        few_shot: bool | str = False,
    ) -> None:
        self.checkpoint = checkpoint
        self.maxlen = maxlen
        self.epochs = epochs
        self.lr = lr
        self.batch_size = batch_size
        self.pooling = pooling
        self.seed = seed
        self.verbose = verbose
        self.schedule = schedule
        self.early_stopping = early_stopping
        self.class_weight = class_weight
        self.loss = loss
        self.metrics = metrics
        self.cache_dir = cache_dir
        self.few_shot = few_shot

    def fit(self, X: Any, y: Any) -> Self:
        """Train on texts and their labels.

        Args:
            X: strings, or pairs of strings.
            y: one label per text (see `simpletext.tasks.labels`).

        Raises:
            DataError: texts or labels that can't be used, with their rows.
            KeyboardInterrupt: Ctrl-C; the estimator stays unfitted.
        """
        if y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        require_schedule(self.schedule, self.early_stopping)
        preproc = Transformer(
            self.checkpoint, self.maxlen, task=self._task, pooling=self.pooling, seed=self.seed,
            few_shot=self.few_shot,
        )  # fmt: skip
        data = preproc.preprocess_train(
            _column(X), y, verbose=self.verbose, cache_dir=self.cache_dir
        )
        model = preproc.get_model(metrics=self.metrics, loss=self.loss, verbose=self.verbose)
        learner = get_learner(model, data, batch_size=self.batch_size, seed=self.seed)
        usual = usual_training(preproc.files.config, preproc.few_shot, data, self.lr, self.epochs)
        fit_by(self.schedule, learner, *usual, self.early_stopping, self.class_weight,
               self.verbose)  # fmt: skip
        if learner.interrupted:  # a search would take the half-trained model for a whole one
            raise KeyboardInterrupt
        self.predictor_ = get_predictor(learner.model, preproc)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The prediction for each text, (texts,), or (texts, labels) where a text has several.

        Args:
            X: strings, or pairs of strings.
        """
        return self._answers(X)

    def _answers(self, X: Any) -> np.ndarray:
        return np.asarray(self._fitted().predict(_rows(X)))

    def _fitted(self) -> Any:
        if not hasattr(self, "predictor_"):
            raise NotFittedError(
                f"This {type(self).__name__} isn't fitted yet: call fit(texts, labels) first."
            )
        return self.predictor_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags


class TextClassifier(ClassifierMixin, _TextEstimator):
    """A text classifier for scikit-learn.

    Args:
        checkpoint: a name on the Hub, or a folder.
        maxlen: maximum number of tokens per text; longer texts are truncated.
        epochs: passes over the training data, in one cycle; by default as in `simpletext.train`.
        lr: the cycle's highest learning rate; by default as in `simpletext.train`. "auto"
            measures it (see `Learner.lr_find`).
        batch_size: texts per training step.
        pooling: which head goes on top (see `load_classifier`).
        seed: for the new head, dropout and the order of the texts.
        verbose: 0 prints nothing.
        schedule, early_stopping, class_weight, loss, metrics, cache_dir, few_shot: see
            `simpletext.train`.

    Attributes:
        classes_: the labels in the order of the probabilities.
        predictor_: the `Predictor`, with all that it can do.

    Example:
        >>> from sklearn.model_selection import GridSearchCV
        >>> search = GridSearchCV(TextClassifier(epochs=2), {"lr": [1e-4, 2e-4]}, cv=3)
        >>> search.estimator.get_params()["maxlen"]
        128
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Train on texts and their labels: strings, ints, 0/1 rows for several labels per text.

        Args:
            X: strings, or pairs of strings.
            y: one label per text.

        Raises:
            DataError: texts or labels that can't be used, with their rows.
        """
        y = collected(y)
        rows = [] if y is None else as_rows(y)
        if rows and not task_named(task_of(rows)).has_classes:
            raise DataError(
                "Unknown label type: continuous. Floats are amounts: use TextRegressor, or give "
                "the classes as strings or whole numbers."
            )
        super().fit(X, y)
        self.classes_ = np.asarray(self.predictor_.get_classes())
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The class of each text, (texts,); for multi-label 0/1 rows, (texts, labels)."""
        predictor = self._fitted()
        if predictor.labels.kind.has_one_class:
            return self._answers(X)
        predictions = predictor.predict(_rows(X))
        return np.array(
            [[label in row for label in self.classes_] for row in predictions], dtype=int
        )

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (texts, classes).

        Args:
            X: strings, or pairs of strings.
        """
        return np.asarray(self._fitted().predict_proba(_rows(X)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of texts whose prediction is wholly right.

        Args:
            X: strings, or pairs of strings.
            y: their labels, in any form that `fit` takes.
            sample_weight: the weight of each text, (texts,), or None.
        """
        labels = self._fitted().labels
        if labels.kind.has_one_class:
            return float(super().score(X, y, sample_weight))
        truth = np.asarray(labels.encode(collected(y))).astype(int)
        return float(accuracy_score(truth, self.predict(X), sample_weight=sample_weight))


class TextRegressor(RegressorMixin, _TextEstimator):
    """A regression on texts for scikit-learn; whole numbers are amounts here.

    Args:
        checkpoint: a name on the Hub, or a folder.
        maxlen: maximum number of tokens per text; longer texts are truncated.
        epochs: passes over the training data, in one cycle; by default as in `simpletext.train`.
        lr: the cycle's highest learning rate; by default as in `simpletext.train`. "auto"
            measures it (see `Learner.lr_find`).
        batch_size: texts per training step.
        pooling: which head goes on top (see `load_classifier`).
        seed: for the new head, dropout and the order of the texts.
        verbose: 0 prints nothing.
        schedule, early_stopping, class_weight, loss, metrics, cache_dir: see `simpletext.train`.
        few_shot: False; only a classifier has it.

    Attributes:
        predictor_: the `Predictor`, with all that it can do.
    """

    _task = REGRESSION


class TokenClassifier(_TextEstimator):
    """Token classification, such as named entities, for scikit-learn.

    Args:
        checkpoint: a name on the Hub, or a folder.
        maxlen: maximum number of tokens per sentence in training; longer ones are truncated. In
            prediction they are read in windows.
        epochs: passes over the training data, in one cycle; by default as in `simpletext.train`.
        lr: the cycle's highest learning rate; by default as in `simpletext.train`. "auto"
            measures it (see `Learner.lr_find`).
        batch_size: sentences a training step.
        pooling: "auto".
        seed: for the new head, dropout and the order of the sentences.
        verbose: 0 prints nothing.
        schedule, early_stopping, class_weight, loss, metrics: see `simpletext.train`.
        cache_dir: None; ids of words aren't cached.
        few_shot: False; only a classifier has it.

    Attributes:
        classes_: the tags in the order of the probabilities.
        predictor_: the `Predictor`, with all that it can do.
    """

    _task = TOKENS

    def fit(self, X: Any, y: Any) -> Self:
        """Train on sentences and their tags.

        Args:
            X: a list of words per sentence.
            y: a list of tags per sentence, one per word.

        Raises:
            DataError: words or tags that can't be used, with their rows.
        """
        super().fit(X, y)
        self.classes_ = np.asarray(self.predictor_.get_classes())
        return self

    def predict(self, X: Any) -> Any:
        """A tag for each word, one list per sentence."""
        sentences = require_list("X", X, "sentences, each a list of words")
        return self._fitted().predict(sentences, long_text="chunk")

    def score(self, X: Any, y: Any) -> float:
        """The F1 of whole entities, as seqeval's micro average.

        Raises:
            DataError: not as many tags as words.
        """
        found = self.predict(X)
        rows = require_list("y", y, "lists of tags, one per sentence")
        tags = [require_list("a row of y", row, "tags") for row in rows]
        if list(map(len, tags)) != list(map(len, found)):
            raise DataError("y needs a tag for each word of X, in the same order.")
        return entity_f1(tags, found)


def _rows(X: Any) -> list[Any]:
    """The texts as a list, so that one pair isn't taken for two texts."""
    texts, pairs = as_texts(_column(X))
    return texts if pairs is None else list(zip(texts, pairs, strict=True))


def _column(X: Any) -> Any:
    """The only column of a table, such as a ColumnTransformer gives; other texts unchanged."""
    return X.iloc[:, 0] if hasattr(X, "columns") and len(X.columns) == 1 else X
