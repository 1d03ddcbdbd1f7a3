"""`Seq2Seq`, `Learner` and `Translator` on a toy language, translated word by word."""

import numpy as np
import pytest
from project.zoo import FEW, foreign
from seq2seq_models import toy

import simpletext as st
from simpletext.errors import ArgumentError, CheckpointError, DataError
from simpletext.inference.source_attention import SourceAttention
from simpletext.inference.translating import losses_of

SOURCES, RIGHT = ["rot haus.", "alt baum."], ["red house.", "old tree."]
SMALL = {
    "vocab_size": 80, "hidden_size": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2,
    "dropout": 0.0, "maxlen": 24, "batch_tokens": 120, "precision": "float32",
}  # fmt: skip


@pytest.fixture(scope="module")
def trained():
    """A toy translator, trained for some seconds."""
    t = st.Seq2Seq.new(**SMALL)
    data = t.preprocess_train(*toy(800), verbose=0)
    val = t.preprocess_test(*toy(60, seed=1), verbose=0)
    learner = st.get_learner(t.get_model(verbose=0), data, val)
    learner.fit_noam(5e-3, 10, warmup_steps=100, verbose=0)
    return t, learner, st.get_predictor(learner.model, t)


def test_it_learns_to_translate(trained):
    _, learner, translator = trained
    assert learner.history["loss"][-1] < learner.history["loss"][0]
    scores = learner.validate(print_report=False)
    assert scores["bleu"] > 80
    assert scores["perplexity"] < 1.5
    assert "nrefs:1" in scores["bleu_signature"]
    assert translator.predict("rot haus.") == "red house."


def test_the_report_names_its_signatures(trained, capsys):
    trained[1].validate()
    out = capsys.readouterr().out
    assert out.startswith("BLEU ")
    assert "chrF2" not in out.split("\n")[0]
    assert "version:" in out
    assert "perplexity" in out


def test_losses_are_the_models_own(trained):
    from scipy.special import log_softmax

    _, learner, _ = trained
    data = learner.val_data.data
    rows = np.arange(5)
    logits = np.asarray(learner.model(data.padded(rows), training=False))
    targets = data.y[rows]
    picked = np.take_along_axis(log_softmax(logits, -1), np.maximum(targets, 0)[..., None], 2)
    expected = -(picked[..., 0] * (targets >= 0)).sum(axis=1)
    assert np.allclose(losses_of(learner.model, data, 7)[:5], expected, atol=1e-4)


def test_top_losses_are_the_worst_pairs(trained, capsys):
    table = trained[1].top_losses(3)
    assert list(table.columns) == ["row", "text", "pair", "true", "predicted", "loss"]
    assert table["loss"].is_monotonic_decreasing
    assert table["pair"].tolist() == table["true"].tolist()
    trained[1].view_top_losses(1)
    assert table["text"][0] in capsys.readouterr().out


def test_predict_takes_a_text_a_list_and_an_iterator(trained):
    _, learner, translator = trained
    sources = toy(7, seed=3)[0]
    found = translator.predict(sources)
    assert found == [translator.predict(source) for source in sources]
    assert list(translator.predict_iter(iter(sources), chunk_size=3)) == found
    assert learner.predict()[:3] == translator.predict(toy(60, seed=1)[0][:3])
    best = translator.predict(sources[0], top_k=3)
    assert best[0][0] == found[0]
    assert [score for _, score in best] == sorted((s for _, s in best), reverse=True)
    assert translator.predict(sources[0], num_beams=1) == found[0]


def test_dollar_signs_in_the_figure_of_attention_are_no_mathematics():
    seen = SourceAttention(["$", "5$"], ["$"], np.array([[0.5, 0.5]]), "$")
    axes = seen.plot().axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [r"\$", r"5\$"]
    axes.figure.canvas.draw()


def test_attention_has_a_row_per_token_and_a_figure(trained):
    found = trained[2].attention("rot haus.")
    assert found.translation == "red house."
    assert found.weights.shape == (len(found.target), len(found.source))
    assert np.allclose(found.weights.sum(axis=1), 1.0, atol=1e-5)
    assert found.source[-1] == found.target[-1] == "</s>"
    labels = found.plot().axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == found.source


