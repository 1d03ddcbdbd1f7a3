#!/usr/bin/env python3
"""Encoding a table that is larger than memory: rows per CPU second, and the most memory it took.

python benchmarks/streaming.py --rows 1000000 --folder /tmp/streaming

Writes a Parquet file of made-up sentences of about 20 tokens once, then encodes it as a stream with
the tokenizer of the default checkpoint, and once more from the cache.
"""

import argparse
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import simpletext as st
from simpletext.utils.defaults import DEFAULT_MODEL

CHUNK = 100_000  # rows written at a time
WORDS = [
    "a",
    "the",
    "film",
    "was",
    "is",
    "it",
    "very",
    "not",
    "good",
    "bad",
    "plot",
    "actor",
    "music",
]


def main() -> None:
    """Prints one line per pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--folder", type=Path, required=True, help="for the table and the cache")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    table, cache = options.folder / f"{options.rows}.parquet", options.folder / "cache"
    if not table.exists():
        write(table, options.rows)
    shutil.rmtree(cache, ignore_errors=True)
    t = st.Transformer(options.model, maxlen=64)
    t.preprocess_test(["a text"], verbose=0)  # loads the tokenizer
    print(f"before: {peak():.0f} MB")
    for title in ("encoded", "from the cache"):
        measure(t, table, cache, title)


def measure(t: st.Transformer, table: Path, cache: Path, title: str) -> None:
    """One pass over the table."""
    started, cpu = time.perf_counter(), cpu_seconds()
    data = t.preprocess_train(st.read_stream(table), cache_dir=cache, verbose=0)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    print(
        f"{title}: {len(data)} rows, {len(data.ids) / len(data):.1f} tokens per row, "
        f"{seconds:.1f} s, {len(data) / cpu:.0f} rows per CPU second, {peak():.0f} MB"
    )


def write(path: Path, rows: int) -> None:
    """A Parquet file with the columns text and label."""
    rng = np.random.default_rng(0)
    schema = pa.schema([("text", pa.string()), ("label", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, CHUNK):
            count = min(CHUNK, rows - start)
            drawn = rng.choice(WORDS, (count, 18))
            texts = [f"{' '.join(row)} {start + i}" for i, row in enumerate(drawn)]
            labels = [("neg", "pos")[i] for i in rng.integers(0, 2, count)]
            writer.write_table(pa.table({"text": texts, "label": labels}, schema))


def peak() -> float:
    """The most memory that this process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cpu_seconds() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
