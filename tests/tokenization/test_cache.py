import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import DataError, SimpletextError
from simpletext.tokenization.batching import Batches
from simpletext.tokenization.cache import fingerprint
from simpletext.tokenization.tfrecords import read_tfrecord, write_tfrecord


@pytest.fixture
def transformer(tiny):
    return st.Transformer(str(tiny), maxlen=8)


def folders(path):
    return sorted(p.name for p in path.iterdir() if p.is_dir())


def same(one, other):
    fields = ("ids", "type_ids", "offsets", "full_lengths")
    assert all(np.array_equal(getattr(one, f), getattr(other, f)) for f in fields)
    assert (one.layout, list(one.texts), one.pairs) == (
        other.layout,
        list(other.texts),
        other.pairs,
    )


def test_what_is_in_the_cache_is_what_is_in_memory(transformer, tmp_path):
    data = transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    stored = transformer.preprocess_train(TEXTS, LABELS, verbose=0, cache_dir=tmp_path / "new")
    same(stored, data)
    assert isinstance(stored.ids, np.memmap)
    for one, other in zip(Batches(stored, 8, True), Batches(data, 8, True), strict=True):
        assert np.array_equal(one[0]["input_ids"], other[0]["input_ids"])


def test_a_cache_is_used_for_the_same_texts_tokenizer_and_maxlen_only(
    transformer, tiny, tmp_path, monkeypatch
):
    transformer.preprocess_train(TEXTS, LABELS, verbose=0, cache_dir=tmp_path)
    monkeypatch.setattr(type(transformer.tokenizer), "encode", None)  # it must not be called
    transformer.preprocess_train(TEXTS, LABELS, verbose=0, cache_dir=tmp_path)
    transformer.preprocess_test(iter(TEXTS), verbose=0, cache_dir=tmp_path)
    monkeypatch.undo()
    assert len(folders(tmp_path)) == 1
    others = [
        (transformer, [*TEXTS[:-1], "a"]),
        (transformer, TEXTS[:-1]),
        (st.Transformer(str(tiny), maxlen=9), TEXTS),
        (st.Transformer(str(tiny), maxlen=8), [(text, "") for text in TEXTS]),
    ]
    for i, (preproc, texts) in enumerate(others, start=2):
        preproc.preprocess_train(texts, LABELS[: len(texts)], verbose=0, cache_dir=tmp_path)
        assert len(folders(tmp_path)) == i


def test_another_tokenizer_has_another_fingerprint(transformer, tiny, tmp_path):
    import shutil

    folder = shutil.copytree(tiny, tmp_path / "other")
    path = folder / "tokenizer_config.json"
    path.write_text(path.read_text().replace('"do_lower_case": true', '"do_lower_case": false'))
    other = st.Transformer(str(folder), maxlen=8)
    assert other.tokenizer.fingerprint() != transformer.tokenizer.fingerprint()
    again = st.Transformer(str(tiny), maxlen=8).tokenizer
    again.encode(["a"], None, 4)
    assert again.fingerprint() == transformer.tokenizer.fingerprint()


def test_texts_do_not_run_together():
    assert fingerprint([], ["ab", "c"], None) != fingerprint([], ["a", "bc"], None)
    assert fingerprint([], ["a"], ["b"]) != fingerprint([], ["a", "b"], None)


KILLED = """
import os, signal, sys
import simpletext as st
from simpletext.tokenization.tokenizer import Tokenizer
encode = Tokenizer.encode
def half(self, texts, pairs, maxlen):
    chunks = encode(self, texts, pairs, maxlen)
    yield next(chunks)
    print("half", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
Tokenizer.encode = half
st.Transformer(sys.argv[1], maxlen=8).preprocess_train(["a", "b"], [0, 1], cache_dir=sys.argv[2])
"""


