#!/usr/bin/env python3
"""Regret of the default training: how much a grid search over rates and epochs would gain.

    python benchmarks/auto.py --out auto.jsonl            # the whole grid: hours
    python benchmarks/auto.py --out auto.jsonl --tasks sst2-200 --seeds 0 --rates 5e-5 1e-4
    python benchmarks/auto.py --out auto.jsonl --summary  # the table of what is in the file

For each task and seed it trains at each rate and number of epochs, with the defaults ("default"),
and with the learning-rate finder ("auto"); and it fits a linear model on the frozen mean-pooled
embeddings ("linear probing"). Each result is a line of the file, and those that are in it already
aren't computed again. Settings are compared by their mean score on the dev rows; the table shows
the test rows. Regret is the best mean of the grid minus the default's mean, in points.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import simpletext as st
from simpletext.data.tables import Examples
from simpletext.data.text_files import CsvFile
from simpletext.inference.forward import predict_batch
from simpletext.tokenization.batching import Batches
from simpletext.tuning.settings import CommonOptions, TrainingSettings
from simpletext.tuning.trials import TrialRunner
from simpletext.utils.defaults import DEFAULT_MODEL

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RATES = [2e-5, 5e-5, 1e-4, 2e-4, 5e-4]
EPOCHS = [1, 2, 3, 4, 5]
DEV = 500  # rows at most
PAIR = ("text_a", "text_b")


@dataclass(frozen=True)
class Task:
    """One data set and a number of training rows; None for all of them."""

    data: str
    rows: int | None
    maxlen: int
    metric: str = "accuracy"


TASKS = {
    "sst2-200": Task("sst2", 200, 64),
    "sst2-1000": Task("sst2", 1000, 64),
    "banking77-300": Task("banking77", 300, 64),
    "banking77-1500": Task("banking77", 1500, 64),
    "20newsgroups-200": Task("20newsgroups", 200, 256),
    "20newsgroups-600": Task("20newsgroups", 600, 256),
    "mrpc": Task("mrpc", None, 128),
    "sts-1000": Task("sts", 1000, 128, "pearson"),
    "goemotions-2000": Task("goemotions", 2000, 64, "micro_f1"),
    "docstrings": Task("docstrings", None, 64),
}


def main() -> None:
    """Reads the arguments, computes what is missing, and prints the table."""
    args = arguments()
    if not args.summary:
        for name in args.tasks:
            for seed in args.seeds:
                compute(args, name, seed)
    print(table(read(args.out)))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a .jsonl file; it is added to")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--epochs", nargs="+", type=int, default=EPOCHS)
    parser.add_argument("--test-rows", type=int, help="by default all")
    parser.add_argument("--summary", action="store_true", help="only the table")
    return parser.parse_args()


# ---- training --------------------------------------------------------------------------------


def compute(args: argparse.Namespace, name: str, seed: int) -> None:
    """All results of one task and seed that aren't in the file."""
    done = {(r["task"], r["seed"], r["setting"]) for r in read(args.out)}
    wanted = [s for s in settings(args) if (name, seed, s) not in done]
    if not wanted:
        return
    task = TASKS[name]
    parts = load(args.data, task, args.test_rows, seed)
    names = columns(args.data) if task.data == "goemotions" else None
    options = CommonOptions(seed=seed, class_names=names)
    first = TrainingSettings(maxlen=task.maxlen)
    runner = TrialRunner(parts["train"], parts["dev"], options, first, verbose=0)
    for setting in wanted:
        began = time.perf_counter()
        scores = (
            probed(task, parts) if setting == "probe" else trained(runner, task, setting, parts)
        )
        row = {"task": name, "seed": seed, "setting": setting, **scores}
        row["seconds"] = round(time.perf_counter() - began, 1)
        with args.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(row, file=sys.stderr)


def settings(args: argparse.Namespace) -> Iterator[str]:
    """What is tried, as text."""
    yield from ("probe", "default", "auto")
    for epochs in args.epochs:
        for rate in args.rates:
            yield f"{rate:g} x {epochs}"


