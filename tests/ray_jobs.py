"""Work by Ray in a process of its own: the tests' own process may not open the sockets."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "scale" / "jobs.py"
TIMEOUT = 580  # seconds; a hang must not outlive it


def run_job(**case):
    """What tests/scale/jobs.py prints, and its process, which has a hard limit of time."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    environment |= {
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, SCRIPT, json.dumps(case, default=str)],
        env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}, done
