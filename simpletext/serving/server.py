"""`serve`: a predictor's page and routes on a port of this machine."""

import os
import socket
from importlib.util import find_spec
from typing import Any

from ..errors import ArgumentError
from ..utils import console
from ..utils.validation import require_count, shown

NEEDED = ("fastapi", "uvicorn")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_REQUESTS = 64  # at a time; others are refused with status 503


def serve(
    folder: str | os.PathLike, host: str = "127.0.0.1", port: int = 8000, batch_size: int = 32
) -> None:
    """Serve the predictor in a folder until Ctrl-C.

    Args:
        folder: what `Predictor.save` or `Translator.save` wrote.
        host: the address to listen on; by default this machine alone can reach it.
        port: the port; 0 for a free one.
        batch_size: texts computed at a time.

    Raises:
        ArgumentError: fastapi or uvicorn is missing; an address that can't be listened on.
        CheckpointError: see `load_predictor`.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ArgumentError(
            f"Serving needs {' and '.join(missing)}: pip install 'simpletext-keras[serve]'."
        )
    from .. import load_predictor  # through the package, which keeps TensorFlow's start quiet

    with _listening(host, port) as listener:  # a port that is taken is refused before the loading
        predictor = load_predictor(folder, batch_size)
        address = f"http://{_written(host)}:{listener.getsockname()[1]}"
        if host not in LOOPBACK:
            console.note(
                f"{address} has no password: whoever can reach this machine can use it. Put a "
                "reverse proxy with one in front of it."
            )
        _run(predictor, host, listener, address)


def _run(predictor: Any, host: str, listener: socket.socket, address: str) -> None:
    import uvicorn

    from .app import create_app

    # On loopback other names are refused: they come from pages that try to read through a browser.
    app = create_app(predictor, LOOPBACK if host in LOOPBACK else ("*",))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, limit_concurrency=MOST_REQUESTS,
        server_header=False,
    )  # fmt: skip
    console.note(f"serving {predictor!r} at {address} (Ctrl-C ends it)")
    uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address of this machine."""
    require_count("port", port, 0, 65535)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, ValueError) as error:  # ValueError: a host that is no name at all
        reason = getattr(error, "strerror", None) or error
        raise ArgumentError(
            f"Port {port} of {shown(host)} can't be listened on: {reason}. Choose another "
            "one with --port, or an address of this machine with --host."
        ) from error


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host
