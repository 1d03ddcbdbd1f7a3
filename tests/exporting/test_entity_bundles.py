"""Exported bundles find the entities that the predictor finds, without simpletext."""

import json
import os
import subprocess
import sys

import pytest
from exporting.test_exporters import PACKAGES, WITHOUT_US
from test_entities import SENTENCES, TAGS

import simpletext as st

TEXTS = [
    *(" ".join(words) for words in SENTENCES[:12]),
    "  The Film\nwas very good \u2014 a sad film. ",
    "\u6f22\u5b57 good\u6f22 \U0001f600 bad-film",
    "",
    "it was an awful film " * 9,
]


@pytest.fixture(scope="module")
def predictor(tiny):
    """It finds entities in most texts."""
    transformer = st.Transformer(str(tiny), maxlen=20)
    data = transformer.preprocess_train(SENTENCES, TAGS, verbose=0)
    learner = st.get_learner(transformer.get_classifier(verbose=0), data, batch_size=8)
    learner.fit_onecycle(3e-3, 12, verbose=0)
    return st.get_predictor(learner.model, transformer)


def entities_of(folder, refused):
    """What a bundle's predict.py finds where those packages can't be imported."""
    code = WITHOUT_US.replace("predict_proba(texts).tolist()", "predict(texts)")
    command = [sys.executable, "-P", "-c", code, str(folder), refused, json.dumps(TEXTS)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", PACKAGES)
def test_a_bundle_finds_the_same_entities(predictor, tmp_path, format):
    others = () if format == "saved_model" else PACKAGES[format]
    for package in others:
        pytest.importorskip(package)
    assert predictor.export(tmp_path / "bundle", format)["moved"] < 1e-4
    refused = ["simpletext", "transformers", *(["keras", "tensorflow"] if others else [])]
    found, wanted = entities_of(tmp_path / "bundle", ",".join(refused)), predictor.predict(TEXTS)
    assert sum(map(len, wanted)) > 20
    for mine, theirs in zip(found, wanted, strict=True):
        assert [{**e, "probability": 0} for e in mine] == [{**e, "probability": 0} for e in theirs]
        probabilities = [e["probability"] for e in theirs]
        assert [e["probability"] for e in mine] == pytest.approx(probabilities, abs=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quantised_weights_find_most_entities(predictor, tmp_path):
    for package in PACKAGES["onnx"]:
        pytest.importorskip(package)
    predictor.export(tmp_path / "bundle", "onnx", quantize=True)
    found = entities_of(tmp_path / "bundle", "simpletext,transformers,keras,tensorflow")
    places = [
        {(row, e["start"], e["label"]) for row, entities in enumerate(rows) for e in entities}
        for rows in (found, predictor.predict(TEXTS))
    ]
    assert len(places[0] & places[1]) > 0.8 * len(places[1])