def trained(runner: TrialRunner, task: Task, setting: str, parts: dict[str, Examples]) -> dict:
    """The scores of a training on the dev and the test rows."""
    rate, _, epochs = setting.partition(" x ")
    rates: dict[str, Any] = {"default": None, "auto": "auto"}
    lr = rates[rate] if rate in rates else float(rate)
    chosen = TrainingSettings(lr=lr, epochs=int(epochs) if epochs else None, maxlen=task.maxlen)
    learner = runner.run(chosen)
    preproc = runner.encoded(chosen).transformer
    scores = {}
    for part in ("dev", "test"):
        data: Any = preproc.preprocess_test(parts[part].texts, parts[part].labels, verbose=0)
        scores[part] = score(task, data.y, learner.predict(data))
    return scores


def score(task: Task, y: np.ndarray, values: np.ndarray) -> float:
    """Points from 0 to 100."""
    if task.metric == "pearson":
        return 100 * float(np.corrcoef(np.ravel(y), np.ravel(values))[0, 1])
    if task.metric == "micro_f1":
        predicted = values >= 0.3
        right = float((predicted & (y > 0)).sum())
        return 100 * 2 * right / float(predicted.sum() + y.sum())
    return 100 * float(np.mean(values.argmax(axis=1) == y))


# ---- linear probing --------------------------------------------------------------------------


def probed(task: Task, parts: dict[str, Examples]) -> dict[str, float]:
    """A linear model on frozen embeddings; its regularisation is chosen on the dev rows."""
    vectors = {name: embedded(part.texts, task.maxlen) for name, part in parts.items()}
    y = {name: np.asarray(part.labels) for name, part in parts.items()}
    if task.metric != "accuracy":
        y = {name: each.astype(float) for name, each in y.items()}
    found = []
    for strength in (1.0, 10.0, 100.0):
        model = linear_model(task, strength).fit(vectors["train"], y["train"])
        found.append({name: linear_score(task, model, vectors[name], y[name])
                      for name in ("dev", "test")})  # fmt: skip
    return max(found, key=lambda scores: scores["dev"])


def linear_model(task: Task, strength: float) -> Any:
    """A linear model of scikit-learn; a higher strength regularises less."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    if task.metric == "pearson":
        return Ridge(alpha=1 / strength)
    model = LogisticRegression(C=strength, max_iter=1000)
    return OneVsRestClassifier(model) if task.metric == "micro_f1" else model


def linear_score(task: Task, model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Points from 0 to 100."""
    if task.metric == "accuracy":
        return 100 * float(model.score(x, y))
    return score(task, y, model.predict_proba(x) if task.metric == "micro_f1" else model.predict(x))


def embedded(texts: list[Any], maxlen: int) -> np.ndarray:
    """Mean-pooled embeddings, (texts, hidden); for pairs also their difference and product."""
    if isinstance(texts[0], str):
        return pooled(texts, maxlen)
    one, other = (pooled([pair[i] for pair in texts], maxlen) for i in (0, 1))
    return np.concatenate([one, other, abs(one - other), one * other], axis=1)


def pooled(texts: list[str], maxlen: int) -> np.ndarray:
    """The mean of the last hidden state over the tokens of each text, of length 1."""
    batches = Batches(st.Transformer(DEFAULT_MODEL, maxlen).encode(texts), 32)
    encoder = st.load_encoder(DEFAULT_MODEL)
    rows = []
    for (x,) in batches:
        hidden = predict_batch(encoder, x, len(x["input_ids"]))
        mask = x["attention_mask"][..., None]
        rows.append((hidden * mask).sum(axis=1) / mask.sum(axis=1))
    vectors = np.concatenate(rows)[np.argsort(batches.order)]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# ---- data ------------------------------------------------------------------------------------


