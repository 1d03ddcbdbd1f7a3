import functools

import keras
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as sk

from simpletext.errors import ArgumentError
from simpletext.tasks.losses import loss_for
from simpletext.tasks.metrics import metrics_for
from simpletext.tasks.task import MULTI, REGRESSION, SINGLE


def streamed(metric, y, logits, size=7):
    for start in range(0, len(y), size):
        metric.update_state(y[start : start + size], logits[start : start + size])
    return float(metric.result())


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


rng = np.random.default_rng(0)
Y = rng.integers(0, 4, 90)
LOGITS = (rng.normal(size=(90, 4)) + 1.5 * np.eye(4)[Y]).astype("float32")
ANSWERS = LOGITS.argmax(axis=1)
MANY = (rng.random((90, 5)) < [0.1, 0.3, 0.5, 0.8, 0.0]).astype("float32")
MANY_LOGITS = (rng.normal(size=(90, 5)) + MANY - 0.5).astype("float32")

SCORES = {
    "accuracy": sk.accuracy_score,
    "f1": lambda y, p: sk.f1_score(y, p, average="macro"),
    "f1_macro": lambda y, p: sk.f1_score(y, p, average="macro"),
    "f1_micro": lambda y, p: sk.f1_score(y, p, average="micro"),
    "f1_weighted": lambda y, p: sk.f1_score(y, p, average="weighted"),
    "mcc": sk.matthews_corrcoef,
}


@pytest.mark.parametrize("name", SCORES)
def test_single_label_scores_are_scikit_learns(name):
    (metric,) = metrics_for(SINGLE, 4, name)
    assert metric.name == name
    assert streamed(metric, Y, LOGITS) == pytest.approx(SCORES[name](Y, ANSWERS), abs=1e-5)


@pytest.mark.parametrize("name", ["f1_macro", "f1_micro", "f1_weighted"])
def test_multi_label_scores_are_scikit_learns(name):
    (metric,) = metrics_for(MULTI, 4, [name])
    y, logits = MANY[:, :4], MANY_LOGITS[:, :4]
    expected = sk.f1_score(y, logits >= 0, average=name[3:])
    assert streamed(metric, y, logits) == pytest.approx(expected, abs=1e-5)


def test_a_class_that_is_missing_does_not_break_f1():
    (metric,) = metrics_for(SINGLE, 4, ["f1"])
    some, logits = Y[Y < 3], LOGITS[Y < 3].copy()
    logits[:, 3] = -9
    expected = sk.f1_score(some, logits.argmax(axis=1), average="macro")
    assert streamed(metric, some, logits) == pytest.approx(expected, abs=1e-5)


def test_auc_is_scikit_learns_but_for_ties():
    expected = sk.roc_auc_score(Y, softmax(LOGITS), multi_class="ovr")
    assert streamed(*metrics_for(SINGLE, 4, "auc"), Y, LOGITS) == pytest.approx(expected, abs=2e-3)
    two = sk.roc_auc_score(Y > 1, LOGITS[:, 1] - LOGITS[:, 0])
    (metric,) = metrics_for(SINGLE, 2, "auc")
    assert streamed(metric, (Y > 1) * 1, LOGITS[:, :2]) == pytest.approx(two, abs=2e-3)
    # The last label has no text at all and is left out, as it has no curve.
    many = sk.roc_auc_score(MANY[:, :4], MANY_LOGITS[:, :4])
    (metric,) = metrics_for(MULTI, 5, "auc")
    assert streamed(metric, MANY, MANY_LOGITS) == pytest.approx(many, abs=2e-3)


def test_auc_of_a_sure_model():
    """Probabilities of nearly 0 and 1 still have an order."""
    (metric,) = metrics_for(MULTI, 1, "auc")
    y = np.array([[0.0], [0.0], [1.0], [1.0]])
    assert streamed(metric, y, np.array([[9.0], [10.0], [11.0], [12.0]])) == 1.0


REGRESSIONS = {
    "mae": sk.mean_absolute_error,
    "rmse": sk.root_mean_squared_error,
    "pearson": lambda y, p: scipy.stats.pearsonr(y[:, 0], p[:, 0]).statistic,
    "spearman": lambda y, p: scipy.stats.spearmanr(y[:, 0], p[:, 0]).statistic,
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression_scores(name):
    y = rng.integers(0, 6, (200, 1)).astype("float32")  # ties, as in rated similarity
    predicted = (y + rng.normal(size=y.shape)).astype("float32")
    value = streamed(*metrics_for(REGRESSION, 1, name), y, predicted)
    assert value == pytest.approx(REGRESSIONS[name](y, predicted), abs=1e-4)


def test_correlation_of_more_rows_than_it_keeps():
    y = rng.normal(size=(9000, 1)).astype("float32")
    (metric,) = metrics_for(REGRESSION, 1, "spearman")
    assert streamed(metric, y, y**3, 1000) == pytest.approx(1.0, abs=1e-5)


def test_a_metric_that_does_not_fit():
    with pytest.raises(ArgumentError, match="'mcc' doesn't fit multi_label.*; there are accuracy"):
        metrics_for(MULTI, 3, ["mcc"])
    with pytest.raises(ArgumentError, match="There is no metric 'acc'; for regression there are"):
        metrics_for(REGRESSION, 1, "acc")


@pytest.mark.parametrize("name", ["f1", "auc", "mcc", "pearson", "spearman"])
def test_metrics_can_be_saved_and_reset(name):
    (metric,) = metrics_for(REGRESSION if name[1:] in ("earson", "pearman") else SINGLE, 4, name)
    again = type(metric).from_config(metric.get_config())
    assert again.get_config() == metric.get_config()
    y, p = (LOGITS[:, :1], LOGITS[:, :1]) if name in ("pearson", "spearman") else (Y, LOGITS)
    streamed(metric, y, p)
    metric.reset_state()
    assert float(metric.result()) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "metric",
    [
        keras.metrics.AUC(), keras.metrics.BinaryCrossentropy(), keras.metrics.Precision(),
        keras.metrics.Recall(thresholds=0.3), keras.metrics.BinaryAccuracy(),
        keras.metrics.BinaryIoU(), keras.metrics.binary_crossentropy,
    ],
    ids=lambda metric: type(metric).__name__,
)  # fmt: skip
def test_a_metric_of_probabilities_is_refused(metric):
    with pytest.raises(ArgumentError, match="probabilities"):
        metrics_for(MULTI, 3, [metric])
    assert metrics_for(REGRESSION, 1, [metric]) == [metric]


def test_a_metric_that_takes_logits_is_right():
    y = (rng.random((300, 1)) > 0.5).astype("float32")
    logits = (y * 2 - 1 + rng.normal(size=y.shape) * 2).astype("float32")
    own = [keras.metrics.AUC(2000, from_logits=True), keras.metrics.BinaryAccuracy(threshold=0)]
    auc, accuracy, _ = metrics_for(MULTI, 1, [*own, keras.metrics.CategoricalAccuracy()])
    assert streamed(auc, y, logits) == pytest.approx(sk.roc_auc_score(y, logits), abs=5e-3)
    assert streamed(accuracy, y, logits) == pytest.approx(np.mean((logits > 0) == y), abs=1e-6)


def test_a_loss_of_probabilities_is_refused():
    for loss in (keras.losses.BinaryCrossentropy(), keras.losses.binary_crossentropy):
        with pytest.raises(ArgumentError, match="expects probabilities.*pass from_logits=True"):
            loss_for(MULTI, loss)
    own = functools.partial(keras.losses.binary_crossentropy, from_logits=True)
    assert loss_for(MULTI, own) is own
