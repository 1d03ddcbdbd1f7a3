#!/usr/bin/env python3
"""Runs the quick tests on the lowest or the newest versions of all dependencies.

    python scripts/run_versions.py lowest      # exactly what pyproject.toml allows at least
    python scripts/run_versions.py newest      # what the package index has today

Makes its own environment in .venv-lowest or .venv-newest; needs Python 3.11 or later, pip and a
package index only. What follows goes to pytest: `... lowest tests/test_data.py -x`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("lowest", "newest")
# Together they go through every dependency: reading, tokenising, training, plots, reports, LIME,
# eli5, scikit-learn, the command line, saving and reloading.
TESTS = (
    "tests/inference/test_predictions.py",
    "tests/tokenization/test_cache.py",
    "tests/evaluation/test_data_check.py",
    "tests/checkpoints/test_checkpoints.py",
    "tests/test_cli.py",
    "tests/explaining/test_methods.py",
    "tests/tasks/test_labels.py",
    "tests/layers/test_layers.py",
    "tests/test_learner.py",
    "tests/inference/test_under_load.py",
    "tests/tasks/test_metrics.py",
    "tests/models/test_loading.py",
    "tests/project/test_package.py",
    "tests/test_predictor.py",
    "tests/utils/test_console.py",
    "tests/compat/test_readers.py",
    "tests/test_sklearn.py",
    "tests/tokenization/test_tokenizer.py",
    "tests/training/test_run.py",
    "tests/test_transformer.py",
)  # fmt: skip
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg", "PYTHONSAFEPATH": "1"}


def requirements() -> list[str]:
    """What the package and its tests need, as pyproject.toml has it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["test"]]


def constraints(wanted: list[str]) -> list[str]:
    """The lowest version of each requirement, as a line for pip.

    Raises:
        ValueError: a requirement without a lower bound.
    """
    lines = []
    for line in wanted:
        name, bound, version = line.partition(">=")
        if not bound:
            raise ValueError(f"{line!r} has no lower bound in pyproject.toml")
        lines.append(f"{name}=={version}")
    return lines


def run(*command: str | Path) -> None:
    """Runs a command, and ends the program where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **ENVIRONMENT}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def make_environment(kind: str) -> Path:
    """A fresh environment with these versions and the package; gives its Python."""
    folder = ROOT / f".venv-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = requirements()
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    run(*pip, *(constraints(wanted) if kind == "lowest" else wanted), "hatchling")
    run(*pip, "--no-deps", "--no-build-isolation", ROOT)
    return python


def main(words: list[str]) -> None:
    """Makes the environment, says what is in it, and runs the tests there."""
    if not words or words[0] not in KINDS:
        sys.exit(f"usage: run_versions.py {'|'.join(KINDS)} [pytest's arguments]")
    kind, *rest = words
    python = make_environment(kind)
    run(python, "-m", "pip", "list", "--disable-pip-version-check")
    run(python, "scripts/fill_hub_cache.py", "--offline")
    # Warnings are errors in the ordinary tests; an old or new library's own are none of ours.
    run(python, "-P", "-m", "pytest", "-q", "-o", "filterwarnings=default", *(rest or TESTS))


if __name__ == "__main__":
    main(sys.argv[1:])
