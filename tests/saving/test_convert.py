"""Old checkpoints become Hugging Face folders: the original programs' numbers, all tensors."""

import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from bundles import write_bundle
from typer.testing import CliRunner

import simpletext as st
from simpletext.checkpoints.safetensors_file import TensorFile
from simpletext.cli import app
from simpletext.errors import ArgumentError, CheckpointError, FolderExistsError, WeightsError

OLD = Path(__file__).parents[1] / "oldformats"
ABC = ["a", "b", "c"]
NAMES = json.loads((OLD / "names" / "bundle_names.json").read_text())


def golden(folder):
    with np.load(folder / "golden.npz") as arrays:
        inputs = {k.removeprefix("in/"): arrays[k] for k in arrays if k.startswith("in/")}
        return inputs, {k: arrays[k] for k in arrays if not k.startswith("in/")}


def outputs(model, inputs):
    none = np.zeros_like(inputs["input_ids"])
    batch = {name: inputs.get(name, none) for name in model.input}
    return keras.ops.convert_to_numpy(model(batch, training=False))


@pytest.mark.parametrize("name", ["tf1/bert", "hub/bert", "hub/albert", "hub/talking-heads",
                                  "keras_hub/electra"])  # fmt: skip
def test_hidden_states_are_the_originals(name, tmp_path):
    inputs, wanted = golden(OLD / name)
    assert st.convert(OLD / name, tmp_path / "new") == tmp_path / "new"
    hidden = outputs(st.load_encoder(tmp_path / "new"), inputs)
    np.testing.assert_allclose(hidden, wanted["hidden"], atol=1e-5)


LOGITS = ["tf1/albert-finetuned", "keras_nlp/roberta"]
BACKBONES = ["bert", "deberta_v3", "albert", "f_net", "roberta", "distil_bert"]
LOGITS += [f"keras_hub/{name}" for name in BACKBONES]


@pytest.mark.parametrize("name", LOGITS)
def test_logits_are_the_originals(name, tmp_path):
    inputs, wanted = golden(OLD / name)
    st.convert(OLD / name, tmp_path / "new", labels=ABC)
    model = st.load_classifier(tmp_path / "new", verbose=0, new_head=False)
    np.testing.assert_allclose(outputs(model, inputs), wanted["logits"], atol=1e-5)
    assert list(model.architecture.config["id2label"].values()) == ABC


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("regression", None),
        ("single_label_classification", ["bad", "good"]),
        ("multi_label_classification", ["good"]),
    ],
)
def test_a_head_with_one_output(task, labels, tmp_path):
    """The classifier of TensorFlow's tutorial, from texts to numbers."""
    wanted = json.loads((OLD / "hub" / "tutorial-classifier" / "golden.json").read_text())
    st.convert(OLD / "hub" / "tutorial-classifier", tmp_path / "new", task=task, labels=labels)
    predictor = st.Predictor.from_pretrained(tmp_path / "new")
    logits = np.array(wanted["logits"])
    expected = logits if task == "regression" else 1 / (1 + np.exp(-logits))
    values = predictor.predict_proba(wanted["texts"])
    np.testing.assert_allclose(values[:, -1:], expected, atol=1e-6)
    if labels is not None:
        assert predictor.get_classes() == labels


def test_a_preset_from_texts_to_probabilities(tmp_path):
    wanted = json.loads((OLD / "keras_hub" / "bert" / "golden.json").read_text())
    st.convert(OLD / "keras_hub" / "bert", tmp_path / "new", labels=ABC)
    values = st.Predictor.from_pretrained(tmp_path / "new").predict_proba(wanted["texts"])
    powers = np.exp(np.array(wanted["out"]))
    np.testing.assert_allclose(values, powers / powers.sum(-1, keepdims=True), atol=1e-6)


def test_accents_are_kept_as_keras_hub_keeps_them(tmp_path):
    st.convert(OLD / "keras_hub" / "bert", tmp_path / "new", labels=ABC)
    tokenizer = json.loads((tmp_path / "new" / "tokenizer.json").read_text())
    assert tokenizer["normalizer"]["strip_accents"] is False
    assert tokenizer["normalizer"]["lowercase"] is True


