"""dev.py: its command line, its messages, and when it installs again."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """A fresh copy of the module whose root is an empty folder and which runs nothing."""
    path = Path(__file__).parents[2] / "dev.py"
    spec = importlib.util.spec_from_file_location("dev_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "python")
    monkeypatch.delenv("SCIKIT_LEARN_DATA", raising=False)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "python").touch()
    (tmp_path / "simpletext").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "simpletext/a.py"):
        (tmp_path / name).write_text("one")
    module.calls = []

    def run(*words, env=None):
        module.calls.append((words, env))
        if "wheel" in words:
            (Path(words[-2]) / "simpletext-1-py3-none-any.whl").touch()
        return int(any(word in getattr(module, "failing", ()) for word in words))

    monkeypatch.setattr(module, "run", run)
    return module


@pytest.mark.parametrize("words", ["", "tset", "check --fix", "setup now", "docs -v"])
def test_a_wrong_command_line_is_refused(dev, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        dev.main(words.split())
    assert stopped.value.code == 2
    assert "dev.py" in capsys.readouterr().err


def test_an_old_python_is_told_what_to_do(dev, monkeypatch):
    monkeypatch.setattr(dev.sys, "version_info", (3, 9, 1))
    with pytest.raises(SystemExit, match=r"this is Python 3\.9; 3\.11 or later"):
        dev.require_python()


def test_an_old_python_can_parse_it(dev):
    """Otherwise the message would be a syntax error."""
    ast.parse(Path(dev.__file__).read_text(encoding="utf-8"), feature_version=(3, 7))


def test_a_missing_ensurepip_is_told_how_to_install(dev, monkeypatch):
    dev.PYTHON.unlink()
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=rf"apt install python3\.{sys.version_info[1]}-venv"):
        dev.require_python()


def test_nothing_is_installed_again_unless_a_source_changed(dev):
    dev.setup("dev")
    count = len(dev.calls)
    assert count == 3
    (dev.ROOT / "elsewhere.py").write_text("not in the wheel")
    dev.setup("dev")
    assert len(dev.calls) == count
    (dev.ROOT / "simpletext" / "a.py").write_text("two")
    dev.setup("dev")
    assert len(dev.calls) == 2 * count


@pytest.mark.parametrize(("word", "message"), [("wheel", "build the wheel"), ("install", "libr")])
def test_a_failed_installation_is_not_recorded_as_done(dev, word, message):
    dev.failing = (word,)
    for _ in range(2):
        with pytest.raises(SystemExit, match=f"pip could not .*{message}"):
            dev.setup("dev")


def test_check_runs_all_tools_and_reports_what_failed(dev, capsys):
    dev.failing = ("mypy",)
    assert dev.check() == 1
    assert len(dev.calls) == 3
    assert "failed: mypy" in capsys.readouterr().out


def test_docs_are_built_and_their_links_checked(dev):
    assert dev.docs() == 0
    assert [words[-1] for words, _ in dev.calls] == ["html", "linkcheck"]
    dev.failing = ("html",)
    assert dev.docs() == 1


@pytest.mark.parametrize(
    ("given", "passed"), [([], ["-n", "2", "--dist", "loadfile"]), (["-x"], ["-x"])]
)
def test_pytest_runs_on_the_installed_wheel(dev, given, passed):
    assert dev.main(["test", *given]) == 0
    words, env = dev.calls[-1]
    assert words[1:] == ("-P", "-m", "pytest", *passed)
    assert env["SIMPLETEXT_INSTALLED"] == env["PYTHONSAFEPATH"] == "1"
