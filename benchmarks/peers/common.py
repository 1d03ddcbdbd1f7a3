"""What every peer's script does alike: read the job, time its parts, print one line of JSON.

A job has the texts and labels, the checkpoint's folder, maxlen, batch_size, epochs, lr and seed. A
peer is an object with `fit`, everything from raw texts to a trained model, and `predict`, texts to
class indices.
"""

import importlib.metadata
import json
import resource
import sys
import time

LIBRARIES = ("tensorflow", "keras", "keras-hub", "torch", "transformers")


def versions():
    """The libraries that this process has loaded, with their versions."""
    loaded = [name for name in LIBRARIES if name.replace("-", "_") in sys.modules]
    return {name: importlib.metadata.version(name) for name in loaded}


def gpu_memory():
    """Peak memory of the GPU in GiB; None without one."""
    if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
        peak = sys.modules["torch"].cuda.max_memory_allocated()
        if peak:
            return peak / 2**30
    if "jax" in sys.modules and sys.modules["jax"].default_backend() != "cpu":
        return sys.modules["jax"].devices()[0].memory_stats()["peak_bytes_in_use"] / 2**30
    return None


def read_job():
    """The job that the suite wrote."""
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def run(peer, job, started):
    """Time the peer and print what the suite reads; `started` is when the process began."""
    begin = time.perf_counter()
    peer.fit(job["train"]["texts"], job["train"]["labels"])
    fitted = time.perf_counter()
    found = peer.predict(job["test"]["texts"])
    first = time.perf_counter()
    peer.predict(job["test"]["texts"])  # warm: all is compiled
    second = time.perf_counter()
    right = sum(int(a) == b for a, b in zip(found, job["test"]["labels"], strict=True))
    print(
        "RESULT "
        + json.dumps(
            {
                "import": begin - started,
                "fit": fitted - begin,
                "predict": second - first,
                "accuracy": right / len(found),
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                "gpu_memory": gpu_memory(),
                "versions": versions(),
            }
        )
    )
