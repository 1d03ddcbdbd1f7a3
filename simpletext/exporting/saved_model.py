"""A SavedModel that takes strings: its graph contains a WordPiece tokenizer."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import ExportError
from ..saving.predictor_folder import PROBES
from ..utils import console
from .bundle import STRINGS

# Checked besides the probe texts and the vocabulary: the graph must return the same tokens.
ODD = (
    "a\u0301e\u0300 \u00e9\u00df \ufb01 \u0130stanbul \u01c4",
    "\x00a\x01b\x7f\u200bc\u00add\tc\u00a0\u3000d\u2028e\rf",
    "\u6f22\u5b57\u304b\u306a\uff0c \ud55c\uad6d\uc5b4 \u0e44\u0e17\u0e22 \u0928\u092e\u0938\u094d",
    "x" * 99 + " " + "y" * 101 + " \u00e9" * 60,
    "$12.50, (a+b)=c~d; e-mail@x.org #1 \u20ac5 \u2014 \u201cq\u201d \U0001f600\U0001f44d",
    "   ",
)
WORDS = 100  # of the vocabulary in one text


def write(model: keras.Model, predictor: Any, folder: Path) -> tuple[str, str]:
    """Write the SavedModel, with strings if possible; returns the runtime's name and a note.

    Raises:
        ExportError: the tokenizer in the graph doesn't return the tokenizer's own tokens.
    """
    import tensorflow as tf

    module = tf.Module()
    module.model = model
    names = [tensor.name for tensor in model.inputs]
    specs = {name: tf.TensorSpec((None, None), tf.int32, name=name) for name in names}
    module.ids = tf.function(
        lambda **inputs: {"logits": model(inputs, training=False)}, autograph=False
    ).get_concrete_function(**specs)
    signatures = {"ids": module.ids}
    per_token = predictor.labels.kind.per_token  # entities are found in predict.py
    options = None if per_token else wordpiece_options(predictor.tokenizer)
    if options is None and not per_token:
        console.note("The tokenizer isn't WordPiece: the SavedModel takes ids, predict.py strings.")
    if options is None:
        tf.saved_model.save(module, str(folder), signatures | {"serving_default": module.ids})
        return "saved_model", ""
    tokenizer = WordPiece(options, predictor.maxlen)
    _check_tokens(tokenizer, predictor)
    module.texts = _from_texts(model, predictor, tokenizer)
    signatures |= {"serving_default": module.texts}
    tf.saved_model.save(module, str(folder), signatures)
    what = "`texts` and `pairs`" if predictor.settings.paired else "`texts`"
    return STRINGS, (
        f"The signature `serving_default` takes strings ({what}) and returns `probabilities` and "
        "`classes`; `ids` takes the ids that predict.py makes. Strings need tensorflow-text where "
        "the model is loaded (`import tensorflow_text`); TensorFlow Serving has it built in. The "
        "names of special tokens, such as [SEP], are plain characters in a text."
    )


def wordpiece_options(tokenizer: Any) -> dict[str, Any] | None:
    """The settings of a BERT-like WordPiece tokenizer for the graph; None for any other."""
    if not tokenizer.is_fast:
        return None
    spec = json.loads(tokenizer.backend_json())
    model, normalizer = spec["model"], spec["normalizer"] or {}
    pre = (spec["pre_tokenizer"] or {}).get("type")
    if model["type"] != "WordPiece" or normalizer.get("type") != "BertNormalizer":
        return None
    if pre != "BertPreTokenizer" or not normalizer["clean_text"]:
        return None
    marks = tokenizer.encode([""], None, 8)
    ids = list(next(iter(marks)).ids)
    vocabulary = sorted(model["vocab"], key=model["vocab"].get)
    if len(ids) != 2 or [model["vocab"][word] for word in vocabulary] != [*range(len(vocabulary))]:
        return None
    lower = bool(normalizer["lowercase"])
    strip = normalizer["strip_accents"]
    return {
        "vocabulary": vocabulary,
        "unknown": model["unk_token"],
        "prefix": model["continuing_subword_prefix"],
        "lower": lower,
        "strip": lower if strip is None else bool(strip),
        "ids": ids,
        "pad_id": tokenizer.layout.pad_id,
    }


class WordPiece:
    """BERT's tokenizer in TensorFlow's operations.

    Args:
        options: from `wordpiece_options`.
        maxlen: maximum number of tokens per text.
    """

    def __init__(self, options: dict[str, Any], maxlen: int) -> None:
        import tensorflow_text

        self._options, self._maxlen = options, maxlen
        self._pieces = tensorflow_text.FastWordpieceTokenizer(
            vocab=options["vocabulary"],
            suffix_indicator=options["prefix"],
            unknown_token=options["unknown"],
        )

    def tokens(self, texts: Any) -> Any:
        """The ids of strings (n,) without special tokens, a ragged (n, tokens) int32."""
        import tensorflow as tf
        import tensorflow_text

        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
        texts = tf.strings.regex_replace(texts, r"[\t\n\r\p{Z}]", " ")
        texts = tf.strings.regex_replace(texts, r"[\x00\x{FFFD}\p{Cc}\p{Cf}\p{Co}]", "")
        if self._options["strip"]:
            texts = tensorflow_text.normalize_utf8(texts, "NFD")
            texts = tf.strings.regex_replace(texts, r"\p{Mn}", "")
        if self._options["lower"]:
            # Letter by letter, as in the original: a final sigma stays a plain one.
            texts = tf.strings.regex_replace(texts, "\u03a3", "\u03c3")
            texts = tf.strings.lower(texts, encoding="utf-8")
        return tf.cast(self._pieces.tokenize(texts), tf.int32)

    def __call__(self, texts: Any, pairs: Any = None) -> dict[str, Any]:
        """The model's inputs for strings (n,), each (n, length) int32."""
        import tensorflow as tf

        first, last = ([[mark]] for mark in self._options["ids"])
        count, tokens = tf.shape(texts)[0], [self.tokens(texts)]
        if pairs is not None:
            tokens.append(self.tokens(pairs))
        tokens = _cut(tokens, self._maxlen - 1 - len(tokens))
        parts, types = [tf.tile(tf.constant(first), (count, 1))], []
        for number, part in enumerate(tokens):
            parts += [part, tf.tile(tf.constant(last), (count, 1))]
            types.append(part.row_lengths() + (2 if number == 0 else 1))
        ids = tf.concat([tf.cast(p, tf.int32) for p in parts], axis=1)
        lengths = tf.reduce_sum(tf.stack(types), axis=0)
        columns = tf.range(tf.reduce_max(lengths))[None, :]
        mask = columns < lengths[:, None]
        return {
            "input_ids": ids.to_tensor(self._options["pad_id"]),
            "attention_mask": tf.cast(mask, tf.int32),
            "token_type_ids": tf.cast(mask & (columns >= types[0][:, None]), tf.int32),
        }


