"""How long the package and its command take to start, in turns with the same of another checkout.

python benchmarks/start_up.py                  # this checkout
python benchmarks/start_up.py OTHER_CHECKOUT   # both, in turns
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROUNDS = 5
MAIN = "from simpletext.cli import main; main()"
COMMANDS = {
    "import simpletext": ["-c", "import simpletext"],
    "simpletext --help": ["-c", MAIN, "--help"],
    "simpletext --version": ["-c", MAIN, "--version"],
    "simpletext train --hepl": ["-c", MAIN, "train", "--hepl"],
}


def seconds(checkout: Path, words: list[str]) -> float:
    """The time of one process, with the package of a checkout."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-P", *words]  # without the folder that this is started in
    subprocess.run(command, env=environment, capture_output=True, check=False)
    return time.perf_counter() - start


def main() -> None:
    """Prints the median of each command and checkout."""
    checkouts = [HERE, *(Path(word).resolve() for word in sys.argv[1:])]
    times: dict[tuple[str, Path], list[float]] = {}
    for _ in range(ROUNDS):
        for name, words in COMMANDS.items():
            for checkout in checkouts:
                times.setdefault((name, checkout), []).append(seconds(checkout, words))
    for (name, checkout), values in times.items():
        print(f"{name:24} {checkout}: {statistics.median(values):.2f} s")


if __name__ == "__main__":
    main()
