"""Functions for `test_zoo.py`: those of whole texts."""

import pandas as pd
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext import text
from simpletext.sklearn import TextClassifier, TextRegressor

FIT = ("Learner.fit_onecycle", "Learner.fit", "Learner.fit_linear", "Learner.autofit")
SETS = [["pos", "x"] if i % 3 else ["x"] for i in range(24)]
SOME, TRUE = TEXTS[:24], LABELS[:24]


def functions(tiny, folder):
    """Name -> (function, arguments that are right)."""
    table = pd.DataFrame({"text": SOME, "label": TRUE})
    table.to_csv(folder / "a.csv", index=False)
    for i, words in enumerate(SOME):
        path = folder / "classes" / "train" / TRUE[i] / f"{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)

    def transformer():
        return st.Transformer(tiny, maxlen=12)

    t = transformer()
    data, val = t.preprocess_train(SOME, TRUE, verbose=0), t.preprocess_test(SOME, TRUE, verbose=0)
    learner = st.get_learner(t.get_classifier(verbose=0), data, val, batch_size=24)
    learner.fit(1e-3, 1, verbose=0)
    learner.lr_find(max_epochs=1, verbose=0)
    single = st.get_predictor(learner.model, t)
    single.save(folder / "saved")
    several = transformer()
    several.preprocess_train(SOME, SETS, verbose=0)
    multi = st.get_predictor(several.get_classifier(verbose=0), several)
    model = learner.model

    def fit(verb):
        def function(**options):
            fresh = st.get_learner(model, data, batch_size=24)
            return getattr(fresh, verb)(verbose=0, **options)

        return function

    def made(checkpoint, **options):
        return st.Transformer(checkpoint, **options).preprocess_train(SOME, TRUE, verbose=0)

    def estimator(X, y, **options):
        options = {"checkpoint": tiny, "maxlen": 12, "epochs": 1, "batch_size": 24} | options
        return TextClassifier(**options).fit(X, y)

    readers = {"val_pct": 0.1, "preprocess_mode": tiny, "maxlen": 12, "random_state": 1}
    csv, saved = folder / "a.csv", folder / "saved"
    return {
        "Transformer": (made, {"checkpoint": tiny, "maxlen": 12, "class_names": None, "task": None,
                               "pooling": "auto", "precision": "auto", "seed": 0,
                               "few_shot": False}),
        "Transformer.preprocess_train": (
            lambda **o: transformer().preprocess_train(verbose=0, **o),
            {"texts": SOME, "y": TRUE, "cache_dir": None}),
        "Transformer.preprocess_test": (
            lambda **o: t.preprocess_test(verbose=0, **o),
            {"texts": SOME, "y": TRUE, "cache_dir": None}),
        "Transformer.get_classifier": (
            lambda **o: t.get_classifier(verbose=0, **o),
            {"pooling": "mean", "metrics": None, "loss": None, "label_smoothing": 0.0,
             "optimizer": None}),
        "get_learner": (st.get_learner, {"model": model, "train_data": data, "val_data": val,
                                         "batch_size": 8, "eval_batch_size": 8,
                                         "sample_weight": None, "seed": 0}),
        "Learner.lr_find": (
            lambda **o: learner.lr_find(verbose=0, **o),
            {"start_lr": 1e-7, "lr_mult": None, "max_epochs": 1, "class_weight": None,
             "stop_factor": 4, "end_lr": 1e-2}),
        "Learner.fit_onecycle": (
            fit("fit_onecycle"),
            {"lr": 1e-4, "epochs": 1, "checkpoint_folder": None, "class_weight": None,
             "callbacks": (), "cycle_momentum": False, "max_momentum": 0.95, "min_momentum": 0.85,
             "resume": False, "head_start": True}),
        "Learner.fit": (
            fit("fit"), {"lr": 1e-4, "n_cycles": 1, "cycle_len": None, "cycle_mult": 1,
                         "lr_decay": 1, "early_stopping": None}),
        "Learner.fit_linear": (fit("fit_linear"), {"lr": 1e-4, "epochs": 1, "warmup_ratio": 0.1}),
        "Learner.autofit": (fit("autofit"), {"lr": 1e-4, "epochs": 1, "reduce_on_plateau": None,
                                             "reduce_factor": 2, "monitor": "val_loss"}),
        "Learner.predict": (learner.predict, {"val_data": val}),
        "Learner.validate": (
            lambda **o: learner.validate(print_report=False, **o),
            {"val_data": val, "save_path": None, "class_names": (), "output": "matrix"}),
        "Learner.top_losses": (learner.top_losses, {"n": 4, "val_data": None}),
        "Learner.plot": (lambda **o: learner.plot(return_fig=True, **o), {"plot_type": "loss"}),
        "Learner.lr_plot": (
            lambda **o: learner.lr_plot(return_fig=True, **o),
            {"n_skip_beginning": 1, "n_skip_end": 1}),
        "Learner.set_lr": (learner.set_lr, {"lr": 1e-4}),
        "Learner.set_weight_decay": (learner.set_weight_decay, {"wd": 0.01}),
        "Learner.freeze": (st.get_learner(model, data).freeze, {"freeze_range": 0, "blocks": None}),
        "Learner.unfreeze": (learner.unfreeze, {"exclude_range": None}),
        "Learner.layer_output": (
            learner.layer_output, {"layer_id": 1, "example_id": 0, "use_val": False}),
        "Learner.set_model": (st.get_learner(model, data).set_model, {"model": model}),
        "Learner.load_model": (st.get_learner(model, data).load_model, {"path": saved}),
        "Learner.save_model": (learner.save_model, {"path": saved}),
        "get_predictor": (st.get_predictor, {"model": model, "preproc": t, "batch_size": 8}),
        "load_predictor": (
            st.load_predictor, {"path": saved, "batch_size": 8, "precision": "auto",
                                "tokenizer": None, "task": None, "classes": None}),
        "Predictor.from_pretrained": (
            st.Predictor.from_pretrained,
            {"checkpoint": saved, "maxlen": None, "batch_size": 8, "task": None,
             "precision": "auto"}),
        "Predictor.predict": (
            single.predict,
            {"texts": SOME[:2], "top_k": None, "min_confidence": None, "long_text": "truncate"}),
        "Predictor.predict of several labels": (
            multi.predict, {"texts": SOME[:2], "top_k": None, "threshold": None}),
        "Predictor.predict_proba": (single.predict_proba, {"texts": SOME[:2]}),
        "Predictor.predict_df": (single.predict_df, {"texts": SOME[:2], "min_confidence": None}),
        "Predictor.predict_iter": (
            lambda **o: list(single.predict_iter(**o)), {"texts": SOME[:2], "chunk_size": 2}),
        "Predictor.calibrate": (single.calibrate, {"texts": SOME, "y": TRUE}),
        "Predictor.tune_thresholds": (multi.tune_thresholds, {"texts": SOME, "y": SETS}),
        "Predictor.explain": (
            single.explain,
            {"doc": "good film", "truncate_len": 512, "n_samples": 50, "method": "occlusion",
             "top_n": None}),
        "Predictor.save": (single.save, {"path": "new", "metrics": None}),
        "Predictor.export": (single.export, {"path": saved, "format": "nothing"}),
        "load_encoder": (st.load_encoder, {"checkpoint": tiny, "dtype": "float32"}),
        "load_classifier": (
            lambda **o: st.load_classifier(verbose=0, **o),
            {"checkpoint": tiny, "num_labels": 2, "problem_type": None, "pooling": "auto",
             "dtype": "float32", "seed": 0, "class_names": None}),
        "save_checkpoint": (st.save_checkpoint, {"model": model, "folder": "checkpoint"}),
        "check": (st.check, {"texts": SOME, "labels": TRUE, "val": None, "preproc": None,
                             "class_names": None, "task": None}),
        "read_texts": (st.read_texts, {"source": csv, "text": "text", "label": "label",
                                       "encoding": None, "sep": None}),
        "read_tfrecord": (st.read_tfrecord, {"path": "x"}),
        "write_tfrecord": (st.write_tfrecord, {"data": data, "path": "w.tfrecord"}),
        "convert": (st.convert, {"old": folder / "classes", "new": "new", "task": None,
                                 "labels": None, "layers": None, "cased": None,
                                 "tokenizer": None}),
        "AdamW": (st.AdamW, {"learning_rate": 1e-4, "weight_decay": 0.01, "beta_1": 0.9,
                             "layer_decay": 1.0}),
        "texts_from_csv": (
            lambda **o: text.texts_from_csv(verbose=0, **o),
            {"train_filepath": csv, "text_column": "text", "label_columns": ["label"],
             "val_filepath": None, "encoding": None, "sep": None, **readers}),
        "texts_from_df": (
            lambda **o: text.texts_from_df(verbose=0, **o),
            {"train_df": table, "text_column": "text", "label_columns": ["label"],
             "val_df": None, "task": None, **readers}),
        "texts_from_folder": (
            lambda **o: text.texts_from_folder(verbose=0, **o),
            {"datadir": folder / "classes", "classes": None, "train_test_names": ("train", "test"),
             **readers}),
        "texts_from_array": (
            lambda **o: text.texts_from_array(verbose=0, **o),
            {"x_train": SOME, "y_train": TRUE, "x_test": None, "y_test": None, "class_names": (),
             **readers}),
        "train": (
            lambda **o: st.train(verbose=0, **o),
            {"data": csv, "text": "text", "label": "label", "val": None, "val_pct": 0.1,
             "checkpoint": tiny, "maxlen": 12, "epochs": 1, "lr": 1e-4, "batch_size": 24,
             "class_names": None, "task": None, "cache_dir": None, "seed": 0,
             "few_shot": False}),
        "TextClassifier": (
            estimator, {"X": SOME, "y": TRUE, "maxlen": 12, "epochs": 1, "lr": 1e-4,
                        "batch_size": 24, "pooling": "auto", "seed": 0, "few_shot": False}),
        "TextRegressor": (
            lambda X, y: TextRegressor(tiny, 12, 1, batch_size=24).fit(X, y),
            {"X": SOME, "y": [float(i) for i in range(24)]}),
    }  # fmt: skip


