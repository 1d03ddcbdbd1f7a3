"""The contributors' entry, dev.py: what it understands, and when it does a step again."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """A fresh copy of the module whose root is an empty folder."""
    path = Path(__file__).parents[2] / "dev.py"
    spec = importlib.util.spec_from_file_location("dev_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / ".venv").mkdir()
    return module


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("setup", ("setup", [])),
        ("check", ("check", [])),
        ("test", ("test", [])),
        (
            "test -k learner -x tests/test_a.py",
            ("test", ["-k", "learner", "-x", "tests/test_a.py"]),
        ),
        ("test --cov -m slow", ("test", ["--cov", "-m", "slow"])),
        ("test --help", ("test", ["--help"])),
        ("demo --rows 40", ("demo", ["--rows", "40"])),
        ("docs", ("docs", [])),
    ],
)
def test_what_it_does_not_know_is_passed_on(dev, words, expected):
    assert dev.parse(words.split()) == expected


@pytest.mark.parametrize("words", ["", "tset", "check --fix", "setup now", "docs -v"])
def test_a_wrong_command_line_is_refused(dev, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        dev.parse(words.split())
    assert stopped.value.code == 2
    assert "dev.py" in capsys.readouterr().err


def test_an_old_python_is_told_what_to_do(dev, monkeypatch):
    monkeypatch.setattr(dev.sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit, match=r"this is Python 3\.9\.1; .*needs Python 3\.11 or later"):
        dev.require_python()


def test_an_old_python_can_read_it(dev):
    """Else it would be told of a syntax error instead."""
    ast.parse(Path(dev.__file__).read_text(encoding="utf-8"), feature_version=(3, 7))


def test_a_missing_ensurepip_is_told_how_to_install(dev, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match=rf"apt install python3\.{sys.version_info[1]}-venv"):
        dev.require_python()


def test_a_broken_environment_is_seen(dev):
    assert not dev.environment_works()
    dev.PYTHON.parent.mkdir()
    dev.PYTHON.symlink_to(dev.ROOT / "gone")
    assert not dev.environment_works()


def test_requirements_are_those_of_pyproject(dev):
    (dev.ROOT / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["builder"]\n'
        '[project]\ndependencies = ["b", "a>=1"]\n'
        '[project.optional-dependencies]\ntest = ["t"]\ndev = ["d"]\ndocs = ["s"]\n'
    )
    assert dev.requirements() == ["a>=1", "b", "builder", "d", "t"]
    assert dev.docs_requirements() == ["s"]


def test_requirements_are_installed_once_for_each_list(dev, monkeypatch):
    calls, wanted = [], ["a"]
    monkeypatch.setattr(dev, "run", lambda *command: calls.append(command) or 0)
    monkeypatch.setattr(dev, "requirements", lambda: wanted)
    for _ in range(2):
        dev.install_requirements()
    assert len(calls) == 1
    wanted.append("b")
    dev.install_requirements()
    assert calls[1][-2:] == ("a", "b")


def test_a_failed_installation_is_not_taken_for_done(dev, monkeypatch):
    monkeypatch.setattr(dev, "run", lambda *command: 1)
    monkeypatch.setattr(dev, "requirements", lambda: ["a"])
    for _ in range(2):
        with pytest.raises(SystemExit, match="pip could not install the libraries"):
            dev.install_requirements()


def test_the_package_is_built_again_when_its_source_changed(dev):
    (dev.ROOT / "simpletext" / "__pycache__").mkdir(parents=True)
    module = dev.ROOT / "simpletext" / "a.py"
    for name in ("pyproject.toml", "README.md", "LICENSE", "simpletext/a.py"):
        (dev.ROOT / name).write_text("one")
    first = dev.source_digest()
    (dev.ROOT / "simpletext" / "__pycache__" / "a.pyc").write_text("compiled")
    (dev.ROOT / "elsewhere.py").write_text("no part of the wheel")
    assert dev.source_digest() == first
    module.write_text("two")
    second = dev.source_digest()
    module.rename(module.with_name("b.py"))
    assert len({first, second, dev.source_digest()}) == 3


def test_check_runs_all_tools_and_reports_what_failed(dev, monkeypatch, capsys):
    monkeypatch.setattr(dev, "run", lambda *command: int("mypy" in command))
    assert dev.check() == 1
    shown = capsys.readouterr().out
    assert "ruff format" in shown
    assert "failed: mypy" in shown


def test_docs_are_built_and_their_links_looked_at(dev, monkeypatch, capsys):
    for name in ("install", "install_package", "docs_requirements"):
        monkeypatch.setattr(dev, name, lambda *arguments: None)
    built = []
    monkeypatch.setattr(dev, "run_python", lambda *words, env: built.append(words[-1]) or 0)
    assert dev.docs() == 0
    assert built == ["html", "linkcheck"]
    monkeypatch.setattr(dev, "run_python", lambda *words, env: 1)
    assert dev.docs() == 1
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "passed"), [([], ["-n", "2", "--dist", "loadfile"]), (["-x"], ["-x"])]
)
def test_the_whole_suite_runs_in_two_processes(dev, monkeypatch, given, passed):
    for name in ("install_package", "fill_hub_cache"):
        monkeypatch.setattr(dev, name, lambda *arguments: None)
    monkeypatch.setattr(dev, "run_python", lambda *words, env: words)
    assert list(dev.test(given)) == ["-m", "pytest", *passed]


def test_child_processes_cannot_see_the_source_tree(dev, monkeypatch):
    seen = {}
    monkeypatch.setattr(dev, "run", lambda *words, env: seen.update(words=words, env=env) or 0)
    dev.run_python("-m", "pytest", env={"A": "1"})
    assert seen["words"][1:] == ("-P", "-m", "pytest")
    assert seen["env"] == {"PYTHONSAFEPATH": "1", "A": "1"}
