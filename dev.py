#!/usr/bin/env python3
"""The one command for contributors: python3 dev.py setup | check | test | demo | docs.

Each command first makes the virtual environment .venv and installs the libraries in it, if needed.
It requires Python 3.11 or later and a package index that pip can reach.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NEWSGROUPS = ROOT.parent / "shared" / "data" / "20newsgroups"
SOURCES = ("simpletext", "pyproject.toml", "README.md", "LICENSE")  # what the wheel is built from
IN_TWO = ("-n", "2", "--dist", "loadfile")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TRANSFORMERS_VERBOSITY": "error"}
CHECKS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))


def run(*command: str | Path, env: dict[str, str] | None = None) -> int:
    """Runs a command in the root folder and returns its exit status."""
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}).returncode


def run_python(*arguments: str | Path, env: dict[str, str] | None = None) -> int:
    """Runs the environment's Python with the source tree off sys.path, for child processes too."""
    return run(PYTHON, "-P", *arguments, env={"PYTHONSAFEPATH": "1", **(env or {})})


def require_python() -> None:
    """Stops if this Python is too old or can't make a virtual environment."""
    if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever Python is there
        sys.exit("dev.py: this is Python {}.{}; 3.11 or later is needed".format(*sys.version_info))
    if not PYTHON.exists() and importlib.util.find_spec("ensurepip") is None:
        package = f"python3.{sys.version_info[1]}-venv"
        sys.exit(f"dev.py: the module ensurepip is missing. Try: sudo apt install {package}")


def source_digest() -> str:
    """A checksum of the names and the content of the files that the wheel is built from."""
    digest = hashlib.sha256()
    for top in map(ROOT.joinpath, SOURCES):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(ROOT).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def setup(*extras: str) -> None:
    """Makes .venv and installs the wheel with these extras, unless nothing changed since."""
    require_python()
    done, digest = VENV / "installed", f"{source_digest()} {' '.join(extras)}"
    if PYTHON.exists() and done.is_file() and done.read_text() == digest:
        return
    if not PYTHON.exists() and run(sys.executable, "-m", "venv", "--clear", VENV) != 0:
        sys.exit(f"dev.py: {VENV} could not be made; see above. Delete it and try again.")
    print("==> Installing simpletext and its libraries: the first time about 3 GB", flush=True)
    done.unlink(missing_ok=True)
    pip = (PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check")
    with tempfile.TemporaryDirectory() as folder:
        if run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT) != 0:
            sys.exit(
                "dev.py: pip could not build the wheel; see above. Is the package index reachable?"
            )
        wheel = next(Path(folder).glob("*.whl"))
        with_libraries = run(*pip, "install", f"{wheel}[{','.join(extras)}]")
        if with_libraries or run(*pip, "install", "--no-deps", "--force-reinstall", wheel):
            sys.exit("dev.py: pip could not install the libraries; see above. Is the disk full?")
    done.write_text(digest)


def check() -> int:
    """Runs lint, format and types, all three even if one fails."""
    failed = [" ".join(words) for words in CHECKS if run(PYTHON, "-m", *words) != 0]
    print(f"==> failed: {', '.join(failed)}" if failed else "==> all checks passed")
    return 1 if failed else 0


def run_with_model(*words: str | Path, env: dict[str, str], hub: tuple[str, ...] = ()) -> int:
    """Runs Python after the model of the tests and the demo is put into the local Hub cache."""
    if run_python(ROOT / "scripts" / "fill_hub_cache.py", *hub) != 0:
        sys.exit("dev.py: the model all-MiniLM-L6-v2 could not be fetched; see above.")
    return run_python(*words, env={**QUIET, **env})


def test(arguments: list[str]) -> int:
    """Runs pytest on the installed wheel, in two processes if there are no arguments."""
    data = os.environ.get("SCIKIT_LEARN_DATA", str(NEWSGROUPS))
    env = {"SIMPLETEXT_INSTALLED": "1", "MPLBACKEND": "Agg", "SCIKIT_LEARN_DATA": data}
    words = ("-m", "pytest", *(arguments or IN_TWO))
    return run_with_model(*words, env=env, hub=("--offline",))


def demo(arguments: list[str]) -> int:
    """Runs examples/docstrings.py."""
    return run_with_model(ROOT / "examples" / "docstrings.py", *arguments, env={})


def docs() -> int:
    """Builds the documentation into build/docs and checks its links; warnings are errors."""
    sphinx = ("-m", "sphinx", "-q", "-W", "--keep-going", "docs")
    builders = (("build/docs", "html"), ("build/links", "linkcheck"))
    return int(any(run_python(*sphinx, out, "-b", name, env=QUIET) for out, name in builders))


def main(words: list[str]) -> int:
    """Sets up, then runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__)
    parser.add_argument("command", choices=("setup", "check", "test", "demo", "docs"))
    command, rest = parser.parse_args(words[:1]).command, words[1:]
    if rest and command not in ("test", "demo"):
        parser.error(f"{command} takes no arguments, but got: {' '.join(rest)}")
    setup("dev", *(["docs"] if command == "docs" else []))
    if command in ("test", "demo"):
        return test(rest) if command == "test" else demo(rest)
    return {"setup": lambda: 0, "check": check, "docs": docs}[command]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
