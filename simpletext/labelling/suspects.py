"""Labels that are probably wrong: out-of-fold probabilities, confident learning, a table.

The texts are encoded once. A linear probe on their vectors predicts each text without having seen
its label, and the labels are compared with these predictions
(https://arxiv.org/abs/1911.00068).
"""

import warnings
from copy import copy
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..errors import ArgumentError, DataError
from ..inference.embeddings import embed
from ..models.loading import load_classifier
from ..models.precision import dtype_policy
from ..tasks.classification import Classification
from ..tasks.labels import Labels
from ..tasks.task import SINGLE
from ..tokenization.encoded_texts import EncodedTexts
from ..training.sources import Rows, require_training
from ..transformer import Transformer

FOLDS = 5
BATCH = 64  # texts that are encoded at a time


@dataclass(frozen=True)
class LabelQuality:
    """How well the labels of some rows fit the rows.

    Attributes:
        y: the given labels as numbers.
        labels: the task and the classes.
        scores: from 0 to 1 per row, low for a label that is probably wrong, (rows,).
        wrong: whether confident learning takes the label for wrong, (rows,).
        suggested: the labels to use instead, in the form of `y`.
    """

    y: np.ndarray
    labels: Labels
    scores: np.ndarray
    wrong: np.ndarray
    suggested: np.ndarray

    def rows(self, n: int | None = None) -> np.ndarray:
        """The `n` rows with the lowest scores, lowest first; None for all that are wrong."""
        order = np.argsort(self.scores, kind="stable")
        return order[self.wrong[order]] if n is None else order[:n]

    def suggestions(self, rows: np.ndarray) -> list[Any]:
        """The labels to use for some rows, as the user writes them."""
        return self.labels.decode(self.suggested[rows])

    def to_frame(self, texts: Any, pairs: Any, n: int | None = None) -> Any:
        """A DataFrame of `rows(n)`; see `Learner.suspects`."""
        import pandas as pd

        rows = self.rows(n)
        columns = {
            "row": rows,
            "text": None if texts is None else [texts[i] for i in rows],
            "pair": None if pairs is None else [pairs[i] for i in rows],
            "label": self.labels.decode(self.y[rows]),
            "suggested": self.suggestions(rows),
            "score": self.scores[rows],
        }
        return pd.DataFrame({name: each for name, each in columns.items() if each is not None})


def require_text_classes(labels: Labels | None, what: str = "Wrong labels are found") -> Labels:
    """The labels of a task in which texts have classes; `what` says what needs them.

    Raises:
        ArgumentError: no labels, or those of another task.
    """
    if labels is None or not labels.kind.has_classes or labels.kind.per_token:
        found = "there are no labels" if labels is None else f"this is {labels.kind.title}"
        raise ArgumentError(f"{what} where texts have classes; {found}.")
    return labels


def require_judgeable(labels: Labels | None, rows: int) -> Labels:
    """The labels of a task in which texts have classes, and of texts enough for the folds.

    Raises:
        ArgumentError: see `require_text_classes`.
        DataError: fewer texts.
    """
    if rows < FOLDS:
        raise DataError(f"There are {rows} texts; finding wrong labels needs {FOLDS} or more.")
    return require_text_classes(labels)


def learner_quality(learner: Any, verbose: int = 1) -> tuple[LabelQuality, Rows]:
    """The quality of a learner's training labels by its model as it is, and its training data.

    Raises:
        DataError: no training data, or data without texts.
        ArgumentError: another task than a classification of texts, or a model that isn't ours.
    """
    data = require_training(learner.train_data)
    if not isinstance(data, Rows) or not isinstance(data.data, EncodedTexts):
        raise DataError("Wrong labels are found among texts of preprocess_train; these are others.")
    labels = require_judgeable(data.labels, len(data))
    vectors = embed(learner.model, data.data, learner.eval_batch_size, verbose)
    return label_quality(vectors, data.ids, labels, learner.seed), data


def transformer_vectors(
    transformer: Transformer, texts: list[str], pairs: list[str] | None = None
) -> np.ndarray:
    """One vector per text by the checkpoint of a `Transformer`, which stays as it is."""
    data = copy(transformer).encode(texts, pairs)
    dtype = dtype_policy(transformer.precision)
    model = load_classifier(transformer.files, 2, SINGLE, transformer.pooling, dtype, verbose=0)
    return embed(model, data, BATCH)


def label_quality(
    vectors: np.ndarray, y: np.ndarray, labels: Labels, seed: int = 0
) -> LabelQuality:
    """Compare labels with the out-of-fold probabilities of linear probes.

    Args:
        vectors: one per text, (texts, features).
        y: the labels as numbers.
        labels: the task and the classes, of a classification.
        seed: of the folds.

    Example:
        >>> found = label_quality(np.eye(2)[[0, 1] * 9], np.array([1, 1] + [0, 1] * 8),
        ...                       Labels("single_label_classification", ("a", "b")))
        >>> found.rows().tolist(), found.suggestions(found.rows())
        ([0], ['a'])
    """
    kind = cast(Classification, labels.kind)
    values = out_of_fold(vectors, y, labels, seed)
    return LabelQuality(y, labels, *kind.label_quality(y, values))


def out_of_fold(vectors: np.ndarray, y: np.ndarray, labels: Labels, seed: int = 0) -> np.ndarray:
    """Each text's probabilities by a linear probe that hasn't seen it, (texts, classes).

    A label that no text outside of the fold has can't be judged, and is taken as right.
    """
    kind = cast(Classification, labels.kind)
    vectors = centred_unit(vectors)
    given = kind.indicators(y, len(labels.classes))
    values = np.zeros(given.shape, "float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes with few rows; an early stop
        for train, test in _folds(len(y), kind.strata(y), seed):
            if kind.has_one_class and len(np.unique(y[train])) < 2:
                values[test] = given[test]
                continue
            probe = kind.linear_probe().fit(vectors[train], y[train])
            values[np.ix_(test, probe.classes_)] = probe.predict_proba(vectors[test])
            unseen = given[test] * (given[train].max(axis=0) == 0)
            if kind.has_one_class:
                values[test] *= 1 - unseen.max(axis=1, keepdims=True)
            values[test] += unseen
    return values


def centred_unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors about their mean, each of length 1, (texts, features)."""
    vectors = vectors - vectors.mean(axis=0)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _folds(count: int, strata: np.ndarray | None, seed: int) -> list[Any]:
    from sklearn.model_selection import KFold, StratifiedKFold

    if strata is None or np.bincount(strata).max() < FOLDS:
        return list(KFold(FOLDS, shuffle=True, random_state=seed).split(np.arange(count)))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return list(folds.split(np.arange(count), strata))
