"""The predict.py of an exported model that finds entities."""

from string import Template

from .scripts import MODEL_AND_LOGITS

# For entities: the words of a text are found as by `simpletext.tokenization.words`.
PREDICT_ENTITIES = Template(
    '''\
"""Find entities: python predict.py "one text" "another". Needs $packages."""

import json
import sys
import unicodedata
from pathlib import Path

import numpy as np
$imports
from tokenizers import Tokenizer

'''
    + MODEL_AND_LOGITS
    + '''

DENSE = tuple(LABELS["words"]["dense_scripts"])


def words_in(text, encoded):
    """The words of a text: the number of the first token, the first character, the end."""
    marked, unknown = LABELS["words"]["marks_subwords"], LABELS["words"]["unknown"]
    words, before, reached = [], None, 0
    for token, (start, end) in enumerate(encoded.offsets):
        if encoded.special_tokens_mask[token] or end <= reached or start >= len(text):
            continue
        overlaps, reached, group = start < reached, end, encoded.word_ids[token]
        spaced = start == 0 or " " in text[start - 1 : start + 1]
        goes_on = group == before if marked else not spaced
        if words and is_dense(text[start]) and is_dense(text[start - 1]):
            goes_on = False
        before = group
        if words and (overlaps or (goes_on and encoded.ids[token] != unknown)):
            words[-1][2] = end
        elif text[start:end].strip():
            begin = start + len(text[start:end]) - len(text[start:end].lstrip())
            words.append([token, begin, end])
    return words


def is_dense(letter):
    """Whether a character is of a script without spaces between words."""
    return unicodedata.name(letter, "").startswith(DENSE)


def words_and_values(texts, batch_size=32):
    """For each text its words, and their probabilities, (words, classes)."""
    encoded = TOKENIZER.encode_batch(list(texts))
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))  # long texts together
    found = [None] * len(encoded)
    for rows in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        logits = batch_logits([encoded[i] for i in rows]) / LABELS["temperature"]
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        for i, values in zip(rows, powers / powers.sum(axis=-1, keepdims=True)):
            words = words_in(texts[i], encoded[i])
            found[i] = words, values[[word[0] for word in words]]
    return found


def predict_proba(texts):
    """The probabilities of all words of all texts, one after the other, (words, classes)."""
    return np.concatenate([values for _, values in words_and_values(texts)])


def part_of(tag):
    """A tag's letter, as in IOBES, and its type."""
    scheme = LABELS["words"]["scheme"]
    if scheme == "plain":
        return "S", tag
    if tag == "O":
        return "O", ""
    return ("I", tag) if scheme == "IO" else ({"L": "E", "U": "S"}.get(tag[0], tag[0]), tag[2:])


def predict(texts):
    """The entities of each text: dicts with text, label, start, end and probability."""
    return [entities(text, *found) for text, found in zip(texts, words_and_values(texts))]


def entities(text, words, values):
    """The entities of one text."""
    found, before = [], ("O", "")
    for (_, start, end), row in zip(words, values):
        after = part_of(LABELS["classes"][row.argmax()])
        if before[1] == after[1] and after[0] in "IE" and before[0] in "BI":
            found[-1]["end"] = end
            found[-1]["probability"].append(float(row.max()))
        elif after[0] != "O":
            found.append({"label": after[1], "start": start, "end": end,
                          "probability": [float(row.max())]})
        before = after
    for e in found:
        e["probability"] = float(np.mean(e["probability"]))
    return [{"text": text[e["start"] : e["end"]]} | e for e in found]


if __name__ == "__main__":
    for row in predict(sys.argv[1:]):
        print(json.dumps(row, ensure_ascii=False))
'''
)
