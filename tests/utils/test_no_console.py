"""Programs without a console, and consoles that lack characters."""

import io
import sys

import pytest

from simpletext.utils import console


def test_a_console_that_lacks_characters_gets_escapes(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    console.say("classes: 好, schön")
    assert stream.buffer.getvalue().decode("cp1252") == "classes: \\u597d, schön\n"


@pytest.mark.parametrize("verbose", [0, 1])
def test_without_a_console_nothing_is_written_and_nothing_fails(monkeypatch, verbose):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    console.say("a message")
    with console.bar(3, "title", verbose) as bar:
        bar.update()
        bar.set_postfix(loss="0.5")


def test_a_predictor_predicts_without_a_console(trained, monkeypatch):
    wanted = trained.predictor.predict(["a text", "another"])
    monkeypatch.setattr(sys, "stderr", None)
    assert trained.predictor.predict(["a text", "another"]) == wanted