@pytest.mark.parametrize("options", [{}, {"shared_vocab": False, "tokenizer": "unigram"}])
def test_a_saved_translator_is_the_same(trained, tmp_path, options):
    translator = trained[2]
    if options:
        t = st.Seq2Seq.new(**SMALL | options)
        t.preprocess_train(*toy(200), verbose=0)
        translator = st.get_predictor(t.get_model(verbose=0), t)
    translator.save(tmp_path / "saved")
    loaded = st.load_predictor(tmp_path / "saved")
    sources = toy(5, seed=4)[0]
    assert loaded.predict(sources, top_k=2) == translator.predict(sources, top_k=2)
    again = st.Seq2Seq(tmp_path / "saved", maxlen=24, precision="float32")
    data = again.preprocess_train(*toy(5), verbose=0)
    model = again.get_model(verbose=0)
    rows = np.arange(5)
    assert np.allclose(model(data.padded(rows)), translator.model(data.padded(rows)), atol=1e-5)


def test_a_changed_file_is_reported(trained, tmp_path):
    trained[2].save(tmp_path / "saved")
    path = tmp_path / "saved" / "generation_config.json"
    path.write_text(path.read_text() + " ")
    with pytest.warns(UserWarning, match="generation_config.json changed or is missing"):
        st.load_predictor(tmp_path / "saved")
    with pytest.raises(ArgumentError, match="task is for folders of ktrain"):
        st.load_predictor(tmp_path / "saved", task="regression")


def test_the_learner_saves_and_loads_its_model(trained, tmp_path):
    t, learner, translator = trained
    learner.save_model(tmp_path / "model")
    other = st.get_learner(t.get_model(verbose=0), learner.train_data.data)
    other.load_model(tmp_path / "model")
    assert st.get_predictor(other.model, t).predict(SOURCES) == translator.predict(SOURCES)


def test_a_translators_folder_is_no_classifier(trained, tmp_path):
    trained[2].save(tmp_path / "saved")
    with pytest.raises(CheckpointError, match="holds a translator; open it with load_predictor"):
        st.Predictor.from_pretrained(tmp_path / "saved")


def test_batches_hold_as_many_tokens_as_fit_and_are_as_many_each_epoch(trained):
    from simpletext.tokenization.batching import Batches

    data = trained[1].train_data.data
    batches = Batches(data, 32, shuffle=True)
    counts = []
    for _ in range(3):
        assert sorted(batches.order) == list(range(len(data)))
        parts = [batches[i] for i in range(len(batches))]
        for x, y in parts:
            assert max(x["input_ids"].size, y.size) <= 120
            assert x["decoder_input_ids"].shape == y.shape
            assert (
                x["decoder_input_ids"][:, 1:][y[:, :-1] >= 0] == y[:, :-1][y[:, :-1] >= 0]
            ).all()
        counts.append(len(batches))
        batches.on_epoch_end()
    assert len(set(counts)) == 1 == len({trained[1].train_data.steps(32), counts[0]})


def test_label_smoothing_is_that_of_keras():
    import keras

    from simpletext.tasks.translation import TokenCrossentropy

    rng = np.random.RandomState(0)
    logits, ids = rng.randn(2, 3, 5).astype("float32"), np.array([[1, 4, 0], [2, -1, -1]])
    kept = ids.reshape(-1) >= 0
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    expected = theirs(np.eye(5)[ids.reshape(-1)[kept]], logits.reshape(-1, 5)[kept])
    found = TokenCrossentropy(0.2)(ids, logits)
    assert abs(float(found) - float(expected)) < 1e-5


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        (SOURCES, RIGHT[:1], "There are 2 sources and 1 targets; each source needs one target"),
        (SOURCES, ["red house.", " "], "1 targets are empty, at rows 1. Leave these pairs out"),
        (SOURCES, None, "The targets are missing"),
        (SOURCES, ["red house.", 3], "1 of 2 texts aren't a string, at rows 1"),
        (list(zip(SOURCES, RIGHT, strict=True)), RIGHT, "The sources are pairs of texts"),
        (SOURCES, ["a", "old tree " * 30], "1 targets are longer than the model's 24 positions"),
    ],
)
def test_data_that_are_refused(sources, targets, message):
    with pytest.raises(DataError) as error:
        st.Seq2Seq.new(**SMALL).preprocess_train(sources, targets, verbose=0)
    assert message in str(error.value)


def test_arguments_that_are_refused(trained):
    with pytest.raises(ArgumentError, match="hidden_size=30 and heads=4"):
        st.Seq2Seq.new(hidden_size=30, heads=4)
    with pytest.raises(ArgumentError, match="dropout=1.5; it must be a number from 0 to 0.99"):
        st.Seq2Seq.new(dropout=1.5)
    with pytest.raises(ArgumentError, match="tokenizer='words'; allowed are 'bpe', 'unigram'"):
        st.Seq2Seq.new(tokenizer="words")
    with pytest.raises(DataError, match="call preprocess_train"):
        st.Seq2Seq.new().get_model()
    with pytest.raises(
        ArgumentError, match="label_smoothing=1; it must be a number from 0 to 0.99"
    ):
        trained[0].get_model(label_smoothing=1)
    with pytest.raises(DataError, match="attention takes one text"):
        trained[2].attention(["rot haus."])
    with pytest.raises(DataError, match="these are pairs of texts"):
        trained[2].predict([("rot", "haus")])


