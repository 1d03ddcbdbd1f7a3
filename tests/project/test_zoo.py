"""Every public function is passed the same zoo of values: only our own exceptions leave it.

By default each argument gets a part of the zoo; `-m slow` passes all of it.
"""

import keras
import pytest
from project import zoo_of_texts, zoo_of_tokens, zoo_of_tools
from project.zoo import FEW, MANY, foreign

ROOMS = {"texts": zoo_of_texts, "tokens": zoo_of_tokens, "tools": zoo_of_tools}
ALL = [(room, name) for room, module in ROOMS.items() for name in module.NAMES]
SHORT = [(room, name) for room, name in ALL if name not in ROOMS[room].LONG]


@pytest.fixture(scope="module")
def functions(tiny, tmp_path_factory):
    """Of a room: name -> (function, arguments that are right)."""
    made = {}

    def of(room):
        if room not in made:
            made[room] = ROOMS[room].functions(tiny, tmp_path_factory.mktemp(room))
        return made[room]

    return of


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("room", ROOMS)
def test_all_functions_are_named(functions, room):
    assert list(functions(room)) == ROOMS[room].NAMES


@pytest.mark.parametrize("name", zoo_of_tools.WORKING)
def test_the_right_arguments_are_accepted(functions, name):
    function, right = functions("tools")[name]
    function(**right)


@pytest.mark.parametrize(("room", "name"), SHORT)
def test_only_our_exceptions_leave(functions, room, name):
    assert foreign(*functions(room)[name], FEW) == []


@pytest.mark.slow
@pytest.mark.parametrize(("room", "name"), ALL)
def test_only_our_exceptions_leave_for_all_values(functions, room, name):
    keras.utils.disable_interactive_logging()
    assert foreign(*functions(room)[name], MANY) == []
