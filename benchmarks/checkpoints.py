"""Sizes and speed of well-known checkpoints: the table of docs/checkpoints.md.

    python benchmarks/checkpoints.py

The time of a model depends on its architecture, not on its weights, so nothing is downloaded: the
configurations are those of the checkpoints on the Hub, and the weights are random. The models take
turns, so that a busy machine slows all of them; the ratio to the first one is what is printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import keras
import numpy as np

from simpletext.models.families import family_of

BASE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}
SMALL = {**BASE, "hidden_size": 384, "intermediate_size": 1536}
DEBERTA = {
    "model_type": "deberta-v2",
    "vocab_size": 128100,
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}
ROBERTA = {**BASE, "max_position_embeddings": 514, "type_vocab_size": 1}
CONFIGS: dict[str, dict[str, Any]] = {
    "sentence-transformers/all-MiniLM-L6-v2": {
        **SMALL, "model_type": "bert", "num_hidden_layers": 6, "vocab_size": 30522,
    },
    "google/electra-small-discriminator": {
        "model_type": "electra", "hidden_size": 256, "num_hidden_layers": 12,
        "num_attention_heads": 4, "intermediate_size": 1024, "embedding_size": 128,
        "vocab_size": 30522,
    },
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2": {
        **SMALL, "model_type": "bert", "vocab_size": 250037,
    },
    "distilbert/distilbert-base-uncased": {
        "model_type": "distilbert", "dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072,
        "vocab_size": 30522,
    },
    "microsoft/deberta-v3-small": {**BASE, **DEBERTA, "num_hidden_layers": 6},
    "google-bert/bert-base-uncased": {**BASE, "model_type": "bert", "vocab_size": 30522},
    "FacebookAI/roberta-base": {**ROBERTA, "model_type": "roberta", "vocab_size": 50265},
    "sentence-transformers/all-mpnet-base-v2": {
        **ROBERTA, "model_type": "mpnet", "vocab_size": 30527,
    },
    "FacebookAI/xlm-roberta-base": {**ROBERTA, "model_type": "xlm-roberta", "vocab_size": 250002},
    "answerdotai/ModernBERT-base": {
        **BASE, "model_type": "modernbert", "num_hidden_layers": 22, "intermediate_size": 1152,
        "vocab_size": 50368,
    },
}  # fmt: skip


def new_encoder(config: dict[str, Any]) -> keras.Model:
    """An encoder of this architecture with random weights."""
    family = family_of(config)
    own = family.read_config(config)
    inputs = {n: keras.Input((None,), dtype="int32", name=n) for n in family.inputs_of(own)}
    return keras.Model(inputs, family.encode(own, inputs, "float32", 0))


def forward(model: keras.Model, texts: int, tokens: int) -> Callable[[], Any]:
    """A forward pass of so many texts of so many tokens, compiled."""
    batch = {x.name: np.ones((texts, tokens), "int32") for x in model.inputs}
    model.predict_on_batch(batch)
    return lambda: model.predict_on_batch(batch)


def seconds(call: Callable[[], Any]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(texts: int, tokens: int, rounds: int) -> list[tuple[str, float, float, float]]:
    """For each checkpoint: its name, million weights, ms per text, and times the first one."""
    names, sizes, calls = list(CONFIGS), [], []
    for config in CONFIGS.values():
        model = new_encoder(config)
        sizes.append(model.count_params() / 1e6)
        calls.append(forward(model, texts, tokens))
    times = [[seconds(call) for call in calls] for _ in range(rounds)]
    rows = []
    for i, name in enumerate(names):
        ratio = median(row[i] / row[0] for row in times)
        rows.append((name, sizes[i], 1000 * median(row[i] for row in times) / texts, ratio))
    return rows


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=8, help="texts in a batch")
    parser.add_argument("--tokens", type=int, default=128, help="tokens per text")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| checkpoint | million weights | download, MB | ms per text | times MiniLM |")
    print("|---|---|---|---|---|")
    for name, size, ms, ratio in measure(options.texts, options.tokens, options.rounds):
        print(f"| `{name}` | {size:.0f} | {4 * size:.0f} | {ms:.0f} | {ratio:.1f} |")


if __name__ == "__main__":
    main()
