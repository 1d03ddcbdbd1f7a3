import pickle
import pickletools

import numpy as np
import pandas as pd
import pytest
from conftest import LABELS, TEXTS
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator

from simpletext.errors import ArgumentError, DataError
from simpletext.sklearn import TextClassifier, TextRegressor

FAST = {"maxlen": 16, "lr": 2e-3, "batch_size": 8}

# scikit-learn's checks hand over numbers. These need a fit on them, or rules for arrays of numbers,
# and texts are none; the others hold for texts as well. What they are after is tested on texts
# below: that fit returns self and changes no parameter, repeats itself, keeps the data as they are
# and refuses what is missing, that answers don't depend on the order or the company of the rows,
# pickles, pipelines.
FIT_ON_NUMBERS = [
    "check_fit_score_takes_y",
    "check_estimators_overwrite_params",
    "check_dont_overwrite_parameters",
    "check_estimators_fit_returns_self",
    "check_readonly_memmap_input",
    "check_pipeline_consistency",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_supervised_y_2d",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_fit2d_1sample",
    "check_fit2d_1feature",
    "check_dict_unchanged",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
    "check_fit2d_predict1d",
    "check_classifiers_classes",
    "check_class_weight_classifiers",
    "check_classifiers_train",
    "check_classifier_data_not_an_array",
    "check_regressors_train",
    "check_regressor_data_not_an_array",
    "check_regressors_no_decision_function",
    "check_regressors_int",
]
ARRAYS_OF_NUMBERS = {
    "check_n_features_in": "texts have no features to count",
    "check_n_features_in_after_fitting": "texts have no features to count",
    "check_positive_only_tag_during_fit": "texts have no sign",
    "check_estimators_dtypes": "texts have one type",
    "check_dtype_object": "objects that aren't strings are refused",
    "check_complex_data": "complex numbers are refused like all numbers, in other words",
    "check_estimators_empty_data_messages": "an empty list is refused in other words",
    "check_estimators_nan_inf": "NaN is refused in other words; texts are never infinite",
    "check_estimator_sparse_tag": "texts are never sparse",
    "check_estimator_sparse_array": "texts are never sparse",
    "check_estimator_sparse_matrix": "texts are never sparse",
}
LEFT_OUT = dict.fromkeys(FIT_ON_NUMBERS, "it fits on numbers, and texts are none")
LEFT_OUT |= ARRAYS_OF_NUMBERS


def taking_numbers(base):
    """The estimator with the tag without which scikit-learn checks nothing."""

    def tags(self):
        told = base.__sklearn_tags__(self)
        told.input_tags.two_d_array = True
        return told

    return type(base.__name__, (base,), {"__sklearn_tags__": tags})("no/model")


def own_checks():
    """scikit-learn's checks as pairs of an estimator and a check, with their names."""
    for base in (TextClassifier, TextRegressor):
        for estimator, check in estimator_checks_generator(taking_numbers(base)):
            function = getattr(check, "func", check)
            yield base.__name__, function.__name__, estimator, check


APPLICABLE = [
    pytest.param(estimator, check, id=f"{owner}-{name}-{number}")
    for number, (owner, name, estimator, check) in enumerate(own_checks())
    if name not in LEFT_OUT
]


@pytest.mark.parametrize(("estimator", "check"), APPLICABLE)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_each_check_left_out_exists():
    assert set(LEFT_OUT) - {name for _, name, _, _ in own_checks()} == set()


@pytest.fixture(scope="module")
def fitted(tiny):
    return TextClassifier(str(tiny), epochs=8, **FAST).fit(TEXTS, LABELS)


def test_a_classifier(fitted, tiny):
    assert fitted.classes_.tolist() == ["neg", "pos"]
    assert fitted.predict(["a great film", "a sad film"]).tolist() == ["pos", "neg"]
    assert fitted.predict_proba(TEXTS[:3]).shape == (3, 2)
    assert fitted.score(TEXTS, LABELS) > 0.9
    assert fitted.get_params()["checkpoint"] == str(tiny)


def test_answers_depend_on_no_other_row(fitted):
    values = fitted.predict_proba(TEXTS)
    assert np.allclose(fitted.predict_proba(TEXTS[::-1])[::-1], values, atol=1e-5)
    assert np.allclose(fitted.predict_proba(np.array(TEXTS[:2])), values[:2], atol=1e-5)


def test_fit_repeats_itself_and_changes_nothing(tiny):
    texts, y = np.array(TEXTS), np.array([7, 3] * 48)
    texts.flags.writeable = y.flags.writeable = False
    estimator = TextClassifier(str(tiny), epochs=1, **FAST)
    before = dict(vars(estimator))
    assert estimator.fit(texts, y) is estimator
    assert {name: vars(estimator)[name] for name in before} == before
    assert estimator.classes_.tolist() == [3, 7]
    again = clone(estimator)
    assert not hasattr(again, "predictor_")
    again.fit(texts, y)
    assert np.allclose(again.predict_proba(texts), estimator.predict_proba(texts), atol=1e-5)


def test_a_pickle_holds_the_folder_and_no_model(fitted):
    content = pickle.dumps(fitted)
    names = {arg for op, arg, _ in pickletools.genops(content) if op.name == "SHORT_BINUNICODE"}
    assert not any("keras" in str(name) for name in names)
    again = pickle.loads(content)
    assert np.allclose(again.predict_proba(TEXTS[:5]), fitted.predict_proba(TEXTS[:5]), atol=1e-5)
    assert again.classes_.tolist() == fitted.classes_.tolist()
    assert pickle.loads(pickle.dumps(TextRegressor(maxlen=9))).maxlen == 9


