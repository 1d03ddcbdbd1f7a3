"""Bulk predictions in a process of their own: python bulk.py '[{"predictor": ..., ...}, ...]'.

Ray needs sockets, which the tests' own process may not open; here it uses the loopback address.
With `kill_at` the process kills itself with -9 when so many files are there; with `kill_worker_at`
it kills a worker.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def when(out, count, action):
    """Do something once `count` files are in the folder."""

    def wait():
        while len(list(Path(out).glob("part-*.parquet"))) < count:
            time.sleep(0.005)
        action()

    threading.Thread(target=wait, daemon=True).start()


def kill_worker(beginning="ray::MapWorker"):
    """Kill one of the workers below this process, once there is one; returns its name."""
    while (name := killed_worker(beginning)) is None:
        time.sleep(0.05)  # the workers of a killed run may have written a file before ours begin
    return name


def killed_worker(beginning):
    """The name of a worker below this process, which is killed; None where there is none."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True)
    lines = [line.split(None, 2) for line in listed.stdout.splitlines()[1:]]
    parents = {pid: parent for pid, parent, _ in lines}
    for pid, parent, name in lines:
        while parent in parents and parent != str(os.getpid()):
            parent = parents[parent]
        if parent == str(os.getpid()) and name.startswith(beginning):
            os.kill(int(pid), signal.SIGKILL)
            return name
    return None


def run(options):
    kill_at, kill_worker_at = (options.pop(k, None) for k in ("kill_at", "kill_worker_at"))
    import simpletext as st

    if kill_at:
        when(options["out"], kill_at, lambda: os.kill(os.getpid(), signal.SIGKILL))
    if kill_worker_at:
        when(options["out"], kill_worker_at, lambda: print("killed", kill_worker(), flush=True))
    try:
        st.scale.predict(**options)
    except st.SimpletextError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    for one in json.loads(sys.argv[1]):
        run(one)
