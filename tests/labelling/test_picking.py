import numpy as np
import pytest
from conftest import TEXTS

import simpletext as st
from simpletext.errors import ArgumentError
from simpletext.labelling.picking import spread_out, vectors_and_logits
from simpletext.tasks.task import task_named


def test_copies_of_a_text_are_picked_last():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 4)).repeat(3, axis=0)
    picked = spread_out(vectors, np.ones(18), 18)
    assert sorted(picked) == list(range(18))
    assert {row // 3 for row in picked[:6]} == set(range(6))


def test_doubt():
    single = task_named("single_label_classification")
    values = np.array([[0.4, 0.4, 0.2], [0.9, 0.1, 0.0]])
    assert single.doubt(values) == pytest.approx([1, 0.2])
    multi = task_named("multi_label_classification")
    assert multi.doubt(np.array([[0.5, 0.9], [0.1, 0.9]])) == pytest.approx([1, 0.2])


def test_one_pass_gives_vectors_and_the_predictors_logits(trained):
    data = trained.predictor.encoder.encode(TEXTS[:5])
    vectors, logits = vectors_and_logits(trained.learner.model, data, 2)
    assert vectors.shape == (5, 32)
    values = trained.predictor.labels.kind.probabilities(logits)
    assert values == pytest.approx(trained.predictor.predict_proba(TEXTS[:5]), abs=1e-5)


def test_a_predictor_picks_texts(trained):
    picked = trained.predictor.pick(TEXTS, 5)
    assert len(set(picked)) == 5
    doubt = trained.predictor.labels.kind.doubt(trained.predictor.predict_proba(TEXTS))
    assert doubt[picked[0]] == pytest.approx(doubt.max(), abs=1e-5)
    assert sorted(trained.predictor.pick(TEXTS[:3], 9)) == [0, 1, 2]
    with pytest.raises(ArgumentError, match="n=0; it must be a whole number, 1 or more"):
        trained.predictor.pick(TEXTS, 0)


def test_values_have_no_doubt(tiny):
    transformer = st.Transformer(str(tiny), maxlen=16)
    transformer.preprocess_train(TEXTS[:4], [0.1, 0.2, 0.3, 0.4], verbose=0)
    predictor = st.get_predictor(transformer.get_model(verbose=0), transformer)
    with pytest.raises(ArgumentError, match="where texts have classes; this is regression"):
        predictor.pick(TEXTS, 1)
