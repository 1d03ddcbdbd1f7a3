"""The predict.py of exported translators: with the search in the model, and with it in Python."""

from string import Template

# Tokenizers and settings: in both scripts.
START = '''\
"""Translate texts: python predict.py "one text" "another". Needs $packages."""

import json
import sys
from pathlib import Path

import numpy as np
import RUNTIME
from tokenizers import Tokenizer

HERE = Path(__file__).parent
HOW = json.loads((HERE / "generation.json").read_text(encoding="utf-8"))
SOURCE, TARGET = (Tokenizer.from_file(str(HERE / name)) for name in HOW["tokenizers"])
'''

SOURCE_IDS = """

def source_ids(text):
    ids = SOURCE.encode(text).ids
    return ids if len(ids) <= HOW["maxlen"] else ids[: HOW["maxlen"] - 1] + [HOW["source_eos"]]
"""

END = '''

def predict(texts):
    """The translation of each text."""
    return [pairs[0][0] for pairs in translations(texts)]


if __name__ == "__main__":
    print(*predict(sys.argv[1:]), sep="\\\\n")
'''.replace("\\\\", "\\")

TRANSLATE_IDS = Template(
    START.replace("RUNTIME", "tensorflow")
    + """\
MODEL = tensorflow.saved_model.load(HERE / "saved_model").signatures["serving_default"]
"""
    + SOURCE_IDS
    + '''

def translations(texts, batch_size=32):
    """For each text (translation, score) pairs, best first."""
    rows = [source_ids(text) for text in texts]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # long texts together
    found = [None] * len(rows)
    for batch in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        shape = len(batch), max(len(rows[i]) for i in batch)
        ids, mask = np.full(shape, HOW["source_pad"], "int32"), np.zeros(shape, "int32")
        for place, i in enumerate(batch):
            ids[place, : len(rows[i])], mask[place, : len(rows[i])] = rows[i], 1
        inputs = {"input_ids": ids, "attention_mask": mask}
        out = MODEL(**{name: tensorflow.constant(value) for name, value in inputs.items()})
        out = {name: value.numpy().tolist() for name, value in out.items()}
        written = [text.strip() for text in TARGET.decode_batch(out["ids"])]
        pairs, each = list(zip(written, out["scores"])), HOW["num_return_sequences"]
        for place, i in enumerate(batch):
            found[i] = pairs[place * each : (place + 1) * each]
    return found
'''
    + END
)

# The search is that of `simpletext.inference.beam_search`, for one text at a time.
TRANSLATE_BY_STEPS = Template(
    START.replace("RUNTIME", "onnxruntime")
    + """\
ENCODER = onnxruntime.InferenceSession(HERE / "encoder.onnx", providers=["CPUExecutionProvider"])
DECODER = onnxruntime.InferenceSession(HERE / "decoder.onnx", providers=["CPUExecutionProvider"])
"""
    + SOURCE_IDS
    + '''

def translations(texts):
    """For each text (translation, score) pairs, best first."""
    return [search(np.array([source_ids(text)], "int32")) for text in texts]


def search(ids):  # of one text, with `num_beams` translations followed at a time
    count, limit, ends = HOW["num_beams"], HOW["max_length"], HOW["eos_token_id"]
    power, stop, mask = HOW["length_penalty"], HOW["early_stopping"], np.ones_like(ids)
    source = ENCODER.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    written, own = source[..., :0, :], np.zeros((count, 0), "int32")
    start, finished = [HOW["decoder_start_token_id"]], []
    beams = [(np.float32(-1e9 if i else 0), i, start) for i in range(count)]
    for length in range(1, limit):
        scores, parents, texts = (list(part) for part in zip(*beams))
        own = np.concatenate([own[parents], np.eye(count, dtype="int32")], axis=1)
        inputs = {"written": written, "own": own[None], "source": source, "attention_mask": mask}
        inputs["ids"] = np.array([[text[-1] for text in texts]], "int32")
        inputs["place"] = np.array(length - 1, "int32")
        values, new = DECODER.run(None, inputs)
        written = np.concatenate([written, new], axis=-2)
        values = (allowed(values, texts) + np.array(scores)[:, None]).ravel()
        best = np.argpartition(-values, n := max(2, 1 + len(ends)) * count)[:n]
        beams, vocabulary = [], len(values) // count
        for rank, place in enumerate(best[np.argsort(-values[best])].tolist()):
            text = [*texts[place // vocabulary], place % vocabulary]
            if text[-1] not in ends and length + 1 < limit:
                beams.append((values[place], place // vocabulary, text))
            elif rank < count:
                finished.append((values[place] / length**power, text))
        beams, finished = beams[:count], sorted(finished, key=lambda pair: -pair[0])[:count]
        longest = limit - 1 if stop == "never" and power > 0 else length
        hope = beams[0][0] / longest**power if beams else -np.inf
        if len(finished) == count and (stop is True or hope <= finished[-1][0]):
            break
    finished = finished[: HOW["num_return_sequences"]]
    return [(TARGET.decode(text).strip(), float(score)) for score, text in finished]


def allowed(values, texts):  # minus infinity for tokens that may not come next
    length, size = len(texts[0]), HOW["no_repeat_ngram_size"]
    if (token := HOW["forced"].get(str(length))) is not None:
        return np.where(np.arange(values.shape[1]) == token, values * 0, -np.inf)
    for row, t in zip(values, texts):
        row[HOW["eos_token_id"] if length < HOW["min_length"] else []] = -np.inf
        words = [w for w in HOW["bad_words_ids"] if t[max(0, length + 1 - len(w)) :] == w[:-1]]
        words += [t[i : i + size] for i in range(length - size + 1) if size]
        row[[w[-1] for w in words if w[:-1] == t[length + 1 - len(w) :]]] = -np.inf
    return values
'''
    + END
)