def load(folder: Path, task: Task, test_rows: int | None, seed: int) -> dict[str, Examples]:
    """Training, dev and test rows; which training rows depends on the seed."""
    whole = {name: Examples(*rows) for name, rows in raw(folder, task.data).items()}
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(whole["train"].texts))
    if "dev" not in whole:
        held = min(DEV, len(order) // 5)
        whole["dev"], order = taken(whole["train"], order[:held]), order[held:]
    test = np.random.default_rng(0).permutation(len(whole["test"].texts))
    found = {
        "train": taken(whole["train"], order[: task.rows]),
        "dev": taken(whole["dev"], np.arange(min(DEV, len(whole["dev"].texts)))),
        "test": taken(whole["test"], test[:test_rows]),
    }
    if task.metric != "accuracy":
        return found
    known = set(found["train"].labels or [])
    for name in ("dev", "test"):  # of 300 rows a few of the 77 classes are missing
        rows = [i for i, label in enumerate(found[name].labels or []) if label in known]
        found[name] = taken(found[name], np.array(rows))
    return found


def taken(part: Examples, rows: np.ndarray) -> Examples:
    """Some rows."""
    labels = part.labels or []
    return Examples([part.texts[i] for i in rows], [labels[i] for i in rows])


def raw(folder: Path, data: str) -> dict[str, tuple[list[Any], list[Any]]]:
    """All rows of a data set: train, test, and dev if it has one."""
    if data == "20newsgroups":
        return newsgroups(folder)
    if data == "docstrings":
        return docstrings()
    columns_of: dict[str, tuple[Any, Any]] = {
        "mrpc": (PAIR, "label"), "sts": (PAIR, "score"),
        "goemotions": ("text", columns(folder)),
    }  # fmt: skip
    text, label = columns_of.get(data, ("text", "label"))
    files = {path.stem: path for path in sorted((folder / data).glob("*.csv"))}
    read_all = {name: st.read_texts(path, text, label) for name, path in files.items()}
    return {name: (each.texts, each.labels or []) for name, each in read_all.items()}


def columns(folder: Path) -> list[str]:
    """The label columns of GoEmotions: all but the text."""
    return [n for n in CsvFile(folder / "goemotions" / "train.csv").columns if n != "text"]


def newsgroups(folder: Path) -> dict[str, tuple[list[Any], list[Any]]]:
    """Four groups of 20newsgroups, through scikit-learn's own reader."""
    os.environ["SCIKIT_LEARN_DATA"] = str(folder / "20newsgroups")
    from sklearn.datasets import fetch_20newsgroups

    groups = ["alt.atheism", "soc.religion.christian", "comp.graphics", "sci.med"]
    found = {}
    for part in ("train", "test"):
        each = fetch_20newsgroups(
            subset=part, categories=groups, shuffle=True, random_state=42, download_if_missing=False
        )
        found[part] = (each.data, [each.target_names[i] for i in each.target])
    return found


def docstrings() -> dict[str, tuple[list[Any], list[Any]]]:
    """The docstrings of the README's example; its validation rows are the test rows."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
    from docstrings import collect

    train, valid = collect(300)
    return {"train": train, "test": valid}


# ---- the table -------------------------------------------------------------------------------


def read(path: Path) -> list[dict[str, Any]]:
    """The results in the file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(results: list[dict[str, Any]]) -> str:
    """One line per task: means over the seeds on test rows, and the regrets."""
    lines = [
        "| task | seeds | linear probing | default | auto | best of the grid | regret | of auto |",
        "|---|---|---|---|---|---|---|---|",
    ]
    regrets = []
    for task in dict.fromkeys(row["task"] for row in results):
        rows = [row for row in results if row["task"] == task]
        if line := summary(task, rows):
            lines.append(line[0])
            regrets.append(line[1])
    if regrets:
        lines.append(f"\nmean regret {statistics.mean(regrets):.2f}, worst {max(regrets):.2f}")
    return "\n".join(lines)


def summary(task: str, rows: list[dict[str, Any]]) -> tuple[str, float] | None:
    """A task's line of the table and its regret; None without a grid or a default."""
    dev, test = (means(rows, part) for part in ("dev", "test"))
    grid = [setting for setting in dev if " x " in setting]
    if not grid or "default" not in test:
        return None
    best = max(grid, key=lambda setting: dev[setting])
    regret = test[best] - test["default"]
    of_auto = f"{test[best] - test['auto']:.1f}" if "auto" in test else "-"
    cells = [
        task, len({row["seed"] for row in rows}),
        *(f"{test[name]:.1f}" if name in test else "-" for name in ("probe", "default", "auto")),
        f"{test[best]:.1f} ({best})", f"{regret:.1f}", of_auto,
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |", regret


def means(rows: list[dict[str, Any]], part: str) -> dict[str, float]:
    """Setting -> its mean score over the seeds."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["setting"], []).append(row[part])
    return {setting: statistics.mean(values) for setting, values in found.items()}


if __name__ == "__main__":
    main()
