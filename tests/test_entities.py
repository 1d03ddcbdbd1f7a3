"""Token classification through the same verbs as every other task."""

import json
import re

import conftest
import numpy as np
import pytest
from conftest import BAD, GOOD
from seqeval.metrics import f1_score

import simpletext as st
from simpletext.errors import ArgumentError, DataError
from simpletext.inference.entities import Entities
from simpletext.tasks.metrics import EntityF1
from simpletext.tasks.token_classification import TokenClassification
from simpletext.utils.ragged import ragged

# A film always "was": "film was" is an entity of two words.
SENTENCES = [text.replace("was", "").replace("film", "film was").split() for text in conftest.TEXTS]
TEXTS = [" ".join(words) for words in SENTENCES]
KINDS = {
    **dict.fromkeys(GOOD, "B-POS"), **dict.fromkeys(BAD, "B-NEG"), "film": "B-WORK", "was": "I-WORK"
}  # fmt: skip
TAGS = [[KINDS.get(word, "O") for word in words] for words in SENTENCES]


@pytest.fixture(scope="module")
def tagged(tiny):
    """A Transformer, a learner and a predictor of entities, trained for real."""
    transformer = st.Transformer(str(tiny), maxlen=20)
    train = transformer.preprocess_train(SENTENCES, TAGS, verbose=0)
    model = transformer.get_classifier(metrics=["f1", "accuracy"], verbose=0)
    learner = st.get_learner(model, train, train, batch_size=8)
    learner.fit_onecycle(3e-3, 12, verbose=0)
    return transformer, learner, st.get_predictor(learner.model, transformer)


def test_the_task_is_inferred_and_printed(tiny, capsys):
    transformer = st.Transformer(str(tiny), maxlen=20)
    transformer.preprocess_train(SENTENCES, TAGS)
    said = capsys.readouterr().err
    assert "token classification, 3 entity types (NEG, POS, WORK), scheme IOB2, 5 tags" in said
    assert transformer.get_classes() == ["O", "B-NEG", "B-POS", "B-WORK", "I-WORK"]
    assert transformer.get_model(verbose=0).output_shape == (None, None, 5)


def test_texts_with_spans_are_the_same_data(tiny, capsys):
    spans = []
    for words, tags in zip(SENTENCES, TAGS, strict=True):
        starts = np.cumsum([0, *(len(word) + 1 for word in words)])
        found = []
        for i, each in enumerate(tags):
            if each.startswith("B-"):
                found.append([int(starts[i]), int(starts[i]) + len(words[i]), each[2:]])
            elif each.startswith("I-"):
                found[-1][1] = int(starts[i]) + len(words[i])
        spans.append([tuple(span) for span in found])
    data = [
        st.Transformer(str(tiny), maxlen=20).preprocess_train(*pair, verbose=0)
        for pair in ((SENTENCES, TAGS), (TEXTS, spans))
    ]
    assert data[0].labels == data[1].labels
    np.testing.assert_array_equal(data[0].ids, data[1].ids)
    for one, other in zip(data[0].y, data[1].y, strict=True):
        np.testing.assert_array_equal(one, other)
    st.Transformer(str(tiny), maxlen=20).preprocess_train(["very bad"], [[(0, 6, "NEG")]])
    assert "1 spans don't begin and end where words do" in capsys.readouterr().err


def test_labels_stand_at_the_first_tokens_of_words(tiny):
    transformer = st.Transformer(str(tiny), maxlen=20)
    data = transformer.preprocess_train([["xyz", "good"], ["bad"]], [["O", "B-A"], ["B-B"]], 0)
    learner = st.get_learner(transformer.get_classifier(verbose=0), data)
    batch = learner.train_data.validation(2)[0]
    classes = list(data.labels.classes)
    rows = {len(row[row >= 0]): row.tolist() for row in batch[1]}
    # [CLS] x ##y ##z good [SEP] and [CLS] bad [SEP]
    assert rows[2] == [-1, classes.index("O"), -1, -1, classes.index("B-A"), -1]
    assert rows[1] == [-1, classes.index("B-B"), -1, -1, -1, -1]


def test_words_behind_maxlen_are_reported(tiny, capsys):
    transformer = st.Transformer(str(tiny), maxlen=5)
    data = transformer.preprocess_train([["good"] * 6], [["O", *["B-A"] * 5]])
    assert "3 of 6 words have no token" in capsys.readouterr().err
    assert [len(row) for row in data.y] == [3]


