"""`simpletext predict --workers`: what it passes on, and what it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from simpletext.cli import app
from simpletext.errors import ArgumentError


def test_the_options_are_passed_on(monkeypatch):
    passed = {}
    monkeypatch.setattr(
        "simpletext.scale.predict", lambda *given, **named: passed.update(named, given=given)
    )
    line = "predict p in --text a --text b --out o --workers 8 --gpus-per-worker 0.5 --id key"
    assert CliRunner().invoke(app, line.split()).exit_code == 0
    assert passed.pop("given") == (Path("p"), Path("in"), Path("o"), ["a", "b"])
    assert passed == {
        "workers": 8, "gpus_per_worker": 0.5, "id": "key", "columns": "all", "batch_size": 32,
        "proba": False, "long_text": "truncate",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("predict p in --workers 2", "--workers needs files and a new folder"),
        ("predict p --out o --workers 2", "--workers needs files and a new folder"),
        ("predict p in --out o --workers 2 --sep ;", "Leave --encoding and --sep out"),
    ],
)
def test_what_does_not_go_together(line, message):
    error = CliRunner().invoke(app, line.split()).exception
    assert isinstance(error, ArgumentError)
    assert message in str(error)
