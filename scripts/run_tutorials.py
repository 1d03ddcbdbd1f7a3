"""Runs the tutorials from top to bottom and looks for anything that a reader shouldn't see.

Each notebook gets a kernel and an empty folder of its own. A cell that fails, a warning and any
other output on stderr make the run fail. With --small the numbers in the notebook's cell with the
tag "parameters" are made small, and nothing else is changed.

    python scripts/run_tutorials.py                 # all of them, as a reader would
    python scripts/run_tutorials.py --save 03 04    # two of them, and keep what they show
    python scripts/run_tutorials.py --small --jobs 2
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parents[1] / "tutorials"
CELL_SECONDS = 1200
# The one setting: what the names in a notebook's "parameters" cell are with --small.
SMALL = {
    "ROWS": 48,
    "TEST_ROWS": 32,
    "MAXLEN": 32,
    "EPOCHS": 1,
    "SAMPLES": 40,
    "LAYERS": 1,
    "BATCH": 4,
}

# What TensorFlow's C++ part says when it starts depends on the machine, and no setting stops it.
STARTUP = re.compile(
    r"WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d|[IWE]0000 00:00:|"
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] |To enable the following instructions"
)


def chosen(words: list[str]) -> list[Path]:
    """The notebooks whose names begin with one of the words; all of them without words."""
    known = sorted(FOLDER.glob("*.ipynb"))
    for word in words:
        if not any(path.name.startswith(word) for path in known):
            raise SystemExit(f"run_tutorials: no notebook begins with {word!r}.")
    return [path for path in known if not words or path.name.startswith(tuple(words))]


def shrink(notebook: Any) -> None:
    """Makes the numbers of the cell with the tag "parameters" small."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            for name, value in SMALL.items():
                cell.source = re.sub(rf"(?m)^{name} = [\d_]+", f"{name} = {value}", cell.source)


def without_startup(output: Any) -> bool:
    """Takes TensorFlow's start-up notes out of an output; False if nothing is left of it."""
    if output.get("name") != "stderr":
        return True
    lines = output.text.splitlines(keepends=True)
    output.text = "".join(line for line in lines if not STARTUP.match(line))
    return bool(output.text.strip())


def joined(outputs: list[Any]) -> list[Any]:
    """Consecutive pieces of the same stream as one output."""
    kept: list[Any] = []
    for output in outputs:
        if kept and "name" in output and kept[-1].get("name") == output.name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def complaints(notebook: Any) -> list[str]:
    """What a reader shouldn't see: errors, warnings, whatever else came on stderr."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                found.append(f"cell {number}: {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"cell {number} on stderr: {output.text}")
    return found


def run(path: Path, small: bool, save: bool) -> tuple[list[str], float]:
    """Executes a notebook, and saves its outputs if wanted; gives complaints and seconds."""
    notebook, start = nbformat.read(path, as_version=4), time.perf_counter()
    if small:
        shrink(notebook)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute()
        except CellExecutionError as error:
            return [str(error)], time.perf_counter() - start
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = joined([each for each in cell.outputs if without_startup(each)])
    notebook.metadata.pop("language_info", None)
    wrong = complaints(notebook)
    if save and not wrong:
        nbformat.write(notebook, path)
    return wrong, time.perf_counter() - start


def main(words: list[str] | None = None) -> None:
    """Runs the notebooks, tells how long each took, and what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="how the notebooks' names begin; default: all")
    parser.add_argument("--small", action="store_true", help="few rows, short texts, one epoch")
    parser.add_argument("--save", action="store_true", help="write the outputs into the notebooks")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at a time")
    options = parser.parse_args(words)
    if options.save and options.small:
        parser.error("what --small gives isn't worth keeping: leave --save or --small out")
    os.environ.pop("MPLBACKEND", None)  # a kernel's own choice shows figures in the notebook
    paths, failed = chosen(options.names), False
    with ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda path: run(path, options.small, options.save), paths)
        for path, (wrong, seconds) in zip(paths, results, strict=True):
            print(f"{path.name}: {seconds:.0f} s", *wrong, sep="\n  ", flush=True)
            failed = failed or bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
