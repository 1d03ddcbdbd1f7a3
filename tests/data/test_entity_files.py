"""Sentences with tags from files and tables as people have them."""

import json

import pytest

from simpletext.data.conll import read_conll
from simpletext.data.entity_files import read_entities
from simpletext.data.sentences import are_tagged, checked_spans, checked_tags, joined
from simpletext.errors import DataError

WORDS = [["Anna", "lives", "in", "Oslo"], ["Hello", "!"]]
TAGS = [["B-PER", "O", "O", "B-LOC"], ["O", "O"]]
SPANS = [[(0, 4, "PER"), (14, 18, "LOC")], []]


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("sep", [" ", "\t"])
@pytest.mark.parametrize("middle", ["", "NNP{sep}I-NP{sep}"])
def test_conll_files(tmp_path, end, sep, middle):
    lines = ["-DOCSTART- -X- -X- O", "", "# sent_id = 1"] if middle else []
    for words, tags in zip(WORDS, TAGS, strict=True):
        between = middle.format(sep=sep)
        lines += [f"{w}{sep}{between}{t}" for w, t in zip(words, tags, strict=True)] + [""]
    text = end.join(lines) + end
    assert read_conll(written(tmp_path / "data.conll", text)) == (WORDS, TAGS)


def test_a_hash_may_be_a_word(tmp_path):
    text = "# O\n#NFL O\nrules O\n"
    words, _ = read_conll(written(tmp_path / "data.conll", text))
    assert words == [["#", "#NFL", "rules"]]


def test_conll_in_another_encoding(tmp_path, capsys):
    text = "Zürich B-LOC\nist O\nschön O\nund O\ngrößer O\nals O\nKöln B-LOC\n"
    words, _ = read_conll(written(tmp_path / "data.conll", text, "latin-1"), encoding="latin-1")
    assert words[0][0] == "Zürich"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Anna B-PER\nlives\n", "line 2: 'lives' has 1 columns, others have 2"),
        ("Anna\nlives\n", "line 1: 'Anna' has 1 columns; there must be a word and a tag"),
        ("\n\n \n", "has no words"),
    ],
)
def test_broken_conll_files_are_named_with_their_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_conll(written(tmp_path / "data.conll", text))


def test_tables_of_every_kind(tmp_path):
    import datasets
    import pandas as pd

    columns = {"tokens": WORDS, "ner_tags": TAGS}
    lines = [json.dumps({"tokens": w, "tags": t}) for w, t in zip(WORDS, TAGS, strict=True)]
    flat = [
        {"sentence_id": i, "word": word, "tag": tag}
        for i, pair in enumerate(zip(WORDS, TAGS, strict=True))
        for word, tag in zip(*pair, strict=True)
    ]
    names = ["O", "B-PER", "B-LOC"]
    numbers = {"tokens": WORDS, "ner_tags": [[names.index(t) for t in row] for row in TAGS]}
    kinds = datasets.Features(
        tokens=datasets.List(datasets.Value("string")),
        ner_tags=datasets.List(datasets.ClassLabel(names=names)),
    )
    csv = tmp_path / "one_word_per_row.csv"
    pd.DataFrame(flat).to_csv(csv, index=False)
    in_fields = written(
        tmp_path / "fields.csv",
        "words,tags\n"
        + "\n".join(f"{' '.join(w)},{' '.join(t)}" for w, t in zip(WORDS, TAGS, strict=True)),
    )
    for source in (
        columns,
        pd.DataFrame(columns),
        pd.DataFrame(flat),
        datasets.Dataset.from_dict(numbers, kinds),
        written(tmp_path / "rows.jsonl", "\n".join(lines)),
        csv,
        in_fields,
    ):
        found = read_entities(source)
        assert ([list(w) for w in found.texts], found.labels) == (WORDS, TAGS), source


def test_texts_with_spans(tmp_path):
    rows = [
        {"text": "Anna lives in Oslo", "spans": [{"start": 0, "end": 4, "label": "PER"}]},
        {"text": "Hello !", "spans": []},
    ]
    found = read_entities(written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows))))
    assert are_tagged(found.texts, found.labels)
    assert checked_spans(found.texts, found.labels)[1] == [[(0, 4, "PER")], []]


def test_a_table_without_such_columns_is_refused():
    with pytest.raises(DataError, match=r"No column has a usual name for words .*'a'.*words="):
        read_entities({"a": WORDS, "tags": TAGS})


def test_what_is_tagged_and_what_is_not():
    assert are_tagged(WORDS, TAGS)
    assert are_tagged([" ".join(w) for w in WORDS], SPANS)
    assert not are_tagged(["a text", "another"], ["pos", "neg"])
    assert not are_tagged(["a text", "another"], [["x", "y"], ["z"]])
    assert not are_tagged([("a", "pair")], [["x", "y"]])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([TAGS[0], ["O"]], r"Row 1 has 2 words and 1 tags; .*begin with \['Hello', '!'\]"),
        ([TAGS[0], ["O", None]], "Row 1 has no tag for its word 1, '!'"),
        ([TAGS[0], "O"], "Row 1 of the tags is 'O'; it must be a list of tags"),
        ([TAGS[0]], "There are 2 sentences and 1 lists of tags"),
    ],
)
def test_tags_that_do_not_fit_are_named(y, message):
    with pytest.raises(DataError, match=message):
        checked_tags(WORDS, y)


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(0, 4)], r"Row 0: \(0, 4\) is no span"),
        ([(0, 99, "PER")], "isn't in the text, which has 18 characters"),
        ([(3, 3, "PER")], "or is empty"),
        ([("0", 4, "PER")], "must be two whole numbers and a label"),
        ([(0, 6, "PER"), (5, 9, "LOC")], "overlap; a character has one label"),
    ],
)
def test_spans_that_do_not_fit_are_named(spans, message):
    with pytest.raises(DataError, match=message):
        checked_spans(["Anna lives in Oslo"], [spans])


def test_sentences_that_are_none_are_named():
    with pytest.raises(DataError, match="1 sentences have no words, at rows 1"):
        joined([["a"], []])
    with pytest.raises(DataError, match="Row 1 of the sentences is 'b'; it must be a list"):
        joined([["a"], "b"])
