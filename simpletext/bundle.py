"""What lies beside an exported model: labels.json, tokenizer.json, predict.py, a README."""

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from .checkpoint import write_json
from .errors import ExportError
from .settings import THRESHOLD, Settings
from .tokenizer import Tokenizer

LABELS, SCRIPT = "labels.json", "predict.py"


@dataclass(frozen=True)
class Runtime:
    """How a bundle's predict.py gets logits.

    Attributes:
        file: the model's file or folder in the bundle.
        package: what has to be installed.
        load: the lines that load the model from `HERE`.
        call: an expression that gives the logits of `inputs`, arrays by name.
    """

    file: str
    package: str
    load: str
    call: str


RUNTIMES = {
    "onnx": Runtime(
        "model.onnx",
        "onnxruntime",
        "import onnxruntime\n\n"
        'MODEL = onnxruntime.InferenceSession(HERE / "model.onnx", '
        'providers=["CPUExecutionProvider"])',
        "MODEL.run(None, inputs)[0]",
    ),
    "openvino": Runtime(
        "model.xml",
        "openvino",
        "import openvino\n\n"
        'SETTINGS = {"INFERENCE_PRECISION_HINT": "f32"}\n'
        'MODEL = openvino.Core().compile_model(HERE / "model.xml", "CPU", SETTINGS)',
        "MODEL(inputs)[0]",
    ),
    "litert": Runtime(
        "model.tflite",
        "ai-edge-litert",
        "from ai_edge_litert.interpreter import Interpreter\n\n"
        'MODEL = Interpreter(str(HERE / "model.tflite")).get_signature_runner()',
        'MODEL(**inputs)["output_0"]',
    ),
    "saved_model": Runtime(
        "saved_model",
        "tensorflow",
        "import tensorflow\n\n"
        'MODEL = tensorflow.saved_model.load(HERE / "saved_model").signatures["ids"]',
        'MODEL(**{k: tensorflow.constant(v) for k, v in inputs.items()})["logits"].numpy()',
    ),
}

PREDICT = Template('''\
"""Classify texts: python predict.py "one text" "another". Needs numpy, tokenizers, $package."""

import json
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
$load
LABELS = json.loads((HERE / "labels.json").read_text(encoding="utf-8"))
TOKENIZER = Tokenizer.from_file(str(HERE / "tokenizer.json"))
TOKENIZER.enable_truncation(LABELS["maxlen"], direction=LABELS["truncation_side"])
TOKENIZER.enable_padding(**LABELS["padding"])


def predict_proba(texts):
    """Probabilities (regression: values), an array (texts, classes); a pair is a tuple."""
    encoded = TOKENIZER.encode_batch(list(texts))
    parts = {"input_ids": "ids", "token_type_ids": "type_ids", "attention_mask": "attention_mask"}
    rows = {name: [getattr(e, parts[name]) for e in encoded] for name in LABELS["inputs"]}
    inputs = {name: np.array(row, dtype="int32") for name, row in rows.items()}
    logits = $call / LABELS["temperature"]
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

README = Template("""\
# Exported text classifier ($format)

`$file` answers with logits; `labels.json` says what they stand for. Try it:

    pip install numpy tokenizers $package
    python predict.py "one text" "another"

From your own code: `from predict import predict_proba`, then
`predict_proba(["one text", "another"])`. Texts are cut to $maxlen tokens. A task with several
labels a text gives those whose probability reaches their number in `thresholds`.
$note
It gave the same probabilities as the original, within 1e-4, when it was made.
""")


def write_bundle(
    folder: Path,
    format: str,
    settings: Settings,
    tokenizer: Tokenizer,
    inputs: tuple[str, ...],
    note: str = "",
) -> None:
    """Put everything but the model into an existing folder.

    Args:
        folder: the bundle's.
        format: one of `RUNTIMES`.
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
    runtime = RUNTIMES[format]
    write_json(folder / LABELS, _labels(settings, tokenizer.options, inputs))
    tokenizer.save_backend(folder)
    load = "\nHERE = Path(__file__).parent\n".join(_parted(runtime.load))
    script = PREDICT.substitute(package=runtime.package, load=load, call=runtime.call)
    (folder / SCRIPT).write_text(script, encoding="utf-8")
    readme = README.substitute(
        format=format,
        file=runtime.file,
        package=runtime.package,
        maxlen=settings.maxlen,
        note=f"\n{note}\n" if note else "",
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")


def _parted(load: str) -> list[str]:
    """The import, and what comes after it: HERE stands between."""
    return load.split("\n\n", 1)


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
