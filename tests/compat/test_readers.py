import json
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext import text
from simpletext.data.tables import read_texts
from simpletext.data.text_files import CsvFile
from simpletext.errors import ArgumentError, DataError, SimpletextError
from simpletext.tasks.task import MULTI, REGRESSION, SINGLE

TABLE = {"text": ["good", "", "NA", "null"], "label": ["pos", "neg", "pos", "neg"]}


def csv_file(folder, table, name="data.csv", **options):
    pd.DataFrame(table).to_csv(folder / name, index=False, **options)
    return folder / name


def folder_of(tmp_path, parts=("train", "test"), encoding="utf-8", words=("great", "awful")):
    for part in parts:
        for i, kind in enumerate(("good", "bad")):
            folder = tmp_path / part / kind
            folder.mkdir(parents=True)
            for n in range(4):
                (folder / f"{n}.txt").write_text(f"a {words[i]} film {n}", encoding=encoding)
    return tmp_path


# ---- tables --------------------------------------------------------------------------------------


def as_csv(folder):
    return csv_file(folder, TABLE)


def as_tsv(folder):
    return csv_file(folder, TABLE, "data.tsv", sep="\t")


def as_jsonl(folder):
    pd.DataFrame(TABLE).to_json(folder / "data.jsonl", orient="records", lines=True)
    return folder / "data.jsonl"


def as_json(folder):
    pd.DataFrame(TABLE).to_json(folder / "data.json", orient="records")
    return folder / "data.json"


def as_parquet(folder):
    pytest.importorskip("pyarrow")
    pd.DataFrame(TABLE).to_parquet(folder / "data.parquet")
    return folder / "data.parquet"


def as_df(folder):
    return pd.DataFrame(TABLE)


def as_hugging_face(folder):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        text=datasets.Value("string"), label=datasets.ClassLabel(names=["neg", "pos"])
    )
    return datasets.Dataset.from_dict(TABLE | {"label": [1, 0, 1, 0]}, features=features)


def as_tensorflow(folder):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((TABLE["text"], TABLE["label"]))


def as_tensorflow_batches(folder):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(TABLE).batch(3)


KINDS = [as_csv, as_tsv, as_jsonl, as_json, as_parquet, as_df, as_hugging_face, as_tensorflow,
         as_tensorflow_batches, lambda folder: TABLE]  # fmt: skip


@pytest.mark.parametrize("make", KINDS)
def test_the_same_table_in_every_form(make, tmp_path):
    """And no text is taken for a missing value: "", "NA" and "null" are texts."""
    examples = read_texts(make(tmp_path))
    assert (examples.texts, examples.labels) == (TABLE["text"], TABLE["label"])


def test_a_dataset_of_strings_alone():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(["a", "é"])
    assert read_texts(dataset, label=None).texts == ["a", "é"]


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        (["1", "0"], [1, 0]),
        (["-3", "12"], [-3, 12]),
        (["1.5", "2"], [1.5, 2.0]),
        (["007", "8"], ["007", "8"]),
        (["True", "False"], ["True", "False"]),
        (["nan", "1"], ["nan", "1"]),
        (["a", ""], ["a", None]),
        (["1", ""], [1, None]),
    ],
)
def test_labels_of_a_csv_file(tmp_path, fields, labels):
    path = csv_file(tmp_path, {"text": ["a", "b"], "label": fields})
    assert read_texts(path).labels == labels


def test_pairs_and_several_label_columns(tmp_path):
    path = csv_file(tmp_path, {"a": ["x", "y"], "b": ["z", "w"], "joy": [1, 0], "fear": [1, 1]})
    examples = read_texts(path, ("a", "b"), ["joy", "fear"])
    assert examples.texts == [("x", "z"), ("y", "w")]
    assert examples.labels == [[1, 1], [0, 1]]
    assert examples.class_names == ["joy", "fear"]


