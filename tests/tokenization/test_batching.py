import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simpletext.tasks.labels import Labels
from simpletext.tokenization.batching import Batches
from simpletext.tokenization.encoded_texts import EncodedTexts, LabelledTexts
from simpletext.tokenization.layout import Layout
from simpletext.utils import backend

NAMES = ("input_ids", "token_type_ids", "attention_mask")


def encoded(lengths, side="right"):
    """Texts of these lengths whose ids are 1, 2, 3, ..., labelled with their row."""
    ids, types = [range(1, n + 1) for n in lengths], [[1] * n for n in lengths]
    layout, texts = Layout(NAMES, 99, 7, side), [f"text {n}" for n in lengths]
    data = EncodedTexts.gather(ids, types, lengths, layout, texts)
    return data.with_labels(np.arange(len(lengths)), Labels("single_label_classification", ()))


def test_a_batch_is_as_long_as_its_longest_text():
    batch = encoded([2, 3]).padded(np.array([0, 1]))
    assert batch["input_ids"].tolist() == [[1, 2, 99], [1, 2, 3]]
    assert batch["token_type_ids"].tolist() == [[1, 1, 7], [1, 1, 1]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]


def test_padding_on_the_left():
    batch = encoded([2, 3], "left").padded(np.array([0, 1]))
    assert batch["input_ids"].tolist() == [[99, 1, 2], [1, 2, 3]]
    assert batch["attention_mask"].tolist() == [[0, 1, 1], [1, 1, 1]]


lengths = st.lists(st.integers(0, 12), min_size=1, max_size=60)


@given(lengths, st.integers(1, 9), st.booleans(), st.integers(0, 3))
def test_every_row_comes_once_with_its_own_label(lengths, size, shuffle, epoch):
    batches = Batches(encoded(lengths), size, shuffle, seed=1, epoch=epoch)
    seen = []
    for i in range(len(batches)):
        x, y = batches[i]
        assert x["attention_mask"].sum(axis=1).tolist() == [lengths[row] for row in y]
        assert x["input_ids"].shape[1] == max([lengths[row] for row in y] + [1])
        seen += y.tolist()
    assert sorted(seen) == list(range(len(lengths)))
    assert batches.order.tolist() == seen


def test_the_order_depends_on_seed_and_epoch_alone():
    data = encoded(range(1, 200))
    again = Batches(data, 8, True, seed=3)
    first = [rows.tolist() for rows in again.rows]
    assert [rows.tolist() for rows in Batches(data, 8, True, seed=3).rows] == first
    assert [rows.tolist() for rows in Batches(data, 8, True, seed=4).rows] != first
    again.on_epoch_end()
    resumed = Batches(data, 8, True, seed=3, epoch=1)
    assert [r.tolist() for r in again.rows] == [r.tolist() for r in resumed.rows]


@pytest.mark.parametrize(("rows", "least"), [(100, 0.8), (2000, 0.95)])
def test_little_is_padded(rows, least):
    rng = np.random.default_rng(0)
    data = encoded(rng.integers(5, 100, rows))
    batches = Batches(data, 16, shuffle=True)
    masks = [batches[i][0]["attention_mask"] for i in range(len(batches))]
    assert sum(m.sum() for m in masks) / sum(m.size for m in masks) > least


def test_a_batch_has_other_members_in_the_next_epoch():
    lengths = np.random.default_rng(0).integers(5, 100, 400)
    batches = Batches(encoded(lengths), 8, shuffle=True)

    def members():
        return {frozenset(rows.tolist()) for rows in batches.rows}

    first = members()
    batches.on_epoch_end()
    assert len(first & members()) < len(first) / 4


def test_labels_are_a_kind_of_their_own():
    data = encoded([1, 2])
    assert isinstance(data, LabelledTexts)
    assert data.truncated.tolist() == [False, False]
    with pytest.raises(AttributeError):
        EncodedTexts.concat([], data.layout, []).y  # noqa: B018


def test_jax_gets_few_lengths(monkeypatch):
    monkeypatch.setattr("simpletext.utils.backend.data.name", lambda: "jax")
    rounded = [backend.padded_length(n) for n in (1, 16, 17, 128, 129, 257, 512, 513)]
    assert rounded == [16, 16, 32, 128, 160, 320, 512, 640]


def test_texts_are_never_padded_beyond_the_longest(monkeypatch):
    monkeypatch.setattr(backend, "padded_length", lambda longest: 16 if longest < 16 else longest)
    widths = [encoded([3, 5, 20]).padded(np.array([row]))["input_ids"].shape[1] for row in range(3)]
    assert widths == [16, 16, 20]
    assert encoded([3, 5]).padded(np.array([0]))["input_ids"].shape == (1, 5)
