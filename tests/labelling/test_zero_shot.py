import numpy as np
import pandas as pd
import pytest

import simpletext as st
from simpletext.errors import ArgumentError
from simpletext.labelling.zero_shot import described_labels

LABELS = {
    "refund": "the customer wants money back",
    "card": ["a stolen or lost card", "my card was stolen"],
    "rate": "exchange rates of currencies",
}
TEXTS = ["Please return my payment.", "Somebody took my card!", "How many euros per dollar?"]


@pytest.fixture(scope="module")
def predictor(minilm):
    return st.Predictor.from_labels(LABELS, minilm, maxlen=32)


def test_texts_get_the_label_whose_description_is_nearest(predictor):
    assert predictor.predict(TEXTS) == ["refund", "card", "rate"]
    values = predictor.predict_proba(TEXTS)
    assert values.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (values.max(axis=1) > 0.5).all()
    assert predictor.get_classes() == list(LABELS)


def test_logits_are_cosines(predictor):
    """Of the mean-pooled vectors, as sentence-transformers compares texts."""
    from simpletext.inference.embeddings import embedder

    def vectors(texts):
        return embedder(predictor.model).predict(
            predictor.encoder.encode(texts).padded(np.arange(len(texts))), verbose=0
        )

    descriptions = vectors(["the customer wants money back", "exchange rates of currencies"])
    unit = descriptions / np.linalg.norm(descriptions, axis=1, keepdims=True)
    kernel = predictor.model.get_layer("classifier").get_weights()[0][:, [0, 2]]
    ratio = kernel.T / unit
    assert ratio == pytest.approx(np.full(ratio.shape, ratio[0, 0]), rel=1e-2)


def test_it_is_saved_loaded_and_trained_like_any_other(predictor, minilm, tmp_path):
    predictor.save(tmp_path / "zero")
    loaded = st.load_predictor(tmp_path / "zero")
    assert loaded.predict(TEXTS) == predictor.predict(TEXTS)
    assert loaded.predict_proba(TEXTS) == pytest.approx(predictor.predict_proba(TEXTS), abs=1e-5)
    assert loaded.settings.base_model == minilm


def test_names_alone(minilm, data_folder):
    """77 classes by their names: 0.6 of the texts, where guessing has 0.013."""
    table = pd.read_csv(data_folder / "banking77" / "test.csv").sample(300, random_state=0)
    names = sorted(pd.read_csv(data_folder / "banking77" / "train.csv").label.unique())
    predictor = st.Predictor.from_labels(names, minilm, maxlen=48)
    assert predictor.get_classes() == names
    assert np.mean(np.array(predictor.predict(table.text.tolist())) == table.label) > 0.5


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": "one"}, "a classification needs two labels or more"),
        (["a", "a"], "class_names has a name twice"),
        ({"a": "one", "b": ""}, "The label 'b' has the description ''; it must be a text"),
        ({"a": "one", "b": []}, r"The label 'b' has the description \[\]"),
        ({"a": "one", "b": [3]}, r"The label 'b' has the description \[3\]"),
        ("a label", "labels='a label'; it must be a list of names"),
    ],
)
def test_labels_that_describe_nothing_are_refused(labels, message):
    with pytest.raises(ArgumentError, match=message):
        described_labels(labels)


def test_checkpoints_without_useful_vectors_are_refused(tiny, minilm):
    with pytest.raises(ArgumentError, match="is neither a sentence-transformers model"):
        st.Predictor.from_labels(["a", "b"], str(tiny))
    with pytest.raises(ArgumentError, match="maxlen=600, but .* has positions for 512 tokens"):
        st.Predictor.from_labels(["a", "b"], minilm, 600)
