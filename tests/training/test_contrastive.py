"""Few labels: the encoder is trained on pairs of texts before a new head."""

import keras
import numpy as np
import pytest
from commands import run
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext.errors import ArgumentError, DataError
from simpletext.inference.embeddings import embed
from simpletext.sklearn import TextClassifier, TextRegressor
from simpletext.training import contrastive
from simpletext.training.contrastive import ClassBatches, ContrastiveLoss

FEW = 24


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A tiny encoder, whose weights are random, learns by a higher rate."""
    monkeypatch.setattr(contrastive, "STEPS", 100)
    monkeypatch.setattr(contrastive, "RATE", 2e-3)


@pytest.fixture
def make(tiny):
    """Makes a learner for some sentences and `few_shot`."""

    def make(few_shot, texts=TEXTS[:FEW], labels=LABELS[:FEW], **options):
        transformer = st.Transformer(str(tiny), maxlen=16, few_shot=few_shot, **options)
        train = transformer.preprocess_train(texts, labels, verbose=0)
        model = transformer.get_classifier(pooling="mean", verbose=0)
        return st.get_learner(model, train, batch_size=8)

    return make


def separation(learner):
    """How much more alike texts of one class are than texts of two."""
    data = learner.train_data
    vectors = embed(learner.model, data.data, 32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    same = data.ids[:, None] == data.ids
    alike = unit @ unit.T
    return alike[same].mean() - alike[~same].mean()


def test_pairs_move_the_texts_of_a_class_together(make):
    plain, paired = make(False), make(True)
    before = separation(plain)
    assert separation(paired) == pytest.approx(before, abs=1e-5)
    for learner in (plain, paired):
        learner.fit_onecycle(1e-9, 1, verbose=0)  # the encoder stays as its start left it
    assert separation(plain) == pytest.approx(before, abs=1e-3)
    assert separation(paired) > before + 0.3
    assert "few_shot" not in plain.settings
    assert paired.settings["few_shot"] is True


def test_pairs_come_once_and_again_after_a_reset(make, monkeypatch, capsys):
    monkeypatch.setattr(contrastive, "STEPS", 3)
    learner = make(True)
    for expected in (True, False):
        learner.fit_onecycle(1e-4, 1)
        assert ("pairs of texts" in capsys.readouterr().err) == expected
    learner.reset_weights()
    learner.fit_onecycle(1e-4, 1)
    assert "pairs of texts" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_model(make, monkeypatch):
    monkeypatch.setattr(contrastive, "STEPS", 3)
    one, two = make(True), make(True)
    for learner in (one, two):
        learner.fit_onecycle(1e-4, 1, verbose=0)
    assert one.predict(one.train_data.data) == pytest.approx(
        two.predict(two.train_data.data), abs=1e-5
    )


def test_the_finder_sweeps_after_the_pairs_and_leaves_no_trace(make, monkeypatch):
    monkeypatch.setattr(contrastive, "STEPS", 3)
    learner = make(True)
    before = learner.model.get_weights()
    learner.lr_find(epochs=2, verbose=0)
    assert all(map(np.array_equal, before, learner.model.get_weights()))


def test_without_a_head_start_there_are_no_pairs(make):
    learner = make(True)
    before = separation(learner)
    learner.fit_onecycle(1e-9, 1, head_start=False, verbose=0)
    assert separation(learner) == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("helps", [True, False])
def test_auto_takes_what_predicts_held_out_texts_better(make, monkeypatch, capsys, helps):
    def train(pairs, rows):
        trained.append(len(rows))
        pairs.encoder.weights[0].assign(pairs.encoder.weights[0] + 1.0)

    def right(pairs, vectors, train, test):
        assert len(np.intersect1d(train, test)) == 0
        assert len(train) + len(test) == FEW
        probed.append(vectors)
        is_paired = len(probed) % 2 == 0
        return np.full(len(test), is_paired == helps)

    trained, probed = [], []
    monkeypatch.setattr(contrastive.Pairs, "train", train)
    monkeypatch.setattr(contrastive.Pairs, "_right", right)
    learner = make("auto")
    before = learner.model.get_weights()[0]
    learner.fit_onecycle(1e-9, 1)
    accuracies = "0.000; after training on pairs: 1." if helps else "1.000; after training on pairs"
    assert f"a linear probe on {FEW} held-out texts: {accuracies}" in capsys.readouterr().err
    assert trained == [FEW * 3 // 4] * 4 + [FEW] * helps
    assert not np.array_equal(probed[0], probed[1])
    after = learner.model.get_weights()[0]  # restored after each of the four
    assert after - before == pytest.approx(np.full(before.shape, float(helps)), abs=1e-4)


def test_auto_really_measures(make, monkeypatch):
    """Good and bad words are told apart by pairs, which a random encoder hardly does."""
    monkeypatch.setattr(contrastive, "ENOUGH", 1)  # one quarter of the texts decides it
    learner = make("auto")
    before = separation(learner)
    learner.fit_onecycle(1e-9, 1, verbose=0)
    assert separation(learner) > before + 0.3


@pytest.mark.parametrize(("limit", "rows", "what"), [(11, FEW, "many"), (64, 4, "too few")])
def test_auto_leaves_pairs_out_where_they_cannot_help(make, monkeypatch, capsys, limit, rows, what):
    monkeypatch.setattr(contrastive, "MANY", limit)
    learner = make("auto", TEXTS[:rows], LABELS[:rows])
    learner.fit_onecycle(1e-4, 1)
    message = f"{what} texts per class; the encoder isn't trained on pairs"
    assert message in capsys.readouterr().err


def test_the_loss_is_that_of_the_paper():
    """Equation 2 of https://arxiv.org/abs/2004.11362, term by term."""
    rng = np.random.default_rng(0)
    y, vectors = np.array([0, 0, 1, 1, 1, 2]), rng.normal(size=(6, 4)).astype("float32")
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = np.exp(unit @ unit.T / contrastive.TEMPERATURE)
    expected = []
    for i in range(6):
        others = [k for k in range(6) if k != i]
        mates = [p for p in others if y[p] == y[i]]
        whole = sum(alike[i, k] for k in others)
        terms = [-np.log(alike[i, p] / whole) for p in mates]
        expected.append(np.mean(terms) if terms else 0.0)
    found = ContrastiveLoss(reduction=None)(y, vectors)
    assert keras.ops.convert_to_numpy(found) == pytest.approx(expected, rel=1e-4)


