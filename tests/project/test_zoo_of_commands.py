"""The zoo of `test_zoo.py` for the command line: each argument and option is given odd words."""

import pytest
import typer
from commands import run
from conftest import LABELS, TEXTS

import simpletext as st
from simpletext import cli
from simpletext.errors import SimpletextError

FEW = {
    "nothing": "", "word": "x", "minus": "-1", "nan": "nan", "undecodable": "a\udc80",
    "zero character": "a\0b", "a bucket": "gs://bucket/a.csv",
}  # fmt: skip
MANY = FEW | {
    "zero": "0", "large": "9" * 400, "inf": "inf", "tiny share": "1e-320", "comma": ",",
    "umlaut": "Größe", "long": "x" * 5000, "a folder": ".", "no such file": "no/such.csv",
    "a device": "/dev/null", "JSON": '{"a": [1]}', "equal signs": "a=b=c", "colons": "lr:1:0",
    "a line break": "a\nb", "escape": "\x1b[31m",
}  # fmt: skip
NAMES = ("from-labels", "pick", "train", "predict", "evaluate", "explain", "export", "check",
         "convert", "inspect", "tune", "serve")  # fmt: skip
# Whatever they accept is trained on, embedded or predicted: the slow tests have them.
LONG = ("train", "tune", "from-labels", "predict", "evaluate")


@pytest.fixture(scope="module")
def commands(tiny, tmp_path_factory):
    """Command -> words that are right: its arguments, and its options."""
    folder = tmp_path_factory.mktemp("commands")
    lines = [f"{text},{label}" for text, label in zip(TEXTS[:24], LABELS[:24], strict=True)]
    csv = folder / "a.csv"
    csv.write_text("\n".join(["text,label", *lines]) + "\n")
    t = st.Transformer(tiny, maxlen=12)
    t.preprocess_train(TEXTS[:24], LABELS[:24], verbose=0)
    saved = folder / "saved"
    st.get_predictor(t.get_classifier(verbose=0), t).save(saved)
    labels = folder / "labels.json"
    labels.write_text('{"refund": "money back", "thanks": "praise"}')
    small = {"--checkpoint": tiny, "--maxlen": "12"}
    return {
        "from-labels": ([labels], {"--out": "new"} | small),
        "pick": ([saved, csv], {"--n": "2"}),
        "train": ([csv], {"--out": "new", "--epochs": "1"} | small),
        "predict": ([saved, csv], {}),
        "evaluate": ([saved, csv], {}),
        "explain": ([saved, "good film"], {"--method": "occlusion"}),
        "export": ([saved, "new"], {"--format": "nothing"}),
        "check": ([csv], {}),
        "convert": ([folder, "new"], {}),
        "inspect": ([saved], {}),
        "tune": ([csv], {"--out": "new", "--trials": "1"} | small),
        "serve": ([folder / "nowhere"], {}),
    }


@pytest.fixture(autouse=True)
def apart(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)


def options_of(name):
    """The options of a command that take a word."""
    command = typer.main.get_command(cli.app).commands[name]
    return [p.opts[0] for p in command.params if p.opts[0][0] == "-" and not p.is_flag]


def calls(name, arguments, options, odd):
    """What differs -> the words of the command line, for each argument, option and odd word."""
    usual = [word for pair in options.items() for word in pair]
    for title, word in odd.items():
        for i in range(len(arguments)):
            changed = [*arguments[:i], word, *arguments[i + 1 :]]
            yield f"argument {i}, {title}", [name, *usual, "--", *changed]
        for option in options_of(name):
            rest = [w for pair in options.items() if pair[0] != option for w in pair]
            yield f"{option}, {title}", [name, *rest, f"{option}={word}", "--", *arguments]


def foreign(name, arguments, options, odd):
    """The calls that end in another exception than one of ours, as strings."""
    found = []
    for title, words in calls(name, arguments, options, odd):
        try:
            result = run(*words)
        except (SimpletextError, OSError):  # `main` tells both in one message
            continue
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.append(f"{title}: {type(error).__name__}: {error!s:.80}")
        else:
            if result.exit_code not in (0, 1, 2):
                found.append(f"{title}: exit code {result.exit_code}")
    return found


def test_every_command_is_tried(commands):
    assert set(commands) == set(NAMES) == set(typer.main.get_command(cli.app).commands)


@pytest.mark.enable_socket  # `serve` looks for the host it is given
@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_odd_words_end_in_an_answer_or_one_message(commands, name):
    assert foreign(name, *commands[name], FEW) == []


@pytest.mark.enable_socket
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_all_odd_words_end_in_an_answer_or_one_message(commands, name):
    assert foreign(name, *commands[name], MANY) == []