def test_line_breaks_quotes_and_long_fields_of_a_csv_file(tmp_path):
    texts = ["a\nb", 'say "hi"', "x" * 200_000, "a,b", " spaces "]
    path = csv_file(tmp_path, {"text": texts, "label": list("ababa")})
    assert read_texts(path).texts == texts


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = csv_file(tmp_path, TABLE, encoding="utf-8-sig")
    assert CsvFile(path).columns == ["text", "label"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8"])
def test_encodings_are_detected_and_said(tmp_path, encoding, capsys):
    texts = ["Der Käse schmeckt den Mädchen überhaupt nicht, aber möglicherweise später.",
             "Größere Übungen für die Prüfung gehören natürlich dazu."]  # fmt: skip
    path = csv_file(tmp_path, {"text": texts, "label": ["de", "fr"]}, encoding=encoding)
    assert read_texts(path).texts == texts
    assert ("data.csv: not UTF-8, read as cp" in capsys.readouterr().err) == (encoding == "cp1252")
    assert read_texts(path, encoding=encoding).texts == texts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"The file '.*data.csv' is empty"),
        (b"\n", "has no header"),
        (b"text,label\n", "has a header and no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "isn't text: there are zero bytes in it"),
        (b'text,label\na,b\n"broken,b\nc,d\n', r"line 3: a broken quote in the row that starts"),
        (b'text,label\n"a"b,c\n', r"line 2: a broken quote"),
        (b"text,label\na,b,c\n", r"line 2: the row has 3 fields, the header 2.*in quotes"),
        (b"text,text\na,b\n", "has the column 'text' twice"),
        ("text,label\né,a\né,b\n".encode() + b"\xe9,c\n",
         r"is UTF-8 but for 1 of its lines, at lines 4, whose bytes are damaged"),
    ],
)  # fmt: skip
def test_bad_csv_files(tmp_path, content, message):
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_texts(tmp_path / "data.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "a"}\n{"text": \n', r"a.jsonl, line 2: no JSON"),
        ("a.jsonl", '"a"\n', r"a.jsonl, line 1: 'a' is no JSON object"),
        ("a.json", "[]", "has no rows"),
        ("a.xlsx", "x", "has an unknown file type; allowed are .csv"),
        ("a.parquet", "x", "can't be read as Parquet"),
    ],
)
def test_bad_files_of_other_kinds(tmp_path, name, content, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_texts(tmp_path / name)


def test_bad_bytes_for_an_encoding_that_was_said(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\na,b\n\xff,c\n")
    with pytest.raises(DataError, match=r"a.csv, line 3: not utf-8 \("):
        read_texts(tmp_path / "a.csv", encoding="utf-8")
    with pytest.raises(DataError, match="encoding='utf-9' is unknown"):
        read_texts(tmp_path / "a.csv", encoding="utf-9")


def test_a_file_that_is_not_there(tmp_path):
    csv_file(tmp_path, TABLE, "train.csv")
    with pytest.raises(
        DataError, match=r"There is no file '.*trian.csv'. Did you mean 'train.csv'"
    ):
        read_texts(tmp_path / "trian.csv")


def test_a_column_that_is_not_there():
    message = r"There is no column 'lable'; the columns are 'text', 'label'. Did you mean 'label'\?"
    with pytest.raises(DataError, match=message):
        read_texts(TABLE, label="lable")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (7, "The data are of the kind int; allowed are a file"),
        ({"text": ["a"], "label": []}, "The columns differ in length: {'text': 1, 'label': 0}"),
    ],
)
def test_sources_that_are_none(source, message):
    with pytest.raises(DataError, match=message):
        read_texts(source)


