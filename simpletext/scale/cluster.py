"""The Ray cluster: connecting to it, its machines, and what they must have in common."""

import os
import platform
import re
import socket
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, ClusterError, SimpletextError
from ..saving.archive import SavedFolder
from ..utils.validation import require_count, require_list, require_number

CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # "0": Ray serves this machine only, on any system
PATIENCE = 120  # seconds for a machine to say what it has
REACH = 10  # seconds for an address to accept a connection
PACKAGES = ("simpletext-keras", "keras", "tensorflow", "jax", "torch")


def connected(part: str) -> Any:
    """Ray, connected to a cluster.

    The cluster is that of `ray.init` if it was called, else of RAY_ADDRESS, else a new one on this
    machine, which listens on the loopback address only (unless Ray was imported before).

    Args:
        part: what is needed of it besides: "data", "train" or "tune".

    Raises:
        ClusterError: Ray isn't installed, or nothing answers at that address.
    """
    address = os.environ.get("RAY_ADDRESS")
    if address is None:
        os.environ.setdefault(CLUSTERS, "0")  # read when Ray is imported
    try:
        import ray

        import_module(f"ray.{part}")
    except ImportError as error:
        raise ClusterError(
            "simpletext.scale needs Ray: pip install 'simpletext-keras[ray]'."
        ) from error
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        options["include_dashboard"] = False
    else:
        _require_reachable(address)
    try:
        ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "on this machine" if address is None else f"at RAY_ADDRESS={address!r}"
        raise ClusterError(f"Ray can't be started or reached {where}: {error}") from error
    return ray


def _require_reachable(address: str) -> None:
    """Refuse an address at which nothing listens, for which Ray would wait for minutes."""
    found = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address)
    if found is None:  # such as "auto"
        return
    try:
        socket.create_connection((found[1], int(found[2])), REACH).close()
    except OSError as error:
        raise ClusterError(
            f"There is no Ray cluster at RAY_ADDRESS={address!r} ({error}). Start one there with "
            "`ray start --head`, correct the address, or remove the variable to use this machine."
        ) from error


def machines(ray: Any) -> list[dict[str, Any]]:
    """The machines of the cluster that are alive, as Ray describes them."""
    return [node for node in ray.nodes() if node["Alive"]]


def cpus_per_worker(nodes: Sequence[dict[str, Any]], workers: int, gpus: float) -> int:
    """How many CPUs each worker gets: the most with which all of them fit on the machines.

    Args:
        nodes: the machines.
        workers: how many there are to be.
        gpus: GPUs of each worker; below 1 several share one.

    Raises:
        ArgumentError: so many workers don't fit; Ray would wait for ever.
    """
    require_count("workers", workers)
    require_number("gpus_per_worker", gpus, 0)
    resources = [node["Resources"] for node in nodes]

    def places(count: int) -> int:
        return sum(_places(found, count, gpus) for found in resources)

    for count in range(int(max(found.get("CPU", 0) for found in resources)), 0, -1):
        if places(count) >= workers:
            return count
    cpus, cards = (sum(found.get(name, 0) for found in resources) for name in ("CPU", "GPU"))
    raise ArgumentError(
        f"workers={workers} with gpus_per_worker={gpus:g}; the cluster has {cpus:g} CPUs and "
        f"{cards:g} GPUs on {len(nodes)} machines, which is room for {places(1)} workers. Use "
        "fewer workers, or add machines."
    )


def _places(resources: dict[str, float], cpus: int, gpus: float) -> int:
    """How many workers fit on a machine; a share of a GPU can't be spread over two."""
    room = int(resources.get("CPU", 0) // cpus)
    if not gpus:
        return room
    cards = resources.get("GPU", 0)
    return min(room, int(cards) * int(1 / gpus) if gpus < 1 else int(cards // gpus))


def everywhere(checkpoint: Any) -> Any:
    """Paths of checkpoints from the root, since workers run in folders of their own.

    Names on the Hub, and what is neither, stay as they are.

    Example:
        >>> everywhere(["google-bert/bert-base-uncased"])
        ['google-bert/bert-base-uncased']
    """
    if isinstance(checkpoint, (str, os.PathLike)):
        return os.path.abspath(checkpoint) if os.path.exists(checkpoint) else checkpoint
    return [everywhere(each) for each in require_list("checkpoint", checkpoint, "checkpoints")]


def worker_environment(cpus: int, gpus: float) -> dict[str, str]:
    """Environment variables by which a worker's libraries keep to its CPUs and GPUs."""
    threads = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    found = dict.fromkeys(threads, str(cpus)) | {"TF_NUM_INTEROP_THREADS": "1"}
    if "KERAS_BACKEND" in os.environ:
        found["KERAS_BACKEND"] = os.environ["KERAS_BACKEND"]
    if not gpus:
        found["CUDA_VISIBLE_DEVICES"] = "-1"  # else each worker would take the first GPU
    elif gpus < 1:  # several processes share a GPU's memory
        found["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        found["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    return found


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def what_is_here(folder: SavedFolder | None, paths: Sequence[str]) -> dict[str, Any]:
    """The versions on this machine, and what is missing: a sentence, or ""."""
    missing = next((name for name in paths if not Path(name).exists()), None)
    problem = "" if missing is None else f"It doesn't see {missing!r}."
    try:
        if folder is not None:
            folder.opened()
    except SimpletextError as error:
        problem = str(error)
    return {"versions": versions(), "problem": problem}


def check_machines(ray: Any, folder: SavedFolder | None, paths: Sequence[str]) -> None:
    """Refuse a cluster whose other machines don't see the same files or have other versions.

    Args:
        ray: connected.
        folder: that of a predictor, or None.
        paths: of files and folders.

    Raises:
        ClusterError: such a machine, or one that doesn't answer within two minutes.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(what_is_here)
    mine = ray.get_runtime_context().get_node_id()
    for node in machines(ray):
        if node["NodeID"] == mine:
            continue
        here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        task = look.options(num_cpus=0, max_retries=0, scheduling_strategy=here)
        name = node["NodeManagerAddress"]
        try:
            found = ray.get(task.remote(folder, list(paths)), timeout=PATIENCE)
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"The machine {name} can't run simpletext: {_first_line(error)} Install there what "
                "is installed here."
            ) from error
        require_same(name, found)


def require_same(name: str, found: dict[str, Any]) -> None:
    """Refuse a machine that lacks a file or has other versions (see `what_is_here`)."""
    if found["problem"]:
        raise ClusterError(
            f"The machine {name} can't take part: {found['problem']} Use storage that all machines "
            "see under the same path."
        )
    mine, other = versions(), found["versions"]
    for package in sorted(mine.keys() | other.keys()):
        if mine.get(package) != other.get(package):
            raise ClusterError(
                f"The machine {name} has {package} {other.get(package)}, this one "
                f"{mine.get(package)}; numbers may differ. Install the same versions everywhere."
            )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"
