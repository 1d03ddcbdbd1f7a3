"""A predictor's folder: written atomically, read without running code, then checked."""

import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..checkpoints.folder import open_folder
from ..errors import ArgumentError, CheckpointError, MovedNumbersWarning
from ..inference.outputs import check_ids
from ..models.config_labels import labels_in
from ..models.families import family_of
from ..models.loading import (
    architecture_of,
    find_model,
    layout_for,
    load_classifier,
    max_positions,
    text_encoder_for,
    write_model,
)
from ..models.precision import as_saved, dtype_policy, precision_of
from ..tasks.labels import Labels
from ..tokenization.tokenizer import Tokenizer
from ..utils import console
from ..utils.checksums import changed_files, checksums_of
from ..utils.files import check_links, new_folder, plain_path
from ..utils.validation import require_count, shown
from .model_card import Example, write_card
from .settings import FILE, Settings, check_writable, read_settings, write_settings

# Probe texts, predicted at saving and at loading. They contain no user data, and are
# varied enough to reveal another tokenizer, another layer version or damaged weights.
PROBES = (
    "",
    "A short text.",
    "It wasn't bad at all; in fact, I'd see it again (twice!) for $12.50.",
    "Größe, façade, Привет, नमस्ते, 漢字かな交じり文, 😀👍🏽",
    "The same words, again and again, make a text that is long. " * 8,
)
LONGEST = 512  # default maxlen of `from_pretrained`
TOLERANCES = {"float32": 1e-3, "bfloat16": 3e-2}  # how far probabilities may move


def write_predictor(
    path: str | os.PathLike,
    model: keras.Model,
    tokenizer: Tokenizer,
    settings: Settings,
    examples: Sequence[Example] = (),
) -> None:
    """Write a predictor's folder atomically; the examples are for the model card.

    Raises:
        FolderExistsError: the folder is there already.
        ArgumentError: classes that JSON can't hold.
    """
    check_writable(settings)
    architecture = architecture_of(model)
    precision = precision_of(model)
    others = {
        "precision": precision,
        "pooling": architecture.pooling,
        "tokenizer": tokenizer.options,
        "probes": {
            "tolerance": TOLERANCES[precision],
            "texts": list(PROBES),
            "values": probe_values(model, tokenizer, settings, PROBES).tolist(),
        },
    }
    with new_folder(path) as folder:
        write_model(model, folder, settings.maxlen)
        tokenizer.save(folder, layout_for(architecture.config, tokenizer.layout).model_input_names)
        files = checksums_of(folder)
        write_settings(folder, settings, others | {"files": files})
        write_card(folder, settings, str(architecture.pooling), examples)


def read_predictor(
    path: str | os.PathLike, precision: str = "auto"
) -> tuple[keras.Model, Tokenizer, Settings]:
    """The parts of the predictor in a folder. Runs nothing from it and reads nothing beside it.

    Args:
        path: the folder.
        precision: see `load_predictor`.

    Raises:
        CheckpointError: no such folder, one that isn't whole or was tampered with, or one that
            a newer version wrote.
    """
    folder = plain_path(path)
    settings, raw = read_settings(folder, os.fspath(path))
    check_links(folder)
    checkpoint = open_folder(folder, os.fspath(path))
    labels = settings.labels
    if labels_in(checkpoint.config) != labels.names:
        raise CheckpointError(
            f"{folder}: config.json and simpletext.json have different labels. One of them was "
            "changed, and there is no telling which is right; get the folder again."
        )
    with ThreadPoolExecutor(1) as pool:  # hashing takes half as long as loading
        changed = pool.submit(changed_files, folder, raw.get("files", {}))
        tokenizer = _tokenizer(folder, raw.get("tokenizer"))
        model = load_classifier(
            checkpoint, len(labels.classes), labels.task, raw["pooling"],
            dtype_policy(as_saved(raw.get("precision", "float32"), precision)), new_head=False,
        )  # fmt: skip
        _check_probes(folder, model, tokenizer, settings, raw.get("probes"), changed.result())
    return model, tokenizer, settings


def read_pretrained(
    source: str | os.PathLike, maxlen: int | None, task: str | None, precision: str
) -> tuple[keras.Model, Tokenizer, Settings]:
    """The parts of a predictor from a fine-tuned checkpoint; see `Predictor.from_pretrained`."""
    checkpoint = find_model(source)
    if (checkpoint.folder / FILE).is_file():
        return read_predictor(checkpoint.folder, precision)
    config = checkpoint.config
    limit = max_positions(family_of(config), config) or LONGEST
    if maxlen is not None and not 3 <= require_count("maxlen", maxlen) <= limit:
        raise ArgumentError(
            f"maxlen={shown(maxlen)}; {checkpoint.name} takes from 3 to {limit} tokens."
        )
    dtype = dtype_policy(as_saved("float32", precision))
    model = load_classifier(checkpoint, problem_type=task, dtype=dtype, new_head=False)
    config = architecture_of(model).config
    names = tuple(labels_in(config) or ())
    labels = Labels(architecture_of(model).task, names, numbered=True)
    if not labels.kind.has_classes and _sigmoid_applies(config):
        console.note(
            f"{checkpoint.name} is a cross-encoder, to whose output sentence-transformers applies "
            "a sigmoid. Values here are without it; 1 / (1 + exp(-value)) gives the same."
        )
    name = None if os.path.exists(source) else os.fspath(source)
    settings = Settings(labels, maxlen or min(limit, LONGEST), base_model=name)
    return model, Tokenizer.load(checkpoint.folder), settings