def test_it_learns_and_reports(tagged, capsys):
    _, learner, _ = tagged
    assert learner.history["val_f1"][-1] > 0.95
    assert learner.history["val_accuracy"][-1] > 0.95
    matrix = learner.validate()
    said = capsys.readouterr().out
    assert "NEG" in said
    assert "strict" in said
    assert matrix.shape == (5, 5)
    scores = learner.validate(print_report=False, output="dict")
    assert scores["micro avg"]["f1-score"] == pytest.approx(learner.history["val_f1"][-1], abs=1e-6)
    assert scores["strict"]["support"] == scores["micro avg"]["support"]
    table = learner.validate(print_report=False, output="dataframe")
    assert list(table.columns) == ["precision", "recall", "f1-score", "support"]
    figure = learner.plot("confusion_matrix", return_fig=True)
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["NEG", "POS", "WORK", "O"]


def test_top_losses_show_sentences_and_spans(tiny, capsys):
    transformer = st.Transformer(str(tiny), maxlen=20)
    data = transformer.preprocess_train(SENTENCES[:8], TAGS[:8], verbose=0)
    learner = st.get_learner(transformer.get_classifier(verbose=0), data, data)
    table = learner.top_losses(2)
    row = table.iloc[0]
    assert row["text"] == TEXTS[row["row"]]
    assert all(text in row["text"] and kind in ("POS", "NEG", "WORK") for text, kind in row["true"])
    learner.view_top_losses(1)
    assert f"true {row['true']!r}" in capsys.readouterr().out


