#!/usr/bin/env python3
"""How long `preprocess_train` takes beside the bare tokenizer, and how much memory it needs.

python benchmarks/encode.py --rows 100000
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import simpletext as st
from simpletext.utils.defaults import DEFAULT_MODEL

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def main() -> None:
    """Reads the arguments, measures, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rows", type=int, default=100_000, help="SST-2's, over and over")
    parser.add_argument("--maxlen", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=5, help="the best of so many counts")
    parser.add_argument("--cached", action="store_true", help="into a cache on disk")
    args = parser.parse_args()
    print(json.dumps(measured(args) | {"settings": {**vars(args), "data": "sst2"}}))


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Seconds of both, their ratio, and the peak of memory above the start, in MiB."""
    examples = st.read_texts(args.data / "sst2" / "train.csv")
    times = -(-args.rows // len(examples.texts))
    texts = (examples.texts * times)[: args.rows]
    labels = ((examples.labels or []) * times)[: args.rows]
    transformer = st.Transformer(args.model, args.maxlen)
    transformer.preprocess_train(texts[:2000], labels[:2000], verbose=0)
    before = peak()
    ours = best(args.repeat, lambda: encode(transformer, texts, labels, args.cached))
    memory = peak() - before
    bare = best(args.repeat, lambda: tokenize(args, texts))
    return {"bare_s": bare, "ours_s": ours, "ratio": ours / bare, "memory_mib": memory}


def encode(transformer: st.Transformer, texts: list[str], labels: list, cached: bool) -> None:
    """What is measured."""
    with tempfile.TemporaryDirectory() as folder:
        cache_dir = folder if cached else None
        transformer.preprocess_train(texts, labels, verbose=0, cache_dir=cache_dir)


def tokenize(args: argparse.Namespace, texts: list[str]) -> None:
    """What it is compared with: tokenizers' own batch mode, one call."""
    from tokenizers import Tokenizer

    from simpletext.checkpoints.folder import find_checkpoint

    folder = find_checkpoint(args.model).folder
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(args.maxlen)
    tokenizer.encode_batch(texts)


def best(repeat: int, call: Callable[[], None]) -> float:
    """Seconds of the quickest of some calls."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak() -> float:
    """The process's highest memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
