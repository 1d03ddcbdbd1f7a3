"""Training data with a tag per word, encoded: lists of words, or texts with spans."""

from typing import Any

from ..data.sentences import (
    Sentences,
    are_word_lists,
    checked_spans,
    checked_tags,
    joined,
    tags_of_spans,
)
from ..data.tags import unified
from ..data.texts import as_texts
from ..errors import DataError
from .encoded_texts import EncodedTexts
from .text_encoder import TextEncoder


def encode_tagged(
    encoder: TextEncoder, texts: Any, y: Any, scheme: str | None, verbose: int
) -> tuple[EncodedTexts, list[list[Any]]]:
    """Texts as ids, and the tags of their words, those that no token stands for included.

    Args:
        encoder: texts -> ids.
        texts: lists of words, or strings.
        y: for each text a list of tags, or for strings a list of spans (see `checked_spans`).
        scheme: what the tags are in; by default detected.
        verbose: 0 prints nothing.

    Raises:
        DataError: words, tags or spans that can't be used, with their rows.
    """
    if not are_word_lists(texts):
        texts, spans = checked_spans(texts, y)
        data = encoder.encode_words(texts)
        sentences = Sentences(texts, list(data.words or ()))
        return data, tags_of_spans(sentences, spans, verbose)
    sentences = joined(texts)
    tags = unified(checked_tags(list(texts), y), scheme, verbose)
    return encoder.encode_words(sentences.texts, sentences.words), tags


def encode_sentences(encoder: TextEncoder, rows: Any) -> EncodedTexts:
    """Lists of words, or strings, as ids."""
    sentences = sentences_of(rows)
    return encoder.encode_words(*sentences)


def sentences_of(rows: Any) -> tuple[list[str], list[Any] | None]:
    """Checked texts, and where their words stand; None for strings, whose words are to be found.

    Raises:
        DataError: neither lists of words nor strings.
    """
    if are_word_lists(rows):
        sentences = joined(rows)
        return sentences.texts, sentences.words
    texts, pairs = as_texts(rows)
    if pairs is not None:
        raise DataError("Entities are found in single texts; these are pairs of texts.")
    return texts, None


def describe_unread(data: EncodedTexts) -> str:
    """One line about words that have no token, or nothing."""
    words = sum(map(len, data.words or ()))
    unread = words - int((data.word_ids >= 0).sum()) if data.word_ids is not None else 0
    if not unread:
        return ""
    return (
        f"{unread} of {words} words have no token, mostly because they are behind maxlen; they are "
        "neither learned nor scored."
    )
