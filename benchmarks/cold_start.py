#!/usr/bin/env python3
"""From the start of a process to the first prediction of a saved predictor; imports beside it.

And the parts of it: import, load, the first prediction, and a second one of another length.

python benchmarks/cold_start.py FOLDER [--other "python /path/to/ktrain_script.py"]
"""

import argparse
import shlex
import statistics
import subprocess
import sys
import time

FIRST = "import sys, simpletext as st; st.load_predictor(sys.argv[1]).predict('one text')"

PARTS = """
import sys, time
times = [time.perf_counter()]
import simpletext as st
times.append(time.perf_counter())
predictor = st.load_predictor(sys.argv[1])
times.append(time.perf_counter())
for text in ("one text", "another text, which is longer"):
    predictor.predict(text)
    times.append(time.perf_counter())
print(*(after - before for before, after in zip(times, times[1:])))
"""
NAMES = ("import", "load", "first", "second")


def main() -> None:
    """Medians of several processes, run in turn so that the machine's moods meet all alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="a saved predictor")
    parser.add_argument("--other", help="a command to measure beside it")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    commands = {
        "import keras": [sys.executable, "-c", "import keras"],
        "import simpletext": [sys.executable, "-c", "import simpletext"],
        "first prediction": [sys.executable, "-c", FIRST, arguments.folder],
    }
    if arguments.other:
        commands["other"] = shlex.split(arguments.other)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(arguments.runs):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
        command = [sys.executable, "-c", PARTS, arguments.folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        for name, value in zip(NAMES, done.stdout.split()[-len(NAMES) :], strict=True):
            seconds.setdefault(f"part: {name}", []).append(float(value))
    for name, values in seconds.items():
        print(f"{name}: {statistics.median(values):.2f} s (median of {arguments.runs})")


if __name__ == "__main__":
    main()
