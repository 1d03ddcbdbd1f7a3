"""The files beside an exported model: labels.json, tokenizer.json, predict.py, a README."""

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from ..data.tags import scheme_of
from ..errors import ExportError
from ..saving.settings import THRESHOLD, Settings
from ..tokenization.scripts import DENSE
from ..tokenization.tokenizer import Tokenizer
from ..utils.files import write_json
from .entity_script import PREDICT_ENTITIES

LABELS, SCRIPT = "labels.json", "predict.py"


@dataclass(frozen=True)
class Runtime:
    """How a bundle's predict.py gets logits.

    Attributes:
        file: the model's file or folder in the bundle.
        packages: packages to install.
        imports: the line that imports the runtime.
        load: an expression that loads the model from the folder `HERE`.
        call: an expression that returns the logits of `inputs`, arrays by name.
    """

    file: str
    packages: tuple[str, ...]
    imports: str = ""
    load: str = ""
    call: str = ""


STRINGS = "saved_model with strings"
RUNTIMES = {
    "onnx": Runtime(
        "model.onnx",
        ("numpy", "onnxruntime", "tokenizers"),
        "import onnxruntime",
        'onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])',
        "MODEL.run(None, inputs)[0]",
    ),
    "openvino": Runtime(
        "model.xml",
        ("numpy", "openvino", "tokenizers"),
        "import openvino",
        # By default it computes in bfloat16 if the processor can.
        'openvino.compile_model(HERE / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})',
        "MODEL(inputs)[0]",
    ),
    "litert": Runtime(
        "model.tflite",
        ("ai-edge-litert", "numpy", "tokenizers"),
        "from ai_edge_litert.interpreter import Interpreter",
        'Interpreter(str(HERE / "model.tflite")).get_signature_runner()',
        'MODEL(**inputs)["output_0"]',
    ),
    "saved_model": Runtime(
        "saved_model",
        ("numpy", "tensorflow", "tokenizers"),
        "import tensorflow",
        'tensorflow.saved_model.load(HERE / "saved_model").signatures["ids"]',
        'MODEL(**{k: tensorflow.constant(v) for k, v in inputs.items()})["logits"]',
    ),
    STRINGS: Runtime("saved_model", ("numpy", "tensorflow", "tensorflow-text")),
}

PREDICT = Template('''\
"""Classify texts: python predict.py "one text" "another". Needs $packages."""

import json
import sys
from pathlib import Path

import numpy as np
$imports
from tokenizers import Tokenizer

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
''')

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

SEVERAL = (
    "A task with several\nlabels per text it returns those whose probability reaches their "
    "threshold in `thresholds`."
)
ENTITIES = "Each\nentity is a dict with `text`, `label`, `start`, `end` and `probability`."

README = Template("""\
# Exported text classifier ($format)

`$file` returns logits; `labels.json` names their classes. Try it:

    pip install $packages
    python predict.py "one text" "another"

From your own code: `from predict import $function`, then
`$function(["one text", "another"])`. Texts are truncated to $maxlen tokens. $labels
$note
When exported, it returned the original's probabilities within 1e-4.
""")


def write_bundle(
    folder: Path,
    name: str,
    settings: Settings,
    tokenizer: Tokenizer,
    inputs: tuple[str, ...],
    note: str = "",
) -> None:
    """Write everything but the model into an existing folder.

    Args:
        folder: the bundle's.
        name: the name of one of `RUNTIMES`.
        settings: the predictor's.
        tokenizer: the predictor's.
        inputs: names of the model's inputs.
        note: a paragraph for the README.

    Raises:
        ExportError: the tokenizer is written in Python, so it has no tokenizer.json.
    """
    if tokenizer.options is None:
        raise ExportError(
            "This model's tokenizer is written in Python and has no tokenizer.json, so nothing "
            "but transformers can run it. Serve the predictor itself."
        )
    runtime = RUNTIMES[name]
    per_token = settings.labels.kind.per_token
    words = {"words": _word_rules(settings, tokenizer)} if per_token else {}
    write_json(folder / LABELS, _labels(settings, tokenizer.options, inputs) | words)
    tokenizer.save_backend(folder)
    script = PREDICT_STRINGS if name == STRINGS else PREDICT
    script = PREDICT_ENTITIES if per_token else script
    content = script.substitute(
        packages=", ".join(runtime.packages),
        imports=runtime.imports,
        load=runtime.load,
        call=runtime.call,
    )
    (folder / SCRIPT).write_text(content, encoding="utf-8")
    readme = README.substitute(
        format=name,
        file=runtime.file,
        packages=" ".join(runtime.packages),
        maxlen=settings.maxlen,
        function="predict" if per_token else "predict_proba",
        labels=ENTITIES if per_token else SEVERAL,
        note=f"\n{note}\n" if note else "",
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")


def _word_rules(settings: Settings, tokenizer: Tokenizer) -> dict[str, Any]:
    """What finding words and reading tags depends on."""
    return {
        "scheme": scheme_of([settings.labels.names]),
        "marks_subwords": tokenizer.marks_subwords,
        "unknown": tokenizer.unk_id,
        "dense_scripts": list(DENSE),
    }


def _labels(settings: Settings, options: dict[str, Any], inputs: tuple[str, ...]) -> dict[str, Any]:
    return {
        "task": settings.labels.task,
        "classes": settings.labels.names,
        "thresholds": settings.thresholds or [THRESHOLD] * len(settings.labels.classes),
        "temperature": settings.temperature,
        "maxlen": settings.maxlen,
        "truncation_side": options["truncation_side"],
        "padding": {
            "direction": options["padding_side"],
            "pad_id": options["pad_id"],
            "pad_type_id": options["pad_type_id"],
        },
        "inputs": list(inputs),
    }
