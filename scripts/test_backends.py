#!/usr/bin/env python3
"""Runs a part of the tests on Keras' other backends, JAX and PyTorch, where no TensorFlow is.

Makes its own environment in .venv-backends; needs Python 3.11, pip and a package index only.
PyTorch is there for these tests alone: the saved folders are also loaded with its libraries.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-backends"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PACKAGES = (
    "hatchling", "huggingface_hub>=1.3", "hypothesis", "jax", "keras>=3.13", "lime", "numpy>=2.1",
    "pandas", "pytest", "pytest-socket", "safetensors", "scikit-learn", "sentence-transformers",
    "tokenizers", "torch==2.13.0", "tqdm", "transformers>=5",
)  # fmt: skip
# backend -> what runs on it
TESTS = {
    "jax": [["tests/test_parity.py", "-k", "numbers and base and (bert-base or modernbert)"]],
    "torch": [
        ["tests/test_parity.py", "-k", "numbers and base and (bert-base or modernbert or xlnet)"],
        ["tests/test_minilm.py", "tests/test_checkpoint.py", "tests/test_layers.py"],
    ],
}


def run(*command: str | Path, **environment: str) -> None:
    """Runs a command in the root folder, and ends the program where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def install() -> None:
    """Makes the environment where it is missing, and installs the package as it is now."""
    pip = (PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
        run(*pip, *PACKAGES)
    run(*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", ROOT)


def main() -> None:
    """Installs, then tests backend by backend."""
    install()
    run(PYTHON, "scripts/fill_hub_cache.py", "--offline")
    for backend, groups in TESTS.items():
        for tests in groups:
            # The warnings of those libraries are none of ours.
            run(
                PYTHON, "-P", "-m", "pytest", "-q", "-o", "filterwarnings=default", *tests,
                KERAS_BACKEND=backend,
            )  # fmt: skip


if __name__ == "__main__":
    main()
