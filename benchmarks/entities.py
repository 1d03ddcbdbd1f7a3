#!/usr/bin/env python3
"""Named entities beside PyTorch's Trainer: python benchmarks/entities.py ncbi-disease --seeds 3.

Data: ncbi-disease and wnut17. Each run prints one line of JSON: entity F1 on the test set, the
seconds of training and of prediction. `--epochs 0 --test-rows 10000` predicts alone, the test
sentences again and again. With --peer PYTHON, an interpreter with PyTorch and transformers,
`peers/entities_trainer.py` runs the same job in it.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import simpletext as st
from simpletext.checkpoints.folder import find_checkpoint
from simpletext.data.conll import read_conll
from simpletext.tasks.token_classification import entity_f1
from simpletext.utils.defaults import DEFAULT_MODEL

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PEER = Path(__file__).parent / "peers" / "entities_trainer.py"
# Epochs, and the best rate of a small grid.
SETTINGS = {"ncbi-disease": (3, 2e-4), "wnut17": (4, 2e-4)}


def main() -> None:
    """Reads the arguments, and runs both sides once per seed."""
    args = arguments()
    epochs, lr = SETTINGS[args.task]
    folder = find_checkpoint(args.model).folder
    for seed in range(args.seeds):
        job = {
            "task": args.task, "data": str(args.data / args.task), "model": str(folder),
            "epochs": epochs if args.epochs is None else args.epochs,
            "lr": args.lr or lr, "maxlen": args.maxlen,
            "batch_size": args.batch_size, "precision": args.precision, "rows": args.rows,
            "test_rows": args.test_rows, "seed": seed,
        }  # fmt: skip
        print(json.dumps({"side": "simpletext", **ours(job)}), flush=True)
        if args.peer:
            print(json.dumps({"side": "PyTorch", **peer(job, args.peer)}), flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=SETTINGS)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rows", type=int, help="training sentences; by default all")
    parser.add_argument("--test-rows", type=int, help="test sentences; by default all")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--maxlen", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--peer", help="a Python with PyTorch, transformers and accelerate")
    return parser.parse_args()


def part(job: dict[str, Any], name: str, rows: int | None) -> tuple[list[Any], list[Any]]:
    """So many sentences of a file, again from the first where there are fewer; and their tags."""
    words, tags = read_conll(Path(job["data"]) / f"{name}.conll")
    times = 1 if rows is None else -(-rows // len(words))
    return (words * times)[:rows], (tags * times)[:rows]


def ours(job: dict[str, Any]) -> dict[str, Any]:
    """Train, predict the test set, and score its entities."""
    words, tags = part(job, "train", job["rows"])
    test_words, test_tags = part(job, "test", job["test_rows"])
    start = time.perf_counter()
    transformer = st.Transformer(
        job["model"], job["maxlen"], precision=job["precision"], seed=job["seed"]
    )
    data = transformer.preprocess_train(words, tags, verbose=0)
    model = transformer.get_classifier(verbose=0)
    learner = st.get_learner(model, data, batch_size=job["batch_size"], seed=job["seed"])
    if job["epochs"]:
        learner.fit_linear(job["lr"], job["epochs"], verbose=0)
    trained = time.perf_counter()
    predictor = st.get_predictor(learner.model, transformer, batch_size=64)
    found = predictor.predict(test_words)
    predicted = time.perf_counter()
    return {
        "f1": round(entity_f1(test_tags, found), 4),
        "train_seconds": round(trained - start, 1),
        "predict_seconds": round(predicted - trained, 2),
        "settings": job,
    }


def peer(job: dict[str, Any], python: str) -> dict[str, Any]:
    """The same by PyTorch's Trainer, in another interpreter."""
    words, tags = part(job, "train", job["rows"])
    test_words, test_tags = part(job, "test", job["test_rows"])
    known = sorted({tag for row in [*tags, *test_tags] for tag in row})
    told = job | {"train": [words, tags], "test": test_words, "tags": known}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [python, str(PEER)], input=json.dumps(told), stdout=subprocess.PIPE, text=True, check=True,
        env=environment,
    )  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    f1 = round(entity_f1(test_tags, answer.pop("found")), 4)
    return {"f1": f1, **answer, "settings": job}


if __name__ == "__main__":
    main()
