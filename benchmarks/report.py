#!/usr/bin/env python3
"""What `speed.py --json` kept, as Markdown tables and a plot.

python benchmarks/report.py sst2.json newsgroups.json --figure docs/speed.png
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

Kept = dict[str, Any]
COLUMNS = ("", "fit, s", "times ours", "predict, s", "times ours", "peak memory, GiB", "accuracy")


def table(kept: Kept) -> str:
    """One comparison in Markdown: medians and ranges, and how many times longer than the first."""
    rows = reached(kept) if kept["until"] else compared(kept)
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def compared(kept: Kept) -> list[list[str]]:
    """A row a peer, runs paired with those of the first."""
    results, rows = kept["results"], [list(COLUMNS)]
    for name, runs in results.items():
        row = [name]
        for key in ("fit", "predict"):
            row += [spread([run[key] for run in runs], ".1f"), spread(ratios(results, name, key))]
        row += [spread([run[key] for run in runs], form) for key, form in
                (("memory", ".1f"), ("accuracy", ".3f"))]  # fmt: skip
        rows.append(row)
    return rows


def ratios(results: dict[str, list[Kept]], name: str, key: str) -> list[float]:
    """How many times as much as the first peer, run by run."""
    first = next(iter(results.values()))
    return [run[key] / ours[key] for run, ours in zip(results[name], first, strict=True)]


def reached(kept: Kept) -> list[list[str]]:
    """A row a peer: the time of the shortest whole training that is good enough."""
    rows = [["", f"time to {kept['until']}, s", "times ours", "epochs", "accuracy"]]
    ours = next(iter(kept["results"].values()))[-1]["fit"]
    for name, runs in kept["results"].items():
        last = runs[-1]
        if last["accuracy"] < kept["until"]:
            rows.append([name, "not reached", "", f"{len(runs)}", f"{last['accuracy']:.3f}"])
            continue
        figures = f"{last['fit']:.1f}", f"{last['fit'] / ours:.2f}"
        rows.append([name, *figures, f"{len(runs)}", f"{last['accuracy']:.3f}"])
    return rows


def spread(values: list[float], form: str = ".2f") -> str:
    """The median, and the range where there is one."""
    middle = format(statistics.median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"


def section(kept: Kept) -> str:
    """A table under what it is about."""
    libraries: dict[str, str] = {}
    for runs in kept["results"].values():
        libraries |= runs[0]["versions"]
    told = ", ".join(f"{name} {version}" for name, version in sorted(libraries.items()))
    return (
        f"{kept['task']}, {kept['rows']} rows. {kept['date']}, {kept['machine']}; {told}.\n\n"
        + table(kept)
    )


def plot(files: list[Kept], path: Path) -> None:
    """How many times as long as the first peer the others train, a panel a task."""
    from matplotlib import pyplot as plt

    files = [kept for kept in files if not kept["until"]]
    figure, panels = plt.subplots(
        1, len(files), figsize=(4.6 * len(files), 3), layout="constrained", squeeze=False
    )
    for axes, kept in zip(panels[0], files, strict=True):
        names = list(kept["results"])[::-1]
        values = [statistics.median(ratios(kept["results"], name, "fit")) for name in names]
        colours = ["C0" if name.startswith("simpletext") else "0.7" for name in names]
        bars = axes.barh(names, values, color=colours)
        axes.bar_label(bars, fmt="%.2f", padding=3)
        axes.set_title(f"{kept['task']}, {kept['rows']} rows")
        axes.set_xlabel("time of training, times ours")
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Print, and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="what speed.py kept")
    parser.add_argument("--figure", type=Path, help="where to put the plot")
    options = parser.parse_args()
    files = [json.loads(path.read_text(encoding="utf-8")) for path in options.files]
    print("\n\n".join(section(kept) for kept in files))
    if options.figure:
        plot(files, options.figure)


if __name__ == "__main__":
    main()
