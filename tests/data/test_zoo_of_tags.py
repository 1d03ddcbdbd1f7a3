"""The readers of tags and spans are passed the zoo of values: only our own exceptions leave."""

import warnings

import pytest
from project.zoo import MANY

import simpletext as st
from simpletext.data.sentences import (
    are_tagged,
    are_word_lists,
    checked_spans,
    checked_tags,
    joined,
)
from simpletext.errors import DataError, SimpletextError

WORDS, TAGS = [["a", "film"], ["it"]], [["O", "B-X"], ["O"]]
TABLE = {"Word": ["a", "b"], "Tag": ["O", "B-X"], "SentenceID": [0, 0]}
CALLS = {
    "repair_tags": st.repair_tags,
    "repair_tags, the scheme": lambda value: st.repair_tags(TAGS, value),
    "read_entities": st.read_entities,
    "read_entities, words": lambda value: st.read_entities(TABLE, words=value),
    "read_entities, tags": lambda value: st.read_entities(TABLE, tags=value),
    "read_entities, sentence": lambda value: st.read_entities(TABLE, sentence=value),
    "words": lambda value: joined([value]),
    "tags": lambda value: checked_tags(WORDS, value),
    "a row of tags": lambda value: checked_tags([["a"]], [value]),
    "a tag": lambda value: checked_tags([["a"]], [[value]]),
    "spans": lambda value: checked_spans(["a good film"], value),
    "a row of spans": lambda value: checked_spans(["a good film"], [value]),
    "a span": lambda value: checked_spans(["a good film"], [[value]]),
    "are_tagged, tags": lambda value: are_tagged(WORDS, value),
    "are_tagged, words": lambda value: are_tagged(value, TAGS),
    "are_word_lists": are_word_lists,
}


@pytest.mark.parametrize("call", CALLS)
def test_only_our_exceptions_leave(call):
    found = []
    for name, value in MANY.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                CALLS[call](value())
        except SimpletextError:
            pass
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.append(f"{name}: {type(error).__name__}: {error!s:.80}")
    assert found == []


def test_messages_name_the_row():
    with pytest.raises(DataError, match="Row 1 of the spans is 3; it must be a list of spans"):
        checked_spans(["a", "b"], [[], 3])
    with pytest.raises(DataError, match=r"Row 0 of the tags is \[\['O'\]\]; it must be a list of"):
        checked_tags([["a"]], [[["O"]]])
    with pytest.raises(DataError, match="Row 0 has no tag for its word 1, 'film'"):
        checked_tags([["a", "film"]], [["O", float("nan")]])
