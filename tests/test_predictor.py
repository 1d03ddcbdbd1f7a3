import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import simpletext as st
from simpletext.errors import ArgumentError, CheckpointError, DataError, FolderExistsError

SOME = ["a good film", "", "it was an awful film", "nice"]


@pytest.fixture(scope="session")
def folder(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictor") / "saved"
    trained.predictor.save(folder)
    return folder


def test_one_in_one_out_a_list_in_a_list_out(trained):
    predictor = trained.predictor
    assert predictor.predict("a great film") == "pos"
    assert predictor.predict(["a great film"]) == ["pos"]
    assert predictor.predict_proba("a great film").shape == (2,)
    assert predictor.predict_proba(["a great film"]).shape == (1, 2)
    assert predictor.predict("a great film", return_proba=True).shape == (2,)


@pytest.mark.parametrize("kind", [tuple, np.array, pd.Series, iter])
def test_texts_of_every_kind(trained, kind):
    texts = ["a good film", "a bad film", "nice"]
    assert trained.predictor.predict(kind(texts)) == trained.predictor.predict(texts)


def test_the_answer_is_the_likeliest_class(trained):
    predictor = trained.predictor
    likeliest = predictor.predict_proba(SOME).argmax(axis=1)
    assert predictor.predict(SOME) == [predictor.get_classes()[i] for i in likeliest]


def test_a_probability_does_not_depend_on_the_batch(trained):
    predictor = trained.predictor
    together = predictor.predict_proba(SOME)
    alone = np.stack([predictor.predict_proba(text) for text in SOME])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together.sum(axis=1), 1.0, atol=1e-6)


def test_a_saved_predictor_predicts_the_same(trained, folder):
    again = st.load_predictor(folder)
    assert again.get_classes() == ["neg", "pos"]
    np.testing.assert_array_equal(again.predict_proba(SOME), trained.predictor.predict_proba(SOME))


def test_it_predicts_the_same_in_a_new_process(trained, folder):
    code = (
        "import json, sys, simpletext as st\n"
        "p = st.load_predictor(sys.argv[1])\n"
        "print(json.dumps(p.predict_proba(json.loads(sys.argv[2])).tolist()))"
    )
    command = [sys.executable, "-P", "-c", code, str(folder), json.dumps(SOME)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    values = np.array(json.loads(done.stdout.splitlines()[-1]), "float32")
    np.testing.assert_array_equal(values, trained.predictor.predict_proba(SOME))


def test_the_folder_is_a_checkpoint_and_holds_no_pickle(folder):
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "README.md",
        "config.json",
        "model.safetensors",
        "simpletext.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "neg", "1": "pos"}
    assert config["problem_type"] == "single_label_classification"


def test_an_existing_folder_is_left_as_it_is(trained, folder):
    before = sorted(path.stat().st_mtime_ns for path in folder.iterdir())
    with pytest.raises(FolderExistsError, match="exists already and is left as it is"):
        trained.predictor.save(folder)
    assert sorted(path.stat().st_mtime_ns for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "The list of texts is empty"),
        (None, r"Texts must be a list of strings; this is None"),
        (["a", None], "at rows 1; row 1 is None"),
    ],
)
def test_bad_texts(trained, texts, message):
    with pytest.raises(DataError, match=message):
        trained.predictor.predict(texts)


def test_foreign_folders(tmp_path, tiny):
    with pytest.raises(CheckpointError, match=r"There is no folder .*nowhere.*from_pretrained"):
        st.load_predictor(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"There is no simpletext\.json in"):
        st.load_predictor(tiny)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": 99}, "has format 99; this version of simpletext reads format 1"),
        ({"format": 1}, "is damaged: KeyError"),
        ([], "has format None"),
    ],
)
def test_strange_settings(folder, tmp_path, settings, message):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "simpletext.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match=message):
        st.load_predictor(copy)


def test_a_predictor_needs_a_transformer_that_knows_its_classes(trained):
    with pytest.raises(ArgumentError, match="preproc must be the Transformer whose"):
        st.get_predictor(trained.learner.model, st.Transformer("any"))


def test_multi_label_answers(tiny, tmp_path):
    transformer = st.Transformer(str(tiny), maxlen=8)
    data = transformer.preprocess_train(["good", "bad"], [["a", "b"], []], verbose=0)
    learner = st.get_learner(transformer.get_classifier(), data, data)
    learner.fit_onecycle(5e-3, 12, verbose=0)
    predictor = st.get_predictor(learner.model, transformer)
    assert predictor.predict(["good", "bad"]) == [["a", "b"], []]
    assert learner.validate(print_report=False).shape == (2, 2, 2)
    predictor.save(tmp_path / "saved")
    assert st.load_predictor(tmp_path / "saved").predict("good") == ["a", "b"]


def test_regression_answers(tiny, tmp_path):
    transformer = st.Transformer(str(tiny), maxlen=8)
    data = transformer.preprocess_train(["good", "bad"], [1.0, -1.0], verbose=0)
    learner = st.get_learner(transformer.get_model(), data, data)
    learner.fit_onecycle(5e-3, 30, verbose=0)
    predictor = st.get_predictor(learner.model, transformer)
    assert predictor.predict("good") > 0.1 > -0.1 > predictor.predict("bad")
    assert set(learner.validate(print_report=False)) == {"mae", "rmse", "r2", "pearson", "spearman"}
    assert "probability" not in learner.top_losses()
    predictor.save(tmp_path / "saved")
    assert st.load_predictor(tmp_path / "saved").predict("good") == predictor.predict("good")


def test_pairs(tiny):
    transformer = st.Transformer(str(tiny), maxlen=12)
    pairs = [("good", "nice"), ("bad", "nice")]
    data = transformer.preprocess_train(pairs, ["same", "other"], verbose=0)
    learner = st.get_learner(transformer.get_classifier(), data, data)
    predictor = st.get_predictor(learner.model, transformer)
    assert len(predictor.predict(pairs)) == 2
    assert isinstance(predictor.predict(("good", "nice")), str)