def _sigmoid_applies(config: Mapping[str, Any]) -> bool:
    """Whether sentence-transformers' CrossEncoder applies a sigmoid, by its entries in a config."""
    newer = config.get("sentence_transformers")
    function = newer.get("activation_fn") if isinstance(newer, dict) else None
    older = config.get("sbert_ce_default_activation_function")
    return str(function or older or "").endswith("Sigmoid")


def probe_values(
    model: keras.Model, tokenizer: Tokenizer, settings: Settings, texts: Sequence[str]
) -> np.ndarray:
    """Probabilities of the probe texts, (texts, classes) float32; or of words, (words, classes).

    Not by the compiled predict function: compiling one for a few texts would take longer than
    everything else that loading does.
    """
    pairs = list(reversed(texts)) if settings.paired else None
    config = architecture_of(model).config
    encoder = text_encoder_for(config, tokenizer, settings.maxlen, segments=settings.segments)
    per_token, rows = settings.labels.kind.per_token, np.arange(len(texts))
    data = encoder.encode_words(texts) if per_token else encoder.encode(texts, pairs)
    check_ids(data, model)
    logits = keras.ops.convert_to_numpy(model(data.padded(rows), training=False))
    logits = logits[data.first_tokens(rows)] if per_token else logits
    return settings.labels.kind.probabilities(logits / settings.temperature)


def _tokenizer(folder: Path, options: Any) -> Tokenizer:
    if options is None:
        return Tokenizer.load(folder)
    sides = ("left", "right")
    if not isinstance(options, dict) or not (
        all(type(options.get(name)) is int for name in ("pad_id", "pad_type_id"))
        and 0 <= options["pad_id"] < 2**31 and 0 <= options["pad_type_id"] < 2**8
        and all(options.get(name) in sides for name in ("padding_side", "truncation_side"))
    ):  # fmt: skip
        raise CheckpointError(f"{folder}/simpletext.json is damaged: tokenizer={shown(options)}.")
    return Tokenizer.load_saved(folder, options)


def _check_probes(
    folder: Path,
    model: keras.Model,
    tokenizer: Tokenizer,
    settings: Settings,
    probes: Any,
    changed: Sequence[str],
) -> None:
    """Warn of files that changed, or if the probabilities of the probe texts did."""
    reasons = [f"{' and '.join(changed)} changed or is missing."] if changed else []
    if probes is not None:  # the first folders of format 1 have none
        reasons += _moved_probes(folder, model, tokenizer, settings, probes)
    if reasons:
        warnings.warn(
            f"The predictor in {folder} isn't as it was saved: {' '.join(reasons)} Get the folder "
            "again. If you changed it on purpose, or another version of a library computes "
            "differently, evaluate it on labelled texts before you use it.",
            MovedNumbersWarning,
            stacklevel=4,
        )


def _moved_probes(
    folder: Path, model: keras.Model, tokenizer: Tokenizer, settings: Settings, probes: Any
) -> list[str]:
    """What is to say of the probe texts' probabilities: a sentence, or nothing."""
    texts, saved, tolerance = _parsed_probes(folder, probes, len(settings.labels.classes))
    values = probe_values(model, tokenizer, settings, texts)
    has_classes = settings.labels.kind.has_classes
    scale = 1.0 if has_classes else max(1.0, float(np.abs(saved).max()))
    same = values.shape == saved.shape  # of words, there may be others
    moved = float(np.abs(values - saved).max()) if same else np.inf
    tolerance = max(tolerance, TOLERANCES[precision_of(model)])
    if moved <= tolerance * scale:
        return []
    return [
        f"It returns other probabilities than when it was saved: they moved by up to {moved:.3g} "
        f"on its {len(texts)} probe texts, where {tolerance:g} is allowed."
    ]


def _parsed_probes(
    folder: Path, probes: Mapping[str, Any], classes: int
) -> tuple[list[str], np.ndarray, float]:
    try:
        texts = [str(text) for text in probes["texts"]]
        values = np.array(probes["values"], dtype="float32").reshape(-1, classes)
        return texts, values, float(probes["tolerance"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(
            f"{folder}/simpletext.json is damaged: its probes can't be read ({error!r})."
        ) from error
