"""What a word is, in any language."""

import pytest

from simpletext.explaining.words import Passage, passage_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's state-of-the-art!", ["It's", "state", "of", "the", "art"]),
        ("L’été, 12.50 €", ["L’été", "12", "50"]),
        ("Привет, мир", ["Привет", "мир"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("so 😀👍🏽 good", ["so", "😀👍🏽", "good"]),
        ("❤️ 👨‍👩‍👧", ["❤️", "👨‍👩‍👧"]),
        ("$() ?! ... <>", ["<>"][:0]),
        ("'quoted' and dogs' x_y", ["quoted", "and", "dogs", "x_y"]),
        ("", []),
    ],
)
def test_words(text, words):
    assert [text[start:end] for start, end in words_of(text, [])] == words


def test_a_script_without_spaces_is_cut_where_tokens_start():
    text = "iPhoneが好き。"
    found = [text[start:end] for start, end in words_of(text, [0, 6, 7, 8, 9])]
    assert found == ["iPhone", "が", "好", "き"]
    assert [text[a:b] for a, b in words_of(text, [])] == ["iPhone", "が好き"]


def test_the_tokenizer_says_where(trained):
    passage = passage_of("漢字 film", trained.predictor.tokenizer, 10)
    assert [passage.texts[0][start:end] for _, start, end in passage.words] == ["漢", "字", "film"]


def test_variations_of_a_pair():
    passage = Passage(("a bad film.", "so bad"), ((0, 0, 1), (0, 2, 5), (1, 0, 2), (1, 3, 6)))
    assert passage.doc == ("a bad film.", "so bad")
    assert passage.keeping({0, 1, 2, 3}) == passage.doc
    assert passage.keeping({0, 2}) == ("a film.", "so")
    assert passage.keeping(set()) == ("film.", "")
