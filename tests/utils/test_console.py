import io
import logging
import os
import subprocess
import sys

from simpletext.utils import console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    bar = console.bar(3, "epoch 1/2")
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
    bar = console.bar(3, "epoch 1/2", verbose=0)
    bar.update()
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_a_notebook_gets_one_output_that_is_written_over(monkeypatch):
    import IPython.display

    shown = []

    class Handle:
        def update(self, bundle, raw):
            shown[-1] = bundle["text/plain"]

    def display(bundle, raw, display_id):
        shown.append(bundle["text/plain"])
        return Handle()

    monkeypatch.setattr(console, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    bar = console.bar(3, "epoch 1/2")
    bar.update(3)
    bar.set_postfix(loss="0.5")
    bar.close()
    assert len(shown) == 1
    assert shown[0].startswith("epoch 1/2: 100%|█")
    assert shown[0].endswith("loss=0.5]")


def test_a_plain_process_is_no_notebook():
    assert not console.in_notebook()


def test_figures_are_drawn_in_a_notebook_without_pyplot():
    """A kernel's own display, asked for a figure that the library made."""
    code = (
        "from ipykernel.inprocess.ipkernel import InProcessKernel\n"
        "kernel = InProcessKernel()\n"
        "from simpletext.evaluation.plots import plot_history\n"
        "figure = plot_history({'loss': [1.0, 0.5]}, 'loss')\n"
        "data, _ = kernel.shell.display_formatter.format(figure)\n"
        "assert 'image/png' in data, data\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_a_silent_logger_speaks_again_afterwards(caplog):
    logger = logging.getLogger("some.library")
    with console.silent("some.library"):
        logger.warning("a remark")
        logger.error("an error")
    logger.warning("another remark")
    assert caplog.messages == ["an error", "another remark"]


def test_results_and_messages_have_their_own_streams(capsys, monkeypatch):
    console.say("a report")
    console.note("learning rate: 1e-4")
    assert capsys.readouterr() == ("a report\n", "learning rate: 1e-4\n")
    monkeypatch.setattr(console, "in_notebook", lambda: True)
    console.note("learning rate: 1e-4")
    assert capsys.readouterr() == ("learning rate: 1e-4\n", "")


def test_a_terminal_gets_no_control_characters(capsys):
    console.say("\x1b[31mred\x07\r\n\tname\x9b1m")
    assert capsys.readouterr().out == "\\x1b[31mred\\x07\\x0d\n\tname\\x9b1m\n"
