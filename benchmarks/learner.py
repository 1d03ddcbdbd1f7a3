"""Accuracy on public data sets with the learner's defaults, and what the range test suggests.

    python benchmarks/learner.py --data ../shared/data --task sst2
    python benchmarks/learner.py --data ../shared/data --task banking77 --rows 500 --epochs 1

Prints the settings and one figure a line. `--rows` takes a slice, to see that it works.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from pathlib import Path
from typing import Any

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
# task: maxlen, learning rate, epochs, and the accuracy to reach
TASKS = {
    "sst2": (64, 5e-5, 2, 0.885),
    "banking77": (64, 5e-4, 5, 0.90),
    "20newsgroups": (256, 2e-4, 3, 0.96),
}

Rows = tuple[list[str], list[Any]]


def read_csv(path: Path) -> Rows:
    """Texts and labels of a file with these two columns."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def read_newsgroups(folder: Path, subset: str) -> Rows:
    """Four groups of 20newsgroups, through scikit-learn's own reader."""
    os.environ["SCIKIT_LEARN_DATA"] = str(folder)
    from sklearn.datasets import fetch_20newsgroups

    groups = ["alt.atheism", "soc.religion.christian", "comp.graphics", "sci.med"]
    found = fetch_20newsgroups(
        subset=subset, categories=groups, shuffle=True, random_state=42, download_if_missing=False
    )
    return found.data, [found.target_names[i] for i in found.target]


def read(data: Path, task: str) -> tuple[Rows, Rows]:
    """Training rows and test rows."""
    if task == "20newsgroups":
        folder = data / task
        return read_newsgroups(folder, "train"), read_newsgroups(folder, "test")
    return read_csv(data / task / "train.csv"), read_csv(data / task / "test.csv")


def part(rows: Rows, count: int | None) -> Rows:
    """Every n-th row, so that all classes stay in."""
    step = 1 if count is None else max(len(rows[0]) // count, 1)
    return rows[0][::step], rows[1][::step]


def make_learner(options: argparse.Namespace) -> Any:
    """The learner, its data encoded."""
    import simpletext as st

    train, test = (part(rows, options.rows) for rows in read(options.data, options.task))
    maxlen = TASKS[options.task][0]
    transformer = st.Transformer(
        options.model, maxlen, sorted(set(train[1])), precision=options.precision
    )
    train_data = transformer.preprocess_train(*train)
    test_data = transformer.preprocess_test(*test)
    model = transformer.get_classifier(label_smoothing=options.label_smoothing)
    return st.get_learner(model, train_data, test_data, batch_size=32, seed=options.seed)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--task", choices=TASKS, default="sst2")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--rows", type=int, help="about so many rows only")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--lr", type=float, help="learning rate (default: the task's)")
    parser.add_argument("--schedule", choices=["onecycle", "linear"], default="onecycle")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--label-smoothing", type=float, default=0.0)
    parser.add_argument("--no-head-start", action="store_true", help="see Learner.fit_onecycle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--find", action="store_true", help="only the range test")
    parser.add_argument("--figure", type=Path, help="where to put its curve")
    return parser.parse_args()


def find(learner: Any, options: argparse.Namespace) -> None:
    """What the range test suggests."""
    curve = learner.lr_find(max_epochs=options.epochs)
    print(f"{options.task}: suggests {curve.suggest()}, estimates {curve.estimate()}")
    if options.figure:
        learner.lr_plot(suggest=True, return_fig=True).savefig(options.figure)


def main() -> None:
    """Train and print."""
    options = parse()
    learner = make_learner(options)
    if options.find:
        find(learner, options)
        return
    _, lr, epochs, wanted = TASKS[options.task]
    lr, epochs = options.lr or lr, options.epochs or epochs
    start = time.perf_counter()
    verb = learner.fit_onecycle if options.schedule == "onecycle" else learner.fit_linear
    history = verb(lr, epochs, head_start=not options.no_head_start)
    seconds = time.perf_counter() - start
    print(
        f"{options.task}: accuracy {history['val_accuracy'][-1]:.4f} (to reach: {wanted}); "
        f"{options.schedule}, lr {lr:g}, {'no ' if options.no_head_start else ''}head start, "
        f"{epochs} epochs, {options.precision}, seed {options.seed}, "
        f"rows {options.rows or 'all'}, {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
