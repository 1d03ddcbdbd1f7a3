"""A training on two processes of one machine ends with the numbers of one process (JAX)."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

WORKER = Path(__file__).with_name("processes.py")
pytestmark = pytest.mark.enable_socket  # to find a free port of the loopback interface
LIMIT = 300  # seconds; a training of several processes fails by hanging
on_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="only JAX trains on several")
ENVIRONMENT = os.environ | {
    "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}  # fmt: skip


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(count, out, **options):
    """Processes of one training; `options` of the second one are in `second`."""
    out.mkdir(exist_ok=True)
    second, port = options.pop("second", {}), free_port()
    started = []
    for index in range(count):
        case = {"count": count, "index": index, "port": port, "out": str(out)} | options
        case |= second if index else {}
        command = [sys.executable, str(WORKER), json.dumps(case)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=ENVIRONMENT, **pipes))
    return started


def ended(started, limit=LIMIT):
    """Exit codes, standard outputs and standard errors; none of them is left running."""
    deadline = time.monotonic() + limit
    try:
        outputs = [each.communicate(timeout=deadline - time.monotonic()) for each in started]
    finally:
        for each in started:
            each.kill()
    return [(each.returncode, *output) for each, output in zip(started, outputs, strict=True)]


def apart(one, other):
    """The largest differences of two results: per step, in the history, in the weights."""
    a, b = np.load(one), np.load(other)
    ours, theirs = (json.loads(str(each["history"])) for each in (a, b))
    assert ours.keys() == theirs.keys()
    assert np.array_equal(a["matrix"], b["matrix"])
    names = [name for name in a.files if name.startswith("arr_")]
    history = max(np.abs(np.subtract(ours[name], theirs[name])).max() for name in ours)
    return history, max(np.abs(a[name].astype("float64") - b[name]).max() for name in names)


@on_jax
def test_two_processes_train_a_small_network_as_one(tmp_path):
    assert_same(tmp_path, {"rows": 509, "class_weight": "balanced"})


@on_jax
@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"rows": 541}, {"rows": 509, "class_weight": "balanced", "weights": True}]
)
def test_two_processes_train_an_encoder_as_one(options, tiny, tmp_path):
    assert_same(tmp_path, {"folder": str(tiny)} | options)
    assert (tmp_path / "two" / "predictor" / "config.json").is_file()


def assert_same(tmp_path, case):
    """Two processes train as one does; the last of the batches of 32 rows has 29."""
    one, two = tmp_path / "one", tmp_path / "two"
    started = [*start(1, one, **case), *start(2, two, **case)]
    results = ended(started)
    assert [code for code, *_ in results] == [0, 0, 0], results
    alone, first, second = one / "1-0.npz", two / "2-0.npz", two / "2-1.npz"
    losses = [np.load(result)["losses"] for result in (alone, first)]
    assert len(losses[0]) == 3 * math.ceil(case["rows"] / 32)
    assert np.abs(losses[0] - losses[1]).max() < 1e-5
    history, weights = apart(alone, first)
    assert history < 1e-5
    assert weights < 1e-4
    assert apart(first, second) == (0.0, 0.0)
    assert "3/3" in results[1][2]  # the first process speaks, the other doesn't
    assert "epoch" not in results[2][2]


@on_jax
@pytest.mark.slow
def test_a_killed_process_is_resumed(tiny, tmp_path):
    one, two, folder = tmp_path / "one", tmp_path / "two", str(tmp_path / "checkpoints")
    case = {"rows": 509, "folder": str(tiny)}
    killed = start(2, two, **case, checkpoints=folder, second={"killed_at": 20})
    assert killed[1].wait(LIMIT) == -signal.SIGKILL
    assert ended(killed)[0][0] != 0  # the first one doesn't wait for it
    results = ended([*start(1, one, **case), *start(2, two, **case, checkpoints=folder)])
    assert [code for code, *_ in results] == [0, 0, 0], results
    assert "continuing after epoch 1 of 3" in results[1][2]
    history, weights = apart(one / "1-0.npz", two / "2-0.npz")
    assert history < 1e-5
    assert weights < 1e-4


@on_jax
@pytest.mark.slow
@pytest.mark.parametrize("place", ["model", "training"])
def test_a_process_that_does_not_come_is_an_error_after_30_seconds(place, tiny, tmp_path):
    case = {"rows": 256} | ({"folder": str(tiny)} if place == "model" else {})
    first, second = start(2, tmp_path, **case, second={"absent": place})
    try:
        assert "absent\n" in iter(second.stdout.readline, "")
        began = time.monotonic()
        errors = first.communicate(timeout=90)[1]
    finally:
        for each in (first, second):
            each.kill()
            each.communicate()
    assert "Process 1 hasn't come to this training within 30 seconds" in errors
    assert time.monotonic() - began < 60
    assert first.returncode != 0


@on_jax
def test_processes_with_other_data_are_refused(tmp_path):
    results = ended(start(2, tmp_path, rows=256, second={"rows": 224}), 120)
    for code, _, errors in results:
        assert code != 0
        assert "Processes 0 and 1 differ" in errors
        assert "steps: 8 and 7" in errors
        assert "train_data: 256 rows" in errors
