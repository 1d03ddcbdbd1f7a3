"""What `simpletext inspect` says of a folder."""

import re
import shutil
from pathlib import Path

import pytest
from any_models import network, numbers

import simpletext as st
from simpletext.errors import ArgumentError, CheckpointError
from simpletext.inspection import describe_folder

OLD = Path(__file__).parent / "oldformats"


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inspect") / "saved"
    trained.predictor.save(folder, metrics={"accuracy": 0.75})
    return folder


def test_a_predictor(saved):
    lines = describe_folder(saved).splitlines()
    assert lines[0] == f"{saved}: a predictor that simpletext saved"
    assert "  task: single-label classification, 2 classes (neg, pos)" in lines
    assert any(line.startswith("  reads: texts of up to ") for line in lines)
    assert "  encoder: bert, 2 layers, hidden size 32" in lines
    assert any(re.match("  scores: .*accuracy 0.75", line) for line in lines)
    assert any("model.safetensors" in line and "tensors" in line for line in lines)
    assert any(line.endswith("all as they were saved") for line in lines)


def test_a_predictor_that_was_changed(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "changed")
    (folder / "tokenizer.json").write_text("{}")
    assert "changed or missing since it was saved: tokenizer.json" in describe_folder(folder)


def test_a_checkpoint(tiny, saved, tmp_path):
    assert "a Hugging Face checkpoint" in describe_folder(tiny)
    folder = shutil.copytree(saved, tmp_path / "theirs")
    (folder / "simpletext.json").unlink()
    assert "labels: neg, pos" in describe_folder(folder)
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    assert "not supported: config.json has model_type='gpt2'" in describe_folder(folder)


def test_a_training(tmp_path):
    learner = st.get_learner(network(), numbers(), numbers(), batch_size=16)
    learner.fit_onecycle(0.01, 2, tmp_path / "run", verbose=0)
    text = describe_folder(tmp_path / "run")
    assert "a training's checkpoints" in text
    assert "epochs: 2 of 2" in text
    assert "schedule: one_cycle, learning rate 0.01" in text


def test_old_formats():
    text = describe_folder(OLD / "tf1" / "bert")
    assert "a TensorFlow 1 checkpoint" in text
    assert "simpletext convert" in text
    ktrain = OLD / "ktrain" / "tiny-single"
    assert "a predictor of ktrain" in describe_folder(ktrain)


def test_nothing_known(tmp_path):
    with pytest.raises(CheckpointError, match="There is nothing in .* that simpletext knows"):
        describe_folder(tmp_path)
    with pytest.raises(ArgumentError, match="is no path"):
        describe_folder(3)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match="There is no folder '.*gone'"):
        describe_folder(tmp_path / "gone")
