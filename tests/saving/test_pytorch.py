"""What simpletext saves, in the original's hands: PyTorch's transformers on the folder as it is.

Needs PyTorch: `scripts/run_backends.py` runs these tests, here they are left out without it.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from parity.families import FAMILIES
from parity.fixtures import read_fixture
from parity.weights import write_checkpoint
from safetensors.numpy import load_file

import simpletext as st
from simpletext.models.families import MODULES

tokenizers = pytest.importorskip("tokenizers")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TOKENIZERS = Path(__file__).parents[1] / "parity" / "tokenizers"
MAXLEN = 18  # less than the shortest limit of the tiny configs
TEXTS = ["A short text.", "It wasn't bad at all.", "a", ""]
PAIRS = [("A short text.", "and another one"), ("a", "It wasn't bad."), ("", "b")]
FLOAT32 = {"dtype": torch.float32, "attn_implementation": "eager"}
TOLERANCE = 1e-5
CUT = {"truncation": True, "max_length": MAXLEN}


def write_folder(folder, model_type, **changes):
    """A family's tiny checkpoint, fitted to a tokenizer of its kind that stands beside it."""
    kind = TOKENIZERS / FAMILIES[model_type].tokenizer
    checkpoint = read_fixture(model_type).checkpoints["base"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(kind)
    old, new = checkpoint.config["vocab_size"], len(tokenizer)
    config = checkpoint.config | {"vocab_size": new, "pad_token_id": tokenizer.pad_token_id}
    if tokenizer.eos_token_id is not None:
        config["eos_token_id"] = tokenizer.eos_token_id
    shapes = {key: [new if n == old else n for n in s] for key, s in checkpoint.shapes.items()}
    for name, size in changes.items():
        if name == "type_vocab_size":
            key = next(key for key in shapes if "token_type_embeddings" in key)
            shapes[key] = [size, *shapes[key][1:]]
    write_checkpoint(folder, config | changes, shapes)
    for path in kind.glob("*"):
        if path.name not in ("config.json", "golden.json"):
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module", params=MODULES)
def saved(request, tmp_path_factory):
    """A predictor of each family, and the folder that it was saved in."""
    if FAMILIES[request.param].tokenizer in ("xlm", "flaubert"):
        pytest.importorskip("sacremoses")
    folder = write_folder(tmp_path_factory.mktemp(request.param) / "made", request.param)
    predictor = st.Predictor.from_pretrained(folder, MAXLEN)
    predictor.save(folder.parent / "saved")
    return request.param, predictor, folder.parent / "saved"


def original(folder, auto=transformers.AutoModelForSequenceClassification):
    """The original's model, after it took up every tensor and missed none."""
    model, told = auto.from_pretrained(folder, output_loading_info=True, **FLOAT32)
    assert not {kind: keys for kind, keys in told.items() if keys}
    return model.eval()


def probabilities(folder, rows):
    """What the original's pipeline says about texts or pairs, (rows, labels)."""
    classify = transformers.pipeline(
        "text-classification",
        model=original(folder),
        tokenizer=transformers.AutoTokenizer.from_pretrained(folder),
        device="cpu",
    )
    rows = [
        {"text": row[0], "text_pair": row[1]} if isinstance(row, tuple) else row for row in rows
    ]
    answers = [classify([row], top_k=None, **CUT)[0] for row in rows]
    names = list(classify.model.config.id2label.values())
    return np.array(
        [[{a["label"]: a["score"] for a in answer}[name] for name in names] for answer in answers]
    )


def long_enough(model_type, folder, rows):
    """Without those texts that the original itself fails with, for being so short."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    least = FAMILIES[model_type].shortest
    return [
        row
        for row in rows
        if len(tokenizer(*(row if isinstance(row, tuple) else (row,)))["input_ids"]) >= least
    ]


@pytest.mark.parametrize("rows", [TEXTS, PAIRS], ids=["texts", "pairs"])
def test_the_originals_pipeline_gives_our_probabilities(saved, rows):
    model_type, predictor, folder = saved
    rows = long_enough(model_type, folder, rows)
    ours = np.array([predictor.predict_proba(row) for row in rows])
    np.testing.assert_allclose(probabilities(folder, rows), ours, atol=TOLERANCE)


@pytest.mark.parametrize("rows", [TEXTS, PAIRS], ids=["texts", "pairs"])
def test_the_originals_logits_for_a_padded_batch(saved, rows):
    model_type, predictor, folder = saved
    rows = long_enough(model_type, folder, rows)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    columns = zip(*rows, strict=True) if isinstance(rows[0], tuple) else [rows]
    batch = tokenizer(*map(list, columns), padding=True, return_tensors="pt", **CUT)
    with torch.no_grad():
        theirs = original(folder)(**batch).logits.softmax(-1).numpy()
    np.testing.assert_allclose(theirs, predictor.predict_proba(rows), atol=TOLERANCE)
    again = st.load_predictor(folder)
    np.testing.assert_allclose(theirs, again.predict_proba(rows), atol=TOLERANCE)


def test_the_saved_tokenizer_is_set_up_for_the_model(saved):
    model_type, predictor, folder = saved
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    names = [tensor.name for tensor in predictor.model.inputs if tensor.name != "langs"]
    assert sorted(tokenizer(*PAIRS[0])) == sorted(names)
    assert tokenizer.padding_side == FAMILIES[model_type].padding_side


@pytest.mark.parametrize("names", [None, ["input_ids", "attention_mask", "token_type_ids"]])
@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "longformer"])
def test_token_types_of_roberta_are_zero_unless_its_tokenizer_makes_them(
    model_type, names, tmp_path
):
    folder = write_folder(tmp_path / "made", model_type, type_vocab_size=2)
    make_segments(folder / "tokenizer.json")
    if names:
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(config | {"model_input_names": names}), encoding="utf-8")
    predictor = st.Predictor.from_pretrained(folder, MAXLEN)
    np.testing.assert_allclose(
        probabilities(folder, PAIRS), predictor.predict_proba(PAIRS), atol=TOLERANCE
    )
    predictor.save(tmp_path / "saved")
    ours = st.load_predictor(tmp_path / "saved").predict_proba(PAIRS)
    np.testing.assert_allclose(probabilities(tmp_path / "saved", PAIRS), ours, atol=TOLERANCE)


def make_segments(path):
    """Have a tokenizer give a pair's second text the token type 1."""
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    marks = [(mark, tokenizer.token_to_id(mark)) for mark in ("<s>", "</s>")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=marks
    )
    tokenizer.save(str(path))


@pytest.mark.parametrize("model_type", MODULES)
def test_a_new_head_begins_as_the_originals_does(model_type, tmp_path, capsys):
    bare = read_fixture(model_type).checkpoints["encoder"]
    write_checkpoint(tmp_path / "made", bare.config, bare.shapes)
    model = st.load_classifier(tmp_path / "made", num_labels=40)  # enough for a deviation
    assert "newly initialised" in capsys.readouterr().err
    st.save_checkpoint(model, tmp_path / "saved")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "saved")
    fresh = transformers.AutoModelForSequenceClassification.from_config(config)
    fresh.save_pretrained(tmp_path / "theirs")
    ours, theirs = (
        load_file(tmp_path / name / "model.safetensors") for name in ("saved", "theirs")
    )
    new = [key for key in ours if not key.endswith(tuple(bare.shapes))]
    assert new
    for key in new:
        assert np.std(ours[key]) == pytest.approx(np.std(theirs[key]), rel=0.25, abs=1e-6), key
