#!/usr/bin/env python3
"""Rows per CPU second of `scale.predict` with some workers, against one process.

python benchmarks/bulk.py PREDICTOR --data DATA --rows 20000 --workers 2

Both predict the same SST-2 sentences, each process with one thread. The CPU seconds are those of
the process, or of all workers, with and without starting them: importing and loading the predictor.
Where two threads share a core, a busy neighbour makes each CPU second shorter; so as many plain
processes as there are workers, which predict all rows at once and don't know of each other, are
measured too ("at once"). The ratio to them shows what Ray and the files cost.
Needs Ray: pip install 'simpletext-keras[ray]'.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
THREADS = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
WORKER = "ray::MapWorker"  # what Ray calls the processes of `map_batches`
PAUSE = 0.2  # seconds between two looks at them


def main() -> None:
    """Reads the arguments, measures, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("predictor", type=Path, help="folder of a saved predictor")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)  # the process to compare with
    args = parser.parse_args()
    os.environ |= dict.fromkeys(THREADS, "1") | {"TF_NUM_INTEROP_THREADS": "1"}
    print(json.dumps(measured(args) if args.alone is None else alone(args)))


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Rows per CPU second of both, their ratios, and the largest difference of probabilities."""
    import pandas as pd

    import simpletext as st

    texts = st.read_texts(args.data / "sst2" / "train.csv", label=None).texts
    texts = (texts * -(-args.rows // len(texts)))[: args.rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pd.DataFrame({"text": texts}).to_parquet(folder / "in.parquet")
        (one,) = in_processes(1, folder)
        neighbours = in_processes(args.workers, folder)
        by_workers = cpu_of_workers(args, folder)
        proba = pd.read_parquet(folder / "alone.parquet")
        apart = pd.read_parquet(folder / "out")[proba.columns] - proba
    starts = args.workers * one["start"]
    at_once = statistics.mean(process["all"] for process in neighbours)
    return {
        "rows": args.rows,
        "workers": args.workers,
        "one process": args.rows / one["all"],
        "at once": args.rows / at_once,
        "all workers": args.rows / by_workers,
        "ratio": one["all"] / by_workers,
        "ratio to at once": at_once / by_workers,
        "ratio without starting": (one["all"] - one["start"]) / (by_workers - starts),
        "largest difference": float(apart.abs().max().max()),
    }


def in_processes(count: int, folder: Path) -> list[dict[str, float]]:
    """What `alone` returns in each of some processes that run at the same time."""
    command = [sys.executable, *sys.argv, "--alone", str(folder)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
    answers = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        sys.exit("bulk.py: a process failed; see above.")
    return [json.loads(answer) for answer in answers]


def alone(args: argparse.Namespace) -> dict[str, float]:
    """CPU seconds of this process until it could predict, and after it has predicted all rows."""
    import pandas as pd

    import simpletext as st

    predictor = st.load_predictor(args.predictor, args.batch_size)
    texts = pd.read_parquet(args.alone / "in.parquet")["text"].tolist()
    start = time.process_time()
    proba = predictor.predict_proba(texts)
    seconds = time.process_time()
    table = pd.DataFrame(proba, columns=[str(name) for name in predictor.get_classes()])
    table.to_parquet(args.alone / "alone.parquet")
    return {"start": start, "all": seconds}


def cpu_of_workers(args: argparse.Namespace, folder: Path) -> float:
    """CPU seconds of all workers."""
    import ray

    import simpletext as st

    ray.init(
        num_cpus=args.workers, include_dashboard=False, object_store_memory=200_000_000,
        log_to_driver=False, logging_level="ERROR",
    )  # fmt: skip
    with watched() as seconds:
        st.scale.predict(
            args.predictor, folder / "in.parquet", folder / "out", workers=args.workers,
            batch_size=args.batch_size, proba=True,
        )  # fmt: skip
    ray.shutdown()
    return sum(seconds.values())


@contextmanager
def watched() -> Iterator[dict[int, float]]:
    """A block during which the CPU seconds of the workers are kept, by process."""
    import psutil

    seconds: dict[int, float] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(PAUSE):
            for process in psutil.process_iter(["cmdline", "cpu_times"]):
                if (process.info["cmdline"] or [""])[0].startswith(WORKER):
                    times = process.info["cpu_times"]
                    seconds[process.pid] = times.user + times.system

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seconds
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main()