def test_missing_fields_of_json_lines_are_found(tiny, tmp_path):
    rows = [{"text": "a", "label": "x"}, {"label": "y"}, {"text": "b"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    examples = read_texts(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match="1 of 3 texts aren't a string, at rows 1; row 1 is None"):
        st.Transformer(str(tiny), maxlen=8).preprocess_train(examples.texts, examples.labels)


def test_parquet_without_its_library(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"pip install 'simpletext-keras\[parquet\]'"):
        read_texts(tmp_path / "a.parquet")


# ---- ktrain's readers ----------------------------------------------------------------------------


@pytest.fixture
def options(tiny):
    return {"preprocess_mode": str(tiny), "maxlen": 16, "verbose": 0}


def test_arrays_are_split_class_by_class_and_the_same_way_each_time(options):
    y = ["a"] * 60 + ["b"] * 30
    texts = [f"{'good' if label == 'a' else 'bad'} {i}" for i, label in enumerate(y)]
    train, val, preproc = text.texts_from_array(texts, y, val_pct=0.2, **options)
    assert (len(train), len(val)) == (72, 18)
    assert np.bincount(val.y).tolist() == [12, 6]
    assert sorted([*train.texts, *val.texts]) == sorted(texts)
    again = text.texts_from_array(texts, y, val_pct=0.2, **options)[1]
    assert again.texts == val.texts
    other = text.texts_from_array(texts, y, val_pct=0.2, random_state=1, **options)[1]
    assert other.texts != val.texts
    assert preproc.get_classes() == ["a", "b"]


def test_positional_arguments_are_ktrains(tiny):
    train, val, preproc = text.texts_from_array(
        TEXTS, [0, 1] * 48, TEXTS[:4], [0, 1, 0, 1], ["pos", "neg"], None, 16, 0.1, None,
        str(tiny), None, 42, 0,
    )  # fmt: skip
    assert (len(train), len(val), preproc.maxlen) == (96, 4, 16)
    assert preproc.get_classes() == ["pos", "neg"]


def test_ktrains_path_from_csv_to_a_prediction(tmp_path, tiny, options):
    path = csv_file(tmp_path, {"text": TEXTS, "label": LABELS})
    train, val, preproc = text.texts_from_csv(path, "text", label_columns=["label"], **options)
    model = text.text_classifier(str(tiny), train_data=train, preproc=preproc)
    learner = st.get_learner(model, train_data=train, val_data=val, batch_size=8)
    learner.fit_onecycle(2e-3, 6, verbose=0)
    predictor = st.get_predictor(learner.model, preproc)
    assert predictor.predict("a very happy film") == "pos"


def test_columns_of_0_and_1(options):
    table = pd.DataFrame({"t": ["a"] * 6, "joy": [1, 1, 0] * 2, "fear": [1, 0, 1] * 2})
    train, val, preproc = text.texts_from_df(table, "t", ["joy", "fear"], table[:2], **options)
    assert train.labels.task == MULTI
    assert preproc.get_classes() == ["joy", "fear"]
    assert val.y.tolist() == [[1, 1], [1, 0]]


def test_regression_is_said(options):
    table = pd.DataFrame({"t": TEXTS[:60], "stars": [1, 2, 3, 4, 5] * 12})
    assert text.texts_from_df(table, "t", "stars", **options)[0].labels.task == SINGLE
    train, _, preproc = text.texts_from_df(table, "t", "stars", is_regression=True, **options)
    assert train.labels.task == REGRESSION
    assert text.text_regression_model(preproc.checkpoint, train, preproc).output_shape[1] == 1


def test_a_label_that_is_only_in_the_validation_part(options):
    y = [["a"], ["b"], ["a", "b"], ["a"], ["b"], ["c"]]
    for seed in range(4):
        _, val, _ = text.texts_from_array(TEXTS[:6], y, val_pct=0.5, random_state=seed, **options)
        assert val.labels.classes == ("a", "b", "c")


def test_pairs_are_split_as_pairs(options):
    pairs = [("a", f"film {i}") for i in range(10)]
    train, val, _ = text.texts_from_array(pairs, [0, 1] * 5, val_pct=0.2, **options)
    assert len(train.pairs) == 8
    assert len(val.pairs) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_folders(tmp_path, options, encoding, capsys):
    words = ("wunderschön übrigens möglich", "schäbig und öde fürchterlich")
    folder = folder_of(tmp_path, encoding=encoding, words=words)
    (folder / "train" / "good" / ".DS_Store").write_bytes(b"\0")
    train, val, preproc = text.texts_from_folder(folder, classes=["good", "bad"], **options)
    assert preproc.get_classes() == ["good", "bad"]
    assert train.texts[0] == f"a {words[0]} film 0"
    assert val.y.tolist() == [0] * 4 + [1] * 4
    assert ("8 files in" in capsys.readouterr().err) == (encoding == "cp1252")


def test_a_folder_without_a_test_part_is_split(tmp_path, options):
    train, val, _ = text.texts_from_folder(folder_of(tmp_path, ["train"]), val_pct=0.25, **options)
    assert (len(train), len(val)) == (6, 2)


def test_bad_folders(tmp_path, options):
    with pytest.raises(DataError, match=r"There is no folder '.*train'. The layout is"):
        text.texts_from_folder(tmp_path, **options)
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="has 0 class folders; it needs two or more"):
        text.texts_from_folder(tmp_path, **options)
    (tmp_path / "train" / "one").mkdir()
    with pytest.raises(DataError, match="has 1 class folders: one; it needs"):
        text.texts_from_folder(tmp_path, **options)
    with pytest.raises(DataError, match=r"The class folder '.*one' has no files"):
        text.texts_from_folder(tmp_path, ["one"], **options)
    (tmp_path / "train" / "one" / "a.txt").write_bytes(b"\0\1")
    with pytest.raises(DataError, match=r"a.txt isn't text"):
        text.texts_from_folder(tmp_path, ["one"], **options)
    with pytest.raises(DataError, match=r"There is no class folder '.*two'"):
        text.texts_from_folder(tmp_path, ["one", "two"], **options)


@pytest.mark.parametrize(
    ("texts", "y", "kwargs", "error", "message"),
    [
        (["a", "b"], ["x"], {}, DataError, "There are 2 texts and 1 labels"),
        (["a"] * 5, list("xxyyz"), {}, DataError,
         r"1 label\(s\) have only one text \('z'; 'z' at row 4\)"),
        (["a"] * 4, list("xxyy"), {}, ArgumentError,
         "There are 2 classes, and the smaller part of the split has 1 of 4.*between 0.5 and 0.5"),
        (["a", None], [0, 1], {}, DataError, "at rows 1; row 1 is None"),
        (["a", "b"], [0, None], {}, DataError, r"1 labels are missing.*at rows 1"),
        (["a", "b"], [0, 1], {"val_pct": 1.0}, ArgumentError, "val_pct=1.0; it must be a share"),
        (["a", "b"], [0, 1], {"x_test": ["a"]}, DataError, "x_test and y_test go together"),
        (["a"], [0.5], {}, DataError, "There is one text only"),
    ],
)  # fmt: skip
def test_bad_arrays(options, texts, y, kwargs, error, message):
    with pytest.raises(error, match=message):
        text.texts_from_array(texts, y, **options, **kwargs)


def test_options_without_a_use_are_said(options, capsys):
    text.texts_from_array(["a"] * 40, [0, 1] * 20, max_features=10, ngram_range=3, **options)
    assert "max_features and ngram_range: not used" in capsys.readouterr().err


def test_ktrains_models_without_a_checkpoint(options, tiny):
    with pytest.raises(ArgumentError, match="'standard' isn't made of a Hugging Face checkpoint"):
        text.texts_from_array(["a"], [0], preprocess_mode="standard")
    train, _, preproc = text.texts_from_array(["a"] * 40, [0, 1] * 20, **options)
    with pytest.raises(ArgumentError, match=r"The data were made for .* and this is 'distilbert/"):
        text.text_classifier("distilbert", train, preproc)
    with pytest.raises(ArgumentError, match="multilabel=True, but the training labels"):
        text.text_classifier(str(tiny), train, preproc, multilabel=True)
    with pytest.raises(ArgumentError, match="preproc is a str; it must be the Transformer"):
        text.text_classifier(str(tiny), train, "x")


def test_label_columns_must_be_named():
    with pytest.raises(DataError, match="label_columns is empty"):
        text.texts_from_df(pd.DataFrame(TABLE), "text")


def test_entities_from_everything_are_the_same_data(tiny, tmp_path):
    words, tags = [["good", "film"], ["a", "sad", "film"]], [["B-A", "O"], ["O", "B-B", "I-B"]]
    rows = [(i, w, t) for i in range(2) for w, t in zip(words[i], tags[i], strict=True)]
    table = pd.DataFrame(rows, columns=["SentenceID", "Word", "Tag"])
    table.to_csv(tmp_path / "gmb.csv", index=False)
    lines = ["\n".join(f"{w} {t}" for i, w, t in rows if i == number) for number in range(2)]
    (tmp_path / "data.txt").write_text("\n\n".join(lines) + "\n")
    options = {"checkpoint": str(tiny), "maxlen": 16, "verbose": 0}
    both = [tmp_path / "data.txt"] * 2
    found = [
        text.entities_from_array(words, tags, words, tags, **options),
        text.entities_from_df(table, table, **options),
        text.entities_from_txt(*[tmp_path / "gmb.csv"] * 2, data_format="gmb", **options),
        text.entities_from_conll2003(*both, **options),
    ]
    for train, val, preproc in found:
        assert preproc.get_classes() == ["O", "B-A", "B-B", "I-B"]
        assert [row.tolist() for row in train.y] == [[1, 0], [0, 2, 3]]
        np.testing.assert_array_equal(train.ids, found[0][0].ids)
        assert len(val) == 2
    with pytest.raises(ArgumentError, match="data_format='conll'; allowed are 'conll2003', 'gmb'"):
        text.entities_from_txt(tmp_path / "data.txt", data_format="conll", **options)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": None}, "not None|NoneType|None"),
        ({"y_train": None}, "Tags must be a list of tags per sentence; this is None"),
        ({"y_train": [["O"]]}, "2 sentences and 1 lists of tags"),
        ({"use_char": "yes"}, "use_char='yes'; it must be True or False"),
    ],
)
def test_entities_from_wrong_arrays_are_refused(tiny, changed, message):
    right = {"x_train": [["a", "film"], ["good"]], "y_train": [["O", "O"], ["B-A"]]}
    with pytest.raises(SimpletextError, match=message):
        text.entities_from_array(**(right | changed), checkpoint=str(tiny), maxlen=16, verbose=0)
