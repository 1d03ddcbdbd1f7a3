#!/usr/bin/env python3
"""Explanations: how long each method takes, and how often LIME and gradients agree.

python benchmarks/explain.py FOLDER --texts sst2.tsv --column sentence --count 50
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np

import simpletext as st

METHODS = ("lime", "eli5", "gradient", "occlusion")
HUNDRED = (
    "the film is a long and patient story of two brothers who lose a house and find each other "
    "again , told with care , with a wonderful cast and a terrible ending "
) * 4


def main() -> None:
    """Both measurements, with their settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="a saved predictor")
    parser.add_argument("--texts", type=Path, help="a tab-separated file with a header")
    parser.add_argument("--column", default="sentence")
    parser.add_argument("--count", type=int, default=50, help="sentences to compare on")
    parser.add_argument("--samples", type=int, default=2500)
    arguments = parser.parse_args()
    predictor = st.load_predictor(arguments.folder)
    text = " ".join(HUNDRED.split()[:100])
    for method in METHODS:
        seconds = [timed(predictor, text, method, arguments.samples) for _ in range(3)]
        print(f"{method}: {min(seconds):.2f} s for 100 words ({arguments.samples} samples)")
    if arguments.texts:
        with arguments.texts.open(encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            texts = [row[arguments.column] for row in rows][: arguments.count]
        compare(predictor, texts, arguments.samples)


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