def test_a_tokenizer_without_an_end_is_refused(trained, tmp_path):
    from tokenizers import Tokenizer

    trained[2].save(tmp_path / "saved")
    path = str(tmp_path / "saved" / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    tokenizer.post_processor = None
    tokenizer.save(path)
    with pytest.raises(ArgumentError, match="puts no end-of-sequence token behind a text"):
        st.Seq2Seq(tmp_path / "saved", maxlen=24).preprocess_train(*toy(5), verbose=0)


def test_only_our_exceptions_leave(trained):
    t, learner, translator = trained
    inputs = learner.val_data.data.padded(np.arange(2))
    pairs = {"de": SOURCES, "en": RIGHT}
    calls = {
        "new": (st.Seq2Seq.new, {"vocab_size": 80, "hidden_size": 32, "encoder_layers": 1,
                                 "heads": 2, "dropout": 0.0, "tokenizer": "bpe", "maxlen": 24,
                                 "shared_vocab": True, "batch_tokens": None, "seed": 0}),
        "preprocess": (t.preprocess_test, {"sources": SOURCES, "targets": RIGHT}),
        "get_model": (t.get_model, {"label_smoothing": 0.1}),
        "generate": (
            lambda inputs, **o: st.generate(learner.model, inputs, **{"max_new_tokens": 2} | o),
            {"inputs": inputs, "num_beams": 2, "max_new_tokens": 2, "num_return_sequences": 1,
             "length_penalty": 1.0, "early_stopping": False, "no_repeat_ngram_size": 0,
             "bad_words_ids": [[3]], "min_length": 0}),
        "draw": (
            lambda **o: st.generate(learner.model, inputs, max_new_tokens=2, num_beams=1, **o),
            {"do_sample": True, "temperature": 1.0, "top_k": 5, "top_p": 0.9, "seed": 1}),
        "predict": (translator.predict, {"texts": SOURCES, "top_k": None}),
        "attention": (translator.attention, {"source": SOURCES[0]}),
        "read_pairs": (st.read_pairs, {"source": pairs, "target": None, "columns": None,
                                       "encoding": None, "sep": None}),
    }  # fmt: skip
    found = {name: foreign(*call, FEW) for name, call in calls.items()}
    assert {name: errors for name, errors in found.items() if errors} == {}


def test_a_batch_is_smaller_where_texts_are_long_or_words_many(trained, monkeypatch):
    from simpletext.inference import translating

    sizes, generate = [], translating.generate

    def noting(model, batch, **options):
        sizes.append(len(batch["input_ids"]))
        return generate(model, batch, **options)

    monkeypatch.setattr(translating, "generate", noting)
    translator = trained[2]
    texts = ["rot haus."] * 20
    length, words = len(translator._encode(texts[:1], 0)[0]), trained[1].model.output_shape[-1]
    found = translator.predict(texts, num_beams=2)
    monkeypatch.setattr(translating, "TOKENS_AT_ONCE", 8 * length)
    assert translator.predict(texts, num_beams=2) == found
    monkeypatch.setattr(translating, "SCORES_AT_ONCE", 2 * words * 5)
    assert translator.predict(texts, num_beams=2) == found
    assert sizes == [20, 8, 8, 4, 5, 5, 5, 5]


def test_a_translation_has_no_report_and_no_confusion_matrix(trained, tmp_path):
    learner = trained[1]
    with pytest.raises(ArgumentError, match="A translation has no report. validate"):
        learner.report(tmp_path / "a.html")
    with pytest.raises(ArgumentError, match="A translation has no confusion matrix. validate"):
        learner.plot("confusion_matrix")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_optimizer_is_refused(trained):
    with pytest.raises(ArgumentError, match="optimizer=True; it must be a Keras optimizer"):
        trained[0].get_model(optimizer=True)


def test_batches_have_256_texts_unless_another_number_is_asked_for(trained, tmp_path):
    t, learner, translator = trained
    assert translator.batch_size == 256
    assert st.get_predictor(learner.model, t, 7).batch_size == 7
    translator.save(tmp_path / "saved")
    assert st.load_predictor(tmp_path / "saved").batch_size == 256
    assert st.load_predictor(tmp_path / "saved", 9).batch_size == 9
