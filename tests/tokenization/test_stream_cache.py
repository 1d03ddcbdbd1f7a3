"""Data that is larger than memory: the same ids, labels and texts as data in memory."""

import pickle

import numpy as np
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.data import streams
from simpletext.errors import ArgumentError, DataError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(streams, "CHUNK", 40)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(2):
        rows = {"label": LABELS[i * 50 : i * 50 + 50], "text": TEXTS[i * 50 : i * 50 + 50]}
        pq.write_table(pa.table(rows), folder / f"{i}.parquet")
    return folder


def transformer(tiny):
    return st.Transformer(str(tiny), maxlen=8)


def parquet(folder):
    return folder


def csv(folder):
    rows = [f'{label},"{text}"' for text, label in zip(TEXTS, LABELS, strict=True)]
    path = folder.parent / "rows.csv"
    path.write_text("\n".join(["label,text", *rows]) + "\n")
    return path


def hugging_face(folder):
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"text": TEXTS, "label": LABELS})
    return dataset.class_encode_column("label").to_iterable_dataset()


def tensorflow(folder):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices({"text": TEXTS, "label": LABELS})


@pytest.mark.parametrize("source", [parquet, csv, hugging_face, tensorflow])
def test_a_stream_gives_what_lists_give(tiny, folder, tmp_path, source):
    t, wanted = transformer(tiny), transformer(tiny).preprocess_train(TEXTS, LABELS, verbose=0)
    stream = st.read_stream(source(folder))
    data = t.preprocess_train(stream, cache_dir=tmp_path / "cache", verbose=0)
    assert isinstance(data.ids, np.memmap)
    for part in ("ids", "type_ids", "offsets", "full_lengths", "y"):
        np.testing.assert_array_equal(getattr(data, part), getattr(wanted, part))
    assert (data.labels, t.get_classes()) == (wanted.labels, ["neg", "pos"])
    assert list(data.texts) == TEXTS
    assert (data.texts[-1], data.texts[2:4]) == (TEXTS[-1], TEXTS[2:4])


def test_training_is_the_same(tiny, folder, tmp_path):
    losses = []
    for streamed in (False, True):
        t = transformer(tiny)
        given = [st.read_stream(folder)] if streamed else [TEXTS, LABELS]
        options = {"cache_dir": tmp_path / "cache"} if streamed else {}
        train = t.preprocess_train(*given, **options, verbose=0)
        learner = st.get_learner(t.get_classifier(verbose=0), train, train, batch_size=16)
        learner.fit(1e-3, 1, verbose=0)
        losses.append(learner.history["loss"])
        assert len(learner.top_losses(2)) == 2
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-6)


def test_files_are_encoded_once(tiny, folder, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = transformer(tiny).preprocess_train(st.read_stream(folder), cache_dir=cache, verbose=0)
    t = transformer(tiny)
    monkeypatch.setattr(t.tokenizer, "encode", None)
    again = t.preprocess_train(st.read_stream(folder), cache_dir=cache, verbose=0)
    np.testing.assert_array_equal(again.ids, first.ids)
    np.testing.assert_array_equal(again.y, first.y)
    (folder / "2.parquet").write_bytes((folder / "1.parquet").read_bytes())
    more = transformer(tiny).preprocess_train(st.read_stream(folder), cache_dir=cache, verbose=0)
    assert len(more) == len(first) + 46


def test_pairs_texts_alone_and_pickles(tiny, tmp_path):
    pq.write_table(pa.table({"a": TEXTS, "b": TEXTS[::-1], "y": LABELS}), tmp_path / "x.parquet")
    t = transformer(tiny)
    stream = st.read_stream(tmp_path / "x.parquet", ["a", "b"], "y")
    data = t.preprocess_train(stream, cache_dir=tmp_path / "cache", verbose=0)
    assert (t.paired, data.pairs[0]) == (True, TEXTS[-1])
    alone = st.read_stream(tmp_path / "x.parquet", ["a", "b"], None)
    test = t.preprocess_test(alone, cache_dir=tmp_path / "cache", verbose=0)
    np.testing.assert_array_equal(test.ids, data.ids)
    again = pickle.loads(pickle.dumps(data.texts))
    assert list(again) == TEXTS


def test_refusals(tiny, folder, tmp_path):
    t, stream = transformer(tiny), st.read_stream(folder)
    with pytest.raises(ArgumentError, match="A stream needs cache_dir="):
        t.preprocess_train(stream)
    with pytest.raises(ArgumentError, match="A stream brings its own labels"):
        t.preprocess_train(stream, LABELS, cache_dir=tmp_path)
    with pytest.raises(DataError, match="name their column in read_stream"):
        t.preprocess_train(st.read_stream(folder, label=None), cache_dir=tmp_path)
    with pytest.raises(DataError, match="no column 'txt'.*Did you mean 'text'"):
        t.preprocess_train(st.read_stream(folder, "txt"), cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(DataError, match="of the kind int; a stream is read from"):
        st.read_stream(5)
    with pytest.raises(ArgumentError, match="name one column, or two"):
        st.read_stream(folder, ["a", "b", "c"])
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(DataError, match="can't be read in chunks; convert it"):
        st.read_stream(tmp_path / "x.json")
    pq.write_table(
        pa.table({"text": [*TEXTS[:60], None], "label": LABELS[:61]}), tmp_path / "n.parquet"
    )
    with pytest.raises(DataError, match="These rows are counted from row 40"):
        t.preprocess_train(st.read_stream(tmp_path / "n.parquet"), cache_dir=tmp_path / "cache")
