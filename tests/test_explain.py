import re

import pytest

from simpletext.errors import DataError

TEXT = "it was a very <b>awful</b> film & the film was it's $()"


@pytest.fixture(scope="module")
def explanation(trained):
    return trained[2].explain(TEXT, n_samples=200)


def test_the_words_are_those_of_the_text(explanation):
    words = explanation.targets[0].words
    assert [TEXT[word.start : word.end] for word in words] == [word.text for word in words]
    assert "it's" in [word.text for word in words]


def test_the_word_that_decides_is_found(explanation):
    assert explanation.targets[0].name == "neg"
    assert explanation.as_list()[0][0] == "awful"
    assert explanation.as_list()[0][1] > 0
    assert 0 < explanation.targets[0].fidelity <= 1


def test_it_shows_itself(explanation):
    assert str(explanation).startswith("neg: ")
    assert re.search(r"awful +\+0\.\d{4}  \++", str(explanation))
    assert explanation._repr_html_() == explanation.as_html()


def test_the_text_is_escaped(explanation):
    page = explanation.as_html()
    assert "<b>awful" not in page
    assert "&lt;" in page
    assert "&amp;" in page


def test_the_same_text_gets_the_same_explanation(trained, explanation):
    assert trained[2].explain(TEXT, n_samples=200) == explanation


def test_all_targets(trained):
    targets = trained[2].explain("a bad film", all_targets=True, n_samples=100).targets
    assert [target.name for target in targets] == ["neg", "pos"]
    assert sum(target.value for target in targets) == pytest.approx(1.0)


def test_one_word(trained):
    assert [word for word, _ in trained[2].explain("bad", n_samples=50).as_list()] == ["bad"]


def test_truncate_len(trained):
    explanation = trained[2].explain("bad film it was", truncate_len=2, n_samples=50)
    assert explanation.text == "bad film"


@pytest.mark.parametrize("text", ["", "   ", "?! ..."])
def test_a_text_without_words(trained, text):
    with pytest.raises(DataError, match="There is no word in"):
        trained[2].explain(text)


def test_not_a_text(trained):
    with pytest.raises(DataError, match="explain takes one text, a string; this is a list"):
        trained[2].explain(["a", "b"])
