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
from .scripts import PREDICT, PREDICT_STRINGS

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

OUTPUTS = "Each text has a row of\nnumbers, in the order of `classes` in labels.json."
SEVERAL = f"{OUTPUTS} It has the\nlabels whose probability reaches their threshold in `thresholds`."
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
    kind = settings.labels.kind
    per_token = kind.per_token
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
        labels=ENTITIES if per_token else SEVERAL if kind.has_thresholds else OUTPUTS,
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