def _cut(tokens: list[Any], room: int) -> list[Any]:
    """Texts or pairs truncated to `room` tokens; of a pair, the longer text is truncated first."""
    import tensorflow as tf

    if len(tokens) == 1:
        return [tokens[0][:, :room]]
    short, long = (
        f(tokens[0].row_lengths(), tokens[1].row_lengths()) for f in (tf.minimum, tf.maximum)
    )
    fits = short + long <= room
    cut_long = tf.where(short > room, short, tf.maximum(short, room - short))
    halves = short + cut_long > room
    short_to = tf.where(fits, short, tf.where(halves, tf.cast(room // 2, short.dtype), short))
    long_to = tf.where(
        fits, long, tf.where(halves, tf.cast(room - room // 2, short.dtype), cut_long)
    )
    swapped = tokens[0].row_lengths() > tokens[1].row_lengths()
    limits = (tf.where(swapped, long_to, short_to), tf.where(swapped, short_to, long_to))
    return [
        tf.ragged.boolean_mask(part, tf.ragged.range(part.row_lengths()) < limit[:, None])
        for part, limit in zip(tokens, limits, strict=True)
    ]


def _from_texts(model: keras.Model, predictor: Any, tokenizer: WordPiece) -> Any:
    """The concrete function: strings -> probabilities and classes."""
    import tensorflow as tf

    temperature = predictor.settings.temperature
    activations = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "linear": tf.identity}
    squash = activations[predictor.labels.kind.activation]
    classes = tf.constant(predictor.labels.names)
    names = [tensor.name for tensor in model.inputs]

    def serve(**texts: Any) -> dict[str, Any]:
        inputs = tokenizer(**texts)
        logits = model({name: inputs[name] for name in names}, training=False)
        return {"probabilities": squash(logits / temperature), "classes": classes}

    wanted = ("texts", "pairs") if predictor.settings.paired else ("texts",)
    specs = {name: tf.TensorSpec((None,), tf.string, name=name) for name in wanted}
    return tf.function(serve, autograph=False).get_concrete_function(**specs)


def _check_tokens(tokenizer: WordPiece, predictor: Any) -> None:
    """Raise if the graph's tokenizer differs from the predictor's on any checked text."""
    vocabulary = tokenizer._options["vocabulary"]
    plain = [word.removeprefix("##") for word in vocabulary if not word.startswith("[")]
    texts = [*PROBES, *ODD]
    texts += [" ".join(plain[i : i + WORDS]) for i in range(0, len(plain), WORDS)]
    pairs = list(reversed(texts)) if predictor.settings.paired else None
    chunks = predictor.tokenizer.encode(texts, pairs, predictor.maxlen)
    wanted = [row for chunk in chunks for row in chunk.rows()]
    found = tokenizer(np.array(texts), None if pairs is None else np.array(pairs))
    ids, mask = found["input_ids"].numpy(), found["attention_mask"].numpy() > 0
    types = found["token_type_ids"].numpy()
    for i, (own_ids, own_types) in enumerate(wanted):
        same = ids[i, mask[i]].tolist() == own_ids.tolist()
        if not same or types[i, mask[i]].tolist() != own_types.tolist():
            raise ExportError(
                f"In the graph the text {texts[i][:60]!r} has other tokens than from the "
                "tokenizer, so the SavedModel would predict differently. Export to onnx, or serve "
                "the predictor itself, and please report the model's name."
            )
