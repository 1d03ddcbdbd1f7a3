#!/usr/bin/env python3
"""simpletext beside its peers on one machine: time, memory and accuracy, as ratios.

    python benchmarks/speed.py sst2 --data ../shared/data --model FOLDER
    python benchmarks/speed.py newsgroups --data ../shared/data --model FOLDER --until 0.95
    python benchmarks/speed.py sst2 --data ../shared/data --model FOLDER --json sst2.json
    python benchmarks/report.py sst2.json --figure docs/speed.png

Makes an environment for each peer in .bench/ (once, some minutes). The peers run in turn, in a
process of their own each, so that the machine's moods meet all alike. FOLDER holds a checkpoint
with its tokenizer, such as all-MiniLM-L6-v2. Give the machine nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from learner import Rows, read
from report import table

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path(__file__).resolve().parent / "peers"
Result = dict[str, Any]
FIGURES = ("import", "fit", "predict", "memory", "accuracy")
# environment -> what is installed there
PACKAGES = {
    "ours": [str(ROOT)],
    "torch": ["torch==2.13.0", "transformers>=5,<6", "accelerate"],
    "hub": ["keras-hub", "safetensors", "tensorflow", "tensorflow-text"],
}
# peer -> its environment, its script, and its settings
RUNS: dict[str, tuple[str, str, dict[str, str]]] = {
    "simpletext": ("ours", "ours.py", {"pooling": "auto", "precision": "auto"}),
    "simpletext, original head": ("ours", "ours.py", {"pooling": "original", "precision": "auto"}),
    "simpletext, original head, float32": (
        "ours",
        "ours.py",
        {"pooling": "original", "precision": "float32"},
    ),
    "simpletext, float32": ("ours", "ours.py", {"pooling": "auto", "precision": "float32"}),
    "Trainer, float32": ("torch", "trainer.py", {"precision": "float32"}),
    "Trainer, bfloat16": ("torch", "trainer.py", {"precision": "bfloat16"}),
    "keras-hub": ("hub", "hub.py", {"precision": "float32"}),
    "keras-hub, bfloat16": ("hub", "hub.py", {"precision": "bfloat16"}),
    "plain Keras, padded": ("ours", "plain.py", {"pooling": "auto", "precision": "float32"}),
}
# task -> training rows, test rows, maxlen, epochs, lr
TASKS = {
    "newsgroups": (600, 400, 256, 2, 1e-4),
    "sst2": (4000, 1821, 128, 2, 1e-4),
    "banking77": (1500, 3080, 64, 3, 2e-4),
}


def some(rows: Rows, count: int, shuffled: bool) -> Rows:
    """So many rows, the same for every peer."""
    order = list(range(len(rows[0])))
    if not shuffled:  # the files are sorted by label
        import random

        random.Random(0).shuffle(order)
    return [rows[0][i] for i in order[:count]], [rows[1][i] for i in order[:count]]


def job_of(options: argparse.Namespace) -> dict[str, Any]:
    """What every peer is given."""
    train_rows, test_rows, maxlen, epochs, lr = TASKS[options.task]
    parts = read(options.data, "20newsgroups" if options.task == "newsgroups" else options.task)
    shuffled = options.task == "newsgroups"
    counts = (options.rows or train_rows, min(options.rows or test_rows, test_rows))
    (texts, labels), (tests, truth) = (
        some(rows, count, shuffled) for rows, count in zip(parts, counts, strict=True)
    )
    classes = sorted(set(parts[0][1]))
    return {
        "model": str(options.model), "classes": classes, "maxlen": maxlen, "batch_size": 32,
        "epochs": options.epochs or epochs, "lr": options.lr or lr,
        "train": {"texts": texts, "labels": [classes.index(label) for label in labels]},
        "test": {"texts": tests, "labels": [classes.index(label) for label in truth]},
    }  # fmt: skip


def python_of(environment: str, given: dict[str, str]) -> str:
    """The interpreter of an environment, which is made where it is missing."""
    if environment in given:
        return given[environment]
    folder = ROOT / ".bench" / environment
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", *PACKAGES[environment]], check=True)
    return str(python)


def measure(name: str, job: dict[str, Any], pythons: dict[str, str]) -> Result:
    """One run of one peer."""
    environment, script, settings = RUNS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job | settings), encoding="utf-8")
        done = subprocess.run(
            [python_of(environment, pythons), PEERS / script, path], capture_output=True, text=True,
            cwd=folder, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"},
            check=False,
        )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        sys.exit(f"{name} failed:\n{done.stderr[-3000:]}")
    result: Result = json.loads(lines[-1].removeprefix("RESULT "))
    told = ", ".join(f"{key} {result[key]:.4g}" for key in FIGURES)
    print(f"  {name}, {job['epochs']} epochs, seed {job['seed']}: {told}", flush=True)
    return result


def compare(options: argparse.Namespace, job: dict[str, Any]) -> dict[str, list[Result]]:
    """All peers in turn, again and again."""
    results: dict[str, list[Result]] = {name: [] for name in options.peers}
    for seed in range(options.repetitions):
        for name in options.peers:
            results[name].append(measure(name, job | {"seed": seed}, options.python))
    return results


def until(options: argparse.Namespace, job: dict[str, Any]) -> dict[str, list[Result]]:
    """For each peer its whole trainings of 1, 2, ... epochs, to the first that is good enough."""
    results: dict[str, list[Result]] = {}
    for name in options.peers:
        runs = results.setdefault(name, [])
        for epochs in range(1, options.most_epochs + 1):
            runs.append(measure(name, job | {"epochs": epochs, "seed": 0}, options.python))
            if runs[-1]["accuracy"] >= options.until:
                break
    return results


def machine() -> str:
    """Processor and cores."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        found = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = found[0].partition(": ")[2] if found else name
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    )


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint's folder")
    parser.add_argument("--peers", nargs="+", choices=RUNS, default=list(RUNS), metavar="PEER")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--rows", type=int, help="fewer rows, to see that it works")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--until", type=float, help="time to this accuracy instead")
    parser.add_argument("--most-epochs", type=int, default=6, help="with --until")
    parser.add_argument("--python", nargs="*", default=[], metavar="ENVIRONMENT=PATH",
                        help="interpreters to use instead of new environments")  # fmt: skip
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    options.python = dict(pair.split("=", 1) for pair in options.python)
    options.model = options.model.resolve()
    return options


def main() -> None:
    """Compare, print the table, keep the figures."""
    options = parse()
    job = job_of(options)
    kept = {
        "task": options.task, "rows": len(job["train"]["texts"]), "epochs": job["epochs"],
        "machine": machine(), "date": time.strftime("%Y-%m-%d"), "until": options.until,
    }  # fmt: skip
    kept["results"] = (until if options.until else compare)(options, job)
    print("\n" + table(kept))
    if options.json:
        options.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
