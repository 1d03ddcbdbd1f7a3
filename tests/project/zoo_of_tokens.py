"""Functions for `test_zoo.py`: those that read and find entities, and those that translate."""

import numpy as np
import pandas as pd
from seq2seq_models import toy

import simpletext as st
from simpletext import text
from simpletext.sklearn import TokenClassifier

WORDS = [["a", "good", "film"], ["it", "was", "very", "bad"]] * 4
TAGS = [["O", "B-POS", "O"], ["O", "O", "O", "B-NEG"]] * 4
SOURCES, TARGETS = toy(8)
READ = {"use_char": False, "val_pct": 0.25, "maxlen": 12, "random_state": 0}


def functions(tiny, folder):
    """Name -> (function, arguments that are right)."""
    return entity_functions(tiny, folder) | translation_functions()


def entity_functions(tiny, folder):
    lines = [
        f"{w}\t{t}" for row in zip(WORDS, TAGS, strict=True) for w, t in zip(*row, strict=True)
    ]
    (folder / "a.conll").write_text("\n".join(lines) + "\n")
    table = pd.DataFrame({
        "Word": [w for row in WORDS for w in row], "Tag": [t for row in TAGS for t in row],
        "SentenceID": [i for i, row in enumerate(WORDS) for _ in row],
    })  # fmt: skip
    t = st.Transformer(tiny, maxlen=12)
    data = t.preprocess_train(WORDS, TAGS, verbose=0)
    predictor = st.get_predictor(t.get_classifier(verbose=0), t)
    learner = st.get_learner(predictor.model, data, data)

    def train(**options):
        new = {"maxlen": 12, "task": "token_classification"} | options
        texts, y = (new.pop(name, right) for name, right in (("texts", WORDS), ("y", TAGS)))
        return st.Transformer(tiny, **new).preprocess_train(texts, y, verbose=0)

    def estimator(X, y, **options):
        options = {"checkpoint": tiny, "maxlen": 12, "epochs": 1, "batch_size": 8} | options
        return TokenClassifier(**options).fit(X, y)

    fitted = estimator(WORDS, TAGS)
    read = {"verbose": 0, "checkpoint": tiny}
    return {
        "preprocess_train": (train, {"texts": WORDS, "y": TAGS, "scheme": "IOB2"}),
        "preprocess_test": (
            lambda **o: t.preprocess_test(verbose=0, **o),
            {"texts": ["a good film"], "y": [[(2, 6, "POS")]], "cache_dir": None}),
        "predict texts": (
            predictor.predict,
            {"texts": ["a good film"], "min_confidence": None, "long_text": "truncate"}),
        "predict words": (predictor.predict, {"texts": WORDS, "long_text": "truncate"}),
        "predict_df": (predictor.predict_df, {"texts": WORDS, "min_confidence": None}),
        "explain": (predictor.explain, {"doc": "a good film", "method": "occlusion", "entity": 0}),
        "validate": (
            lambda **o: learner.validate(print_report=False, **o),
            {"val_data": data, "output": "matrix"}),
        "top_losses": (learner.top_losses, {"n": 2}),
        "calibrate": (predictor.calibrate, {"texts": WORDS, "y": TAGS}),
        "read_entities": (
            st.read_entities,
            {"source": table, "words": "Word", "tags": "Tag", "sentence": "SentenceID",
             "encoding": None, "sep": None}),
        "read_entities of a file": (
            st.read_entities, {"source": folder / "a.conll", "encoding": None, "sep": None}),
        "repair_tags": (st.repair_tags, {"rows": TAGS, "scheme": "IOB2"}),
        "entities_from_array": (
            lambda **o: text.entities_from_array(**read | o),
            {"x_train": WORDS, "y_train": TAGS, "x_test": None, "y_test": None, **READ}),
        "entities_from_df": (
            lambda **o: text.entities_from_df(**read | o),
            {"train_df": table, "val_df": None, "word_column": "Word", "tag_column": "Tag",
             "sentence_column": "SentenceID", **READ}),
        "entities_from_conll2003": (
            lambda **o: text.entities_from_conll2003(**read | o),
            {"train_filepath": folder / "a.conll", "val_filepath": None, "encoding": None, **READ}),
        "entities_from_txt": (
            lambda **o: text.entities_from_txt(**read | o),
            {"train_filepath": folder / "a.conll", "data_format": "conll2003", **READ}),
        "TokenClassifier.predict": (fitted.predict, {"X": WORDS}),
        "TokenClassifier.score": (fitted.score, {"X": WORDS, "y": TAGS}),
        "TokenClassifier": (
            estimator, {"X": WORDS, "y": TAGS, "checkpoint": tiny, "maxlen": 12, "epochs": 1,
                        "lr": 1e-4, "batch_size": 8, "pooling": "auto", "seed": 0}),
    }  # fmt: skip


