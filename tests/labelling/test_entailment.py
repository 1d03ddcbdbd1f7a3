"""Labels found by models of natural language inference."""

import numpy as np
import pytest
from conftest import write_tokenizer
from parity.fixtures import read_fixture
from parity.weights import write_checkpoint

import simpletext as st
from simpletext.errors import ArgumentError, DataError
from simpletext.labelling.entailment import entailment_output

NAMES = ["good", "bad film", "happy"]
TEXTS = ["the film was very good", "a sad film", "it was nice, very nice and a nice film"]
HYPOTHESIS = "it was a {} film."
OUTPUTS = {
    "last": ["contradiction", "neutral", "entailment"],
    "first": ["ENTAILMENT", "NEUTRAL", "CONTRADICTION"],
    "of two": ["not_entailment", "Entailment"],
}
# transformers' pipeline "zero-shot-classification" on the same checkpoints, (texts, labels)
GOLDEN = {
    "last": [
        [0.3375648, 0.2958503, 0.366585],
        [0.3194913, 0.3127568, 0.3677519],
        [0.3315664, 0.3206642, 0.3477694],
    ],
    "first": [
        [0.3244343, 0.3400442, 0.3355215],
        [0.3272097, 0.3299957, 0.3427946],
        [0.3309206, 0.3322587, 0.3368207],
    ],
    "of two": [
        [0.3405456, 0.3067332, 0.3527212],
        [0.3159857, 0.3210637, 0.3629506],
        [0.3244715, 0.3271187, 0.3484097],
    ],
}
POSITIONS = 64


def write_nli(folder, outputs):
    """A tiny random checkpoint with these outputs."""
    checkpoint = read_fixture("bert").checkpoints["base"]
    config = checkpoint.config | {
        "id2label": {str(i): name for i, name in enumerate(outputs)},
        "label2id": {name: i for i, name in enumerate(outputs)},
        "max_position_embeddings": POSITIONS,
    }
    shapes = checkpoint.shapes | {
        "classifier.weight": [len(outputs), 32],
        "classifier.bias": [len(outputs)],
        "bert.embeddings.position_embeddings.weight": [POSITIONS, 32],
    }
    write_checkpoint(folder, config, shapes)
    write_tokenizer(folder)
    file = folder / "tokenizer_config.json"
    file.write_text(file.read_text().replace('"model_max_length": 20', '"model_max_length": 64'))
    return folder


@pytest.fixture(scope="module", params=OUTPUTS)
def order(request):
    return request.param


@pytest.fixture(scope="module")
def folder(order, tmp_path_factory):
    return write_nli(tmp_path_factory.mktemp("nli") / "made", OUTPUTS[order])


@pytest.fixture(scope="module")
def predictor(folder):
    return st.Predictor.from_labels(NAMES, folder, maxlen=60, hypothesis=HYPOTHESIS)


def test_probabilities_are_those_of_the_original(predictor, order):
    values = predictor.predict_proba(TEXTS)
    assert values == pytest.approx(np.array(GOLDEN[order]), abs=1e-5)
    assert np.ptp(values, axis=1).min() > 0.001  # the labels differ


def test_probabilities_are_those_of_transformers(predictor, folder):
    """The same, computed here: where PyTorch is installed."""
    pytest.importorskip("torch")
    assert predictor.predict_proba(TEXTS) == pytest.approx(by_transformers(folder), abs=1e-5)


def by_transformers(folder):
    from transformers import pipeline

    classify = pipeline("zero-shot-classification", model=str(folder), device="cpu")
    results = classify(TEXTS, NAMES, hypothesis_template=HYPOTHESIS)
    scores = [dict(zip(found["labels"], found["scores"], strict=True)) for found in results]
    return np.array([[row[name] for name in NAMES] for row in scores])


def test_predictions_have_the_forms_of_a_predictor(predictor):
    values = predictor.predict_proba(TEXTS)
    classes = [NAMES[i] for i in values.argmax(axis=1)]
    assert predictor.predict(TEXTS) == classes
    assert predictor.predict(TEXTS[0]) == classes[0]
    assert predictor.predict(TEXTS, min_confidence=1.0) == [None] * 3
    top = predictor.predict(TEXTS, top_k=2)[0]
    assert [name for name, _ in top] == [NAMES[i] for i in np.argsort(-values[0])[:2]]
    assert predictor.predict(TEXTS[0], return_proba=True) == pytest.approx(values[0], abs=1e-6)
    assert predictor.get_classes() == NAMES
    assert repr(predictor).startswith("EntailmentPredictor(task: single-label classification, 3")


def test_of_several_descriptions_the_one_that_follows_most_counts(predictor, folder):
    several = {"a": ["good", "bad film"], "b": "happy"}
    found = st.Predictor.from_labels(several, folder, 60, hypothesis=HYPOTHESIS)
    single = predictor.predict_proba(TEXTS)
    best = np.stack([single[:, :2].max(axis=1), single[:, 2]], axis=1)
    expected = best / best.sum(axis=1, keepdims=True)
    assert found.predict_proba(TEXTS) == pytest.approx(expected, abs=1e-5)


def test_many_texts_are_predicted_in_parts(predictor, monkeypatch):
    whole = predictor.predict_proba(TEXTS)
    monkeypatch.setattr("simpletext.labelling.entailment.TEXTS", 2)
    assert predictor.predict_proba(TEXTS) == pytest.approx(whole, abs=1e-6)


def test_long_texts_are_cut_with_a_message(predictor, capsys):
    predictor.predict(["very " * 80])
    assert "texts were cut to 60 tokens" in capsys.readouterr().err


def test_the_usual_sentence(folder):
    found = st.Predictor.from_labels(["lost_card", "refund"], folder, 60)
    assert found.hypotheses == [
        ["This example is about lost card."], ["This example is about refund."],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "output"),
    [
        ({"0": "CONTRADICTION", "1": "NEUTRAL", "2": "ENTAILMENT"}, 2),
        ({"1": "not_entailment", "0": "entailment"}, 0),
        ({"0": "LABEL_0", "1": "LABEL_1"}, None),
        (None, None),
    ],
)
def test_the_output_for_entailment(names, output):
    assert entailment_output({} if names is None else {"id2label": names}) == output


@pytest.mark.parametrize("hypothesis", ["about it", "{} and {}", 3, ""])
def test_sentences_without_one_place_for_the_label_are_refused(folder, hypothesis):
    with pytest.raises(ArgumentError, match="it must be a sentence with one {}, where the label"):
        st.Predictor.from_labels(NAMES, folder, hypothesis=hypothesis)


def test_other_texts_and_options_are_refused(predictor, folder):
    with pytest.raises(DataError, match="These are pairs of texts; labels are found for single"):
        predictor.predict([("a", "b")])
    with pytest.raises(ArgumentError, match="return_proba=True returns the probabilities of all"):
        predictor.predict(TEXTS, True, top_k=1)
    with pytest.raises(ArgumentError, match="maxlen=65, but .* has positions for 64 tokens"):
        st.Predictor.from_labels(NAMES, folder, 65)
    with pytest.raises(ArgumentError, match="batch_size=0"):
        st.Predictor.from_labels(NAMES, folder, 60, 0)


def test_sentence_transformers_take_no_hypothesis(minilm):
    with pytest.raises(ArgumentError, match="is for models of natural language inference; .*Mini"):
        st.Predictor.from_labels(NAMES, minilm, hypothesis="about {}")
