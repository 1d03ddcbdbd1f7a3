"""Ctrl-C in a training: held back until the step is done, for half a step can't be left cleanly."""

import signal
import threading
from types import FrameType
from typing import Any, Self

import keras


class CtrlC(keras.callbacks.Callback):
    """Turns Ctrl-C into a KeyboardInterrupt between two batches; pressed twice it comes at once.

    In the midst of a step, above all while TensorFlow traces it, Keras and TensorFlow may swallow
    the interrupt or turn it into an error of their own. Used as a context around `fit`, and as a
    callback of it. In a thread, or where the program has a handler of its own, it does nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pressed = self._holds = False

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self._holds = in_main_thread and usual
        if self._holds:
            signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._holds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if kind is None:  # it may have come after the last batch
            self.leave()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras' call after a step."""
        self.leave()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras' call after a batch of the validation."""
        self.leave()

    def leave(self) -> None:
        """Raise the interrupt, if one is held back."""
        if self.pressed:
            self.pressed = False
            raise KeyboardInterrupt

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
