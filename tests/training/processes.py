"""One process of a training on several, for test_processes.py: `processes.py '{...}'` (JSON)."""

import contextlib
import io
import json
import os
import signal
import sys
import time
from pathlib import Path

import keras
import numpy as np

EPOCHS, RATE = 3, 5e-4


class Watcher(keras.callbacks.Callback):
    """Keeps each step's loss, and kills this process before a step."""

    def __init__(self, killed_at=None):
        super().__init__()
        self.killed_at, self.losses = killed_at, []

    def on_train_batch_begin(self, batch, logs=None):
        if self.killed_at is not None and len(self.losses) == self.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


def texts_and_labels(rows):
    """Texts of the same length, so that few shapes are compiled; a third of them is bad."""
    from conftest import BAD, GOOD, PLAIN

    rng = np.random.default_rng(0)
    labels = ["neg" if i % 3 == 0 else "pos" for i in range(rows)]
    words = [str(rng.choice(BAD if label == "neg" else GOOD)) for label in labels]
    return [" ".join([*rng.choice(PLAIN, 4), word]) for word in words], labels


def learner_for(case):
    import simpletext as st

    if "folder" not in case:  # a small network on arrays
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dropout(0.1), keras.layers.Dense(2)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        x = np.random.default_rng(0).normal(size=(case["rows"], 4)).astype("float32")
        y = (x[:, 0] > 0).astype("int32")
        weights = np.linspace(0, 2, len(y))
        val = (x[:51], y[:51])
        return st.get_learner(model, (x, y), val, batch_size=32, sample_weight=weights), None
    texts, labels = texts_and_labels(case["rows"])
    t = st.Transformer(case["folder"], maxlen=16, precision="float32")
    train = t.preprocess_train(texts, labels)
    val = t.preprocess_test(texts[:51], labels[:51])
    weights = np.linspace(0, 2, len(texts)) if case.get("weights") else None
    model = t.get_classifier(metrics=["accuracy", "f1", "auc", "mcc"])
    learner = st.get_learner(model, train, val, sample_weight=weights, batch_size=32)
    return learner, t


def stay_away(case, place):
    """Don't come to what the other processes begin."""
    if case.get("absent") == place:
        print("absent", flush=True)
        time.sleep(600)


def main(case):
    if case["count"] > 1:
        import jax

        address = f"127.0.0.1:{case['port']}"
        options = {
            "coordinator_bind_address": address,
            "heartbeat_timeout_seconds": 10,
            "shutdown_timeout_seconds": 10,
        }
        jax.distributed.initialize(address, case["count"], case["index"], **options)
        keras.distribution.set_distribution(keras.distribution.DataParallel())
    import simpletext as st

    stay_away(case, "model")
    learner, transformer = learner_for(case)
    stay_away(case, "training")
    watcher = Watcher(case.get("killed_at"))
    learner.fit_onecycle(
        RATE, EPOCHS, case.get("checkpoints"), callbacks=[watcher], resume="checkpoints" in case,
        class_weight=case.get("class_weight"),
    )  # fmt: skip
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        matrix = learner.validate()
    assert bool(report.getvalue()) == (case["index"] == 0)
    if transformer:
        st.get_predictor(learner.model, transformer).save(Path(case["out"]) / "predictor")
    values = [keras.ops.convert_to_numpy(w) for w in learner.model.weights]
    history = json.dumps(learner.history)
    result = Path(case["out"]) / f"{case['count']}-{case['index']}.npz"
    np.savez(result, *values, matrix=matrix, losses=watcher.losses, history=history)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main(json.loads(sys.argv[1]))