def test_class_weights_early_stopping_and_resume(tiny, tmp_path):
    def learner():
        transformer = st.Transformer(str(tiny), maxlen=20)
        data = transformer.preprocess_train(SENTENCES[:24], TAGS[:24], verbose=0)
        return st.get_learner(transformer.get_classifier(verbose=0), data, data, batch_size=8)

    how = {"class_weight": {"O": 0.5}, "checkpoint_folder": tmp_path, "verbose": 0}
    first = learner()
    first.autofit(1e-3, 2, early_stopping=1, monitor="val_f1", **how)
    again = learner()
    again.autofit(1e-3, 2, early_stopping=1, monitor="val_f1", resume=True, **how)
    assert again.history == first.history
    for mine, theirs in zip(again.model.weights, first.model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
    learner().fit(1e-3, 1, class_weight="balanced", verbose=0)


def test_entities_of_texts(tagged):
    *_, predictor = tagged
    text = "The Film\nwas very good — a sad film"
    found = predictor.predict(text)
    assert [(e["text"], e["label"]) for e in found] == [
        ("Film\nwas", "WORK"), ("good", "POS"), ("sad", "NEG"), ("film", "WORK")
    ]  # fmt: skip
    assert all(text[e["start"] : e["end"]] == e["text"] for e in found)
    assert all(0.5 < e["probability"] <= 1 for e in found)
    assert predictor.predict([text, "the"]) == [found, []]
    assert predictor.predict(text, min_confidence=1.0) == []
    assert json.dumps(found)


def test_html_is_escaped():
    source = "<b>good</b> & <i>"
    place = {"start": 3, "end": 7, "probability": 0.5}
    html = Entities(source, [{"text": "good", "label": '"<POS>', **place}]).as_html()
    assert "<b>" not in html
    assert "<POS>" not in html
    assert '<mark dir="auto"' in html  # looked at: an Arabic entity stays beside its label
    shown = re.sub("<[^>]+>", "", html)
    assert shown == "&lt;b&gt;good &quot;&lt;POS&gt;&lt;/b&gt; &amp; &lt;i&gt;"


def test_lists_of_words_get_a_tag_each(tagged):
    *_, predictor = tagged
    assert predictor.predict(SENTENCES[:5]) == TAGS[:5]
    (tags,) = predictor.predict([["sad"] * 30])
    assert tags == ["B-NEG"] * 18 + ["O"] * 12  # what is behind maxlen is in no entity
    values = predictor.predict_proba(SENTENCES[:2])
    assert [row.shape for row in values] == [(len(words), 5) for words in SENTENCES[:2]]


def test_chunks_find_entities_at_the_edges_of_windows(tagged, monkeypatch):
    *_, predictor = tagged
    classes = predictor.get_classes()

    def right_but_at_edges(data, verbose=0):
        """The right tags, but at the first and last two words of a window."""
        (text,), (words,) = set(data.texts), data.words
        rows = []
        for row in range(len(data)):
            found = [KINDS.get(text[a:b], "O") for a, b in words[data.read_words(row)]]
            found[:2] = found[-2:] = ["B-POS"] * 2
            rows.append(np.eye(len(classes))[[classes.index(tag) for tag in found]])
        return ragged(rows)

    monkeypatch.setattr(predictor, "_values", right_but_at_edges)
    filler = "the a very it "
    for count in range(20):
        text = filler * 2 + "a " * count + "film was " + filler * 6
        found = predictor.predict(text, long_text="chunk")
        assert [(e["text"], e["label"]) for e in found[2:-2]] == [("film was", "WORK")], count
        words = predictor.predict([text.split()], long_text="chunk")[0]
        assert words[2:-2] == [KINDS.get(word, "O") for word in text.split()[2:-2]]


def test_tables_of_entities(tagged):
    *_, predictor = tagged
    table = predictor.predict_df(["a good", "the", "sad"])
    assert table["row"].tolist() == [0, 2]
    assert table["text"].tolist() == ["good", "sad"]
    assert predictor.predict_df(SENTENCES[:2])["tag"].tolist() == [t for r in TAGS[:2] for t in r]
    assert next(iter(predictor.predict_iter(["a good film"])))[0]["label"] == "POS"


def test_a_saved_predictor_is_the_same(tagged, tmp_path):
    *_, predictor = tagged
    predictor.save(tmp_path / "saved")
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config["architectures"] == ["BertForTokenClassification"]
    assert "problem_type" not in config
    for again in (
        st.load_predictor(tmp_path / "saved"),
        st.Predictor.from_pretrained(tmp_path / "saved"),
    ):
        assert again.predict(TEXTS[:9]) == predictor.predict(TEXTS[:9])
    (tmp_path / "saved" / "simpletext.json").unlink()
    foreign = st.Predictor.from_pretrained(tmp_path / "saved", maxlen=20)
    assert foreign.predict(TEXTS[:9]) == predictor.predict(TEXTS[:9])


def test_it_is_calibrated_by_words(tagged):
    *_, predictor = tagged
    noisy = [row[::-1] for row in TAGS[:20]]
    scores = predictor.calibrate(SENTENCES[:20], noisy)
    assert scores["log_loss_after"] < scores["log_loss_before"]


@pytest.mark.parametrize("method", ["gradient", "occlusion"])
def test_an_entity_is_explained_by_its_own_words(tagged, method):
    *_, predictor = tagged
    text = "the film was very good a sad"
    found = predictor.predict(text)
    for number, entity in enumerate(found):
        explanation = predictor.explain(text, method=method, entity=number)
        (target,) = explanation.targets
        assert target.name == f"{entity['label']}: {entity['text']}"
        strongest = max(target.words, key=lambda word: word.weight)
        assert entity["start"] <= strongest.start < entity["end"]
        assert len(target.words) == len(text.split())
    with pytest.raises(ArgumentError, match="method='lime'; allowed are 'gradient', 'occlusion'"):
        predictor.explain(text, method="lime")
    with pytest.raises(ArgumentError, match="entity=9"):
        predictor.explain(text, entity=9)
    with pytest.raises(DataError, match="There is no entity in 'the'"):
        predictor.explain("the")


def test_padding_changes_nothing(tagged):
    *_, predictor = tagged
    whole = predictor.predict_proba(SENTENCES[:20])
    for words, values in zip(SENTENCES, whole, strict=False):
        np.testing.assert_allclose(predictor.predict_proba([words])[0], values, atol=1e-5)


def test_the_metric_is_seqevals():
    classes = ["O", "B-A", "I-A", "B-B", "I-B"]
    rng = np.random.default_rng(0)
    metric = EntityF1(classes)
    true, found = [], []
    for _ in range(20):
        y = rng.integers(-1, 5, (4, 9))
        logits = rng.normal(size=(4, 9, 5)) + 2 * np.eye(5)[np.maximum(y, 0)]
        metric.update_state(y, logits)
        for row, answers in zip(y, logits.argmax(-1), strict=True):
            true.append([classes[i] for i in row[row >= 0]])
            found.append([classes[i] for i in answers[row >= 0]])
    assert float(metric.result()) == pytest.approx(f1_score(true, found), abs=1e-6)


def test_strict_scores_count_whole_tags_only():
    names = ["O", "B-A", "I-A"]
    y = ragged([np.array([1, 2, 0])])
    values = ragged([np.eye(3)[[2, 2, 0]]])  # I-A I-A O: an entity, but not in IOB2
    scores = TokenClassification().scores(y, values, names)
    assert scores["micro avg"]["f1-score"] == 1.0
    assert scores["strict"]["f1-score"] == 0.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: p.predict([("a", "b")]), None, ""),
        (
            lambda p: p.predict("a", top_k=2),
            ArgumentError,
            "top_k needs a task with classes of texts",
        ),
        (lambda p: p.predict([["a"], "b"]), DataError, "Row 1 of the sentences is 'b'"),
        (lambda p: p.predict("a", threshold=0.5), ArgumentError, "is for multi-label tasks"),
        (lambda p: p.calibrate(["a"]), DataError, "Labels are missing"),
    ],
)
def test_what_does_not_fit_is_refused(tagged, call, error, message):
    if error is None:
        assert len(call(tagged[2])[0]) == 2
        return
    with pytest.raises(error, match=message):
        call(tagged[2])