def test_batches_have_several_texts_of_each_class_and_all_classes_in_turn(make, monkeypatch):
    monkeypatch.setattr(contrastive, "TEXTS", 6)
    monkeypatch.setattr(contrastive, "EACH", 2)
    names = [f"class {i % 8}" for i in range(FEW)]
    learner = make(True, labels=names)
    data, allowed = learner.train_data, np.arange(16)
    batches = ClassBatches(data.data, data.ids, allowed, 0)
    assert len(batches) == contrastive.STEPS
    for rows in batches.rows[:2]:
        assert np.isin(rows, allowed).all()
        assert len(set(rows)) == 6
        assert (np.bincount(data.ids[rows])[np.unique(data.ids[rows])] == 2).all()
    first = np.concatenate([data.ids[rows] for rows in batches.rows[:2]])
    assert len(np.unique(first)) == 6  # no class twice before the others
    x, y = batches[0]
    assert np.array_equal(y, data.ids[batches.rows[0]])
    assert len(x["input_ids"]) == 6


@pytest.mark.parametrize("few_shot", ["yes", 1, None, [True]])
def test_other_values_are_refused(tiny, few_shot):
    with pytest.raises(ArgumentError, match="allowed are False, True and 'auto'"):
        st.Transformer(str(tiny), few_shot=few_shot)


@pytest.mark.parametrize(
    ("task", "title"),
    [
        ("multi_label_classification", "multi-label classification"),
        ("regression", "regression"),
        ("token_classification", "token classification"),
    ],
)
def test_tasks_without_one_class_per_text_are_refused(tiny, task, title):
    with pytest.raises(ArgumentError, match=f"needs exactly one class; this is {title}"):
        st.Transformer(str(tiny), few_shot="auto", task=task)


def test_labels_without_one_class_per_text_and_pairs_are_refused(tiny):
    for texts, labels, message in [
        (TEXTS[:4], [0.5, 1.5, 2.5, 3.5], "needs exactly one class; this is regression"),
        (TEXTS[:4], [["a"], ["b"], ["a", "b"], []], "one class; this is multi-label"),
        ([("a", "b")] * 4, ["x", "y"] * 2, "makes pairs of single texts, and these texts are"),
    ]:
        transformer = st.Transformer(str(tiny), maxlen=16, few_shot=True)
        transformer.preprocess_train(texts, labels, verbose=0)
        with pytest.raises(ArgumentError, match=message):
            transformer.get_model(verbose=0)


