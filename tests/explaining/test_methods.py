import json
import re
import sys

import numpy as np
import pytest

import simpletext as st
from simpletext.errors import ArgumentError, DataError

TEXT = "it was a very <b>awful</b> film & the film was it's $()"
METHODS = ["lime", "eli5", "gradient", "occlusion"]


@pytest.fixture(scope="module")
def explanation(trained):
    return trained.predictor.explain(TEXT, n_samples=200)


@pytest.fixture(scope="module", params=METHODS)
def method(request):
    return request.param


def untrained(tiny, labels, texts=("good", "bad")):
    transformer = st.Transformer(str(tiny), maxlen=16)
    transformer.preprocess_train(list(texts), labels, verbose=0)
    return st.get_predictor(transformer.get_model(), transformer)


def test_the_words_are_those_of_the_text(explanation):
    words = explanation.targets[0].words
    assert [TEXT[word.start : word.end] for word in words] == [word.text for word in words]
    assert "it's" in [word.text for word in words]


def test_the_word_that_decides_is_found(trained, method):
    explanation = trained.predictor.explain(TEXT, method=method, n_samples=200)
    assert explanation.method == method
    assert explanation.targets[0].name == "neg"
    assert explanation.as_list()[0][0] == "awful"
    assert explanation.as_list()[0][1] > 0
    fidelity = explanation.targets[0].fidelity
    assert 0 < fidelity <= 1 if method in ("lime", "eli5") else fidelity is None


def test_it_shows_itself(explanation):
    assert str(explanation).startswith("neg: ")
    assert re.search(r"awful +\+0\.\d{4}  \++", str(explanation))
    assert explanation._repr_html_() == explanation.as_html()
    assert json.loads(json.dumps(explanation.as_dict()))["texts"] == [TEXT]
    assert explanation.as_dict()["targets"][0]["words"][0].keys() == {
        "text", "start", "end", "weight", "part"
    }  # fmt: skip


def test_a_figure(trained, tmp_path):
    explanation = trained.predictor.explain("it's $5 bad $x", all_targets=True, method="occlusion")
    figure = explanation.figure()
    assert len(figure.axes) == 2
    titles = {axes.get_title().split(":")[0] for axes in figure.axes}
    assert titles == {"neg", "pos"}
    figure.savefig(tmp_path / "figure.png")


def test_the_text_is_escaped(explanation):
    page = explanation.as_html()
    assert "<b>awful" not in page
    assert "&lt;" in page
    assert "&amp;" in page


def test_the_same_text_gets_the_same_explanation(trained, method):
    first, second = (
        trained.predictor.explain(TEXT, method=method, n_samples=100) for _ in range(2)
    )
    assert first == second


def test_all_targets(trained, method):
    explanation = trained.predictor.explain(
        "a bad film", all_targets=True, n_samples=100, method=method
    )
    assert [target.name for target in explanation.targets] == ["neg", "pos"]
    assert sum(target.value for target in explanation.targets) == pytest.approx(1.0)
    one, other = ([w.weight for w in target.words] for target in explanation.targets)
    assert np.sign(one[1]) == -np.sign(other[1])


def test_eli5_refuses_one_word(trained):
    with pytest.raises(DataError, match="eli5 needs two words or more"):
        trained.predictor.explain("bad", method="eli5")


@pytest.mark.parametrize("method", ["lime", "gradient", "occlusion"])
def test_one_word(trained, method):
    explanation = trained.predictor.explain("bad", n_samples=50, method=method)
    assert [word for word, _ in explanation.as_list()] == ["bad"]


def test_truncate_len_and_top_n(trained):
    explanation = trained.predictor.explain("bad film it was", truncate_len=2, n_samples=50)
    assert explanation.text == "bad film"
    explanation = trained.predictor.explain("it was a bad film", method="occlusion", top_n=2)
    assert len(explanation.targets[0].words) == 2
    assert "bad" in dict(explanation.as_list())


def test_gradients_add_up_to_the_difference(trained):
    """That is what makes them integrated gradients; the marks of the model have no part in it."""
    predictor = trained.predictor
    weights = [w for _, w in predictor.explain("it was a bad film", method="gradient").as_list()]
    masked = predictor.predict_proba("[MASK] [MASK] [MASK] [MASK] [MASK]")
    difference = predictor.predict_proba("it was a bad film") - masked
    assert sum(weights) == pytest.approx(difference[0], abs=0.02)


def test_pairs(tiny, method):
    predictor = untrained(tiny, ["x", "y"], [("good film", "bad"), ("it", "was")])
    explanation = predictor.explain(("good film", "so bad"), method=method, n_samples=50)
    words = explanation.targets[0].words
    assert [(word.part, word.text) for word in words] == [
        (0, "good"), (0, "film"), (1, "so"), (1, "bad")
    ]  # fmt: skip
    assert explanation.texts == ("good film", "so bad")
    assert explanation.as_html().count("<p>") == 3
    lines = explanation.as_text().splitlines()[1:]
    weighed = {f"{word.part + 1}: {word.text}" for word in words if word.weight}
    assert {line.split("  ")[0].strip() for line in lines} == weighed


def test_several_labels(tiny, method):
    predictor = untrained(tiny, [["a", "b"], ["c"]])
    values = predictor.predict_proba("good film")
    names = [target.name for target in predictor.explain("good film", method=method).targets]
    assert set(names) == set(np.array(["a", "b", "c"])[values >= 0.5]) or len(names) == 1


def test_regression(tiny):
    predictor = untrained(tiny, [1.0, 2.0])
    for method in ("lime", "gradient", "occlusion"):
        target = predictor.explain("good bad film", method=method, n_samples=50).targets[0]
        assert target.name == "target"
        assert target.value == pytest.approx(predictor.predict("good bad film"), abs=1e-6)
    with pytest.raises(ArgumentError, match="eli5 explains classes only"):
        predictor.explain("good", method="eli5")


@pytest.mark.parametrize("text", ["", "   ", "?! ...", "$()"])
def test_a_text_without_words(trained, text):
    with pytest.raises(DataError, match="There is no word in"):
        trained.predictor.explain(text)


@pytest.mark.parametrize("text", [["a", "b", "c"], None, 5, ["a"]])
def test_not_a_text(trained, text):
    with pytest.raises(DataError, match="explain takes one text, a string"):
        trained.predictor.explain(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "shap"}, "method='shap'; allowed are 'lime', 'eli5', 'gradient', 'occlusion'"),
        ({"n_samples": 1}, "n_samples=1; it must be a whole number, 10 or more"),
        ({"top_n": 0}, "top_n=0"),
        ({"truncate_len": 1.5}, "truncate_len=1.5"),
    ],
)
def test_bad_options(trained, options, message):
    with pytest.raises(ArgumentError, match=message):
        trained.predictor.explain("bad", **options)


@pytest.mark.parametrize("package", ["lime", "eli5"])
def test_a_method_without_its_package_names_the_command(trained, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ArgumentError, match=f"pip install {package}"):
        trained.predictor.explain("a good film", method=package)
