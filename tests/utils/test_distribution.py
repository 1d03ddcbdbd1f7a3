"""Several devices and processes: padding rows, what is refused, and what the processes compare.

Trainings on them are in tests/training/test_processes.py and test_devices.py.
"""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from simpletext.errors import ArgumentError, TrainingError
from simpletext.tokenization.batching import Batches
from simpletext.utils import backend, console, files, processes
from simpletext.utils.backend import distribution

ROWS = 7


class Shared:
    """The second of two processes, each with two devices."""

    count = 4

    def places(self, rows):
        padded = -(-rows // self.count) * self.count
        return np.arange(padded)[padded // 2 :]


@pytest.fixture
def second(monkeypatch):
    """This process is the second of a training."""
    jax = SimpleNamespace(
        distributed=SimpleNamespace(is_initialized=lambda: True), process_index=lambda: 1
    )
    monkeypatch.setitem(sys.modules, "jax", jax)


def arrays(weights=None):
    x = np.arange(ROWS, dtype="float32")[:, None]
    return Batches(x, ROWS, y=np.arange(ROWS), weights=weights)


def test_a_process_has_its_rows_and_copies_of_the_last_one():
    x, y, marker = distribution.LocalBatches(arrays(), Shared())[0]
    assert x.tolist() == [[4.0], [5.0], [6.0], [6.0]]
    assert y.tolist() == [4, 5, 6, 6]
    assert marker["padding"].shape == (4, 2)  # one row was added


@pytest.mark.parametrize("weights", [None, np.arange(ROWS, dtype="float32")])
def test_the_padding_is_taken_off_again(weights):
    batches = arrays(weights)
    everything = SimpleNamespace(count=4, places=lambda rows: np.arange(8))
    padded = distribution.LocalBatches(batches, everything)
    assert len(padded) == len(batches)
    assert len(padded[0][1]) == 8
    for ours, theirs in zip(distribution.without_padding(padded[0]), batches[0], strict=True):
        assert np.array_equal(ours, theirs)


def test_other_batches_stay_as_they_are():
    for batch in [(1,), (1, 2), (1, 2, 3), (1, 2, {"first": 3})]:
        assert distribution.without_padding(batch) is batch


def test_orders_change_with_the_epoch():
    batches = Batches(np.arange(64)[:, None], 64, True, y=np.arange(64))
    padded = distribution.LocalBatches(batches, Shared())
    first = padded[0][1]
    padded.on_epoch_end()
    assert not np.array_equal(first, padded[0][1])


def test_one_device_needs_nothing():
    assert distribution.devices() is None
    batches = arrays()
    assert distribution.divided(batches) is batches


def test_the_first_process_alone_speaks_and_writes(second, tmp_path, capsys):
    assert not processes.is_first()
    console.say("a result")
    console.note("a message")
    console.bar(3, "a bar").update()
    with files.new_folder(tmp_path / "folder") as folder:
        (folder / "file").touch()
    with files.whole_file(tmp_path / "file.txt") as file:
        file.touch()
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_a_cache_is_written_by_every_process(second, tmp_path):
    with files.new_folder(tmp_path / "cache", by_all=True) as folder:
        (folder / "file").touch()
    assert (tmp_path / "cache" / "file").is_file()


def test_a_path_that_the_first_process_wrote_is_no_error(second, tmp_path):
    files.check_absent(tmp_path)


@pytest.mark.skipif(not backend.is_tensorflow(), reason="a strategy of TensorFlow")
def test_several_workers_of_tensorflow_are_refused():
    import tensorflow as tf

    strategy = object.__new__(tf.distribute.MultiWorkerMirroredStrategy)
    model = SimpleNamespace(distribute_strategy=strategy)
    with pytest.raises(ArgumentError, match="MultiWorkerMirroredStrategy doesn't work with Keras"):
        distribution.require_supported(model)


def test_processes_of_torchrun_are_refused(monkeypatch):
    available = SimpleNamespace(is_available=lambda: False)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(distributed=available))
    monkeypatch.setattr(distribution, "name", lambda: "torch")
    distribution.require_supported(None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ArgumentError, match="one of 2 PyTorch processes.* KERAS_BACKEND=jax"):
        distribution.require_supported(None)


def test_processes_of_jax_without_a_distribution_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(process_count=lambda: 2))
    monkeypatch.setattr(distribution, "name", lambda: "jax")
    with pytest.raises(ArgumentError, match="one of 2 JAX processes.*no DataParallel"):
        distribution.require_supported(None)


def test_a_model_outside_of_the_distribution_is_refused(monkeypatch):
    sharding = SimpleNamespace(device_set={"cpu:0"})
    variable = SimpleNamespace(path="kernel", value=SimpleNamespace(sharding=sharding))
    monkeypatch.setattr(distribution, "name", lambda: "jax")
    monkeypatch.setattr(distribution, "devices", lambda: SimpleNamespace(count=2))
    with pytest.raises(ArgumentError, match="on the 2 devices.*kernel first.*before the model"):
        distribution.require_supported(SimpleNamespace(variables=[variable]))


class Client:
    """JAX's coordinator, as far as it is used."""

    def __init__(self, others):
        self.values, self.others = {}, others

    def key_value_set(self, key, value):
        self.values[key] = value

    def blocking_key_value_get(self, key, timeout):
        if key in self.values:
            return self.values[key]
        if self.others is None:
            raise RuntimeError("DEADLINE_EXCEEDED")
        versions = json.loads(next(iter(self.values.values())))["versions"]
        return json.dumps(self.others | {"versions": versions})


@pytest.fixture
def coordinator(monkeypatch):
    """Two processes: the other one's facts are the argument, or it doesn't come."""

    def begin(others):
        state = SimpleNamespace(global_state=SimpleNamespace(client=Client(others)))
        errors = SimpleNamespace(JaxRuntimeError=RuntimeError)
        counts = {"process_count": lambda: 2, "process_index": lambda: 0}
        monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(errors=errors, **counts))
        monkeypatch.setitem(sys.modules, "jax._src", SimpleNamespace())
        monkeypatch.setitem(sys.modules, "jax._src.distributed", state)
        monkeypatch.setattr(distribution, "processes", lambda: 2)
        monkeypatch.setattr(distribution, "devices", lambda: ["cpu:0", "cpu:1"])
        monkeypatch.setattr(distribution, "version", lambda name: "1.0")

    return begin


def test_processes_that_agree_go_on(coordinator):
    coordinator({"steps": 8})
    distribution.require_same({"steps": 8})


def test_processes_that_differ_are_refused(coordinator):
    coordinator({"steps": 7, "seed": 0})
    with pytest.raises(TrainingError, match="Processes 0 and 1 differ.* steps: 8 and 7"):
        distribution.require_same({"steps": 8, "seed": 0})


def test_a_process_that_does_not_come_is_named(coordinator):
    coordinator(None)
    with pytest.raises(TrainingError, match="Process 1 hasn't come .* within 30 seconds"):
        distribution.require_same({"steps": 8})
