"""Weights that are made from their names, so that no weight file is committed.

A fixture keeps only the keys and shapes of a checkpoint; `write_checkpoint` rebuilds the file from
them, bit for bit the same on every machine. Needs numpy and safetensors, nothing else.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BIAS_RANGE = 0.2
NORM_RANGE = 0.2
UNNORMED = re.compile(r"bottleneck|\bffn\.")


def seeded_tensor(key: str, shape: Sequence[int]) -> np.ndarray:
    """A float32 tensor that depends on the key and the shape alone.

    Uniform values: biases in ±0.2, one-dimensional weights (norms) in 1 ± 0.2, all else with a
    standard deviation of 1/sqrt(size of a row), which keeps activations at the order of one. The
    norms of MobileBERT's bottlenecks and feed-forwards are smaller, for they don't normalise.
    `RandomState` is used because numpy guarantees that its streams never change.
    """
    shape = tuple(int(size) for size in shape)
    noise = np.random.RandomState(zlib.crc32(key.encode())).random_sample(shape) * 2.0 - 1.0
    if key.endswith(("bias", "beta")):
        values = noise * BIAS_RANGE
    elif len(shape) < 2:
        values = (1.0 + noise * NORM_RANGE) * (0.7 if UNNORMED.search(key) else 1.0)
    else:
        values = noise * math.sqrt(3.0 / math.prod(shape[1:]))
    return np.ascontiguousarray(values, dtype=np.float32)


def seeded_weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """The tensors of a whole checkpoint, by key."""
    return {key: seeded_tensor(key, shape) for key, shape in shapes.items()}


def write_checkpoint(
    folder: str | Path, config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]
) -> Path:
    """Write config.json and model.safetensors, as a folder from the Hub has them."""
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(config), indent=2, sort_keys=True)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    path = folder / "model.safetensors"
    save_file(seeded_weights(shapes), str(path), metadata={"format": "pt"})
    return folder