def tensors_of(folder):
    file = TensorFile(folder / "model.safetensors")
    return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_pre_training_heads_are_kept(tmp_path, capsys):
    st.convert(OLD / "tf1" / "bert", tmp_path / "new")
    assert "head: BertForPreTraining, none for classification" in capsys.readouterr().err
    tensors = tensors_of(tmp_path / "new")
    assert len(tensors) == 46
    assert tensors["cls.predictions.transform.dense.weight"].shape == (32, 32)
    config = json.loads((tmp_path / "new" / "config.json").read_text())
    assert config["architectures"] == ["BertForPreTraining"]
    assert config["hidden_act"] == "gelu_new"


def test_it_says_what_it_found(tmp_path, capsys):
    st.convert(OLD / "hub" / "bert", tmp_path / "new")
    said = capsys.readouterr().err
    for part in (
        "a SavedModel of tf-models-official (BERT, Keras 2.19.0)",
        "family: bert, 2 layers, 32 wide, 120 tokens",
        "head: none",
        "tokenizer: vocab.txt, uncased",
        "39 tensors compared, all equal",
    ):
        assert part in said


def random_tensors(entry, rng):
    """Random values for all variables of a checkpoint whose names the originals' file has."""
    tensors, names = {}, {}
    for name, shape, keys in NAMES[entry]:
        for key in [keys] if isinstance(keys, str) else keys:
            value = rng.normal(size=shape).astype("float32")
            flag = name == "Variable" and shape == []
            tensors[key] = np.array(True) if flag else value
            names[key] = name
    return tensors, names


CONFIGS = {
    "tf1/electra": {"num_attention_heads": 4},
    "tf1/electra-finetuned": {"num_attention_heads": 4},
    "tf1/albert": {"num_attention_heads": 4, "num_hidden_layers": 2},
    "tf1/albert-finetuned": {"num_attention_heads": 4, "num_hidden_layers": 2},
    "tf1/bert": {"num_attention_heads": 4},
    "tf1/bert-finetuned": {"num_attention_heads": 4},
}
ENTRIES = sorted(entry for entry in NAMES if entry != "hub/preprocess/variables")
FAMILIES = {"albert": "albert", "xlnet": "xlnet", "talking": "talking_heads_bert"}


def written(entry, tmp_path):
    """A checkpoint with the names of an original's, and its arguments for `convert`."""
    tensors, names = random_tensors(entry, np.random.default_rng(0))
    is_tf1 = entry.startswith("tf1/")
    saved = entry.endswith("/variables")
    prefix = tmp_path / "old" / ("variables/variables" if saved else "model.ckpt")
    write_bundle(prefix, tensors, None if is_tf1 else names)
    if entry in CONFIGS:
        (tmp_path / "old" / "bert_config.json").write_text(json.dumps(CONFIGS[entry]))
    options = {}
    if "classifier" in entry or entry.endswith("with-optimizer/variables"):
        options = {"labels": ABC}
    if "tutorial" in entry:
        options = {"task": "multi_label_classification", "labels": ["a"]}
    if entry.endswith("finetuned") and "electra" not in entry:
        options = {"labels": ABC}
    if "albert" in entry and not is_tf1:
        options = {"layers": 3}
    return tensors, names, options


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_variable_of_the_originals_has_its_place(entry, tmp_path):
    """All but those of the training, and of heads without a counterpart."""
    _, names, options = written(entry, tmp_path)
    st.convert(tmp_path / "old", tmp_path / "new", **options)
    config = json.loads((tmp_path / "new" / "config.json").read_text())
    family = next((own for part, own in FAMILIES.items() if part in entry), "bert")
    if "electra" in entry:
        family = "electra" if entry.startswith("tf1/") else "rembert"
    assert config["model_type"] == family
    skip = re.compile(
        r"adam_|Adam/|Adam$|global_step|save_counter|iteration|learning_rate|total|count|Variable"
        r"|generator|task_specific"
    )
    wanted = {key for key, name in names.items() if not skip.search(name)}
    # XLNet stacks what its layers have in four variables.
    more = 4 if family == "xlnet" else 0
    assert len(tensors_of(tmp_path / "new")) == len(wanted) + more - duplicates(names, wanted)


def duplicates(names, wanted):
    return len(wanted) - len({names[key] for key in wanted})


def test_electras_own_head_is_left_out_with_a_note(tmp_path, capsys):
    written("tf1/electra-finetuned", tmp_path)
    st.convert(tmp_path / "old", tmp_path / "new")
    said = capsys.readouterr().err
    assert "without a counterpart in PyTorch's ELECTRA, left out: task_specific/cola" in said


