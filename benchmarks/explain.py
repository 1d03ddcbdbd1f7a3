#!/usr/bin/env python3
"""Explanations: how long each method takes, and how often LIME and gradients agree.

    python benchmarks/explain.py FOLDER --texts ../shared/data/sst2/test.csv --count 50
    python benchmarks/explain.py FOLDER --ktrain PYTHON --ktrain-folder FOLDER

FOLDER holds a saved predictor. PYTHON is an interpreter in whose environment ktrain imports, and
its folder a predictor of the same size; `peers/with_ktrain.py` makes one and says how.
"""

import argparse
import csv
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

import simpletext as st

METHODS = ("lime", "eli5", "gradient", "occlusion")
PEER = Path(__file__).resolve().parent / "peers" / "with_ktrain.py"
HUNDRED = (
    "the film is a long and patient story of two brothers who lose a house and find each other "
    "again , told with care , with a wonderful cast and a terrible ending "
) * 4


def main() -> None:
    """All measurements, with their settings."""
    arguments = parse()
    predictor = st.load_predictor(arguments.folder)
    text = " ".join(HUNDRED.split()[:100])
    for method in METHODS:
        seconds = [timed(predictor, text, method, arguments.samples) for _ in range(3)]
        print(f"{method}: {told(seconds)} for 100 words ({arguments.samples} samples)")
    if arguments.ktrain:
        beside_ktrain(predictor, text, arguments)
    if arguments.texts:
        with arguments.texts.open(encoding="utf-8", newline="") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
        step = max(len(texts) // arguments.count, 1)
        compare(predictor, texts[::step][: arguments.count], arguments.samples)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a saved predictor")
    parser.add_argument("--texts", type=Path, help="a CSV file with a column `text`")
    parser.add_argument("--count", type=int, default=50, help="texts to compare on")
    parser.add_argument("--samples", type=int, default=2500)
    parser.add_argument("--ktrain", help="an interpreter that imports ktrain")
    parser.add_argument("--ktrain-folder", help="a predictor that ktrain saved")
    return parser.parse_args()


def told(seconds: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def beside_ktrain(predictor: st.Predictor, text: str, arguments: argparse.Namespace) -> None:
    """LIME on the same text with as many samples, in turn with ours."""
    command = [arguments.ktrain, str(PEER), "explain", arguments.ktrain_folder, text]
    done = subprocess.run(
        [*command, str(arguments.samples)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SECONDS ")]
    theirs = [float(line.split()[1]) for line in lines]
    ours = [timed(predictor, text, "lime", arguments.samples) for _ in range(3)]
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"LIME, ktrain: {told(theirs)}; simpletext: {told(ours)}; {ratio:.1f} times as fast")


def timed(predictor: st.Predictor, text: str, method: str, samples: int) -> float:
    """Seconds for one explanation."""
    start = time.perf_counter()
    predictor.explain(text, method=method, n_samples=samples)
    return time.perf_counter() - start


def compare(predictor: st.Predictor, texts: list[str], samples: int) -> None:
    """The share of texts on whose strongest word two methods agree in sign."""
    same: dict[str, list[bool]] = {"gradient": [], "occlusion": []}
    for text in texts:
        lime = predictor.explain(text, n_samples=samples).targets[0]
        if not lime.strongest:
            continue
        top = lime.strongest[0]
        for method, found in same.items():
            words = predictor.explain(text, method=method).targets[0].words
            weight = next(word.weight for word in words if word.start == top.start)
            found.append(bool(np.sign(weight) == np.sign(top.weight)))
    for method, found in same.items():
        share = f"{np.mean(found):.1%} of {len(found)}"
        print(f"sign of LIME's strongest word, {method}: the same in {share} texts")


if __name__ == "__main__":
    main()
