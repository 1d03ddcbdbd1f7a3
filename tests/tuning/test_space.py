import pytest

from simpletext.errors import ArgumentError
from simpletext.tuning.settings import TrainingSettings
from simpletext.tuning.space import Choice, Range, SearchSpace, default_space


def test_tuples_are_ranges_lists_are_choices_and_one_value_is_fixed():
    space = SearchSpace.of({"lr": (1e-5, 1e-3), "epochs": (1, 4), "batch_size": [16, 32, 16],
                            "maxlen": 64, "checkpoint": ("one", "two")})  # fmt: skip
    assert space.dimensions == {
        "lr": Range(1e-5, 1e-3, log=True),
        "epochs": Range(1, 4),
        "batch_size": Choice((16, 32)),
        "maxlen": Choice((64,)),
        "checkpoint": Choice(("one", "two")),
    }
    assert space.dimensions["epochs"].is_whole
    assert not space.dimensions["lr"].is_whole
    assert space.checkpoints("three") == ["one", "two"]
    assert SearchSpace.of(space) is space


def test_a_space_is_described_by_json_values():
    space = SearchSpace.of({"lr": (1e-5, 1e-3), "batch_size": [16]})
    assert space.describe() == {"batch_size": ["choice", 16], "lr": ["range", 1e-5, 1e-3]}


def test_what_a_space_contains():
    space = SearchSpace.of({"lr": (1e-5, 1e-3), "batch_size": [16, 32]})
    assert space.contains(TrainingSettings(lr=1e-4))
    assert not space.contains(TrainingSettings(lr=1e-2))
    assert not space.contains(TrainingSettings(lr=1e-4, batch_size=8))


def test_the_default_space_has_the_default_training_and_not_what_is_fixed():
    space = default_space(["one"], [1e-4], {"batch_size": 8})
    assert set(space.dimensions) == {"lr", "epochs", "frozen_blocks"}
    assert space.contains(TrainingSettings(checkpoint="one", lr=1e-4, epochs=3))
    assert space.contains(TrainingSettings(checkpoint="one", lr=5e-5, epochs=5))
    several = default_space(["one", "two"], [1e-4, 3e-5], {})
    assert several.checkpoints("") == ["one", "two"]
    assert several.dimensions["lr"] == Range(1e-5, 5e-4, log=True)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "space={}; it must be a dict of settings, such as"),
        (["lr"], r"space=\['lr'\]; it must be a dict of settings"),
        ({"rate": [1]}, "There is no setting 'rate'; allowed are checkpoint, lr, epochs"),
        ({"epoch": [1]}, "Did you mean 'epochs'?"),
        (
            {"lr": (1e-3, 1e-5)},
            "space has lr from 0.001 to 1e-05; it must be two numbers",
        ),
        ({"lr": ("auto", 1e-3)}, "lr='auto' is for a single training; in a search leave it out"),
        ({"lr": (0, 1)}, "learning rate=0; it must be a number above 0"),
        ({"epochs": (1, 2.5)}, "epochs=2.5; it must be a whole number, 1 or more"),
        ({"frozen_blocks": -1}, "frozen_blocks=-1; it must be a whole number, 0 or more"),
        ({"maxlen": [2]}, "maxlen=2; it must be a whole number, 3 or more"),
        ({"batch_size": []}, "space has no values for batch_size"),
    ],
)
def test_what_is_no_space_is_refused(space, message):
    with pytest.raises(ArgumentError, match=message):
        SearchSpace.of(space)
