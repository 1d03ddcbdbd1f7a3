#!/usr/bin/env python3
"""Few labels on banking77 and SST-2: python benchmarks/labels.py.

Accuracy with 8 (banking77) or 16 (SST-2) labels per class, by linear probing (logistic
regression on the frozen encoder's vectors), by a training as usual and with few_shot, and the
seconds of each training; at the end the mean and the standard deviation over the seeds.
Each run prints a line of JSON.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import simpletext as st
from simpletext.labelling.suspects import transformer_vectors
from simpletext.utils.defaults import DEFAULT_MODEL

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = {"banking77": 8, "sst2": 16}  # labels per class
# What few_shot is in each way of training with few labels.
WAYS: dict[str, bool | str] = {"usual": False, "few_shot": True, "auto": "auto"}
MAXLEN = 64


def main() -> None:
    """Reads the arguments and runs one comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--test-rows", type=int, help="test on a part of the texts")
    parser.add_argument("--lr", type=float, default=2e-5)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    for name in args.sets:
        for result in few(args, name):
            print(json.dumps({"data": name, **result}), flush=True)


def part(args: argparse.Namespace, name: str, which: str) -> tuple[list[str], np.ndarray, Any]:
    """Texts, class numbers and classes."""
    found = st.read_texts(args.data / name / f"{which}.csv", "text", "label")
    classes = sorted(set(map(str, found.labels or [])))
    return found.texts, np.array([classes.index(str(each)) for each in found.labels or []]), classes


def few(args: argparse.Namespace, name: str) -> Any:
    """Few labels, by each way; then the means."""
    train, test = part(args, name, "train"), part(args, name, "test")
    rows = np.random.default_rng(0).permutation(len(test[0]))[: args.test_rows]
    test = [test[0][row] for row in rows], test[1][rows], test[2]
    results = []
    for seed in range(args.seeds):
        results.append(few_by_all_ways(args, train, test, SETS[name], seed))
        yield {"seed": seed, **results[-1]}
    yield {"seeds": args.seeds} | {
        key: [round(float(each), 4) for each in (np.mean(values), np.std(values))]
        for key in results[0]
        for values in [[result[key] for result in results]]
    }


def few_by_all_ways(
    args: argparse.Namespace, train: Any, test: Any, per_class: int, seed: int
) -> dict[str, float]:
    """Accuracies and seconds of one choice of labelled texts."""
    texts, y, classes = train
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(y == k))[:per_class] for k in range(len(classes))]
    chosen = np.concatenate(rows)
    given = [texts[row] for row in chosen], [classes[k] for k in y[chosen]]
    results = {"linear probing": probed(given[0], y[chosen], test)}
    for way in args.ways:
        start = time.perf_counter()
        t = st.Transformer(DEFAULT_MODEL, MAXLEN, few_shot=WAYS[way], seed=seed)
        data = t.preprocess_train(*given, verbose=0)
        learner = st.get_learner(t.get_classifier(verbose=0), data, batch_size=32, seed=seed)
        learner.fit_onecycle(args.lr, args.epochs, verbose=int(way == "auto"))
        results[f"{way} seconds"] = round(time.perf_counter() - start, 1)
        found = st.get_predictor(learner.model, t).predict(test[0])
        results[way] = accuracy(found, [classes[k] for k in test[1]])
    return results


def probed(texts: list[str], y: np.ndarray, test: Any) -> float:
    """Accuracy of linear probing."""
    from sklearn.linear_model import LogisticRegression

    t = st.Transformer(DEFAULT_MODEL, MAXLEN)
    train, vectors = (transformer_vectors(t, part) for part in (texts, test[0]))
    return accuracy(LogisticRegression(max_iter=1000).fit(train, y).predict(vectors), test[1])


def accuracy(found: Any, true: Any) -> float:
    """The share of predictions that are right."""
    return round(float(np.mean(np.array(found) == np.array(true))), 4)


if __name__ == "__main__":
    main()
