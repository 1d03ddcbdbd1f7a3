"""`generate`: the ids of transformers' `generate`, token by token; sampling; what is refused."""

import json

import keras
import numpy as np
import pytest
from seq2seq_models import CASES, KINDS, PAD, golden, padded_batch, write_original

import simpletext as st
from simpletext.errors import ArgumentError, UnsupportedModelError
from simpletext.models.seq2seq import load_seq2seq
from simpletext.utils.files import read_json


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Each kind of model, loaded."""
    folder = tmp_path_factory.mktemp("models")
    return {kind: load_seq2seq(write_original(folder / kind, kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def marian(models):
    return models["marian"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_ids_and_scores_are_those_of_transformers(models, kind, case):
    expected = golden(kind)["generated"][case]
    found = st.generate(models[kind], padded_batch(), **CASES[case])
    width = max(found.ids.shape[1], len(expected["ids"][0]))
    theirs = np.array([row + [PAD] * (width - len(row)) for row in expected["ids"]])
    assert np.array_equal(np.pad(found.ids, ((0, 0), (0, width - found.ids.shape[1])),
                                 constant_values=PAD), theirs)  # fmt: skip
    if expected["scores"] is not None:
        assert np.allclose(found.scores, expected["scores"], atol=2e-4)


def test_padding_and_neighbours_change_nothing(marian):
    batch = padded_batch()
    together = st.generate(marian, batch, num_beams=3).ids
    for row in range(4):
        length = batch["attention_mask"][row].sum()
        alone = {name: ids[row : row + 1, :length] for name, ids in batch.items()}
        found = st.generate(marian, alone, num_beams=3).ids[0]
        assert found.tolist() == together[row, : len(found)].tolist()
        assert (together[row, len(found) :] == PAD).all()


def test_greedy_scores_are_the_log_probabilities(marian):
    from scipy.special import log_softmax

    batch = padded_batch()
    found = st.generate(marian, batch, num_beams=1, length_penalty=0.0, bad_words_ids=[])
    logits = marian(batch | {"decoder_input_ids": found.ids[:, :-1]}, training=False)
    logits = keras.ops.convert_to_numpy(logits)
    steps = np.take_along_axis(log_softmax(logits, axis=-1), found.ids[:, 1:, None], axis=2)[..., 0]
    free = (found.ids[:, 1:] != PAD) & (
        np.arange(found.ids.shape[1] - 1) < 18
    )  # not the forced end
    assert np.allclose((steps * free).sum(axis=1), found.scores, atol=1e-3)


def test_drawn_texts_follow_their_seed(marian):
    options = {"do_sample": True, "num_beams": 1, "num_return_sequences": 3, "max_new_tokens": 8}
    found = [st.generate(marian, padded_batch(), seed=seed, **options).ids for seed in (1, 1, 2)]
    assert found[0].shape[0] == 12
    assert np.array_equal(found[0], found[1])
    assert found[0].shape != found[2].shape or (found[0] != found[2]).any()
    narrow = st.generate(marian, padded_batch(), do_sample=True, num_beams=1, top_k=1).ids
    assert np.array_equal(narrow, st.generate(marian, padded_batch(), num_beams=1).ids)
    sure = st.generate(marian, padded_batch(), do_sample=True, num_beams=1, top_p=1e-6).ids
    assert np.array_equal(narrow, sure)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beam": 4}, "no setting 'num_beam'. Did you mean 'num_beams'?"),
        ({"num_beams": 0}, "num_beams=0; it must be a whole number, 1 or more"),
        ({"max_new_tokens": 40}, "Use max_new_tokens=39 or less"),
        ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences=3, but num_beams=2"),
        ({"num_beams": 2, "do_sample": True}, "use num_beams=1 with it"),
        ({"bad_words_ids": [[60]]}, "bad_words_ids has the token id 60; the model has 0 to 59"),
        ({"bad_words_ids": [[]]}, "bad_words_ids has an empty list"),
        ({"early_stopping": "soon"}, "early_stopping='soon'; allowed are True, False and 'never'"),
        (
            {"do_sample": True, "num_beams": 1, "temperature": 0},
            "temperature=0; it must be a number from 1e-06 to 1e+06",
        ),
    ],
)
def test_settings_that_are_refused(marian, options, message):
    with pytest.raises(ArgumentError) as error:
        st.generate(marian, padded_batch(), **options)
    assert message in str(error.value)


def test_inputs_that_are_refused(marian):
    batch = padded_batch()
    with pytest.raises(ArgumentError, match="must be a dict with input_ids and attention_mask"):
        st.generate(marian, batch["input_ids"])
    with pytest.raises(ArgumentError, match=r"input_ids has ids from 3 to 60; the model has 0 to"):
        st.generate(marian, batch | {"input_ids": np.where(batch["input_ids"] == 3, 3, 60)})
    with pytest.raises(ArgumentError, match=r"both must be \(sources, length\)"):
        st.generate(marian, batch | {"attention_mask": np.ones((4, 2), int)})
    with pytest.raises(ArgumentError, match=r"input_ids=.* must be whole numbers, \(sources, len"):
        st.generate(marian, batch | {"input_ids": [[1.5]]})
    long = np.full((1, 41), 5)
    with pytest.raises(ArgumentError, match="positions for 40"):
        st.generate(marian, {"input_ids": long, "attention_mask": long})


def test_another_model_is_refused(tiny):
    with pytest.raises(ArgumentError, match=r"doesn't write texts; it must come from Seq2Seq"):
        st.generate(st.load_encoder(tiny), padded_batch())


def test_a_setting_of_the_checkpoint_without_code_is_refused(tmp_path):
    path = write_original(tmp_path / "marian", "marian") / "generation_config.json"
    path.write_text(json.dumps(read_json(path) | {"repetition_penalty": 1.3}))
    with pytest.raises(UnsupportedModelError, match="repetition_penalty=1.3"):
        st.generate(load_seq2seq(tmp_path / "marian"), padded_batch())