def test_an_unknown_tag_is_named_with_its_row(tagged):
    transformer, *_ = tagged
    with pytest.raises(DataError, match="Row 1 has the label 'B-X', which isn't one of the 5"):
        transformer.preprocess_test([["a"], ["b"]], [["O"], ["B-X"]], verbose=0)


def test_the_learning_rate_finder_runs_on_tags(tiny):
    transformer = st.Transformer(str(tiny), maxlen=20)
    data = transformer.preprocess_train(SENTENCES, TAGS, verbose=0)
    learner = st.get_learner(transformer.get_classifier(verbose=0), data, batch_size=8)
    before = [np.array(weight) for weight in learner.model.weights]
    learner.lr_find(start_lr=1e-6, end_lr=1.0, max_epochs=2, verbose=0)
    for old, weight in zip(before, learner.model.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(weight))
    curve = learner.lr_plot(return_fig=True).axes[0].lines[0]
    rates, losses = curve.get_xdata(), curve.get_ydata()
    assert len(rates) > 5
    assert rates[0] < 1e-4 < rates[-1]
    assert np.isfinite(losses).all()


def test_what_is_for_labels_of_texts_says_so(tiny, tmp_path):
    transformer = st.Transformer(str(tiny), maxlen=20)
    data = transformer.preprocess_train(SENTENCES[:4], TAGS[:4], verbose=0)
    with pytest.raises(ArgumentError, match="cache_dir is for labels of whole texts"):
        transformer.preprocess_test(SENTENCES[:4], TAGS[:4], cache_dir=tmp_path / "cache")
    with pytest.raises(DataError, match="TFRecord files hold labels of whole texts"):
        st.write_tfrecord(data, tmp_path / "x.tfrecord")
    with pytest.raises(ArgumentError, match="check is for labels of whole texts. For tags"):
        st.check(SENTENCES, TAGS)
    assert not list(tmp_path.iterdir())


def test_the_report_and_the_card_of_entities(tagged, tmp_path):
    transformer, learner, predictor = tagged
    val = transformer.preprocess_test([["it"], *SENTENCES], [["B-NEG"], *TAGS], 0)
    learner = st.get_learner(learner.model, val, val)
    learner.report(tmp_path / "report.html", predictor)  # "it" has nothing to explain
    page = (tmp_path / "report.html").read_text()
    assert "accuracy of words" in page
    assert "B-WORK" not in page  # its confusions are those of types
    assert "Calibration" in page
    predictor.save(tmp_path / "saved", examples=TEXTS[:1])
    card = (tmp_path / "saved" / "README.md").read_text()
    f1 = learner.validate(print_report=False, output="dict")["micro avg"]["f1-score"]
    assert f"| entity F1 | {f1:.4f} |" in card
    found = [f"{each['text']} ({each['label']})" for each in predictor.predict(TEXTS[0])]
    assert found
    assert f"| {TEXTS[0]} | {', '.join(found)} |" in card


def test_the_default_optimizer_clips_the_gradients(tagged, trained):
    _, learner, _ = tagged
    assert learner.model.optimizer.global_clipnorm == 1.0
    assert trained.learner.model.optimizer.global_clipnorm is None
