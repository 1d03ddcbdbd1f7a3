"""The real all-MiniLM-L6-v2: the original's numbers, and back to the original's libraries."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from make_minilm_golden import LABELS, MAXLEN, TEXTS
from parity.weights import seeded_tensor

import simpletext as st

CLASSES = [f"class {i}" for i in range(LABELS)]


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parents[1] / "golden" / "minilm.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def encoder(minilm):
    return st.load_encoder(minilm)


@pytest.mark.parametrize("name", ["texts", "pairs"])
def test_hidden_states(encoder, golden, name):
    inputs = {key: golden[f"{name}/{key}"] for key in encoder.input}
    hidden = np.asarray(encoder.predict_on_batch(inputs))[:, :, ::16]
    attended = inputs["attention_mask"].astype(bool)
    assert np.abs(hidden - golden[f"{name}/hidden"])[attended].max() < 1e-4


@pytest.fixture(scope="module", params=["original", "mean"])
def predictor(request, minilm):
    """An untrained predictor whose last layer is seeded, as in the golden outputs."""
    transformer = st.Transformer(minilm, MAXLEN, CLASSES, pooling=request.param)
    transformer.preprocess_train(["a", "b", "c"], [0, 1, 2], verbose=0)
    model = transformer.get_classifier()
    last = model.get_layer("classifier")
    last.kernel.assign(seeded_tensor("weight", last.kernel.shape[::-1]).T)
    last.bias.assign(seeded_tensor("bias", last.bias.shape))
    return st.get_predictor(model, transformer)


def pooling_of(predictor):
    return predictor.model.architecture.pooling


def test_probabilities(predictor, golden):
    wanted = golden[f"{pooling_of(predictor)}/probabilities"]
    np.testing.assert_allclose(predictor.predict_proba(TEXTS), wanted, atol=1e-4)


def test_the_saved_folder_gives_the_same_numbers(predictor, golden, tmp_path):
    predictor.save(tmp_path / "saved")
    wanted = golden[f"{pooling_of(predictor)}/probabilities"]
    again = st.load_predictor(tmp_path / "saved")
    np.testing.assert_allclose(again.predict_proba(TEXTS), wanted, atol=1e-4)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None,
    reason="sentence-transformers isn't installed; the golden outputs stand for it",
)
def test_the_originals_libraries_load_the_saved_folder(predictor, golden, tmp_path):
    import torch

    folder = str(tmp_path / "saved")
    predictor.save(folder)
    if pooling_of(predictor) == "mean":
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(folder, device="cpu")
        assert model.max_seq_length == MAXLEN
        found = softmax(model.encode(TEXTS))
    else:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        model, told = AutoModelForSequenceClassification.from_pretrained(
            folder, output_loading_info=True
        )
        assert not any(told[kind] for kind in ("missing_keys", "unexpected_keys"))
        assert model.config.id2label == dict(enumerate(CLASSES))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        batch = tokenizer(
            TEXTS, padding=True, truncation=True, max_length=MAXLEN, return_tensors="pt"
        )
        with torch.no_grad():
            found = model(**batch).logits.softmax(-1).numpy()
    wanted = golden[f"{pooling_of(predictor)}/probabilities"]
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_allclose(found, predictor.predict_proba(TEXTS), atol=1e-4)