def test_the_values_of_xlnet(tmp_path):
    tensors, _, options = written("tf1/xlnet-finetuned", tmp_path)
    st.convert(tmp_path / "old", tmp_path / "new", **options)
    new = tensors_of(tmp_path / "new")
    place, layer = "model/transformer/", "transformer.layer.1."
    np.testing.assert_array_equal(
        new[layer + "rel_attn.q"], tensors[place + "layer_1/rel_attn/q/kernel"]
    )
    np.testing.assert_array_equal(new[layer + "rel_attn.r_w_bias"], tensors[place + "r_w_bias"][1])
    np.testing.assert_array_equal(
        new[layer + "ff.layer_1.weight"], tensors[place + "layer_1/ff/layer_1/kernel"].T
    )
    np.testing.assert_array_equal(
        new["sequence_summary.summary.weight"],
        tensors["model/sequnece_summary/summary/kernel"].T,
    )


def test_ktrains_folder_becomes_a_predictor(tmp_path):
    wanted = json.loads((OLD / "ktrain" / "tiny-multi.golden.json").read_text())
    st.convert(OLD / "ktrain" / "tiny-multi", tmp_path / "new")
    values = st.load_predictor(tmp_path / "new").predict_proba(wanted["probes"])
    np.testing.assert_allclose(values, wanted["proba"], atol=1e-6)


@pytest.mark.parametrize("name", ["distilbert", "bert-sharded"])
def test_an_h5_becomes_safetensors(name, tmp_path, capsys):
    inputs, wanted = golden(OLD / "h5" / name)
    st.convert(OLD / "h5" / name, tmp_path / "new", labels=ABC)
    assert "a Hugging Face folder with weights of TensorFlow (transf" in capsys.readouterr().err
    model = st.load_classifier(tmp_path / "new", verbose=0, new_head=False)
    np.testing.assert_allclose(outputs(model, inputs), wanted["logits"], atol=1e-6)
    assert list(model.architecture.config["id2label"].values()) == ABC
    assert (tmp_path / "new" / "model.safetensors").is_file()


def test_an_h5_with_other_heads_keeps_them(tmp_path):
    st.convert(OLD / "h5" / "bert-pretraining" / "tf_model.h5", tmp_path / "new")
    assert any(name.startswith("cls.") for name in tensors_of(tmp_path / "new"))


def test_what_is_new_already(tmp_path):
    st.convert(OLD / "h5" / "distilbert", tmp_path / "new")
    with pytest.raises(ArgumentError, match="with safetensors already: load it as it is"):
        st.convert(tmp_path / "new", tmp_path / "newer")


def test_the_tokenizer_can_be_given(tmp_path):
    vocabulary = OLD / "tf1" / "bert" / "vocab.txt"
    for number, given in enumerate([vocabulary, vocabulary.parent]):
        new = tmp_path / str(number)
        st.convert(OLD / "tf1" / "albert-finetuned", new, labels=ABC, tokenizer=given)
        assert len(st.Predictor.from_pretrained(new).predict(["a b", "c"])) == 2


def cased(folder):
    return not json.loads((folder / "tokenizer.json").read_text())["normalizer"]["lowercase"]


def test_capital_letters_in_the_vocabulary_mean_cased(tmp_path):
    old = shutil.copytree(OLD / "tf1" / "bert", tmp_path / "old")
    st.convert(old, tmp_path / "lower")
    st.convert(old, tmp_path / "given", cased=True)
    path = old / "vocab.txt"
    path.write_text(path.read_text().replace("\ngood\n", "\nGood\n"))
    st.convert(old, tmp_path / "upper")
    found = [cased(tmp_path / name) for name in ("lower", "given", "upper")]
    assert found == [False, True, True]


def test_of_several_checkpoints_the_one_that_is_named(tmp_path):
    old = shutil.copytree(OLD / "tf1" / "bert", tmp_path / "old")
    for path in (OLD / "tf1" / "bert").glob("bert_model.ckpt.*"):
        shutil.copy(path, old / path.name.replace("bert_model.ckpt", "model.ckpt-7"))
    with pytest.raises(
        CheckpointError, match=r"holds 2 checkpoints: bert_model.ckpt, model.ckpt-7"
    ):
        st.convert(old, tmp_path / "new")
    (old / "checkpoint").write_text('model_checkpoint_path: "/elsewhere/model.ckpt-7"\n')
    st.convert(old, tmp_path / "new")
    st.convert(old / "model.ckpt-7", tmp_path / "named")
    st.convert(old / "model.ckpt-7.index", tmp_path / "file")


