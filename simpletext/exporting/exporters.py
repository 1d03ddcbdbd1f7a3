"""Export a predictor to serve without simpletext, and check the export."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..checkpoints.folder import open_folder
from ..errors import ArgumentError, ExportError
from ..models.loading import architecture_of, input_names, load_classifier, write_model
from ..models.precision import precision_of
from ..saving.predictor_folder import PROBES, probe_values
from ..utils import backend, console
from ..utils.files import new_folder
from ..utils.validation import require_choice, require_flag, shown
from .bundle import RUNTIMES, write_bundle

NEEDED = {
    "onnx": ("onnx", "tf2onnx", "onnxruntime"),
    "openvino": ("openvino",),
    "litert": ("ai_edge_litert",),
    "saved_model": ("tensorflow_text",),
}
TOLERANCE = 1e-4
IMPORTS = "import json, sys; sys.path.insert(0, sys.argv[1]); import predict; "
CODE = (
    "texts = [tuple(t) if isinstance(t, list) else t for t in json.load(sys.stdin)]; "
    "print(json.dumps(predict.predict_proba(texts).tolist()), flush=True)"
)


def export(
    predictor: Any, path: str | os.PathLike, format: str, quantize: bool
) -> dict[str, float]:
    """See `Predictor.export`."""
    _check(format, quantize, predictor.labels.kind.per_token)
    model, settings = _in_float32(predictor.model), predictor.settings
    inputs = input_names(architecture_of(model).config)
    # Also calls the model: Keras exports nothing else.
    wanted = probe_values(model, predictor.tokenizer, settings, PROBES)
    with new_folder(path) as folder:
        with console.silent("tensorflow"):  # it prints its temporary folder
            runtime, note = WRITERS[format](model, predictor, folder)
        write_bundle(folder, runtime, settings, predictor.tokenizer, inputs, note)
        moved = float(np.abs(exported_probabilities(folder, settings.paired) - wanted).max())
        if not moved <= TOLERANCE:
            raise ExportError(
                f"The export to {format} returns other probabilities than the predictor: they "
                f"differ by {moved:.3g}, where {TOLERANCE:g} is allowed. Nothing was written. "
                "Please report the model's name."
            )
        report = {"moved": moved}
        if quantize:
            report |= _quantize(folder, wanted, settings.paired)
    return report


def exported_probabilities(folder: Path, paired: bool | None = False) -> np.ndarray:
    """The probabilities of the probe texts from a bundle's predict.py, in a separate process.

    Raises:
        ExportError: predict.py fails; the message has the last line of its output.
    """
    texts: list[Any] = list(PROBES)
    if paired:
        texts = list(zip(PROBES, reversed(PROBES), strict=True))
    return np.array(json.loads(script_output(folder, CODE, texts)))


def script_output(folder: Path, code: str, texts: list[Any]) -> str:
    """The last line that code prints beside a bundle's predict.py, in a separate process.

    Args:
        folder: the bundle's.
        code: finds `predict`, and the texts as JSON on standard input.
        texts: the texts.

    Raises:
        ExportError: it fails; the message has the last line of its output.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", IMPORTS + code, str(folder)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"The exported model doesn't run: {last}. Nothing was written.")
    return done.stdout.splitlines()[-1]


def write_onnx(model: keras.Model, predictor: Any, folder: Path) -> tuple[str, str]:
    """model.onnx, for any batch and length."""
    with without_faulty_optimizer(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # from Keras' use of np.object
        model.export(str(folder / RUNTIMES["onnx"].file), format="onnx", verbose=False)
    return "onnx", ""


def write_openvino(model: keras.Model, predictor: Any, folder: Path) -> tuple[str, str]:
    """model.xml and model.bin, for any batch and length."""
    model.export(str(folder / RUNTIMES["openvino"].file), format="openvino", verbose=False)
    return "openvino", ""


def write_litert(model: keras.Model, predictor: Any, folder: Path) -> tuple[str, str]:
    """model.tflite, for any batch and length, with built-in operations only."""
    model.export(str(folder / RUNTIMES["litert"].file), format="litert", verbose=False)
    return "litert", "On a phone, tokenizer.json is read by the `tokenizers` library, in Rust."


def write_saved_model(model: keras.Model, predictor: Any, folder: Path) -> tuple[str, str]:
    """A SavedModel that takes ids, and strings if the tokenizer fits into the graph."""
    from .saved_model import write

    return write(model, predictor, folder / RUNTIMES["saved_model"].file)


WRITERS: dict[str, Callable[[keras.Model, Any, Path], tuple[str, str]]] = {
    "saved_model": write_saved_model,
    "onnx": write_onnx,
    "litert": write_litert,
    "openvino": write_openvino,
}


def _check(format: str, quantize: bool, per_token: bool) -> None:
    require_choice("format", format, WRITERS)
    if require_flag("quantize", quantize) and format != "onnx":
        raise ArgumentError(f"quantize=True is for format='onnx'; this is {shown(format)}.")
    ids_alone = per_token and format == "saved_model"  # no tokenizer goes into the graph
    require_packages(format, () if ids_alone else NEEDED[format])


def require_packages(format: str, needed: tuple[str, ...]) -> None:
    """Check the backend, and the packages that an export needs.

    Raises:
        ExportError: another backend than TensorFlow, or a missing package.
    """
    if not backend.is_tensorflow():
        raise ExportError(
            f"Exports are made with the TensorFlow backend; this is {backend.name()!r}. "
            "Save the predictor, and load and export it with KERAS_BACKEND=tensorflow."
        )
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ExportError(
            f"The export to {format} needs {', '.join(missing)}, which isn't installed: "
            f"pip install 'simpletext-keras[{format.replace('_', '-')}]'."
        )


def _in_float32(model: keras.Model) -> keras.Model:
    """The model, or a float32 copy if it computes in reduced precision."""
    if precision_of(model) == "float32":
        return model
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        write_model(model, folder)
        architecture = architecture_of(model)
        count = len(architecture.config["id2label"])
        return load_classifier(
            open_folder(folder, parent), count, None, str(architecture.pooling), new_head=False
        )


@contextlib.contextmanager
def without_faulty_optimizer() -> Iterator[None]:
    """Switch off a step of tf2onnx that merges two reshapes whose intermediate shape is used.

    ONNX Runtime optimises the graph anyway when it loads it.
    """
    from tf2onnx import optimizer

    steps = optimizer._get_optimizers()
    kept = dict(steps)
    steps.pop("remove_back_to_back", None)
    try:
        yield
    finally:
        steps.clear()
        steps.update(kept)


def _quantize(folder: Path, wanted: np.ndarray, paired: bool | None) -> dict[str, float]:
    """Quantize the weights to int8; returns the largest change on the probe texts."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = folder / RUNTIMES["onnx"].file
    small = path.with_suffix(".int8")
    with console.silent(None):  # it recommends preprocessing that our models don't need
        quantize_dynamic(path, small, weight_type=QuantType.QInt8)
    before, after = path.stat().st_size, small.stat().st_size
    small.replace(path)
    quantized = exported_probabilities(folder, paired)
    moved = float(np.abs(quantized - wanted).max())
    console.note(
        f"int8: {before / 1e6:.1f} MB became {after / 1e6:.1f} MB; the probabilities of the probe "
        f"texts moved by up to {moved:.3f}. Evaluate it on your own texts."
    )
    return {"moved_by_int8": moved, "bytes": float(after)}
