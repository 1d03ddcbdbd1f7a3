"""Tagging schemes: what is detected, read, refused and repaired."""

import itertools

import pytest
from seqeval.metrics.sequence_labeling import get_entities

from simpletext.data.tags import (
    illegal,
    repair_tags,
    scheme_named,
    scheme_of,
    spans_of,
    tags_of,
    unified,
)
from simpletext.errors import ArgumentError

SPANS = [("PER", 0, 2), ("PER", 2, 3), ("LOC", 4, 7)]


@pytest.mark.parametrize("scheme", ["IOB2", "IOB1", "IOBES", "BILOU"])
def test_tags_and_spans_are_each_others_reverse(scheme):
    tags = tags_of(SPANS, 8, scheme)
    assert spans_of(tags, scheme) == SPANS
    assert scheme_of([tags]) == scheme
    assert illegal([tags], scheme) == []
    assert repair_tags([tags]) == [tags]


def test_a_class_per_word():
    assert spans_of(["PER", "PER", "O", "LOC"], "IO") == [("PER", 0, 2), ("LOC", 3, 4)]
    assert spans_of(["NOUN", "NOUN"], "plain") == [("NOUN", 0, 1), ("NOUN", 1, 2)]


def test_bio_is_read_as_seqeval_reads_it():
    for tags in itertools.product(["O", "B-A", "I-A", "B-B", "I-B"], repeat=4):
        wanted = [(kind, first, last + 1) for kind, first, last in get_entities(list(tags))]
        assert spans_of(tags, "IOB2") == wanted, tags


def test_illegal_tags_are_counted_with_their_places():
    assert illegal([["O", "I-PER"], ["B-PER", "I-LOC"]], "IOB2") == [(0, 1), (1, 1)]
    assert illegal([["B-PER", "O"]], "IOBES") == [(0, 1)]
    assert illegal([["O", "B-PER"]], "IOBES") == [(0, 1)]  # it never ends


def test_illegal_tags_are_reported_kept_and_repaired_when_asked(capsys):
    rows = [["B-LOC", "O", "I-LOC"], ["B-LOC", "B-LOC", "O"]]
    assert unified(rows, None, 1) is rows
    said = capsys.readouterr().err
    assert "1 tags may not stand where they do in IOB2" in said
    assert "'I-LOC' at row 0, word 2" in said
    assert repair_tags(rows)[0] == ["B-LOC", "O", "B-LOC"]


def test_iob1_is_detected_and_becomes_iob2(capsys):
    assert unified([["I-A", "I-A", "B-A", "O"]], None, 1) == [["B-A", "I-A", "B-A", "O"]]
    assert "The tags are in IOB1 and were converted to IOB2." in capsys.readouterr().err


def test_a_scheme_has_several_names_and_others_are_refused():
    assert scheme_named("BIO") == "IOB2"
    with pytest.raises(ArgumentError, match="scheme='BIOX'; allowed are 'IOB2'"):
        scheme_named("BIOX")