def test_multi_label_and_pairs(tiny):
    y = np.array([[1, 1, 0], [0, 1, 0]] * 48)
    estimator = TextClassifier(str(tiny), epochs=1, **FAST)
    assert estimator.fit(TEXTS, y).predict(TEXTS[:5]).shape == (5, 3)
    pairs = [(text, "a film") for text in TEXTS]
    assert estimator.fit(pairs, LABELS).predict(pairs[:2]).shape == (2,)
    assert estimator.predict([("a", "b")]).shape == (1,)


def test_a_regressor(tiny):
    stars = [1 if label == "pos" else -1 for label in LABELS]
    regressor = TextRegressor(str(tiny), epochs=8, **FAST).fit(TEXTS, stars)
    assert regressor.predict(TEXTS).shape == (96,)
    assert regressor.score(TEXTS, stars) > 0.3


@pytest.mark.slow
def test_in_scikit_learns_company(tiny):
    estimator = TextClassifier(str(tiny), epochs=4, **FAST)
    assert cross_val_score(estimator, np.array(TEXTS), LABELS, cv=2).shape == (2,)
    pipeline = make_pipeline(
        FunctionTransformer(lambda rows: [row.lower() for row in rows]), estimator
    )
    search = GridSearchCV(pipeline, {"textclassifier__lr": [1e-9, 2e-3]}, cv=2)
    search.fit(TEXTS, LABELS)
    assert search.best_params_ == {"textclassifier__lr": 2e-3}


def test_bad_input(tiny):
    with pytest.raises(NotFittedError, match="This TextClassifier isn't fitted yet"):
        TextClassifier().predict(["a"])
    with pytest.raises(DataError, match="Unknown label type: continuous. .*use TextRegressor"):
        TextClassifier(str(tiny)).fit(["a", "b"], [0.5, 1.5])
    with pytest.raises(DataError, match="There are 2 texts and 1 labels"):
        TextClassifier(str(tiny)).fit(["a", "b"], ["x"])


def test_ctrl_c_leaves_the_estimator_unfitted(tiny, monkeypatch):
    def interrupted(learner, *_, **__):
        learner.interrupted = True

    monkeypatch.setattr("simpletext.learner.Learner.fit_onecycle", interrupted)
    classifier = TextClassifier(tiny, **FAST)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(TEXTS, LABELS)
    with pytest.raises(NotFittedError):
        classifier.predict(TEXTS)


def test_multi_label_scores_of_names_and_of_rows(tiny):
    names = [["good"] if label == "pos" else ["bad", "sad"] for label in LABELS]
    classifier = TextClassifier(tiny, epochs=2, **FAST).fit(TEXTS, names)
    rows = np.array([[c in row for c in classifier.classes_] for row in names], dtype=int)
    expected = np.mean((classifier.predict(TEXTS) == rows).all(axis=1))
    assert classifier.score(TEXTS, names) == classifier.score(TEXTS, rows) == expected


def test_a_table_of_one_column_is_a_list_of_texts(tiny):
    from sklearn.compose import ColumnTransformer

    table = pd.DataFrame({"number": range(len(TEXTS)), "text": TEXTS})
    pick = ColumnTransformer([("text", "passthrough", ["text"])]).set_output(transform="pandas")
    whole = make_pipeline(pick, TextClassifier(tiny, epochs=1, **FAST)).fit(table, LABELS)
    alone = TextClassifier(tiny, epochs=1, **FAST).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(whole.predict(table), alone.predict(TEXTS))


def test_a_token_classifier_works_in_cross_val_score(tiny):
    from test_entities import SENTENCES, TAGS

    from simpletext.sklearn import TokenClassifier

    model = TokenClassifier(str(tiny), maxlen=20, epochs=8, lr=3e-3, batch_size=8)
    scores = cross_val_score(model, SENTENCES, TAGS, cv=2)
    assert scores.shape == (2,)
    assert scores.mean() > 0.5
    model.fit(SENTENCES, TAGS)
    assert set(model.classes_) == {tag for row in TAGS for tag in row}
    assert [len(row) for row in model.predict(SENTENCES[:5])] == list(map(len, SENTENCES[:5]))


def test_the_options_of_a_learner():
    model = TextClassifier(schedule="linear", early_stopping=1, class_weight="balanced",
                           loss="focal", metrics=["f1"])  # fmt: skip
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(ArgumentError, match="early_stopping=1, but the 1cycle policy"):
        TextClassifier(early_stopping=1).fit(TEXTS, LABELS)


def test_the_options_are_used(tiny):
    model = TextClassifier(str(tiny), epochs=3, schedule="linear", early_stopping=1, **FAST)
    model.set_params(class_weight={"pos": 1000.0}, loss="focal", metrics=["f1"])
    assert set(model.fit(TEXTS, LABELS).predict(TEXTS)) == {"pos"}


def test_ids_are_kept_on_disk(tiny, tmp_path):
    options = {**FAST, "epochs": 1, "cache_dir": tmp_path / "cache"}
    TextClassifier(str(tiny), **options).fit(TEXTS, LABELS)
    assert any((tmp_path / "cache").iterdir())


def test_the_rate_can_be_measured(tiny, capsys):
    TextClassifier(str(tiny), epochs=1, **{**FAST, "lr": "auto"}, verbose=1).fit(TEXTS, LABELS)
    assert "learning rate: 1.0e-04 (usual for this size" in capsys.readouterr().err
