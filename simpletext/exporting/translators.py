"""Export a translator to serve without simpletext, and check the export."""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from string import Template
from typing import Any

import keras
import numpy as np

from ..errors import ArgumentError, ExportError
from ..inference.decoder import decoder_of
from ..inference.generation import settings_of
from ..inference.generation_options import GenerationOptions
from ..inference.translating import translate
from ..models.loading import architecture_of, write_model
from ..models.precision import precision_of
from ..saving.predictor_folder import PROBES
from ..tokenization.pair_tokenizer import PairTokenizer
from ..utils import console
from ..utils.files import new_folder, write_json
from ..utils.validation import require_choice
from .bundle import SCRIPT
from .exporters import TOLERANCE, require_packages, script_output, without_faulty_optimizer
from .translation_graph import search_function, step_functions
from .translation_script import TRANSLATE_BY_STEPS, TRANSLATE_IDS

HOW = "generation.json"
CODE = "print(json.dumps(predict.translations(json.load(sys.stdin))), flush=True)"
OPSET = 18
# format -> packages that the export needs, and those that predict.py needs
NEEDED: dict[str, tuple[str, ...]] = {
    "saved_model": (), "onnx": ("onnx", "tf2onnx", "onnxruntime"),
}  # fmt: skip
PACKAGES = {
    "saved_model": ("numpy", "tensorflow", "tokenizers"),
    "onnx": ("numpy", "onnxruntime", "tokenizers"),
}
CONTENTS = {
    "saved_model": "`saved_model` takes `input_ids` and `attention_mask`, (sources, length), and "
    "returns `ids`, with the search inside, and `scores`.",
    "onnx": "`encoder.onnx` reads ids, `decoder.onnx` adds a token; predict.py has the search.",
}
README = Template("""\
# Exported translator ($format)

$contents `generation.json` says how translations are written. Try it:

    pip install $packages
    python predict.py "one text" "another"

From your own code: `from predict import predict`, then `predict(["one text", "another"])`;
`translations` returns scores, too. Texts are truncated to $maxlen tokens.

When exported, it returned the original's scores within 1e-4.
""")


def export_translator(
    translator: Any, path: str | os.PathLike, format: str, **given: Any
) -> dict[str, float]:
    """See `Translator.export`."""
    require_choice("format", format, WRITERS)
    require_packages(format, NEEDED[format])
    tokenizer, maxlen = translator.tokenizer, translator.maxlen
    options = settings_of(translator.model, **given)
    if options.do_sample:
        raise ArgumentError(
            "do_sample=True can't be exported: an exported model returns the likeliest texts. "
            "Pass do_sample=False."
        )
    if not tokenizer.is_fast:
        raise ExportError(
            "This model's tokenizer is written in Python and has no tokenizer.json, so nothing "
            "but transformers can run it. Serve the translator itself."
        )
    model = _in_float32(translator.model)
    sources = tokenizer.encode_sources(PROBES, maxlen)[0]
    wanted = translate(model, tokenizer, sources, len(PROBES), **given)
    with new_folder(path) as folder:
        with console.silent("tensorflow"):  # it prints its temporary folder
            WRITERS[format](model, options, folder)
        _write_others(folder, format, options, tokenizer, maxlen)
        found = json.loads(script_output(folder, CODE, list(PROBES)))
        moved = float(np.abs(_scores(found) - _scores(wanted)).max())
        if not moved <= TOLERANCE:
            raise ExportError(
                f"The export to {format} scores its translations differently from the translator: "
                f"by {moved:.3g}, where {TOLERANCE:g} is allowed. Nothing was written. Please "
                "report the model's name."
            )
    return {"moved": moved}


def _scores(rows: Any) -> np.ndarray:
    return np.array([[score for _, score in row] for row in rows])


def _write_saved_model(model: keras.Model, options: GenerationOptions, folder: Path) -> None:
    """A SavedModel from ids to ids."""
    import tensorflow as tf

    module = tf.Module()
    module.model = model
    module.search = search_function(decoder_of(model), options)
    signatures = {"serving_default": module.search.get_concrete_function()}
    tf.saved_model.save(module, str(folder / "saved_model"), signatures)


def _write_onnx(model: keras.Model, options: GenerationOptions, folder: Path) -> None:
    """encoder.onnx and decoder.onnx, for any number of sources, beams and tokens."""
    import tf2onnx

    for name, function in step_functions(decoder_of(model)).items():
        with without_faulty_optimizer():
            tf2onnx.convert.from_function(
                function, function.input_signature, opset=OPSET,
                output_path=str(folder / f"{name}.onnx"),
            )  # fmt: skip


WRITERS: dict[str, Callable[[keras.Model, GenerationOptions, Path], None]] = {
    "saved_model": _write_saved_model,
    "onnx": _write_onnx,
}


def _write_others(
    folder: Path, format: str, options: GenerationOptions, tokenizer: PairTokenizer, maxlen: int
) -> None:
    """The tokenizers, generation.json, predict.py and a README."""
    how = {
        "maxlen": maxlen,
        "source_eos": tokenizer.source.eos_token_id,
        "source_pad": tokenizer.pad_id,
        "tokenizers": tokenizer.save_backends(folder),
        "forced": options.forced,
    }
    write_json(folder / HOW, how | asdict(options))
    packages = PACKAGES[format]
    script = {"saved_model": TRANSLATE_IDS, "onnx": TRANSLATE_BY_STEPS}[format]
    content = script.substitute(packages=", ".join(packages))
    (folder / SCRIPT).write_text(content, encoding="utf-8")
    readme = README.substitute(
        format=format, contents=CONTENTS[format], packages=" ".join(packages), maxlen=maxlen
    )
    (folder / "README.md").write_text(readme, encoding="utf-8")


def _in_float32(model: keras.Model) -> keras.Model:
    """The model, or a float32 copy if it computes in reduced precision."""
    if precision_of(model) == "float32":
        return model
    with tempfile.TemporaryDirectory() as parent:
        write_model(model, Path(parent))
        return architecture_of(model).load_like(Path(parent))
