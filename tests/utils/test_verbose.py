"""`verbose` is checked in every function that has it, before any work is done."""

import pytest

import simpletext as st
from simpletext.errors import ArgumentError
from simpletext.utils.validation import require_verbose

DATA = (["good", "bad"] * 4, ["pos", "neg"] * 4)
READERS = {"preprocess_mode": "none", "maxlen": 8}


def callers(trained):
    """Every public function with `verbose`, called so that nothing else is looked at before."""
    t, learner, predictor = trained.transformer, trained.learner, trained.predictor
    return {
        "preprocess_train": lambda v: t.preprocess_train(*DATA, verbose=v),
        "preprocess_test": lambda v: t.preprocess_test(*DATA, verbose=v),
        "get_classifier": lambda v: t.get_classifier(verbose=v),
        "get_model": lambda v: t.get_model(verbose=v),
        "load_classifier": lambda v: st.load_classifier(t.checkpoint, 2, verbose=v),
        "lr_find": lambda v: learner.lr_find(verbose=v),
        "fit": lambda v: learner.fit(1e-4, 1, verbose=v),
        "fit_onecycle": lambda v: learner.fit_onecycle(1e-4, 1, verbose=v),
        "fit_linear": lambda v: learner.fit_linear(1e-4, 1, verbose=v),
        "fit_noam": lambda v: learner.fit_noam(1e-4, 1, verbose=v),
        "autofit": lambda v: learner.autofit(1e-4, 1, verbose=v),
        "suspects": lambda v: learner.suspects(verbose=v),
        "predict": lambda v: predictor.predict("good", verbose=v),
        "predict_proba": lambda v: predictor.predict_proba(["good"], verbose=v),
        "predict_df": lambda v: predictor.predict_df(["good"], verbose=v),
        "predictions": lambda v: predictor.predictions(["good"], "truncate", v),
        "predict_iter": lambda v: next(predictor.predict_iter(["good"], verbose=v)),
        "pick": lambda v: predictor.pick(["good", "bad"], 1, verbose=v),
        "train": lambda v: st.train(DATA, checkpoint="none", verbose=v),
        "compare": lambda v: st.compare(["none"], DATA, verbose=v),
        "tune": lambda v: st.tune(DATA, checkpoint="none", verbose=v),
        "scale.predict": lambda v: st.scale.predict("none", "in", "out", workers=1, verbose=v),
        "texts_from_array": lambda v: st.text.texts_from_array(*DATA, **READERS, verbose=v),
        "Seq2Seq": lambda v: st.Seq2Seq.new().preprocess_train(*DATA, verbose=v),
    }


@pytest.mark.parametrize("value", ["yes", 7, None, 1.0, -1])
def test_odd_values_are_refused_everywhere(trained, value):
    for name, call in callers(trained).items():
        with pytest.raises(ArgumentError, match="verbose=.*; it must be 0 .prints nothing. or 1"):
            call(value)
            pytest.fail(name)


@pytest.mark.parametrize(("value", "level"), [(False, 0), (0, 0), (True, 1), (1, 1), (2, 2)])
def test_usual_values(value, level):
    assert require_verbose(value) == level
