"""Exported bundles answer without simpletext, and as the predictor does."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import simpletext as st
import simpletext.exporting.exporters
from simpletext.errors import ArgumentError, ExportError, FolderExistsError
from simpletext.exporting import exporters
from simpletext.exporting.bundle import RUNTIMES
from simpletext.exporting.entity_script import PREDICT_ENTITIES
from simpletext.exporting.scripts import PREDICT, PREDICT_STRINGS

SOME = ["a good film", "", "it was an awful film " * 5, "nice"]
PACKAGES = {
    "onnx": ("tf2onnx", "onnxruntime"),
    "openvino": ("openvino",),
    "litert": ("ai_edge_litert",),
    "saved_model": ("tensorflow_text",),
}
WITHOUT_US = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2].split(","):
            raise ImportError(f"{name} isn't allowed here")
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import json, predict
texts = [tuple(t) if isinstance(t, list) else t for t in json.loads(sys.argv[3])]
print(json.dumps(predict.predict_proba(texts).tolist()))
"""


def run_bundle(folder, texts, refused="simpletext,keras,tensorflow,transformers"):
    """What a bundle's predict.py says where those packages can't be imported."""
    command = [sys.executable, "-P", "-c", WITHOUT_US, str(folder), refused, json.dumps(texts)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout.splitlines()[-1]))


def untrained(tiny, labels, texts=("good", "bad")):
    transformer = st.Transformer(str(tiny), maxlen=12)
    transformer.preprocess_train(list(texts), labels, verbose=0)
    return st.get_predictor(transformer.get_model(), transformer)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", ["onnx", "openvino", "litert"])
def test_a_bundle_runs_without_us_and_without_tensorflow(trained, tmp_path, format):
    for package in PACKAGES[format]:
        pytest.importorskip(package)
    report = trained.predictor.export(tmp_path / "bundle", format)
    assert report["moved"] < 1e-4
    values = run_bundle(tmp_path / "bundle", SOME)
    np.testing.assert_allclose(values, trained.predictor.predict_proba(SOME), atol=1e-5)
    names = {path.name for path in (tmp_path / "bundle").iterdir()}
    assert {"README.md", "labels.json", "predict.py", "tokenizer.json"} < names
    with pytest.raises(FolderExistsError):
        trained.predictor.export(tmp_path / "bundle", format)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", ["onnx", "openvino", "litert", "saved_model"])
def test_what_was_saved_in_bfloat16_is_exported_in_float32(trained, tmp_path, format):
    for package in PACKAGES[format]:
        pytest.importorskip(package)
    trained.predictor.save(tmp_path / "saved")
    predictor = st.load_predictor(tmp_path / "saved", precision="bfloat16")
    assert predictor.export(tmp_path / "bundle", format)["moved"] < 1e-4
    values = run_bundle(tmp_path / "bundle", SOME, "simpletext")
    np.testing.assert_allclose(values, trained.predictor.predict_proba(SOME), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_saved_model_takes_strings(trained, tmp_path):
    pytest.importorskip("tensorflow_text")
    trained.predictor.export(tmp_path / "bundle")
    values = run_bundle(tmp_path / "bundle", SOME, "simpletext,transformers,tokenizers")
    np.testing.assert_allclose(values, trained.predictor.predict_proba(SOME), atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_saved_model_of_pairs_with_several_labels(tiny, tmp_path):
    pytest.importorskip("tensorflow_text")
    predictor = untrained(tiny, [["x"], ["x", "y"]], [("good", "bad"), ("it", "was")])
    predictor.export(tmp_path / "bundle", "saved_model")
    words = ["good film it was very sad", "bad", "", "the film a nice very awful it was sad happy"]
    pairs = [[a * n, b] for a in words for b in words for n in (1, 3)]
    values = run_bundle(tmp_path / "bundle", pairs, "simpletext,transformers")
    wanted = predictor.predict_proba([tuple(pair) for pair in pairs])
    np.testing.assert_allclose(values, wanted, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_int8(trained, tmp_path, capsys):
    for package in PACKAGES["onnx"]:
        pytest.importorskip(package)
    report = trained.predictor.export(tmp_path / "bundle", "onnx", quantize=True)
    assert report["moved_by_int8"] < 0.05
    assert "int8: " in capsys.readouterr().err
    values = run_bundle(tmp_path / "bundle", SOME)
    np.testing.assert_allclose(values, trained.predictor.predict_proba(SOME), atol=0.05)


@pytest.mark.slow
def test_tokens_in_the_graph_are_the_hub_tokenizers(minilm, data_folder):
    """On a few thousand real texts, and on odd ones."""
    pytest.importorskip("tensorflow_text")
    from simpletext.exporting.saved_model import ODD, WordPiece, wordpiece_options

    transformer = st.Transformer(minilm, maxlen=128)
    kinds = (".csv", ".tsv", ".txt", ".json", ".jsonl")
    files = sorted(path for path in data_folder.rglob("*") if path.suffix in kinds)
    texts = [line for path in files for line in path.read_text("utf-8", "ignore").split("\n")[:800]]
    texts = [*ODD, *(text[:1500] for text in texts if text.strip())][:4000]
    assert len(texts) > 3000
    found = WordPiece(wordpiece_options(transformer.tokenizer), 128)(np.array(texts))
    mask = found["attention_mask"].numpy() > 0
    chunks = transformer.tokenizer.encode(texts, None, 128)
    for i, (ids, _) in enumerate(row for chunk in chunks for row in chunk.rows()):
        assert found["input_ids"].numpy()[i, mask[i]].tolist() == ids.tolist(), texts[i]


def test_other_tokens_are_refused(trained):
    pytest.importorskip("tensorflow_text")
    from simpletext.exporting.saved_model import WordPiece, _check_tokens, wordpiece_options

    options = wordpiece_options(trained.predictor.tokenizer)
    _check_tokens(WordPiece(options, 16), trained.predictor)
    with pytest.raises(ExportError, match="has other tokens than from the tokenizer"):
        _check_tokens(WordPiece(options | {"lower": False, "strip": False}, 16), trained.predictor)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("torch",), ArgumentError, "format='torch'; allowed are 'saved_model', 'onnx', 'litert'"),
        (("litert", True), ArgumentError, "quantize=True is for format='onnx'; this is 'litert'"),
    ],
)
def test_bad_arguments(trained, tmp_path, arguments, error, message):
    with pytest.raises(error, match=message):
        trained.predictor.export(tmp_path / "x", arguments[0], quantize=len(arguments) > 1)
    assert not (tmp_path / "x").exists()


