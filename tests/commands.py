"""Runs the command line in the tests' own process."""

from typer.testing import CliRunner

from simpletext import cli


def run(*words):
    """The command in this process: its result, or the error of ours that it would tell."""
    result = CliRunner().invoke(cli.app, list(map(str, words)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
