"""Which process this is: the first of a training on several, or a fork of another one.

In forks TensorFlow, JAX and PyTorch hang; they are refused with a message.
"""

import os
import sys

from ..errors import ArgumentError


class _Computing:
    """The process that first built or ran a model; process-wide, because a fork inherits it."""

    process: int | None = None


def is_first() -> bool:
    """Whether this process is the first of a training on several, or the only one.

    The first one alone writes files and messages. Only JAX trains on several processes, and a
    program that does so has imported it.
    """
    jax = sys.modules.get("jax")
    if jax is None or not jax.distributed.is_initialized():
        return True
    return bool(jax.process_index() == 0)


def require_unforked() -> None:
    """Refuse to compute in a fork of a process in which a model was built or run before.

    Raises:
        ArgumentError: this process is such a fork, and would hang.
    """
    if _Computing.process is None:
        _Computing.process = os.getpid()
    if os.getpid() != _Computing.process:
        raise ArgumentError(
            f"This process is a fork of process {_Computing.process}, which has built or run a "
            "model; the backend doesn't survive a fork, and this call would hang. Build or load "
            "the model in each worker: with gunicorn leave out --preload; with multiprocessing or "
            'joblib use the start method "spawn" (joblib\'s default "loky" is fine).'
        )
