#!/usr/bin/env python3
"""Runs a part of the tests on Keras' other backends, JAX and PyTorch, where no TensorFlow is.

Also the smallest form of the GPU suite, `benchmarks/gpu.py`, which fails where the logits differ
from PyTorch's.

Makes its own environment in .venv-backends; needs Python 3.11, pip and a package index only.
PyTorch is there for these tests alone: the saved folders are also loaded with its libraries.

    python3 scripts/run_backends.py                # the part that CI runs, in some minutes
    python3 scripts/run_backends.py jax            # that part on one backend
    python3 scripts/run_backends.py torch tests/models -k numbers  # other tests
"""

import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-backends"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "packages.txt"
PACKAGES = (
    "jax>=0.7", "torch==2.13.0", "sentence-transformers>=5", "hypothesis", "pytest",
    "pytest-socket", "pytest-xdist>=3.6", "sacrebleu>=2.4", "sacremoses", "sentencepiece",
)  # fmt: skip
# Of each kind of arithmetic one family: absolute, rotary and relative positions, padding on the
# left, buckets, windows.
NUMBERS = "numbers and base and ({})"
FEW = "[bert- or modernbert or xlnet or deberta-v2 or longformer"
SAVED = "[bert- or [roberta- or xlnet or [albert or deberta-v2 or modernbert or zero"
PARTS = [
    "tests/layers/test_backends.py",
    "tests/layers/test_layers.py",
    "tests/layers/test_recomputation.py",
    "tests/training/test_optimizer.py",
    "tests/utils/test_backend.py",
]
# Each task from its data to a saved predictor; ktrain's tutorial.
TASKS = [
    "tests/test_quick.py", "tests/test_entities.py", "tests/test_seq2seq.py",
    "tests/compat/test_ktrain_walk.py",
    "-k", "one_call or every_task or learns_and_reports or learns_to_translate or tutorial_runs",
]  # fmt: skip
DEMO = ["tests/project/test_example.py", "-m", "slow"]
# Old files are converted without TensorFlow.
CONVERSION = ["tests/saving/test_convert.py", "tests/models/test_talking_heads.py"]
# What PyTorch alone runs whole.
ALONE = [
    "tests/explaining/test_integrated_gradients.py", "tests/models/test_minilm.py",
    "tests/models/test_target_scaling.py", "tests/models/test_seq2seq.py",
    "tests/inference/test_generation.py", "tests/saving/test_translator_pytorch.py",
    "tests/saving/test_convert_pytorch.py",
]  # fmt: skip
GPU_SUITE = ("benchmarks/gpu.py", "--tiny", "--parts", "parity", "forward", "--limit", "1e-5")
NEWSGROUPS = ROOT.parent / "shared" / "data" / "20newsgroups"
# backend -> what runs on it
TESTS = {
    "jax": [
        # Each training compiles for many seconds: three tasks.
        ["tests/test_quick.py", "-k", "every_task and (pairs or lists or regression)"],
        [*PARTS, "tests/utils/test_distribution.py", "tests/training/test_processes.py",
         *CONVERSION],
        ["tests/models/test_parity.py", "-k", NUMBERS.format("[bert- or modernbert or deberta-v2")],
    ],
    "torch": [
        TASKS,
        DEMO,
        [*PARTS, *CONVERSION, *ALONE],
        ["tests/checkpoints/test_checkpoints.py", "-k", "pickle"],
        ["tests/models/test_parity.py", "-k", NUMBERS.format(FEW)],
        ["tests/saving/test_pytorch.py", "-k", SAVED],
        ["tests/saving/test_pytorch_entities.py", "-k", "[bert] or [roberta] or [modernbert]"],
    ],
}  # fmt: skip


def run(*command: str | Path, **environment: str) -> None:
    """Runs a command in the root folder, and ends the program where it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def requirements() -> list[str]:
    """What the package needs without TensorFlow, and what these tests need besides."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = settings["project"]["dependencies"] + settings["build-system"]["requires"]
    return [*(line for line in needed if not line.startswith("tensorflow")), *PACKAGES]


def install() -> None:
    """Makes the environment where it isn't whole, and installs the package as it is now."""
    pip = (PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "install")
    wanted = "\n".join(requirements())
    if not STAMP.is_file() or STAMP.read_text(encoding="utf-8") != wanted:
        print(f"==> Installing JAX, PyTorch and the other libraries into {VENV}", flush=True)
        venv.create(VENV, with_pip=True, clear=True)
        run(*pip, *requirements())
        STAMP.write_text(wanted, encoding="utf-8")
    run(*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", ROOT)


def test(backend: str, arguments: list[str]) -> None:
    """Runs pytest on the installed package with that backend."""
    print(f"==> KERAS_BACKEND={backend} pytest {' '.join(arguments)}", flush=True)
    # The warnings of those libraries are none of ours.
    options = ("-q", "-rs", "-n", "2", "-o", "filterwarnings=default", "--disable-warnings")
    data = os.environ.get("SCIKIT_LEARN_DATA", str(NEWSGROUPS))
    given = {"KERAS_BACKEND": backend, "MPLBACKEND": "Agg", "SCIKIT_LEARN_DATA": data}
    # Two processes whose threads wait for each other's cores take many times as long.
    given["OMP_NUM_THREADS"] = "1"
    run(PYTHON, "-P", "-m", "pytest", *options, *arguments, **given)


def main(words: list[str]) -> None:
    """Installs, then tests backend by backend."""
    if words and words[0] not in TESTS:
        sys.exit(f"run_backends.py: the backends are {' and '.join(TESTS)}, not {words[0]!r}.")
    install()
    run(PYTHON, "scripts/fill_hub_cache.py", "--offline")
    for backend in words[:1] or TESTS:
        for arguments in [words[1:]] if words[1:] else TESTS[backend]:
            test(backend, arguments)
        if not words[1:]:
            print(f"==> {' '.join(GPU_SUITE)} --backends {backend}", flush=True)
            run(PYTHON, "-P", *GPU_SUITE, "--backends", backend)


if __name__ == "__main__":
    main(sys.argv[1:])
