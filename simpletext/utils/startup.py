"""The first import of Keras, without what TensorFlow writes while it starts."""

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ERRORS_ONLY = "3"  # TensorFlow's exceptions tell the rest


def import_keras() -> None:
    """Import Keras and its backend; TensorFlow's start-up messages aren't shown.

    They tell of instruction sets and of missing CUDA libraries, and TensorFlow writes the first of
    them whatever its log level is. Set TF_CPP_MIN_LOG_LEVEL to 0, 1 or 2 to see them all.
    """
    if "keras" in sys.modules or os.environ.setdefault(LEVEL, ERRORS_ONLY) != ERRORS_ONLY:
        return
    with _standard_error_aside(), _without_garbage_collection():
        import_module("keras")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """No search for garbage while modules are imported, nor in them later.

    What is imported stays, some million objects: looking through them again and again would take
    about a sixth of the import's time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def _standard_error_aside() -> Iterator[None]:
    """Keep what C++ writes to standard error, and show it only if the block fails."""
    try:
        kept = os.dup(2)
    except OSError:  # a process without a console has no standard error
        yield
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            file.seek(0)
            os.write(kept, file.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
