"""The predict.py of exported models: text classifiers, and what is the same for entities."""

from string import Template

# The model, its tokenizer and the logits of a batch: in each script whose model takes ids.
MODEL_AND_LOGITS = """\
HERE = Path(__file__).parent
MODEL = $load
LABELS = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
TOKENIZER = Tokenizer.from_file(str(HERE / "tokenizer.json"))
TOKENIZER.enable_truncation(LABELS["maxlen"], direction=LABELS["truncation_side"])
PARTS = {"input_ids": "ids", "token_type_ids": "type_ids", "attention_mask": "attention_mask"}


def batch_logits(encoded):
    for text in encoded:  # padded to the longest of its batch
        text.pad(max(map(len, encoded)), **LABELS["padding"])
    rows = {name: [getattr(text, PARTS[name]) for text in encoded] for name in LABELS["inputs"]}
    inputs = {name: np.array(row, dtype="int32") for name, row in rows.items()}
    return np.array($call)
"""

PREDICT = Template(
    '''\
"""Classify texts: python predict.py "one text" "another". Needs $packages."""

import json
import sys
from pathlib import Path

import numpy as np
$imports
from tokenizers import Tokenizer

'''
    + MODEL_AND_LOGITS
    + '''

def predict_proba(texts, batch_size=32):
    """Probabilities (regression: values), an array (texts, classes); a pair is a tuple."""
    encoded = TOKENIZER.encode_batch(list(texts))
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))  # long texts together
    logits = np.zeros((len(encoded), len(LABELS["classes"])))
    for rows in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        logits[rows] = batch_logits([encoded[i] for i in rows])
    logits = logits / LABELS["temperature"]
    if LABELS["task"] == "regression":
        return logits
    if LABELS["task"] == "multi_label_classification":
        return 1 / (1 + np.exp(-logits))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    for row in predict_proba(sys.argv[1:]):
        print(json.dumps(dict(zip(LABELS["classes"], row.tolist()))))
'''
)

# For a SavedModel with the tokenizer inside.
PREDICT_STRINGS = Template('''\
"""Classify texts: python predict.py "one text" "another". Needs $packages."""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow
import tensorflow_text  # noqa: F401 - the model uses its operations

HERE = Path(__file__).parent
LABELS = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
MODEL = tensorflow.saved_model.load(HERE / "saved_model").signatures["serving_default"]


def predict_proba(texts, batch_size=32):
    """Probabilities (regression: values), an array (texts, classes); a pair is a tuple."""
    rows = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
    order = sorted(range(len(rows)), key=lambda i: sum(map(len, rows[i])))  # long texts together
    values = np.zeros((len(rows), len(LABELS["classes"])), "float32")
    for batch in (order[i : i + batch_size] for i in range(0, len(order), batch_size)):
        columns = zip(("texts", "pairs"), map(tensorflow.constant, zip(*(rows[i] for i in batch))))
        values[batch] = MODEL(**dict(columns))["probabilities"].numpy()
    return values


if __name__ == "__main__":
    for row in predict_proba(sys.argv[1:]):
        print(json.dumps(dict(zip(LABELS["classes"], row.tolist()))))
''')
