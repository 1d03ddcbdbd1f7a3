"""What a cluster must have, checked without one."""

import pytest

from simpletext.errors import ArgumentError, ClusterError
from simpletext.saving.archive import SavedFolder
from simpletext.scale.cluster import (
    _require_reachable,
    connected,
    cpus_per_worker,
    require_same,
    versions,
    what_is_here,
    worker_environment,
)


def nodes(*resources):
    return [{"Resources": dict(zip(("CPU", "GPU"), pair, strict=True))} for pair in resources]


@pytest.mark.parametrize(
    ("machines", "workers", "gpus", "cpus"),
    [
        (nodes((8, 0)), 2, 0, 4),
        (nodes((2, 0)), 2, 0, 1),
        (nodes((3, 0), (3, 0)), 2, 0, 3),
        (nodes((3, 0), (3, 0), (3, 0)), 4, 0, 1),  # 2 CPUs each would leave the fourth waiting
        (nodes((16, 4)), 4, 1, 4),
        (nodes((16, 2)), 4, 0.5, 4),
        (nodes((16, 4), (16, 4)), 4, 2, 8),
    ],
)
def test_the_cpus_are_divided_so_that_all_workers_fit(machines, workers, gpus, cpus):
    assert cpus_per_worker(machines, workers, gpus) == cpus


@pytest.mark.parametrize(
    ("machines", "workers", "gpus", "room"),
    [
        (nodes((2, 0)), 3, 0, 2),
        (nodes((8, 1)), 2, 1, 1),
        (nodes((8, 0)), 1, 1, 0),
        (nodes((8, 2)), 3, 0.7, 2),
    ],
)
def test_what_would_wait_for_ever_is_refused(machines, workers, gpus, room):
    with pytest.raises(ArgumentError, match=rf"workers={workers} .* room for {room} workers"):
        cpus_per_worker(machines, workers, gpus)


@pytest.mark.parametrize(("workers", "gpus"), [(0, 0), (1.5, 0), (2, -1)])
def test_numbers_that_are_none(workers, gpus):
    with pytest.raises(ArgumentError, match=r"(workers|gpus_per_worker)=.*it must be"):
        cpus_per_worker(nodes((8, 8)), workers, gpus)


def test_the_environment_of_a_worker(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    found = worker_environment(3, 0)
    assert (found["RAYON_NUM_THREADS"], found["CUDA_VISIBLE_DEVICES"]) == ("3", "-1")
    assert found["KERAS_BACKEND"] == "jax"
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(3, 1)
    assert worker_environment(3, 0.5)["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_without_ray(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ClusterError, match=r"needs Ray: pip install 'simpletext-keras\[ray\]'"):
        connected("data")


def test_an_address_where_nothing_listens(monkeypatch):
    def refuse(*arguments):
        raise ConnectionRefusedError("Connection refused")

    monkeypatch.setattr("socket.create_connection", refuse)
    with pytest.raises(ClusterError, match="no Ray cluster at RAY_ADDRESS='127.0.0.1:1' "):
        _require_reachable("127.0.0.1:1")
    _require_reachable("auto")


def test_a_machine_without_the_files(tmp_path):
    found = what_is_here(SavedFolder(str(tmp_path / "gone"), "abc"), [])
    with pytest.raises(ClusterError, match="machine n1 can't take part: .*isn't on this machine"):
        require_same("n1", found)


def test_a_machine_with_other_versions():
    require_same("n1", {"problem": "", "versions": versions()})
    other = versions() | {"keras": "3.1"}
    with pytest.raises(ClusterError, match=r"The machine n1 has keras 3\.1, this one 3\."):
        require_same("n1", {"problem": "", "versions": other})
