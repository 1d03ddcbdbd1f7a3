#!/usr/bin/env python3
"""How long a BERT-base-sized tf_model.h5 takes to load, beside the same weights in safetensors.

Both files (110 million random parameters, 440 MB each) are made on the spot. Each figure is of a
fresh process, imports left out, files in the page cache; the two take turns. Memory is the highest
rise of the process's own memory while it loads, as a multiple of the weights' size: 1 is the model
itself.

    python benchmarks/load_h5.py
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from load import IMPORTS, MEMORY, SECONDS, run
from safetensors.numpy import save_file

from simpletext.checkpoints.tf_h5 import as_torch, torch_name

HIDDEN, INNER, LAYERS, LABELS = 768, 3072, 12, 3
CONFIG = {"model_type": "bert", "id2label": {str(i): f"LABEL_{i}" for i in range(LABELS)}}
EMBEDDINGS = {"word_embeddings/embeddings": 30522, "position_embeddings/embeddings": 512,
              "token_type_embeddings/embeddings": 2}  # fmt: skip


def dense(name: str, inputs: int, units: int) -> dict[str, tuple[int, ...]]:
    """The two variables of a dense layer."""
    return {f"{name}/kernel": (inputs, units), f"{name}/bias": (units,)}


def norm(name: str) -> dict[str, tuple[int, ...]]:
    """The two variables of a layer norm."""
    return {f"{name}/LayerNorm/gamma": (HIDDEN,), f"{name}/LayerNorm/beta": (HIDDEN,)}


def variables() -> dict[str, tuple[int, ...]]:
    """The names and shapes of TFBertForSequenceClassification's variables."""
    found: dict[str, tuple[int, ...]] = {
        f"bert/embeddings/{name}": (rows, HIDDEN) for name, rows in EMBEDDINGS.items()
    }
    found |= norm("bert/embeddings")
    for i in range(LAYERS):
        layer = f"bert/encoder/layer_._{i}"
        for part in ("query", "key", "value"):
            found |= dense(f"{layer}/attention/self/{part}", HIDDEN, HIDDEN)
        found |= dense(f"{layer}/attention/output/dense", HIDDEN, HIDDEN)
        found |= norm(f"{layer}/attention/output")
        found |= dense(f"{layer}/intermediate/dense", HIDDEN, INNER)
        found |= dense(f"{layer}/output/dense", INNER, HIDDEN) | norm(f"{layer}/output")
    found |= dense("bert/pooler/dense", HIDDEN, HIDDEN)
    return found | dense("classifier", HIDDEN, LABELS)


def make(folder: Path) -> int:
    """Write both checkpoints; returns the weights' size in bytes."""
    rng, tensors, size = np.random.default_rng(0), {}, 0
    for kind in ("h5", "safetensors"):
        (folder / kind).mkdir()
        (folder / kind / "config.json").write_text(json.dumps(CONFIG))
    with h5py.File(folder / "h5" / "tf_model.h5", "w") as file:
        names = [f"tf_bert/{name}:0" for name in variables()]
        file.attrs["layer_names"] = ["bert"]
        group = file.create_group("bert")
        group.attrs["weight_names"] = names
        for name, shape in zip(names, variables().values(), strict=True):
            value = rng.normal(scale=0.02, size=shape).astype("float32")
            group[name] = value
            tensors[torch_name(name, True)] = np.ascontiguousarray(as_torch(value, name))
            size += value.nbytes
    save_file(tensors, folder / "safetensors" / "model.safetensors", metadata={"format": "pt"})
    return size


def main() -> None:
    """Makes the checkpoints, measures, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    code = SECONDS.format(imports=IMPORTS["classifier"])
    with tempfile.TemporaryDirectory() as name:
        size = make(Path(name))
        seconds: dict[str, list[float]] = {"safetensors": [], "h5": []}
        for _ in range(args.repetitions):
            for kind, values in seconds.items():
                values.append(run(sys.executable, code, Path(name) / kind))
        told = {f"{kind}, s": [round(value, 2) for value in v] for kind, v in seconds.items()}
        medians = {kind: statistics.median(values) for kind, values in seconds.items()}
        memory = run(
            sys.executable, MEMORY.format(imports=IMPORTS["classifier"]), Path(name) / "h5"
        )
    ratio = round(medians["h5"] / medians["safetensors"], 2)
    print(json.dumps({**told, "ratio": ratio, "memory": round(memory / size, 2), "bytes": size}))


if __name__ == "__main__":
    main()