NAMES = [
    "Transformer", "Transformer.preprocess_train", "Transformer.preprocess_test",
    "Transformer.get_classifier", "get_learner", "Learner.lr_find", *FIT, "Learner.predict",
    "Learner.validate", "Learner.top_losses", "Learner.plot", "Learner.lr_plot", "Learner.set_lr",
    "Learner.set_weight_decay", "Learner.freeze", "Learner.unfreeze", "Learner.layer_output",
    "Learner.set_model", "Learner.load_model", "Learner.save_model", "get_predictor",
    "load_predictor", "Predictor.from_pretrained", "Predictor.predict",
    "Predictor.predict of several labels", "Predictor.predict_proba", "Predictor.predict_df",
    "Predictor.predict_iter", "Predictor.calibrate", "Predictor.tune_thresholds",
    "Predictor.explain", "Predictor.save", "Predictor.export", "load_encoder", "load_classifier",
    "save_checkpoint", "check", "read_texts", "read_tfrecord", "write_tfrecord", "convert",
    "AdamW", "texts_from_csv", "texts_from_df", "texts_from_folder", "texts_from_array", "train",
    "TextClassifier", "TextRegressor",
]  # fmt: skip
# Whatever they accept is trained on, a new model each time.
LONG = ("Transformer.get_classifier", "Predictor.from_pretrained", "train", "TextClassifier",
        "TextRegressor", "Predictor.save", *FIT, "Learner.lr_find")  # fmt: skip
