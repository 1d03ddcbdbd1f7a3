#!/usr/bin/env python3
"""What the work costs as it grows, and how near the machine's limit the forward pass comes.

    python benchmarks/scaling.py texts --data ../shared/data
    python benchmarks/scaling.py lengths --data ../shared/data --figure docs/lengths.png
    python benchmarks/scaling.py limit

`texts` and `lengths` time encoding, training and prediction a token, padding counted as none.
`limit` compares the products of a forward pass with one large product of matrices in the same
precision. Give the machine nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from learner import MODEL, read, read_csv

import simpletext as st
from simpletext.checkpoints.folder import find_checkpoint
from simpletext.models.precision import dtype_policy

COUNTS = (1_000, 10_000, 100_000)
LENGTHS = (32, 64, 128, 256, 512)
BATCH = 32
SIDE = 2048  # of the matrices whose product is the limit


def seconds(call: Callable[[], Any]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def learner_of(texts: list[str], maxlen: int, options: argparse.Namespace) -> tuple[Any, Any]:
    """A learner on these texts, with two labels that mean nothing, and its transformer."""
    transformer = st.Transformer(options.model, maxlen, precision=options.precision)
    labels = [index % 2 for index in range(len(texts))]
    data = transformer.preprocess_train(texts, labels, verbose=0)
    model = transformer.get_classifier(verbose=0)
    return st.get_learner(model, data, batch_size=BATCH), transformer


def cost(texts: list[str], maxlen: int, options: argparse.Namespace) -> dict[str, float]:
    """Microseconds a token of the three kinds of work, all compiled before."""
    learner, transformer = learner_of(texts[: 4 * BATCH], maxlen, options)
    learner.fit(1e-5, 1, verbose=0)
    predictor = st.get_predictor(learner.model, transformer)
    predictor.predict_proba(texts[: 4 * BATCH])
    labels = [index % 2 for index in range(len(texts))]
    kept: list[Any] = []

    def encode() -> None:
        kept.append(transformer.preprocess_train(texts, labels, verbose=0))

    found = {"encode": seconds(encode)}
    tokens = int(kept[0].lengths.sum())
    found["predict"] = seconds(lambda: predictor.predict_proba(texts))
    if len(texts) <= options.most_trained:
        trained = st.get_learner(learner.model, kept[0], batch_size=BATCH)
        found["train"] = seconds(lambda: trained.fit(1e-5, 1, verbose=0))
    return {kind: 1e6 * value / tokens for kind, value in found.items()}


def by_texts(options: argparse.Namespace) -> dict[int, dict[str, float]]:
    """SST-2's sentences, over and over."""
    sentences = read_csv(options.data / "sst2" / "train.csv")[0]
    found = {}
    for count in COUNTS:
        if count > options.most:
            break
        texts = (sentences * -(-count // len(sentences)))[:count]
        found[count] = cost(texts, 128, options)
        print(f"{count} texts: {told(found[count])}", flush=True)
    return found


def by_lengths(options: argparse.Namespace) -> dict[int, dict[str, float]]:
    """Newsgroup posts joined, each text longer than the length, which cuts it."""
    words = " ".join(read(options.data, "20newsgroups")[0][0]).split()
    found = {}
    for length in LENGTHS:
        count = max(options.tokens // length, 4 * BATCH)
        texts = [" ".join(words[i * length :][: 2 * length]) for i in range(count)]
        found[length] = cost(texts, length, options)
        print(f"{length} tokens: {told(found[length])}", flush=True)
    return found


def told(costs: dict[str, float]) -> str:
    """A line of figures."""
    return ", ".join(f"{kind} {value:.2f} µs a token" for kind, value in costs.items())


def limit(options: argparse.Namespace) -> dict[str, float]:
    """The forward pass's products a second, as a share of one large product's."""
    policy = dtype_policy(options.precision)
    dtype = "bfloat16" if policy == "mixed_bfloat16" else "float32"
    encoder = st.load_encoder(options.model, dtype=policy)
    config = find_checkpoint(options.model).config
    names = ("hidden_size", "intermediate_size", "num_hidden_layers")
    hidden, inner, layers = (config[name] for name in names)
    tokens, length = BATCH * 128, 128
    work = 2 * tokens * layers * (4 * hidden**2 + 2 * hidden * inner + 2 * length * hidden)
    ids = np.random.default_rng(0).integers(1000, 20000, (BATCH, length), dtype="int32")
    fixed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    inputs = {x.name: fixed.get(x.name, np.zeros_like(ids)) for x in encoder.inputs}
    forward = fastest(lambda: encoder.predict_on_batch(inputs))
    product = keras.Sequential([keras.Input((SIDE,), dtype=dtype), Product(dtype=dtype)])
    rows = keras.ops.cast(keras.random.normal((SIDE, SIDE)), dtype)
    peak = fastest(lambda: product.predict_on_batch(rows))
    ours, most = work / forward / 1e9, 2 * SIDE**3 * Product.TIMES / peak / 1e9
    print(f"{dtype}: {ours:.0f} of {most:.0f} GFLOP/s, {ours / most:.0%}")
    return {"forward": ours, "peak": most, "share": ours / most}


class Product(keras.layers.Layer):
    """One large product of matrices, some times over, so that nothing else counts."""

    TIMES = 10

    def build(self, shape: Any) -> None:
        """Its matrix."""
        self.kernel = self.add_weight((SIDE, SIDE), "glorot_uniform", dtype=self.dtype)

    def call(self, x: Any) -> Any:
        """The products, each of the last one's result."""
        for _ in range(self.TIMES):
            x = keras.ops.matmul(x, self.kernel)
        return x


def fastest(call: Callable[[], Any]) -> float:
    """Seconds of the fastest of some calls, the first two left out."""
    return min([seconds(call) for _ in range(12)][2:])


def plot(found: dict[int, dict[str, float]], path: Path) -> None:
    """The cost a token over lengths."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for kind in next(iter(found.values())):
        axes.plot(list(found), [costs[kind] for costs in found.values()], marker="o", label=kind)
    axes.set(xscale="log", yscale="log", xlabel="tokens a text", ylabel="µs a token")
    axes.set_xticks(list(found), [str(length) for length in found])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="best")
    figure.savefig(path, dpi=150)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["texts", "lengths", "limit"])
    parser.add_argument("--data", type=Path, help="folder with the data sets")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--most", type=int, default=100_000, help="texts, at most")
    parser.add_argument("--most-trained", type=int, default=10_000, help="of them in training")
    parser.add_argument("--tokens", type=int, default=50_000, help="about so many a length")
    parser.add_argument("--figure", type=Path, help="where to put the plot over lengths")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    return parser.parse_args()


def main() -> None:
    """Measure, and print."""
    options = parse()
    found: Any = {"texts": by_texts, "lengths": by_lengths, "limit": limit}[options.what](options)
    if options.figure:
        plot(found, options.figure)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
