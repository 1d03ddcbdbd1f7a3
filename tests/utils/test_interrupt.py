import os
import signal
import threading

import pytest

from simpletext.utils.interrupt import CtrlC


def press():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def usual_handler():
    """Where the tests run in the background, a shell has them ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("moment", ["on_train_batch_end", "on_test_batch_end"])
def test_it_waits_for_the_end_of_the_batch(moment):
    with CtrlC() as ctrl_c:
        getattr(ctrl_c, moment)(0)
        press()  # nothing happens in the midst of a step
        with pytest.raises(KeyboardInterrupt):
            getattr(ctrl_c, moment)(1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_the_last_batch_it_is_not_lost():
    with pytest.raises(KeyboardInterrupt), CtrlC():
        press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_pressed_twice_it_comes_at_once():
    with pytest.raises(KeyboardInterrupt), CtrlC():
        press()
        press()
        pytest.fail("the second one was held back too")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_stays():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with CtrlC() as ctrl_c:
        press()
        ctrl_c.on_train_batch_end(0)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_in_a_thread_it_does_nothing():
    found = []

    def work():
        with CtrlC() as ctrl_c:
            found.append(ctrl_c._holds)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
