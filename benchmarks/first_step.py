"""From `fit` to the second step, part by part: SST-2, 512 rows, maxlen 64, batches of 16.

    python benchmarks/first_step.py --data ../shared/data
    python benchmarks/first_step.py --data ../shared/data OTHER_CHECKOUT   # both, in turns

Prints for each part the medians of several processes: seconds, and seconds of the processor. The
parts up to the second step are those that a user waits for. On TensorFlow it also prints how often
the training step was traced, and how many operations its graph has.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
ROWS, VALIDATION_ROWS, MAXLEN, BATCH_SIZE = 512, 64, 64, 16
WAITED_FOR = ("fit begins", "head start: encoder", "head start: head", "first step", "second step")
LATER = (10, 30)  # the steps between which the time of a later step is measured


def main() -> None:
    """Measure in processes of their own, the checkouts in turns."""
    options = parse()
    checkouts = [HERE, *(Path(other).resolve() for other in options.others)]
    found: dict[Path, list[dict[str, Any]]] = {checkout: [] for checkout in checkouts}
    for _ in range(options.runs):
        for checkout in checkouts:
            found[checkout].append(one_process(checkout, options))
    for checkout, results in found.items():
        print(f"{checkout}, {options.runs} processes, median seconds (of the processor)")
        for part in results[0]["parts"]:
            wall, processor = medians([result["parts"][part] for result in results])
            print(f"  {part:28}{wall:8.2f} ({processor:.2f})")
        sums = [[waited(result, i) for i in (0, 1)] for result in results]
        print(f"  {'fit to the second step':28}{'{:8.2f} ({:.2f})'.format(*medians(sums))}")
        print(f"  {results[0]['told']}")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("others", nargs="*", help="other checkouts to measure in turns")
    parser.add_argument("--data", type=Path, required=True, help="folder with sst2")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def one_process(checkout: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The times of one process with the package of a checkout."""
    command = [sys.executable, __file__, "--measure", "--model", options.model]
    done = subprocess.run(
        [*command, "--data", options.data], check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(checkout), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def medians(pairs: list) -> list[float]:
    """The median of the first numbers, and that of the second ones."""
    return [statistics.median(values) for values in zip(*pairs, strict=True)]


def waited(result: dict[str, Any], which: int) -> float:
    """Seconds from `fit` to the second step."""
    return sum(result["parts"][part][which] for part in WAITED_FOR)


class Clock:
    """Seconds of each part, and of the processor: a part ends where the next one is named."""

    def __init__(self) -> None:
        self.parts: dict[str, list[float]] = {}
        self._last = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), used.ru_utime + used.ru_stime

    def end(self, part: str, share: int = 1) -> None:
        """The time since the last part goes to this one, divided by `share`."""
        now = self._now()
        spent = [(after - before) / share for before, after in zip(self._last, now, strict=True)]
        before = self.parts.get(part, [0.0, 0.0])
        self.parts[part] = [a + b for a, b in zip(before, spent, strict=True)]
        self._last = now


def measure(options: argparse.Namespace) -> None:
    """Train one epoch, and print the times of its parts as JSON."""
    clock = Clock()
    import simpletext as st

    make = st.Transformer  # which imports Keras
    clock.end("import")
    import keras
    from learner import read_csv

    from simpletext.training import fitting, linear_probing

    (texts, labels) = read_csv(options.data / "sst2" / "train.csv")
    transformer = make(options.model, MAXLEN)
    train = transformer.preprocess_train(texts[:ROWS], labels[:ROWS], verbose=0)
    stop = ROWS + VALIDATION_ROWS
    validation = transformer.preprocess_test(texts[ROWS:stop], labels[ROWS:stop], verbose=0)
    clock.end("data")
    model = transformer.get_classifier()
    learner = st.get_learner(model, train, validation, batch_size=BATCH_SIZE)
    clock.end("model")
    graphs = watch_traces(model)
    watch_head_start(clock, fitting, linear_probing)
    learner.fit(1e-4, 1, callbacks=[steps_timed(clock, keras)], verbose=0)
    clock.end("after the epoch")
    told = {"peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)}
    told |= {"loss": round(learner.history["loss"][-1], 6), **counts(graphs)}
    print(json.dumps({"parts": clock.parts, "told": told}))


def watch_head_start(clock: Clock, fitting: Any, linear_probing: Any) -> None:
    """End the parts of the head start where the encoder, and then the head, are done."""
    whole, head = fitting.start_head, linear_probing._train

    def start_head(*arguments: Any) -> None:
        clock.end("fit begins")
        whole(*arguments)
        clock.end("head start: head")

    def train(*arguments: Any) -> None:
        clock.end("head start: encoder")
        head(*arguments)

    fitting.start_head, linear_probing._train = start_head, train


def steps_timed(clock: Clock, keras: Any) -> Any:
    """A callback that ends the parts of the epoch."""

    class Steps(keras.callbacks.Callback):
        seen, tested = 0, False

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen += 1
            names = {1: "first step", 2: "second step", LATER[0]: "steps before those measured"}
            if self.seen in names:
                clock.end(names[self.seen])
            if self.seen == LATER[1]:
                clock.end("a later step", LATER[1] - LATER[0])

        def on_test_begin(self, logs: Any = None) -> None:
            clock.end("last steps")

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            if not self.tested:
                clock.end("first batch of validation")
            self.tested = True

    return Steps()


def watch_traces(model: Any) -> list[Any]:
    """A list that gets TensorFlow's graph at each trace of the training step."""
    graphs: list[Any] = []
    if model.__class__.__module__.partition(".")[0] != "keras" or "tensorflow" not in sys.modules:
        return graphs
    import tensorflow as tf

    step = model.train_step

    def train_step(data: Any) -> Any:
        graphs.append(tf.compat.v1.get_default_graph())
        return step(data)

    model.train_step = train_step
    return graphs


def counts(graphs: list[Any]) -> dict[str, int]:
    """Traces of the training step; operations of its graph and of the functions in it."""
    if not graphs:
        return {}
    definition = graphs[-1].as_graph_def()
    inner = sum(len(function.node_def) for function in definition.library.function)
    return {"traces": len(graphs), "operations": len(definition.node) + inner}


if __name__ == "__main__":
    given = parse()
    measure(given) if given.measure else main()