def test_data_and_models_without_pairs_are_refused_before_training(make, tmp_path):
    learner = make(True)
    arrays = learner.train_data.validation(32)
    other = st.get_learner(learner.model, arrays)
    for verb in (lambda: other.fit_onecycle(1e-4, 1, tmp_path / "run"), other.lr_find):
        with pytest.raises(DataError, match="few_shot makes pairs of texts of preprocess_train"):
            verb()
    assert not (tmp_path / "run").exists()
    learner.freeze("encoder")
    with pytest.raises(ArgumentError, match="few_shot trains the encoder, but it is frozen"):
        learner.fit_onecycle(1e-4, 1)


def test_a_trained_head_is_refused(trained, tmp_path):
    trained.predictor.save(tmp_path / "saved")
    transformer = st.Transformer(tmp_path / "saved", maxlen=16, few_shot=True)
    transformer.preprocess_train(TEXTS, LABELS, verbose=0)
    with pytest.raises(ArgumentError, match="few_shot=True trains the encoder before a new head"):
        transformer.get_classifier(verbose=0)


@pytest.fixture
def given(monkeypatch):
    """What each `Transformer` is given as few_shot; there are two steps with pairs."""
    values = []
    take = st.Transformer.__init__

    def init(self, *args, few_shot=False, **options):
        values.append(few_shot)
        take(self, *args, few_shot=few_shot, **options)

    monkeypatch.setattr(st.Transformer, "__init__", init)
    monkeypatch.setattr(contrastive, "STEPS", 2)
    return values


def test_every_way_to_train_takes_few_shot(tiny, given):
    """A search gives it to all of its tries."""
    small = {"checkpoint": str(tiny), "maxlen": 16, "few_shot": True}
    rows = TEXTS[:FEW], LABELS[:FEW]
    predictor = st.train(rows, epochs=1, verbose=0, **small)
    assert predictor.learner.settings["few_shot"] is True
    TextClassifier(epochs=1, **small).fit(*rows)
    once = {"checkpoint": str(tiny), "maxlen": 16, "epochs": 1}
    st.compare([once], rows, few_shot="auto", verbose=0)
    assert given[:2] == [True, True]
    assert set(given[2:]) == {"auto"}


def train_by_command(tiny, tmp_path, word):
    """Gives the options that are written beside the predictor."""
    table, out = tmp_path / "data.csv", tmp_path / "out"
    rows = zip(TEXTS[:FEW], LABELS[:FEW], strict=True)
    table.write_text("text,label\n" + "".join(f"{a},{b}\n" for a, b in rows))
    run("train", table, "--checkpoint", tiny, "--maxlen", 16, "--epochs", 1, "--few-shot", word,
        "--out", out)  # fmt: skip
    return (out / "train.yaml").read_text()


def test_the_command_line_takes_few_shot(tiny, tmp_path, given):
    assert "few_shot: auto\n" in train_by_command(tiny, tmp_path, "auto")
    assert given == ["auto"]


@pytest.mark.slow
@pytest.mark.parametrize(("word", "value"), [("TRUE", True), ("false", False)])
def test_the_command_line_takes_true_and_false(tiny, tmp_path, given, word, value):
    assert f"few_shot: {word.lower()}\n" in train_by_command(tiny, tmp_path, word)
    assert given == [value]


@pytest.mark.parametrize("way", ["train", "tune", "compare"])
def test_other_values_are_refused_before_the_data_are_read(way, tiny, tmp_path):
    function = getattr(st, way)
    first = ([str(tiny)],) if way == "compare" else ()
    with pytest.raises(ArgumentError, match="few_shot='no'; allowed are False, True and 'auto'"):
        function(*first, tmp_path / "none.csv", few_shot="no", verbose=0)


def test_the_command_refuses_other_words(tmp_path):
    done = run("train", tmp_path / "none.csv", "--few-shot", "maybe", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "'maybe' is none of false, true, auto." in " ".join(done.stderr.split())


def test_a_regression_has_no_few_shot(tiny):
    with pytest.raises(ArgumentError, match="this is regression. Leave few_shot out"):
        TextRegressor(str(tiny), few_shot=True).fit(TEXTS, np.linspace(0, 1, len(TEXTS)))