def test_killed_half_way_it_leaves_no_half_cache(tiny, tmp_path, transformer):
    command = [sys.executable, "-c", KILLED, str(tiny), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "half" in done.stdout
    assert all(name.startswith(".") for name in folders(tmp_path))
    data = transformer.preprocess_train(["a", "b"], [0, 1], verbose=0, cache_dir=tmp_path)
    assert len(data) == 2
    assert [name.startswith(".") for name in folders(tmp_path)] == [False]


def test_an_interrupted_one_leaves_nothing(transformer, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(type(transformer.tokenizer), "encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        transformer.preprocess_train(TEXTS, LABELS, verbose=0, cache_dir=tmp_path)
    assert folders(tmp_path) == []


def test_training_streams_from_the_cache(transformer, tmp_path):
    train = transformer.preprocess_train(TEXTS, LABELS, verbose=0, cache_dir=tmp_path)
    learner = st.get_learner(transformer.get_classifier(), train, train, batch_size=16)
    assert len(learner.fit_onecycle(1e-3, 1, verbose=0)["loss"]) == 1


MEMORY = """
import sys, resource
import simpletext as st
texts = [f"a film was very good {i % 977}" for i in range(1_000_000)]
t = st.Transformer(sys.argv[1], maxlen=16)
t.preprocess_test(["a"], verbose=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
t.preprocess_train(texts, [0, 1] * 500_000, verbose=0, cache_dir=sys.argv[2] or None)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("cached", [True, False])
def test_a_million_texts_need_less_than_a_gigabyte(tiny, tmp_path, cached):
    command = [sys.executable, "-c", MEMORY, str(tiny), str(tmp_path) if cached else ""]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 1024


@pytest.mark.slow
def test_encoding_takes_little_more_than_the_tokenizer(tiny):
    """Measured by processor time, which other work on the machine changes less."""
    transformer = st.Transformer(str(tiny), maxlen=16)
    texts = [f"a film was very good {i % 977}, it was a very happy film" for i in range(100_000)]
    y = [i % 2 for i in range(len(texts))]
    backend = transformer.tokenizer._hf.backend_tokenizer

    def seconds(call):
        start = time.process_time()
        call()
        return time.process_time() - start

    def bare():
        backend.enable_truncation(16)
        backend.no_padding()
        backend.encode_batch(texts)

    ratios = [
        seconds(lambda: transformer.preprocess_train(texts, y, verbose=0)) / seconds(bare)
        for _ in range(3)
    ]
    assert min(ratios) < 1.2


# ---- TFRecord files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "y"),
    [
        (TEXTS, LABELS),
        ([("a", "b"), ("c", "é")], ["x", "y"]),
        (["a", "b"], [[1, 1], [0, 0]]),
        (["a", "b"], [0.5, 1.5]),
        (["a", ""], None),
    ],
)
def test_tfrecords_go_there_and_back(transformer, tmp_path, texts, y):
    preprocess = transformer.preprocess_test if y is None else transformer.preprocess_train
    data = preprocess(texts, y, verbose=0)
    write_tfrecord(data, tmp_path / "a.tfrecord")
    again = read_tfrecord(tmp_path / "a.tfrecord")
    same(again, data)
    assert sorted(os.listdir(tmp_path)) == ["a.tfrecord", "a.tfrecord.json"]
    if y is not None:
        assert np.array_equal(again.y, data.y)
        assert (again.y.dtype, again.labels) == (data.y.dtype, data.labels)


def test_bad_tfrecords(transformer, tmp_path):
    data = transformer.preprocess_test(["a", "b"], verbose=0)
    path = tmp_path / "a.tfrecord"
    write_tfrecord(data, path)
    with pytest.raises(SimpletextError, match="exists already and is left as it is"):
        write_tfrecord(data, path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match="its checksum differs. Copy both again"):
        read_tfrecord(path)
    side = path.with_name("a.tfrecord.json")
    settings = json.loads(side.read_text())
    del settings["sha256"]  # as the first version wrote them
    side.write_text(json.dumps(settings))
    with pytest.raises(DataError, match="is damaged or not from write_tfrecord"):
        read_tfrecord(path)
    (tmp_path / "a.tfrecord.json").write_text("{}")
    with pytest.raises(DataError, match="wasn't written by write_tfrecord"):
        read_tfrecord(path)
    with pytest.raises(DataError, match="There is no file"):
        read_tfrecord(tmp_path / "b.tfrecord")


@pytest.mark.parametrize("name", ["ids.bin", "lengths.bin", "checksums.json"])
def test_a_damaged_cache_is_made_anew(transformer, tmp_path, name, capsys):
    first = transformer.preprocess_test(TEXTS, verbose=0, cache_dir=tmp_path)
    ids = np.array(first.ids)
    (path,) = tmp_path.glob(f"*/{name}")
    path.write_bytes(b"1" + path.read_bytes()[1:] if name != "checksums.json" else b"{")
    again = transformer.preprocess_test(TEXTS, verbose=0, cache_dir=tmp_path)
    assert "is damaged and is written again" in capsys.readouterr().err
    np.testing.assert_array_equal(again.ids, ids)