def translation_functions():
    small = {"vocab_size": 80, "hidden_size": 32, "encoder_layers": 1, "decoder_layers": 1,
             "heads": 2, "dropout": 0.0, "tokenizer": "bpe", "maxlen": 24, "shared_vocab": True,
             "intermediate_size": 64, "batch_tokens": None, "precision": "float32",
             "seed": 0}  # fmt: skip
    t = st.Seq2Seq.new(**small)
    data = t.preprocess_train(SOURCES, TARGETS, verbose=0)
    model = t.get_model(verbose=0)
    translator = st.get_predictor(model, t)
    inputs = data.padded(np.arange(2))

    def learner(**options):
        return st.get_learner(t.get_model(verbose=0), data, batch_size=8).fit_noam(
            verbose=0, **options
        )

    def generate(inputs=inputs, model=model, **options):
        return st.generate(model, inputs, **{"max_new_tokens": 2} | options)

    return {
        "Seq2Seq.new": (st.Seq2Seq.new, small),
        "Seq2Seq": (
            lambda checkpoint, **o: st.Seq2Seq(checkpoint, **o).preprocess_train(SOURCES, TARGETS),
            {"checkpoint": "x", "maxlen": 24, "batch_tokens": None, "precision": "float32",
             "seed": 0}),
        "Seq2Seq.preprocess_train": (
            lambda **o: st.Seq2Seq.new(**small).preprocess_train(verbose=0, **o),
            {"sources": SOURCES, "targets": TARGETS}),
        "Seq2Seq.preprocess_test": (
            lambda **o: t.preprocess_test(verbose=0, **o),
            {"sources": SOURCES, "targets": TARGETS}),
        "Seq2Seq.get_model": (
            lambda **o: t.get_model(verbose=0, **o), {"label_smoothing": 0.1, "optimizer": None}),
        "generate": (
            generate,
            {"inputs": inputs, "model": model, "num_beams": 2, "max_new_tokens": 2,
             "num_return_sequences": 1, "length_penalty": 1.0, "early_stopping": False,
             "no_repeat_ngram_size": 0, "bad_words_ids": [[3]], "min_length": 0,
             "forced_bos_token_id": 4, "forced_eos_token_id": 1}),
        "generate by drawing": (
            lambda **o: generate(num_beams=1, **o),
            {"do_sample": True, "temperature": 1.0, "top_k": 5, "top_p": 0.9, "seed": 1,
             "num_return_sequences": 2}),
        "Translator": (
            st.Translator, {"model": model, "tokenizer": t.tokenizer, "maxlen": 24,
                            "batch_size": 8}),
        "Translator.predict": (
            lambda **o: translator.predict(**{"max_new_tokens": 2} | o),
            {"texts": SOURCES[:2], "top_k": None}),
        "Translator.predict_iter": (
            lambda **o: list(translator.predict_iter(max_new_tokens=2, **o)),
            {"texts": SOURCES[:2], "chunk_size": 2}),
        "Translator.attention": (
            lambda **o: translator.attention(max_new_tokens=2, **o), {"source": SOURCES[0]}),
        "Translator.save": (translator.save, {"path": "new"}),
        "Translator.export": (
            lambda **o: translator.export(**{"num_beams": -1} | o),
            {"path": "new", "format": "nothing", "num_beams": -1}),
        "read_pairs": (
            st.read_pairs,
            {"source": {"de": SOURCES, "en": TARGETS}, "target": None, "columns": None,
             "encoding": None, "sep": None}),
        "fit_noam": (learner, {"lr": 1e-4, "epochs": 1, "warmup_steps": 2}),
    }  # fmt: skip


NAMES = [
    "preprocess_train", "preprocess_test", "predict texts", "predict words", "predict_df",
    "explain", "validate", "top_losses", "calibrate", "read_entities", "read_entities of a file",
    "repair_tags", "entities_from_array", "entities_from_df", "entities_from_conll2003",
    "entities_from_txt", "TokenClassifier.predict", "TokenClassifier.score", "TokenClassifier",
    "Seq2Seq.new", "Seq2Seq", "Seq2Seq.preprocess_train", "Seq2Seq.preprocess_test",
    "Seq2Seq.get_model", "generate", "generate by drawing", "Translator", "Translator.predict",
    "Translator.predict_iter", "Translator.attention", "Translator.save", "Translator.export",
    "read_pairs", "fit_noam",
]  # fmt: skip
# Whatever they accept is trained on, written or translated, or read at length.
LONG = ("TokenClassifier", "fit_noam", "Seq2Seq.get_model", "Translator.predict", "generate",
        "generate by drawing", "Translator.save", "Translator.attention", "entities_from_array",
        "entities_from_df", "entities_from_conll2003", "entities_from_txt")  # fmt: skip