REFUSED = [
    ("tf1/albert-finetuned", {}, r"head with 3 outputs and doesn't say what they are: pass 3"),
    ("tf1/albert-finetuned", {"labels": ["a"]}, r"pass 3 labels= in their order, not 1"),
    ("tf1/albert-finetuned", {"labels": ["a", "a", "b"]}, r"pass each label once"),
    ("tf1/albert-finetuned", {"labels": ABC, "layers": 9}, r"layers=9, but .* has 2 layers"),
    ("tf1/bert", {"labels": ABC}, r"has no classification head"),
    ("tf1/bert", {"layers": 0}, r"layers=0; it must be a whole number"),
    ("tf1/bert", {"task": "sorting"}, r"sorting"),
    ("hub/tutorial-classifier", {}, r"one output, and nothing says what it was trained for"),
    ("hub/tutorial-classifier", {"labels": ["a", "b"]}, r"nothing says what it was trained for"),
    ("keras_hub/bert", {"labels": ABC, "layers": 2}, r"layers=2, but a preset contains"),
    ("ktrain/tiny-single", {"layers": 2}, r"layers= isn't for a predictor of ktrain"),
    ("h5/distilbert", {"layers": 2}, r"layers= is for checkpoints that don't say it"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "message"), REFUSED)
def test_arguments_that_do_not_fit(name, options, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        st.convert(OLD / name, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_an_albert_that_does_not_say_how_many_layers_it_has(tmp_path):
    written("official/albert", tmp_path)
    with pytest.raises(ArgumentError, match=r"pass layers=, such as 12 for ALBERT base"):
        st.convert(tmp_path / "old", tmp_path / "new")


def test_a_head_whose_activation_is_known(tmp_path):
    old = shutil.copytree(OLD / "keras_hub" / "bert", tmp_path / "old")
    task = json.loads((old / "task.json").read_text())
    task["config"]["activation"] = "sigmoid"
    (old / "task.json").write_text(json.dumps(task))
    st.convert(old, tmp_path / "new", labels=ABC)
    config = json.loads((tmp_path / "new" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    with pytest.raises(ArgumentError, match="a head with the activation 'sigmoid', but a single"):
        st.convert(old, tmp_path / "no", labels=ABC, task="single_label_classification")


@pytest.mark.parametrize(("change", "count"), [(slice(0, -5), 115), (slice(0, None), 121)])
def test_a_vocabulary_that_is_not_the_embeddings(tmp_path, change, count):
    old = shutil.copytree(OLD / "tf1" / "bert", tmp_path / "old")
    tokens = (old / "vocab.txt").read_text().splitlines()[change]
    tokens += ["another"] if count > 120 else []
    (old / "vocab.txt").write_text("\n".join(tokens) + "\n")
    with pytest.raises(CheckpointError, match=f"has {count} tokens and the checkpoint embeddings"):
        st.convert(old, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_config_of_another_checkpoint(tmp_path):
    old = shutil.copytree(OLD / "tf1" / "bert", tmp_path / "old")
    config = json.loads((old / "bert_config.json").read_text())
    (old / "bert_config.json").write_text(json.dumps(config | {"num_hidden_layers": 10**9}))
    with pytest.raises(WeightsError, match="num_hidden_layers=1000000000 and the tensors 2"):
        st.convert(old, tmp_path / "new")


def test_a_number_of_layers_that_can_not_be(tmp_path):
    old = shutil.copytree(OLD / "tf1" / "albert-finetuned", tmp_path / "old")
    config = json.loads((old / "albert_config.json").read_text())
    (old / "albert_config.json").write_text(json.dumps(config | {"num_hidden_layers": 10**9}))
    with pytest.raises(WeightsError, match="says that it has 1000000000 layers"):
        st.convert(old, tmp_path / "new", labels=ABC)


def test_a_module_of_tensorflow_1_on_tf_hub(tmp_path):
    """The names begin with "module/", and the other files lie in assets/."""
    from simpletext.checkpoints.tensor_bundle import TensorBundle

    bundle = TensorBundle(OLD / "tf1" / "bert" / "bert_model.ckpt")
    tensors = {f"module/{key}": bundle.get_tensor(key) for key in bundle.entries}
    write_bundle(tmp_path / "old" / "variables" / "variables", tensors)
    (tmp_path / "old" / "assets").mkdir()
    for name in ("vocab.txt", "bert_config.json"):
        shutil.copy(OLD / "tf1" / "bert" / name, tmp_path / "old" / "assets")
    st.convert(tmp_path / "old", tmp_path / "new")
    inputs, wanted = golden(OLD / "tf1" / "bert")
    hidden = outputs(st.load_encoder(tmp_path / "new"), inputs)
    np.testing.assert_allclose(hidden, wanted["hidden"], atol=1e-5)
    assert (tmp_path / "new" / "vocab.txt").is_file()


def test_a_tokenizer_of_another_model(tmp_path):
    given = Path(__file__).parents[1] / "parity" / "tokenizers" / "bert"
    with pytest.raises(CheckpointError, match=r"tokens and the checkpoint embeddings for 120"):
        st.convert(OLD / "hub" / "bert", tmp_path / "new", tokenizer=given)


def test_cased_where_the_tokenizer_says_it(tmp_path):
    old = OLD / "ktrain" / "tiny-single"
    given = shutil.copytree(old, tmp_path / "words", ignore=shutil.ignore_patterns("tf_model*"))
    with pytest.raises(ArgumentError, match="cased=True, but the tokenizer's own settings"):
        st.convert(OLD / "hub" / "bert", tmp_path / "new", tokenizer=given, cased=True)


def test_variables_of_another_program(tmp_path):
    for number, names in enumerate([None, {"w": "model/w"}]):
        write_bundle(tmp_path / f"old{number}" / "m", {"w": np.zeros(3, "float32")}, names)
        with pytest.raises(WeightsError, match="its variables have other names"):
            st.convert(tmp_path / f"old{number}", tmp_path / "new")


def test_the_first_format_of_tensorflow(tmp_path):
    shutil.copy(OLD / "tf1" / "bert" / "bert_model.ckpt.index", tmp_path / "model")
    with pytest.raises(WeightsError, match="TensorFlow's first format"):
        st.convert(tmp_path / "model", tmp_path / "new")


def test_folders_with_nothing_to_convert(tmp_path):
    with pytest.raises(CheckpointError, match="holds nothing that simpletext converts"):
        st.convert(tmp_path, tmp_path / "new")
    with pytest.raises(CheckpointError, match="There is no file or folder"):
        st.convert(tmp_path / "nowhere", tmp_path / "new")


def test_nothing_is_overwritten(tmp_path):
    with pytest.raises(FolderExistsError):
        st.convert(OLD / "tf1" / "bert", tmp_path)


LOADERS = {
    "Transformer": lambda path: st.Transformer(path).preprocess_train(["x", "y"], ["a", "b"]),
    "load_encoder": st.load_encoder,
    "load_classifier": st.load_classifier,
    "from_pretrained": st.Predictor.from_pretrained,
    "load_predictor": st.load_predictor,
}
OLD_FOLDERS = {
    "tf1/bert": "a TensorFlow 1 checkpoint",
    "tf1/bert/bert_model.ckpt": "a TensorFlow 1 checkpoint",
    "hub/bert": "a TensorFlow SavedModel",
    "keras_hub/bert": "a preset of keras-hub",
}


@pytest.mark.parametrize("name", OLD_FOLDERS)
@pytest.mark.parametrize("loader", LOADERS)
def test_loading_an_old_format_tells_the_command(loader, name):
    path = OLD / name
    command = re.escape(f"`simpletext convert {path} {path}-converted`")
    with pytest.raises(
        CheckpointError, match=f"is {OLD_FOLDERS[name]}, which has to be .*{command}"
    ):
        LOADERS[loader](str(path))


def test_a_preset_on_the_hub_tells_the_commands(monkeypatch):
    preset = OLD / "keras_hub" / "bert"
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **options: str(preset))
    commands = "`hf download keras/bert --local-dir bert`, then `simpletext convert bert bert-con"
    with pytest.raises(CheckpointError, match=re.escape(commands)):
        st.load_encoder("keras/bert")


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_models_that_keras_saved_are_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    for path in (tmp_path, tmp_path / name):
        for run in (*LOADERS.values(), lambda path: st.convert(path, tmp_path / "new")):
            with pytest.raises(WeightsError, match="is a model that Keras itself saved"):
                run(str(path))


def test_the_command(tmp_path):
    runner = CliRunner()
    call = ["convert", str(OLD / "tf1" / "albert-finetuned"), str(tmp_path / "new")]
    labels = [word for label in ABC for word in ("--label", label)]
    words = ["--tokenizer", str(OLD / "tf1" / "bert" / "vocab.txt"), "--cased"]
    result = runner.invoke(app, [*call, *labels, *words])
    assert result.exit_code == 0, result.output
    assert "27 tensors compared, all equal" in result.output
    assert cased(tmp_path / "new")
