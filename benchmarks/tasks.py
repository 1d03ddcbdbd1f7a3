#!/usr/bin/env python3
"""Trains on real data of each kind and prints the score: python benchmarks/tasks.py mrpc.

Tasks: mrpc (pairs, F1 of `equivalent`), sts (pairs, regression, Pearson), goemotions (multi-label,
micro-F1 with thresholds tuned on the validation data).
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import simpletext as st
from simpletext.utils.defaults import DEFAULT_MODEL

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
# Epochs and learning rate of the comparison with PyTorch.
SETTINGS = {"mrpc": (3, 1e-4), "sts": (2, 1e-4), "goemotions": (2, 1e-4)}
PAIR = ("text_a", "text_b")


def main() -> None:
    """Reads the arguments, trains, and prints one line of JSON."""
    args = arguments()
    epochs, lr = SETTINGS[args.task]
    args.epochs, args.lr = args.epochs or epochs, args.lr or lr
    start = time.perf_counter()
    scores = {"mrpc": mrpc, "sts": sts, "goemotions": goemotions}[args.task](args)
    settings = {k: v for k, v in vars(args).items() if k not in ("task", "data")}
    seconds = round(time.perf_counter() - start, 1)
    print(json.dumps({"task": args.task, **scores, "seconds": seconds, "settings": settings}))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=SETTINGS)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rows", type=int, help="training rows; by default all, goemotions 10000")
    parser.add_argument("--test-rows", type=int, help="test rows; by default all")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--maxlen", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def train(args: argparse.Namespace, data: Any, val: Any, **options: Any) -> Any:
    """A predictor trained with the settings; `val` is looked at after each epoch only."""
    return st.train(
        data, checkpoint=args.model, val=val, maxlen=args.maxlen, epochs=args.epochs, lr=args.lr,
        batch_size=args.batch_size, seed=args.seed, **options,
    )  # fmt: skip


def part(args: argparse.Namespace, name: str, text: Any, label: Any, rows: int | None) -> Any:
    """The first rows of a file as (texts, labels)."""
    examples = st.read_texts(args.data / args.task / f"{name}.csv", text, label)
    return examples.texts[:rows], (examples.labels or [])[:rows]


def mrpc(args: argparse.Namespace) -> dict[str, float]:
    """Paraphrases: F1 of the class `equivalent` on the test set."""
    from sklearn.metrics import accuracy_score, f1_score

    test = part(args, "test", PAIR, "label", args.test_rows)
    predictor = train(args, part(args, "train", PAIR, "label", args.rows), test)
    answers = predictor.predict(test[0])
    f1 = f1_score(test[1], answers, pos_label="equivalent")
    return {"f1_equivalent": float(f1), "accuracy": float(accuracy_score(test[1], answers))}


def sts(args: argparse.Namespace) -> dict[str, float]:
    """Similarity from 0 to 5: Pearson's r on the test set."""
    from scipy.stats import pearsonr

    test = part(args, "test", PAIR, "score", args.test_rows)
    predictor = train(args, part(args, "train", PAIR, "score", args.rows), test)
    return {"pearson": float(pearsonr(test[1], predictor.predict(test[0])).statistic)}


def goemotions(args: argparse.Namespace) -> dict[str, float]:
    """28 emotions: micro-F1 on the test set, thresholds tuned on the dev set."""
    from sklearn.metrics import f1_score

    table = st.read_texts(args.data / "goemotions" / "train.csv", label=None)
    names = columns(args.data / "goemotions" / "train.csv")
    train_part = part(args, "train", "text", names, args.rows or min(10_000, len(table.texts)))
    dev = part(args, "dev", "text", names, args.test_rows)
    test = part(args, "test", "text", names, args.test_rows)
    predictor = train(args, train_part, dev, class_names=names)
    thresholds = tuned(np.array(dev[1]), predictor.predict_proba(dev[0]))
    values, truth = predictor.predict_proba(test[0]), np.array(test[1])
    return {
        "micro_f1": float(f1_score(truth, values >= thresholds, average="micro")),
        "micro_f1_at_0.3": float(f1_score(truth, values >= 0.3, average="micro")),
    }


def columns(path: Path) -> list[str]:
    """The label columns of GoEmotions: all but the text."""
    from simpletext.data.text_files import CsvFile

    return [name for name in CsvFile(path).columns if name != "text"]


def tuned(truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """One threshold a label, (labels,): each in turn is set where micro-F1 is best."""
    grid = np.linspace(0.05, 0.9, 35)
    thresholds = np.full(truth.shape[1], 0.3)
    answers = values >= thresholds
    right, told = float((answers & (truth > 0)).sum()), float(answers.sum())
    for _ in range(3):
        for j in range(truth.shape[1]):
            column = values[:, j, None] >= grid
            hits, count = (column & (truth[:, j, None] > 0)).sum(0), column.sum(0)
            mine = answers[:, j]
            others = right - (mine & (truth[:, j] > 0)).sum(), told - mine.sum()
            best = int(np.argmax(2 * (others[0] + hits) / (others[1] + count + truth.sum())))
            thresholds[j], answers[:, j] = grid[best], column[:, best]
            right, told = others[0] + hits[best], others[1] + count[best]
    return thresholds


if __name__ == "__main__":
    main()
