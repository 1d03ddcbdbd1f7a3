"""Saved predictors of entities in the original's hands: transformers' pipeline on the folder.

Needs PyTorch: `scripts/run_backends.py` runs these tests, here they are left out without it.
"""

import numpy as np
import pytest
from parity.families import FAMILIES
from saving.test_pytorch import MAXLEN, original, write_folder

import simpletext as st
from simpletext.models.families import MODULES

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TEXTS = ["A short text, wasn't it?", "It wasn't bad at all.", "São Paulo (2024): $12.50!", "a"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
# No fast tokenizer, no such head, no states of tokens, or states that depend on the padding.
NO_PIPELINE = {"xlm", "flaubert", "bart", "funnel", "fnet"}
# Their small vocabularies have no "▁a", and the pipeline takes a "▁" alone for a word of its own.
BARE_SPACES = {"camembert", "albert", "rembert", "deberta-v2", "big_bird", "xlnet"}
FOUND = [m for m in MODULES if FAMILIES[m].tokenizer not in NO_PIPELINE | BARE_SPACES
         and m not in NO_PIPELINE | BARE_SPACES]  # fmt: skip


@pytest.mark.parametrize("model_type", FOUND)
def test_the_originals_pipeline_finds_our_entities(model_type, tmp_path):
    made = write_folder(tmp_path / "made", model_type)
    task = "token_classification"
    model = st.load_classifier(made, len(TAGS), task, class_names=TAGS, seed=3, verbose=0)
    rng = np.random.default_rng(0)
    output = model.get_layer("classifier")
    output.kernel.assign(rng.normal(size=output.kernel.shape))  # tags that vary
    st.save_checkpoint(model, tmp_path / "head")
    for path in made.glob("*"):
        if not (tmp_path / "head" / path.name).exists():
            (tmp_path / "head" / path.name).write_bytes(path.read_bytes())
    predictor = st.Predictor.from_pretrained(tmp_path / "head", MAXLEN)
    predictor.save(tmp_path / "saved")
    theirs = transformers.pipeline(
        "token-classification",
        model=original(tmp_path / "saved", transformers.AutoModelForTokenClassification),
        tokenizer=transformers.AutoTokenizer.from_pretrained(tmp_path / "saved"),
        aggregation_strategy="first",
        device="cpu",
    )
    compared = 0
    for text in TEXTS:
        if len(theirs.tokenizer(text)["input_ids"]) > MAXLEN:
            continue
        ours, wanted = predictor.predict(text), theirs(text)
        spans = [(e["label"], e["start"], e["end"]) for e in ours]
        assert spans == [
            (e["entity_group"], e["start"] + leading(text[e["start"] : e["end"]]), e["end"])
            for e in wanted
        ]
        for one, other in zip(ours, wanted, strict=True):
            assert one["probability"] == pytest.approx(float(other["score"]), abs=1e-5)
        compared += len(spans)
    assert compared


def leading(text):
    """The spaces at the start of a token, which some tokenizers count to it and we don't."""
    return len(text) - len(text.lstrip())
