"""Exported translators answer without simpletext, and as the translator does."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from exporting.test_exporters import WITHOUT_US
from seq2seq_models import padded_batch, toy, write_original

import simpletext as st
from simpletext.errors import ArgumentError, ExportError, FolderExistsError
from simpletext.exporting import translators
from simpletext.exporting.translation_script import TRANSLATE_BY_STEPS, TRANSLATE_IDS
from simpletext.models.seq2seq import load_seq2seq

SOURCES = [*toy(5, seed=5)[0], "", "Mond " * 40, "x y z"]
# What may be imported where a bundle runs: neither us, nor what the format doesn't need.
REFUSED = {
    "onnx": "simpletext,keras,tensorflow,transformers",
    "saved_model": "simpletext,transformers",
}
CASES = {
    "greedy": {"num_beams": 1, "max_new_tokens": 12},
    "beams": {"num_beams": 4, "num_return_sequences": 3, "length_penalty": 0.6},
    "never": {"num_beams": 2, "early_stopping": "never", "max_new_tokens": 10},
    "all": {"num_beams": 3, "early_stopping": True, "no_repeat_ngram_size": 2, "min_length": 5,
            "bad_words_ids": [[0], [9, 10], [11, 12, 13]], "forced_bos_token_id": 8,
            "forced_eos_token_id": 1, "max_new_tokens": 14, "num_return_sequences": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def translator():
    """Untrained: its texts are long, and their scores near each other."""
    t = st.Seq2Seq.new(
        vocab_size=80, hidden_size=32, encoder_layers=2, decoder_layers=2, heads=2, maxlen=24,
        shared_vocab=False, precision="float32",
    )  # fmt: skip
    t.preprocess_train(*toy(100), verbose=0)
    return st.get_predictor(t.get_model(verbose=0), t)


def run_bundle(folder, texts, refused):
    """What a bundle's predict.py returns where those packages can't be imported."""
    code = WITHOUT_US.replace("predict_proba(texts).tolist()", "translations(texts)")
    command = [sys.executable, "-P", "-c", code, str(folder), refused, json.dumps(texts)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def require(format):
    for package in translators.NEEDED[format]:
        pytest.importorskip(package)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("format", translators.WRITERS)
def test_a_bundle_translates_as_the_translator_does(translator, tmp_path, format, case):
    require(format)
    options = CASES[case]
    assert translator.export(tmp_path / "bundle", format, **options)["moved"] < 1e-4
    found = run_bundle(tmp_path / "bundle", SOURCES, REFUSED[format])
    top = options.get("num_return_sequences", 1)
    given = {k: v for k, v in options.items() if k != "num_return_sequences"}
    wanted = translator.predict(SOURCES, top_k=top, **given)
    assert [[text for text, _ in row] for row in found] == [[t for t, _ in row] for row in wanted]
    scores = [[[score for _, score in row] for row in rows] for rows in (found, wanted)]
    np.testing.assert_allclose(*scores, atol=1e-5)
    with pytest.raises(FolderExistsError):
        translator.export(tmp_path / "bundle", format)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "beams"), [("marian", 1), ("bart", 4)])
def test_the_search_in_the_graph_is_generate(tmp_path, kind, beams):
    """Checked without saving: the function itself, on a batch with padding."""
    from simpletext.exporting.translation_graph import search_function
    from simpletext.inference.decoder import decoder_of
    from simpletext.inference.generation import settings_of

    model = load_seq2seq(write_original(tmp_path / kind, kind))
    options = {"num_beams": beams, "num_return_sequences": beams}
    search = search_function(decoder_of(model), settings_of(model, **options))
    batch = padded_batch()
    found = search(batch["input_ids"], batch["attention_mask"])
    wanted = st.generate(model, batch, **options)
    np.testing.assert_array_equal(found["ids"], wanted.ids)
    np.testing.assert_allclose(found["scores"], wanted.scores, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_was_saved_in_bfloat16_is_exported_in_float32(translator, tmp_path):
    translator.save(tmp_path / "saved")
    reduced = st.load_predictor(tmp_path / "saved", precision="bfloat16")
    reduced.export(tmp_path / "bundle", num_beams=1)
    found = run_bundle(tmp_path / "bundle", SOURCES, REFUSED["saved_model"])
    assert [row[0][0] for row in found] == translator.predict(SOURCES, num_beams=1)


def test_the_scripts_are_short():
    for script in (TRANSLATE_IDS, TRANSLATE_BY_STEPS):
        assert len(script.template.splitlines()) < 80


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"format": "litert"}, ArgumentError, "format='litert'; allowed are 'saved_model', 'onnx'"),
        ({"num_beam": 2}, ArgumentError, "Did you mean 'num_beams'"),
        ({"num_beams": 1, "do_sample": True}, ArgumentError, "do_sample=True can't be exported"),
        ({"quantize": True}, ArgumentError, "no setting 'quantize'"),
    ],
)
def test_what_is_refused(translator, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        translator.export(tmp_path / "bundle", **options)
    assert not list(tmp_path.iterdir())


def test_a_wrong_export_is_not_kept(translator, tmp_path, monkeypatch):
    wrong = [[["x", 0.0]]] * 5
    monkeypatch.setattr(translators, "script_output", lambda *_: json.dumps(wrong))
    monkeypatch.setitem(translators.WRITERS, "saved_model", lambda *_: None)
    with pytest.raises(ExportError, match="scores its translations differently"):
        translator.export(tmp_path / "bundle", num_beams=1, max_new_tokens=3)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(translator, tmp_path, monkeypatch):
    monkeypatch.setitem(translators.NEEDED, "onnx", ("no_such_package",))
    with pytest.raises(ExportError, match=r"onnx needs no_such_package.*'simpletext-keras\[onnx\]"):
        translator.export(tmp_path / "bundle", "onnx")


def test_a_tokenizer_in_python_is_refused(translator, tmp_path, monkeypatch):
    monkeypatch.setattr(type(translator.tokenizer), "is_fast", False)
    with pytest.raises(ExportError, match="tokenizer is written in Python"):
        translator.export(tmp_path / "bundle")
