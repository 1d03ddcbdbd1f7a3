"""Errors in the terminal name the options of the command line."""

import pytest

from simpletext import cli
from simpletext.cli.wording import options_of, with_options

OPTIONS = {"resume": "--resume", "task": "--task", "sep": "--sep", "val_pct": "--val-pct"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Pass resume=True to continue it.", "Pass --resume to continue it."),
        ("task='guess'; allowed are 'a', 'b'", "--task guess; allowed are 'a', 'b'"),
        (
            "val_pct=1.5 is too much: use val_pct=0.1.",
            "--val-pct 1.5 is too much: use --val-pct 0.1.",
        ),
        ("separated by ';': pass sep=';'.", "separated by ';': pass --sep ';'."),
        ("If it is another one, pass sep=.", "If it is another one, pass --sep."),
        ("use do_sample=False", "use do_sample=False"),  # no option of the command
        ("--space sep=1:2 and sep=1,2", "--space sep=1:2 and sep=1,2"),  # a value of its own
        ("model.sep=1, x-sep=1", "model.sep=1, x-sep=1"),
        ("resume=False", "resume=False"),  # no value of a flag,
    ],
)
def test_arguments_become_options(message, expected):
    assert with_options(message, OPTIONS) == expected


def test_the_options_are_those_of_the_command():
    assert options_of(cli.app, ["tune", "data.csv"])["resume"] == "--resume"
    assert "resume" not in options_of(cli.app, ["train", "data.csv"])
    assert options_of(cli.app, ["train", "x"])["val_pct"] == "--val-pct"
    assert options_of(cli.app, ["train", "x"])["early_stopping"] == "--early-stopping"
    assert options_of(cli.app, []) == {}


def test_an_error_in_the_terminal(tmp_path, monkeypatch, capsys):
    file = tmp_path / "data.csv"
    file.write_text("text,label\n" + "good film,a\nbad film,b\n" * 10)
    words = ["train", file, "--out", tmp_path / "out", "--task", "guess"]
    monkeypatch.setattr("sys.argv", ["simpletext", *map(str, words)])
    with pytest.raises(SystemExit):
        cli.main()
    assert "simpletext: --task guess; allowed" in capsys.readouterr().err
