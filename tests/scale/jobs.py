"""Training and search by Ray in a process of its own: python jobs.py '{"action": ..., ...}'.

With `kill` a process whose name begins with it is killed with -9 once a checkpoint is there.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))


def watch(folder, name, killed):
    """Kill a worker once the first checkpoint is complete."""
    from bulk import kill_worker

    def wait():
        while not list(Path(folder).glob("checkpoints/checkpoint_*/last.safetensors")):
            time.sleep(0.05)
        time.sleep(1)  # in the next epoch
        killed.append(kill_worker(name))

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def ray_cluster():
    """Ray on this machine, as if it had two CPUs."""
    import ray

    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=100_000_000,
        log_to_driver=False, logging_level="ERROR",
    )  # fmt: skip
    try:
        yield
    finally:
        ray.shutdown()


def train(options):
    """Train with workers; the probabilities and the report, and which worker was killed."""
    import simpletext as st

    kill, killed = options.pop("kill", None), []
    if kill:
        watch(options["folder"], kill, killed)
    with ray_cluster():
        predictor = st.scale.train(**options)
    return result(predictor, options) | {"killed": killed}


def alone(options):
    """The same in this process."""
    import simpletext as st

    return result(st.train(**options), options)


def result(predictor, options):
    proba = predictor.predict_proba(options["data"][0][:50])
    return {"proba": proba.tolist(), "report": np.array(predictor.report).tolist()}


def tune(options):
    """Search with workers; the tries, the score, and what the best predictor predicts."""
    import simpletext as st

    kill_at = options.pop("kill_at", None)
    if kill_at:
        when(Path(options["folder"]) / "trials", kill_at)
    with ray_cluster():
        found = st.scale.tune(**options)
    return {
        "tries": found.to_frame().to_dict("records"), "score": found.score,
        "predicted": found.predictor.predict(options["data"][0][:5]),
    }  # fmt: skip


def predict(options):
    """Predict on a cluster of three machines, all of them this one, of which one is lost."""
    import ray
    from ray._private.state import available_resources_per_node
    from ray.cluster_utils import Cluster

    import simpletext as st

    size = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=size | {"include_dashboard": False})
    lost = []
    try:
        nodes = [cluster.add_node(**size) for _ in range(2)]
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")

        def lose():
            while len(list(Path(options["out"]).glob("part-*.parquet"))) < 1:
                time.sleep(0.02)
            free = available_resources_per_node()
            node = next(node for node in nodes if free[node.node_id].get("CPU", 0) < 1)
            cluster.remove_node(node, allow_graceful=False)
            lost.append(node.node_id)

        threading.Thread(target=lose, daemon=True).start()
        st.scale.predict(**options)
        return {"lost": lost, "left": sum(node["Alive"] for node in ray.nodes())}
    finally:
        ray.shutdown()
        cluster.shutdown()


def when(folder, count):
    """Kill this process with -9 once so many records are there."""

    def wait():
        while len(list(folder.glob("*.json"))) < count:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    case = json.loads(sys.argv[1])
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray listens on the loopback address
    from training.processes import texts_and_labels

    if "rows" in case:
        case["data"], case["val"] = texts_and_labels(case.pop("rows")), texts_and_labels(51)
    action = {"train": train, "alone": alone, "tune": tune, "predict": predict}[case.pop("action")]
    try:
        print(json.dumps(action(case)))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__} {error}"}))
        raise
