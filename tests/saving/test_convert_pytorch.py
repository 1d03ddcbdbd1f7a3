"""Converted folders in PyTorch's hands: nothing missing, nothing left over, the original's numbers.

Needs PyTorch: `scripts/run_backends.py` runs these tests, here they are left out without it.
"""

from pathlib import Path

import numpy as np
import pytest

import simpletext as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

OLD = Path(__file__).parents[1] / "oldformats"
ABC = ["a", "b", "c"]
ENCODERS = ["tf1/bert", "hub/bert", "hub/albert", "keras_hub/electra", "h5/bert-pretraining"]
CLASSIFIERS = ["tf1/albert-finetuned", "keras_nlp/roberta", "h5/bert-sharded", "h5/distilbert"]
CLASSIFIERS += [f"keras_hub/{n}" for n in ("bert", "deberta_v3", "albert", "roberta", "f_net")]


def loaded(name, auto, tmp_path, **options):
    st.convert(OLD / name, tmp_path / "new", **options)
    config = transformers.AutoConfig.from_pretrained(tmp_path / "new")
    config._attn_implementation = "eager"
    model, report = auto.from_pretrained(
        tmp_path / "new", config=config, dtype=torch.float32, output_loading_info=True
    )
    return model.eval(), report


def outputs(model, name):
    with np.load(OLD / name / "golden.npz") as arrays:
        wanted = {k: arrays[k] for k in arrays}
    taken = {"token_type_ids", "attention_mask", "input_ids"}
    if name.endswith(("distilbert", "roberta", "distil_bert")):
        taken.remove("token_type_ids")
    if name.endswith("f_net"):
        taken.remove("attention_mask")
    inputs = {k: torch.tensor(wanted[f"in/{k}"]).long() for k in taken if f"in/{k}" in wanted}
    with torch.no_grad():
        return model(**inputs), wanted


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders(name, tmp_path):
    model, report = loaded(name, transformers.AutoModel, tmp_path)
    assert not report["missing_keys"]
    found, wanted = outputs(model, name)
    np.testing.assert_allclose(found.last_hidden_state.numpy(), wanted["hidden"], atol=1e-5)
    if "pooled" in wanted:
        np.testing.assert_allclose(found.pooler_output.numpy(), wanted["pooled"], atol=1e-5)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name, tmp_path):
    auto = transformers.AutoModelForSequenceClassification
    model, report = loaded(name, auto, tmp_path, labels=ABC)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    found, wanted = outputs(model, name)
    np.testing.assert_allclose(found.logits.numpy(), wanted["logits"], atol=1e-5)
    assert list(model.config.id2label.values()) == ABC


def test_pre_training_heads(tmp_path):
    model, report = loaded("tf1/bert", transformers.AutoModelForPreTraining, tmp_path)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert type(model).__name__ == "BertForPreTraining"


def test_the_tokenizer(tmp_path):
    st.convert(OLD / "keras_hub" / "bert", tmp_path / "new", labels=ABC)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "new")
    ours = st.Predictor.from_pretrained(tmp_path / "new").encoder.encode(["A good film!", "b"])
    batch = ours.padded(np.arange(2))
    assert theirs(["A good film!", "b"], padding=True)["input_ids"] == batch["input_ids"].tolist()
