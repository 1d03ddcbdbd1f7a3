"""A predictor's folder: whole or not there, harmless whoever wrote it, the same years later."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

import simpletext as st
from simpletext.errors import (
    ArgumentError,
    CheckpointError,
    DataError,
    MovedNumbersWarning,
    UnknownModelError,
    UnreachableModelError,
    WeightsError,
)
from simpletext.saving.model_card import write_card
from simpletext.saving.settings import FORMAT

GOLDEN = Path(__file__).parents[1] / "predictors"


@pytest.fixture(scope="session")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "predictor"
    trained.predictor.save(folder, metrics={"accuracy": 0.9375})
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def change(folder, name="simpletext.json", **entries):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def untrained(tiny, labels, texts=("good", "bad"), **options):
    transformer = st.Transformer(str(tiny), maxlen=12, **options)
    transformer.preprocess_train(list(texts), labels, verbose=0)
    return st.get_predictor(transformer.get_model(), transformer)


# --- what is in it ----------------------------------------------------------------------------


def test_the_card_says_what_it_is(saved):
    card = (saved / "README.md").read_text()
    for part in ("library_name: transformers", "| 0 | neg |", "| train texts | 96 |", "0.9375",
                 "load_predictor", "pipeline(", "up to 16 tokens"):  # fmt: skip
        assert part in card
    assert "base_model" not in card  # it was trained from a folder, whose path is nobody's business


def test_a_label_in_the_card_is_no_markup(tiny, tmp_path):
    predictor = untrained(tiny, ["<b>|x|", "[y](z)\n# t"])
    predictor.save(tmp_path / "saved")
    card = (tmp_path / "saved" / "README.md").read_text()
    assert r"| \<b\>\|x\| |" in card
    assert r"\[y\](z) \# t" in card
    assert st.load_predictor(tmp_path / "saved").get_classes() == predictor.get_classes()


def test_base_model_and_names_in_the_card_are_no_markup(trained, tmp_path):
    """They may come from a folder that somebody else wrote."""
    settings = replace(trained.predictor.settings, base_model="a`b\n# <i>", sizes={"|x\n# y": 3})
    write_card(tmp_path, settings, "original")
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.base_model == "a`b\n# <i>"
    assert card.data.library_name == "transformers"
    assert card.data.tags == ["simpletext", "keras", "text-classification"]
    assert r"fine-tuned from a\`b \# \<i\>, made" in card.text
    assert r"| \|x \# y texts | 3 |" in card.text


def test_the_card_has_the_scores_of_the_weights_that_are_saved(tiny, tmp_path):
    transformer = st.Transformer(str(tiny), maxlen=12)
    data = transformer.preprocess_train(["good", "bad"] * 8, ["pos", "neg"] * 8, verbose=0)
    learner = st.get_learner(transformer.get_classifier(), data, data, batch_size=8)
    learner.fit_onecycle(1e-3, 1, verbose=0)
    predictor = st.get_predictor(learner.model, transformer)

    def card(name, **options):
        predictor.save(tmp_path / name, **options)
        return ModelCard.load(tmp_path / name / "README.md")

    assert card("unmeasured").data.eval_results is None
    accuracy = round(float((learner.predict().argmax(axis=1) == data.y).mean()), 4)
    learner.validate(print_report=False)
    found = card("measured")
    assert f"| accuracy | {accuracy:.4f} |" in found.text
    assert "| train texts | 16 |" in found.text
    results = {each.metric_name: each for each in found.data.eval_results}
    assert list(results) == ["accuracy", "macro F1"]
    assert results["accuracy"].metric_value == accuracy
    assert results["macro F1"].metric_type == "f1"
    assert results["accuracy"].task_type == "text-classification"
    again = st.load_predictor(tmp_path / "measured")
    again.save(tmp_path / "again")
    assert "| accuracy |" in (tmp_path / "again" / "README.md").read_text()
    learner.fit_onecycle(1e-3, 1, verbose=0)  # other weights than those that were measured
    assert "accuracy" not in card("trained on").text


def test_the_card_has_examples(trained, tmp_path):
    texts = ["a good | film", "a bad film"]
    trained.predictor.save(tmp_path / "saved", examples=texts)
    card = ModelCard.load(tmp_path / "saved" / "README.md")
    first, second = trained.predictor.predict(texts)
    assert rf"| a good \| film | {first} |" in card.text
    assert f"| a bad film | {second} |" in card.text
    assert card.data.widget == [{"text": text} for text in texts]
    with pytest.raises(DataError):
        trained.predictor.save(tmp_path / "odd", examples=[3])
    assert not (tmp_path / "odd").exists()


@pytest.mark.parametrize("labels", [[["a", "b"], []], [0.5, 2.5]])
def test_examples_of_other_tasks_and_pairs(tiny, tmp_path, labels):
    pairs = [("good", "film"), ("bad", "film")]
    predictor = untrained(tiny, labels, pairs)
    predictor.save(tmp_path / "saved", examples=pairs)
    card = ModelCard.load(tmp_path / "saved" / "README.md")
    assert "| text | second text | predicted |" in card.text
    assert "| good | film | " in card.text
    assert card.data.widget[0] == {"text": "good", "text_pair": "film"}


def test_bad_metrics(trained, tmp_path):
    with pytest.raises(ArgumentError, match="metrics has 'f1': 'good'; it must be names with num"):
        trained.predictor.save(tmp_path / "x", metrics={"f1": "good"})
    assert not (tmp_path / "x").exists()


def test_loading_imports_no_transformers(saved):
    code = (
        "import sys, simpletext; p = simpletext.load_predictor(sys.argv[1]); p.predict('a film');"
        "print('transformers' in sys.modules)"
    )
    command = [sys.executable, "-P", "-c", code, str(saved)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False"], done.stderr


def test_a_loaded_predictor_saves_the_same_folder(saved, tmp_path):
    st.load_predictor(saved).save(tmp_path / "again")
    for path in saved.rglob("*"):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_mean_pooling_goes_round(tiny, tmp_path):
    predictor = untrained(tiny, ["a", "b"], pooling="mean")
    predictor.save(tmp_path / "saved")
    assert "SentenceTransformer" in (tmp_path / "saved" / "README.md").read_text()
    again = st.load_predictor(tmp_path / "saved")
    np.testing.assert_array_equal(again.predict_proba("good"), predictor.predict_proba("good"))


# --- every later version loads it -------------------------------------------------------------


@pytest.mark.parametrize("folder", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_folders_of_earlier_versions(folder):
    """Never change these folders: add one whenever what `save` writes changes."""
    predictor = st.load_predictor(folder)
    golden = json.loads((folder / "expected.json").read_text())
    assert predictor.predict(golden["texts"]) == golden["answers"]
    np.testing.assert_allclose(
        predictor.predict_proba(golden["texts"]), golden["probabilities"], atol=1e-5
    )


def test_there_is_a_folder_of_this_version():
    formats = {json.loads((f / "simpletext.json").read_text())["format"] for f in GOLDEN.iterdir()}
    assert FORMAT in formats
    assert sum(path.stat().st_size for path in GOLDEN.rglob("*")) < 200_000


# --- its numbers ------------------------------------------------------------------------------


def test_moved_numbers_are_told(copy):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    name = next(name for name in tensors if name.endswith("layer.1.output.dense.weight"))
    tensors[name] = -tensors[name]
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.warns(
        MovedNumbersWarning, match="model.safetensors changed.* returns other probabilities than"
    ):
        st.load_predictor(copy)


def test_nan_weights_are_told(copy):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    tensors["classifier.bias"][:] = np.nan
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.warns(MovedNumbersWarning, match="moved by up to nan"):
        st.load_predictor(copy)


def test_a_changed_vocabulary_is_told(copy):
    content = json.loads((copy / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary["very"], vocabulary["film"] = vocabulary["film"], vocabulary["very"]
    (copy / "tokenizer.json").write_text(json.dumps(content))
    with pytest.warns(MovedNumbersWarning, match="tokenizer.json changed or is missing"):
        st.load_predictor(copy)


@pytest.mark.parametrize("files", [[], {"a": 1}, {"../a": {"size": 1, "sha256": ""}}, {"a": {}}])
def test_checksums_that_cannot_be_right(copy, files):
    change(copy, files=files)
    with pytest.raises(CheckpointError, match=r"simpletext.json is damaged.*files can't be"):
        st.load_predictor(copy)


# --- truncated, tampered, foreign -------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json",
                                  "simpletext.json"])  # fmt: skip
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_file_that_was_cut_short(copy, name, share):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(len(content) * share)])
    expected = "The tokenizer in" if name == "tokenizer.json" else re.escape(name)
    with pytest.raises(CheckpointError, match=expected):
        st.load_predictor(copy)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json",
                                  "simpletext.json"])  # fmt: skip
def test_a_file_that_is_missing(copy, name):
    (copy / name).unlink()
    with pytest.raises(CheckpointError):
        st.load_predictor(copy)


@pytest.mark.parametrize(
    "entries",
    [
        {"task": "magic"},
        {"classes": ["neg", "neg"]},
        {"classes": []},
        {"classes": [["neg"], "pos"]},
        {"classes": 5},
        {"maxlen": "16"},
        {"maxlen": 1},
        {"temperature": 0},
        {"temperature": "hot"},
        {"thresholds": [0.5, 0.5]},
        {"pooling": "max"},
        {"paired": "yes"},
        {"sizes": []},
        {"tokenizer": {"pad_id": "x"}},
        {"tokenizer": 5},
        {"probes": {"texts": ["a"], "values": [[0.5]], "tolerance": 1}},
        {"probes": 7},
    ],
    ids=str,
)
def test_damaged_settings(copy, entries):
    change(copy, **entries)
    with pytest.raises(CheckpointError, match=r"simpletext\.json is damaged"):
        st.load_predictor(copy)


def test_labels_that_disagree(copy):
    change(copy, classes=["pos", "neg"])
    with pytest.raises(CheckpointError, match="have different labels"):
        st.load_predictor(copy)


def test_a_head_that_is_missing_is_not_made_up(copy):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    tensors = {name: value for name, value in tensors.items() if "classifier" not in name}
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="has no trained weights for classifier"):
        st.load_predictor(copy)


# --- hostile ----------------------------------------------------------------------------------


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("bomb",))


def test_nothing_in_a_hostile_folder_runs(copy, tmp_path, monkeypatch):
    """Pickles and Python files of every name that some library loads, and requests to run them."""
    import pickle

    monkeypatch.chdir(tmp_path)
    for name in ("pytorch_model.bin", "model.pkl", "tf_model.preproc", "training_args.bin"):
        (copy / name).write_bytes(pickle.dumps(Bomb()))
    code = "import os; os.mkdir('bomb')"
    for name in ("modeling.py", "tokenization.py", "__init__.py", "conftest.py", "json.py"):
        (copy / name).write_text(code)
    auto = {"AutoModel": "modeling.Evil", "AutoTokenizer": ["tokenization.Evil", None]}
    change(copy, "config.json", auto_map=auto, trust_remote_code=True)
    change(copy, "tokenizer_config.json", auto_map=auto, tokenizer_class="Evil")
    (copy / "chat_template.jinja").write_text("{{ ''.__class__.__mro__ }}")
    with pytest.warns(MovedNumbersWarning, match="config.json and tokenizer_config.json changed"):
        assert st.load_predictor(copy).predict("a good film") == "pos"
    change(copy, tokenizer=None, files={})  # now transformers has to load it
    assert st.load_predictor(copy).predict("a good film") == "pos"
    assert not (tmp_path / "bomb").exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside.json", "/"])
def test_links_out_of_the_folder(copy, tmp_path, target):
    (tmp_path / "outside.json").write_text("{}")
    (copy / "added_tokens.json").symlink_to(target)
    with pytest.raises(CheckpointError, match="is a link out of its folder"):
        st.load_predictor(copy)


def test_links_inside_and_in_the_hubs_cache_are_right(copy, tmp_path):
    (copy / "tokenizer.json").rename(copy / "real.json")
    (copy / "tokenizer.json").symlink_to("real.json")
    assert st.load_predictor(copy).predict("nice") == "pos"
    cache = tmp_path / "models--a--b"
    (cache / "blobs").mkdir(parents=True)
    shutil.copytree(copy, cache / "snapshots" / "1", symlinks=False)
    (cache / "snapshots" / "1" / "config.json").rename(cache / "blobs" / "c")
    (cache / "snapshots" / "1" / "config.json").symlink_to("../../blobs/c")
    assert st.load_predictor(cache / "snapshots" / "1").predict("nice") == "pos"


@pytest.mark.parametrize("shard", ["../../secret.safetensors", "/etc/passwd"])
def test_shards_that_lead_out(copy, shard):
    (copy / "model.safetensors").unlink()
    index = {"weight_map": {"classifier.weight": shard}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="names a file outside of itself"):
        st.load_predictor(copy)


def test_a_pipe_does_not_hang(copy):
    (copy / "tokenizer.json").unlink()
    os.mkfifo(copy / "tokenizer.json")
    with pytest.raises(CheckpointError, match="is neither a file nor a folder"):
        st.load_predictor(copy)


def test_json_that_is_too_deep(copy):
    (copy / "config.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match=r"config\.json isn't valid JSON"):
        st.load_predictor(copy)


# --- killed -----------------------------------------------------------------------------------

SAVE_FOREVER = """
import sys, simpletext as st
predictor = st.load_predictor(sys.argv[1])
for i in range(10_000):
    predictor.save(f"{sys.argv[2]}/{i}")
    print(i, flush=True)
