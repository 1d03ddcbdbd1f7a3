"""Folders whose JSON has any value: each one loads, or is refused with an error of ours."""

import json
import os
import random
import shutil
import warnings

import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import CheckpointError, SimpletextError

VALUES = [
    None, True, -1, 0, 1, 10**9, 10**400, 1.5, 1e308, "", "x", "\ud800", "a\0b", "x" * 100_000, [],
    [None], {}, {"a": 1}, [[[]]], "../../etc/passwd",
]  # fmt: skip
RAW = ["", "{", "[]", "null", "[" * 100_000, '{"a":' * 50_000, "\xff\xfe"]


@pytest.fixture(scope="module")
def good(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "good"
    transformer = st.Transformer(tiny, maxlen=12)
    transformer.preprocess_train(TEXTS[:8], LABELS[:8], verbose=0)
    st.get_predictor(transformer.get_classifier("mean", verbose=0), transformer).save(folder)
    return folder


def paths(content, before=()):
    """The places in a JSON value, of a list the first one only."""
    if isinstance(content, dict):
        for key, inner in content.items():
            yield (*before, key)
            yield from paths(inner, (*before, key))
    elif isinstance(content, list) and content:
        yield (*before, 0)
        yield from paths(content[0], (*before, 0))


def mutations(folder):
    """All files, places and values, shuffled: (name, place or None for the whole, value)."""
    found = []
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        places = [p for p in paths(json.loads(path.read_text())) if "vocab" not in p[:-1]]
        found += [(name, place, value) for place in places for value in VALUES]
        found += [(name, None, raw) for raw in RAW]
    random.Random(0).shuffle(found)
    return found


def mutate(folder, name, place, value):
    path = folder / name
    if place is None:
        path.write_text(value, encoding="latin-1")
        return
    content = inner = json.loads(path.read_text())
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(content))


def load_and_predict(folder):
    """What a user would try: as a predictor, as a checkpoint, to train on."""
    yield lambda: st.load_predictor(folder).predict(["good film", "bad"])
    yield lambda: st.Transformer(folder, maxlen=12).preprocess_train(["a", "b"], ["x", "y"])
    (folder / "simpletext.json").unlink(missing_ok=True)
    yield lambda: st.Predictor.from_pretrained(folder).predict("good film")


def foreign(good, folder, chosen):
    """The mutations that end in another exception than one of ours, as strings."""
    found = []
    for name, place, value in chosen:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        mutate(folder, name, place, value)
        for attempt in load_and_predict(folder):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    attempt()
            except SimpletextError:
                pass
            except BaseException as error:  # noqa: BLE001 - also a panic of Rust code
                found.append(f"{name} {place} {value!r:.30}: {type(error).__name__}: {error!s:.80}")
    return found


def test_some_values(good, tmp_path):
    assert foreign(good, tmp_path / "folder", mutations(good)[:24]) == []


@pytest.mark.slow
def test_many_values(good, tmp_path):
    assert foreign(good, tmp_path / "folder", mutations(good)[24:600]) == []


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("kind", ["pipe", "loop", "folder"])
def test_what_is_no_file(good, tmp_path, kind, name):
    if kind == "pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    folder = shutil.copytree(good, tmp_path / "folder")
    (folder / name).unlink()
    make = {
        "pipe": os.mkfifo if kind == "pipe" else None,
        "loop": lambda path: path.symlink_to(name),
        "folder": lambda path: path.mkdir(),
    }[kind]
    make(folder / name)
    loads = [st.load_predictor, st.Predictor.from_pretrained]
    if name != "tokenizer.json":
        loads.append(st.load_encoder)
    for load in loads:
        with pytest.raises(CheckpointError):
            load(folder)
