"""Damaged old files: each is read right, or refused by an error of our own, in little memory.

The specimens' bytes are changed at random: 500 times each in the slow tests, a few times in the
others. TensorFlow's checkpoints have checksums, so what is read from them has to be right.
"""

import contextlib
import resource
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import simpletext as st
from simpletext.checkpoints.safetensors_file import TensorFile
from simpletext.errors import SimpletextError

OLD = Path(__file__).parents[1] / "oldformats"
ABC = ["a", "b", "c"]
MEMORY = 2**30  # bytes that reading a file may take
# Folder -> arguments of `convert` with which the undamaged one is converted.
OPTIONS = {
    "tf1/bert": {},
    "tf1/albert-finetuned": {"labels": ABC},
    "hub/bert": {},
    "hub/albert": {},
    "hub/talking-heads": {},
    "hub/tutorial-classifier": {"task": "regression"},
    "keras_hub/bert": {"labels": ABC},
    "keras_hub/deberta_v3": {"labels": ABC},
    "keras_hub/albert": {"labels": ABC},
    "keras_nlp/roberta": {"labels": ABC},
    "h5/bert-pretraining": {},
    "h5/bert-sharded": {},
    "h5/distilbert": {},
    "ktrain/tiny-single": {},
    "ktrain/tiny-multi": {},
    "ktrain/tiny-regression": {},
    "ktrain/tiny-strings": {},
    "ktrain/bert-mode": {},
}
EDITS = some.lists(
    some.tuples(
        some.sampled_from(["flip", "write", "cut", "drop", "repeat"]),
        some.floats(0, 1),
        some.binary(min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=3,
)


def changed(content: bytes, edits) -> bytes:
    """The bytes after each edit: (kind, place from 0 to 1, bytes)."""
    for kind, where, new in edits:
        place = int(where * max(len(content) - 1, 0))
        if kind == "cut":
            content = content[:place]
        elif kind == "drop":
            content = content[:place] + content[place + len(new) :]
        elif kind == "repeat":
            content = content[:place] + content[place // 2 :]
        else:
            old = content[place : place + len(new)]
            if kind == "flip":
                new = bytes(a ^ (1 << b % 8) for a, b in zip(old, new, strict=False))
            content = content[:place] + new + content[place + len(new) :]
    return content


@contextlib.contextmanager
def limited_memory():
    """Whoever takes more than `MEMORY` gets a MemoryError."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def files_of(name):
    paths = (OLD / name).rglob("*")
    return sorted(p for p in paths if p.is_file() and not p.name.startswith("golden"))


def tensors_of(folder):
    file = TensorFile(folder / "model.safetensors")
    return {key: file.get_tensor(key).tobytes() for key in file.keys()}  # noqa: SIM118


def convert_changed(name, path, edits, wanted):
    """Convert a copy of a specimen with one file changed; what is wrong raises."""
    with tempfile.TemporaryDirectory() as temporary:
        old, new = Path(temporary) / "old", Path(temporary) / "new"
        shutil.copytree(OLD / name, old)
        target = old / path.relative_to(OLD / name)
        target.write_bytes(changed(path.read_bytes(), edits))
        try:
            with warnings.catch_warnings(), limited_memory():
                warnings.simplefilter("ignore")
                st.convert(old, new, **OPTIONS[name])
        except SimpletextError:
            assert not new.exists()
            return
        if path.name.endswith(".index") or ".data-" in path.name:
            assert tensors_of(new) == wanted


def fuzz(name, count, tmp_path):
    st.convert(OLD / name, tmp_path / "right", **OPTIONS[name])
    wanted = tensors_of(tmp_path / "right")

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(some.sampled_from(files_of(name)), EDITS)
    def run(path, edits):
        convert_changed(name, path, edits, wanted)

    run()


linux = pytest.mark.skipif(
    not Path("/proc/self/statm").is_file(), reason="memory is limited on Linux only"
)


@linux
@pytest.mark.parametrize("name", OPTIONS)
def test_a_few_changes(name, tmp_path):
    fuzz(name, 4, tmp_path)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_many_changes(name, tmp_path):
    fuzz(name, 500, tmp_path)