def test_a_missing_package_is_named(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    needs = r"needs onnx, tf2onnx.*pip install 'simpletext-keras\[onnx\]'"
    with pytest.raises(ExportError, match=needs):
        trained.predictor.export(tmp_path / "x", "onnx")


def test_a_bundle_that_answers_differently_is_refused(trained, tmp_path, monkeypatch):
    def nothing(model, predictor, folder):
        return "onnx", ""

    monkeypatch.setattr("simpletext.exporting.exporters._check", lambda *arguments: None)
    monkeypatch.setitem(exporters.WRITERS, "onnx", nothing)
    monkeypatch.setattr(
        "simpletext.exporting.exporters.exported_probabilities", lambda *arguments: np.zeros((5, 2))
    )
    with pytest.raises(ExportError, match="returns other probabilities than the predictor"):
        trained.predictor.export(tmp_path / "x", "onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", RUNTIMES)
def test_every_script_is_short_and_compiles(name):
    runtime = RUNTIMES[name]
    parts = {"imports": runtime.imports, "load": runtime.load, "call": runtime.call}
    script = (PREDICT if runtime.call else PREDICT_STRINGS).substitute(packages="x", **parts)
    compile(script, "predict.py", "exec")
    assert len(script.splitlines()) < 50
    assert max(map(len, script.splitlines())) <= 100


def test_the_guide_to_fastapi(monkeypatch):
    """The code in docs/serving.md, with a predict.py that always says the same."""
    pytest.importorskip("fastapi")
    import types
    from pathlib import Path

    bundle = types.ModuleType("predict")
    bundle.LABELS = {"classes": ["neg", "pos"]}
    bundle.predict_proba = lambda texts: np.array([[0.25, 0.75]] * len(texts))
    monkeypatch.setitem(sys.modules, "predict", bundle)
    guide = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    section = guide.split("## A FastAPI service\n")[1]
    code = section.split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) <= 36
    app = types.ModuleType("app")
    monkeypatch.setitem(sys.modules, "app", app)
    exec(compile(code, "app.py", "exec"), app.__dict__)
    assert app.classify(app.Question(texts=["a", "b"])) == [{"neg": 0.25, "pos": 0.75}] * 2
    assert app.classify(app.Question(texts=[])) == []
    assert "/classify" in app.app.openapi()["paths"]
    from fastapi.testclient import TestClient

    client = TestClient(app.app)
    assert client.post("/classify", json={"texts": ["a"]}).json() == [{"neg": 0.25, "pos": 0.75}]
    for texts in (["a"] * 257, ["a" * 20_001], "a"):
        assert client.post("/classify", json={"texts": texts}).status_code == 422
    assert client.post("/classify", content=b" " * 1_000_001).status_code == 413
    assert client.post("/classify", content=iter([b"{}"])).status_code == 413


def test_the_script_for_entities_compiles():
    for runtime in (runtime for runtime in RUNTIMES.values() if runtime.call):
        parts = {"imports": runtime.imports, "load": runtime.load, "call": runtime.call}
        script = PREDICT_ENTITIES.substitute(packages="x", **parts)
        compile(script, "predict.py", "exec")
        assert max(map(len, script.splitlines())) <= 100


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "openvino", "litert", "saved_model"])
def test_a_bundle_finds_the_predictors_entities(tiny, tmp_path, format):
    for package in PACKAGES[format] if format != "saved_model" else ():
        pytest.importorskip(package)
    transformer = st.Transformer(str(tiny), maxlen=12)
    words = [["good", "film"], ["sad", "was", "a"]] * 4
    tags = [["B-A", "I-A"], ["O", "B-B", "O"]] * 4
    transformer.preprocess_train(words, tags, verbose=0)
    predictor = st.get_predictor(transformer.get_model(verbose=0), transformer)
    assert predictor.export(tmp_path / "out", format)["moved"] < 1e-4
    texts = ["good film, was it?", "very (sad)", "", "漢字 x"]
    code = (
        "import json, sys; sys.path.insert(0, ''); import predict; "
        "print(json.dumps(predict.predict(sys.argv[1:])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *texts],
        cwd=tmp_path / "out",
        capture_output=True,
        text=True,
        check=True,
    )
    for theirs, ours in zip(json.loads(done.stdout), predictor.predict(texts), strict=True):
        assert [e | {"probability": 0} for e in theirs] == [e | {"probability": 0} for e in ours]
        for one, other in zip(theirs, ours, strict=True):
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)
