"""Writes the golden logits of heads for token classification with the original implementation.

    python make_token_golden.py

For each family of families.py whose original has such a head, its base and its realistic config
are built with weights made from their names, saved as the original saves them, loaded again (with
nothing missing, nothing unexpected) and run on the inputs of the family's own fixture. The configs
and shapes go to fixtures/token_heads.json, the logits to fixtures/token_heads.npz.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from families import FAMILIES
from fixtures import read_fixture
from make_golden import call
from safetensors.numpy import load_file
from weights import write_checkpoint

FOLDER = Path(__file__).parent / "fixtures"
WITHOUT = ("bart", "talking_heads_bert")  # the original has no such head
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
LABELS = {"id2label": dict(enumerate(TAGS)), "label2id": {tag: i for i, tag in enumerate(TAGS)}}
LEFT_OUT = ("architectures", "problem_type", "num_labels", "transformers_version")
CASES = {"base": ("padded", "pair", "single", "limit"), "realistic": ("realistic",)}
AUTO = transformers.AutoModelForTokenClassification
EAGER: dict[str, Any] = {"attn_implementation": "eager"}


def checkpoint(model_type: str, size: str) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The config.json and the keys with their shapes, as `save_pretrained` writes them."""
    known = read_fixture(model_type).checkpoints[size].config
    fields = {name: value for name, value in known.items() if name not in LEFT_OUT}
    model = AUTO.from_config(transformers.AutoConfig.for_model(**(fields | LABELS)), **EAGER)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(Path(folder) / "model.safetensors")
    config.pop("transformers_version")
    return config, {key: list(value.shape) for key, value in sorted(tensors.items())}


def logits(config: dict[str, Any], shapes: dict[str, list[int]], cases: dict[str, Any]) -> Any:
    """What the original answers to each case, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(folder, config, shapes)
        model, told = AUTO.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **EAGER
        )
    problems = {kind: keys for kind, keys in told.items() if keys}
    if problems:
        raise SystemExit(f"{config['model_type']}: {problems}")
    answers = {}
    for name, case in cases.items():
        answers[name] = call(model.eval(), case.inputs).logits.numpy()
    return answers


def main() -> None:
    """Write both files."""
    described: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for model_type in FAMILIES:
        if model_type in WITHOUT:
            continue
        for size, names in CASES.items():
            config, shapes = checkpoint(model_type, size)
            described.setdefault(model_type, {})[size] = {"config": config, "shapes": shapes}
            known = read_fixture(model_type).checkpoints[size].cases
            cases = {name: known[name] for name in names if name in known}
            for name, values in logits(config, shapes, cases).items():
                arrays[f"{model_type}/{size}/{name}"] = values
    (FOLDER / "token_heads.json").write_text(json.dumps(described, indent=None) + "\n", "utf-8")
    np.savez_compressed(FOLDER / "token_heads.npz", **arrays)


if __name__ == "__main__":
    main()
