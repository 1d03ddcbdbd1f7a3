import numpy as np
import pandas as pd
import pytest
from conftest import LABELS, TEXTS
from sklearn.metrics import average_precision_score

import simpletext as st
from simpletext.errors import ArgumentError, DataError
from simpletext.labelling.suspects import label_quality, out_of_fold
from simpletext.tasks.label_quality import (
    confident_classes,
    given_against_others,
    thresholds,
)
from simpletext.tasks.labels import Labels

SINGLE, MULTI = "single_label_classification", "multi_label_classification"
KINDS = ["card_arrival", "card_linking", "compromised_card", "exchange_rate", "top_up_failed"]


def test_confident_learning_by_hand():
    given = np.eye(3)[[0, 0, 1, 1, 2]]
    values = np.array(
        [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.3, 0.5, 0.2], [0.4, 0.2, 0.4]]
    )
    assert thresholds(given, values) == pytest.approx([0.5, 0.7, 0.4])
    assert confident_classes(given, values).tolist() == [0, 1, 1, -1, 2]
    expected = [0.8 / 0.9, 0.2 / 0.9, 0.9, 0.5 / 0.8, 0.5]
    assert given_against_others(given, values) == pytest.approx(expected)
    assert thresholds(np.zeros((2, 1)), np.ones((2, 1))).tolist() == [np.inf]


def spoiled(y, share, classes, seed=0):
    """Labels of which a share is wrong, and which are."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(y), int(share * len(y)), replace=False)
    wrong = np.zeros(len(y), bool)
    wrong[rows] = True
    return np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y), wrong


def clouds(classes=4, rows=400, seed=0):
    """Vectors around one point per class, and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, rows)
    return rng.normal(0, 1, (classes, 8))[y] + rng.normal(0, 0.3, (rows, 8)), y


def test_flipped_labels_come_first_and_the_right_ones_are_suggested():
    vectors, true = clouds()
    y, wrong = spoiled(true, 0.1, 4)
    found = label_quality(vectors, y, Labels(SINGLE, ("a", "b", "c", "d")))
    assert average_precision_score(wrong, -found.scores) > 0.97
    rows = found.rows()
    assert 30 <= len(rows) <= 50
    assert wrong[rows].mean() > 0.9
    assert np.mean(found.suggested[rows] == true[rows]) > 0.9
    assert (np.diff(found.scores[rows]) >= 0).all()


def test_several_labels_per_text():
    vectors, classes = clouds()
    true = np.stack([classes > 1, classes % 2], axis=1).astype("float32")
    y = true.copy()
    y[:20, 0] = 1 - y[:20, 0]
    labels = Labels(MULTI, ("high", "odd"))
    found = label_quality(vectors, y, labels)
    rows = found.rows()
    assert 10 < len(rows) < 25
    assert np.mean(rows < 20) > 0.9
    best = found.rows(10)
    assert (found.suggested[best] == true[best]).all()
    frame = found.to_frame(None, None, 3)
    assert list(frame) == ["row", "label", "suggested", "score"]
    assert len(frame) == 3


def test_a_class_with_one_row_is_never_suspected():
    vectors, y = clouds(2, 40)
    y[7] = 2
    found = label_quality(vectors, y, Labels(SINGLE, ("a", "b", "rare")))
    assert found.scores[7] == 1
    assert 7 not in found.rows()
    alone = np.array([0] * 9 + [1])
    values = out_of_fold(vectors[:10], alone, Labels(SINGLE, ("a", "b")))
    assert values[9].tolist() == [0, 1]


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_flipped_labels_of_real_texts(minilm, data_folder, share):
    """Five classes: what is found is wrong, and most of what is wrong is found."""
    table = pd.read_csv(data_folder / "banking77" / "train.csv")
    table = table[table.label.isin(KINDS)].groupby("label").head(60)
    y, wrong = spoiled(table.label.map(KINDS.index).to_numpy(), share, len(KINDS))
    given = [KINDS[i] for i in y]
    report = st.check(table.text.tolist(), given, preproc=minilm, suspects=True)
    finding = next(each for each in report.findings if "probably wrong" in each.problem)
    assert wrong[finding.rows].mean() > 0.8
    assert wrong[finding.rows].sum() > 0.5 * wrong.sum()
    frame = report.to_frame()
    frame = frame[frame.suggested.notna()]
    right = frame.suggested.to_numpy() == table.label.to_numpy()[frame.row]
    assert right[wrong[frame.row]].mean() > 0.9


def test_a_learner_suspects_rows_and_stays_as_it_is(trained):
    learner = trained.learner
    before = learner.predict()
    frame = learner.suspects(4, verbose=0)
    assert list(frame) == ["row", "text", "label", "suggested", "score"]
    assert len(frame) == 4
    assert frame.label.tolist() == [LABELS[i] for i in frame.row]
    assert frame.text.tolist() == [TEXTS[i] for i in frame.row]
    assert (frame.label != frame.suggested).all()
    assert np.array_equal(learner.predict(), before)


def test_a_training_changes_no_suspicion(tiny):
    transformer = st.Transformer(str(tiny), maxlen=16)
    pairs = [(text, text[::-1]) for text in TEXTS]
    data = transformer.preprocess_train(pairs, LABELS, verbose=0)
    learner = st.get_learner(transformer.get_classifier(verbose=0), data, batch_size=8)
    before = learner.suspects(len(pairs), verbose=0)
    learner.fit(2e-3, 1, verbose=0)
    pd.testing.assert_frame_equal(learner.suspects(len(pairs), verbose=0), before)
    assert "pair" in before


def test_what_has_no_classes_is_refused(tiny, trained):
    with pytest.raises(ArgumentError, match="where texts have classes; this is regression"):
        st.check(TEXTS, np.arange(len(TEXTS)) / 2, preproc=str(tiny), suspects=True)
    with pytest.raises(ArgumentError, match="where texts have classes; there are no labels"):
        st.check(TEXTS, preproc=str(tiny), suspects=True)
    with pytest.raises(ArgumentError, match="suspects='yes'; it must be True or False"):
        st.check(TEXTS, LABELS, suspects="yes")
    with pytest.raises(DataError, match="There are 4 texts; finding wrong labels needs 5 or more"):
        st.check(TEXTS[:4], LABELS[:4], preproc=str(tiny), suspects=True)
    with pytest.raises(ArgumentError, match="n=0; it must be a whole number, 1 or more"):
        trained.learner.suspects(0)
    model = trained.learner.model
    with pytest.raises(DataError, match="no training data"):
        st.get_learner(model).suspects()
    arrays = ({"input_ids": np.ones((8, 4)), "attention_mask": np.ones((8, 4))}, np.ones(8))
    with pytest.raises(DataError, match="among texts of preprocess_train"):
        st.get_learner(model, arrays).suspects()
