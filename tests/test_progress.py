import io
import sys

import pytest

from simpletext import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    bar = progress.bar(3, "epoch 1/2")
    for _ in range(3):
        bar.update()
    bar.set_postfix(loss="0.5")
    bar.close()
    return stream.getvalue()


def test_a_log_gets_lines(monkeypatch):
    lines = shown(io.StringIO(), monkeypatch).split("\n")
    assert lines[0].startswith("epoch 1/2:   0%")
    assert "loss=0.5" in lines[-2]
    assert not any("\r" in line for line in lines)


def test_a_terminal_gets_a_bar(monkeypatch):
    text = shown(Terminal(), monkeypatch)
    assert "\repoch 1/2: 100%" in text
    assert text.count("\n") == 1


def test_silence(capsys):
    bar = progress.bar(3, "epoch 1/2", verbose=0)
    bar.update()
    bar.close()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("has_widgets", [True, False])
def test_a_notebook_gets_what_it_can_show(monkeypatch, has_widgets):
    import tqdm.notebook

    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: has_widgets or None)
    monkeypatch.setattr(tqdm.notebook, "tqdm", lambda **options: "widget")
    made = progress.bar(3, "epoch 1/2")
    assert isinstance(made, str) == has_widgets
    if not has_widgets:
        made.close()


def test_a_plain_process_is_no_notebook():
    assert not progress.in_notebook()
