import pytest

from simpletext.tuning import clock
from simpletext.tuning.clock import Deadline, OutOfTime, Pace, Paces, Stopwatch
from simpletext.tuning.settings import TrainingSettings


@pytest.fixture
def time(monkeypatch):
    """A clock that tests set."""

    class Time:
        now = 0.0

        def monotonic(self):
            return self.now

    monkeypatch.setattr(clock, "time", fake := Time())
    return fake


def test_how_much_fits():
    pace = Pace(start=10.0, step=0.5, validation=2.0)
    assert pace.seconds(steps=20, epochs=3) == 46
    assert pace.epochs_in(46.0, steps=20) == 3
    assert pace.epochs_in(45.9, steps=20) == 2
    assert pace.epochs_in(5.0, steps=20) == 0
    assert pace.steps_in(22.0) == 20
    assert pace.steps_in(1.0) == 0


def test_a_deadline(time):
    deadline = Deadline(2)
    time.now = 30.0
    assert (deadline.elapsed, deadline.left) == (30, 90)
    assert Deadline(None).left == float("inf")


def train(watch, time, steps, second=1.0):
    for _ in range(steps):
        time.now += second
        watch.on_train_batch_end(0)


def test_the_first_steps_compile_and_are_not_measured(time):
    watch = Stopwatch(Deadline(None), steps=20, epochs=2, validation_steps=3)
    train(watch, time, 2, second=10.0)
    assert watch.pace is None
    train(watch, time, 18)
    assert watch.pace == Pace(start=20.0, step=1.0, validation=1.0)
    time.now += 5.0
    watch.on_epoch_end(0)
    assert watch.pace.validation == 5


def test_a_try_that_takes_too_long_ends_after_a_few_steps(time):
    watch = Stopwatch(Deadline(1), steps=20, epochs=3, validation_steps=3)
    with pytest.raises(OutOfTime):
        train(watch, time, 60)
    assert time.now == clock.MEASURED
    assert watch.measured.epochs_in(60 - time.now - watch.measured.reserve, 20) == 2


def test_a_budget_that_ends_in_the_first_step_has_a_pace(time):
    watch = Stopwatch(Deadline(0.01), steps=1, epochs=3, validation_steps=0)
    with pytest.raises(OutOfTime):
        train(watch, time, 1, second=7.0)
    assert watch.measured.step == 7
    assert watch.measured.epochs_in(0.5, 1) == 0


def test_a_try_that_fits_is_left_alone(time):
    watch = Stopwatch(Deadline(1), steps=20, epochs=2, validation_steps=3)
    for epoch in range(2):
        train(watch, time, 20)
        time.now += 1.0
        watch.on_epoch_end(epoch)
    assert time.now == 42


def test_unknown_settings_take_as_long_as_similar_ones():
    paces, known = Paces(), TrainingSettings("one", batch_size=32)
    assert paces.of(known) is None
    paces.add(known, None)
    assert paces.of(known) is None
    paces.add(known, Pace(10.0, 0.4, 2.0))
    assert paces.of(known) == Pace(10.0, 0.4, 2.0)
    assert paces.of(TrainingSettings("one", batch_size=16)) == Pace(10.0, 0.2, 2.0)
    assert paces.of(TrainingSettings("two")) is None
    paces.add(TrainingSettings("one", frozen_blocks=2), Pace(1.0, 0.2, 2.0))
    assert paces.of(known) == Pace(1.0, 0.4, 2.0)
    assert paces.of(TrainingSettings("one", batch_size=64)) == Pace(1.0, 0.4, 2.0)