"""


@pytest.mark.slow
def test_killed_while_saving(saved, tmp_path):
    command = [sys.executable, "-P", "-c", SAVE_FOREVER, str(saved), str(tmp_path)]
    for turn in range(3):
        target = tmp_path / str(turn)
        target.mkdir()
        with subprocess.Popen([*command[:-1], str(target)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()  # the first one is saved
            time.sleep(0.01 + 0.017 * turn)
            process.send_signal(signal.SIGKILL)
        folders = [path for path in target.iterdir() if not path.name.startswith(".")]
        files = {path.name for path in saved.iterdir()}
        assert folders
        assert all({path.name for path in folder.iterdir()} == files for folder in folders)
        last = max(folders, key=lambda folder: int(folder.name))
        assert st.load_predictor(last).predict("nice") == "pos"


# --- to and from elsewhere --------------------------------------------------------------------


class FakeHub:
    """What `push_to_hub` asks of huggingface_hub, without a network."""

    error = None

    def __init__(self, token=None):
        FakeHub.token = token

    def create_repo(self, repo_id, private, exist_ok):
        if FakeHub.error:
            raise FakeHub.error
        FakeHub.made = (repo_id, private, exist_ok)
        return f"https://huggingface.co/{repo_id}"

    def upload_folder(self, repo_id, folder_path, commit_message):
        FakeHub.files = {path.name for path in Path(folder_path).iterdir()}
        FakeHub.card = (Path(folder_path) / "README.md").read_text()


def test_push_to_hub(trained, saved, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub)
    url = trained.predictor.push_to_hub("me/films", token="t", metrics={"f1": 0.5})
    assert url == "https://huggingface.co/me/films"
    assert FakeHub.made == ("me/films", True, True)
    assert FakeHub.token == "t"
    assert FakeHub.files == {path.name for path in saved.iterdir()}
    assert "| f1 | 0.5000 |" in FakeHub.card


def test_push_to_hub_that_fails(trained, monkeypatch):
    from huggingface_hub.errors import HFValidationError

    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub)
    monkeypatch.setattr(FakeHub, "error", ConnectionError("no route"))
    with pytest.raises(UnreachableModelError, match=r"wasn't uploaded \(no route\)\. Log in with"):
        trained.predictor.push_to_hub("me/films")
    monkeypatch.setattr(FakeHub, "error", HFValidationError("bad name"))
    with pytest.raises(UnknownModelError, match="isn't a valid name on the Hub: bad name"):
        trained.predictor.push_to_hub("me//films")


def test_from_pretrained_takes_a_fine_tuned_checkpoint(trained, saved, copy):
    (copy / "simpletext.json").unlink()
    predictor = st.Predictor.from_pretrained(copy, maxlen=16)
    assert predictor.get_classes() == ["neg", "pos"]
    texts = ["a good film", "awful"]
    np.testing.assert_array_equal(
        predictor.predict_proba(texts), trained.predictor.predict_proba(texts)
    )
    assert st.Predictor.from_pretrained(copy).maxlen == 20  # as many as it has positions for
    several = st.Predictor.from_pretrained(copy, task="multi_label_classification")
    assert isinstance(several.predict("good"), list)
    assert st.Predictor.from_pretrained(saved).maxlen == 16  # one of ours keeps its own


def test_from_pretrained_refuses(tiny, copy):
    with pytest.raises(WeightsError, match="no trained weights for classifier.*Train it with"):
        st.Predictor.from_pretrained(tiny)
    (copy / "simpletext.json").unlink()
    with pytest.raises(ArgumentError, match=r"maxlen=99; .* takes from 3 to 20 tokens"):
        st.Predictor.from_pretrained(copy, maxlen=99)
    with pytest.raises(ArgumentError, match="problem_type='x'; allowed are"):
        st.Predictor.from_pretrained(copy, task="x")
    with pytest.raises(UnknownModelError):
        st.Predictor.from_pretrained("./nowhere")
