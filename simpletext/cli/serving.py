"""`simpletext serve`."""

from typing import Annotated

import typer

from .config import Config
from .options import BatchSize, Folder


def serve(
    folder: Folder,
    host: Annotated[
        str, typer.Option(help="Address to listen on; by default this machine alone reaches it.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0 for a free one.")
    ] = 8000,
    batch_size: BatchSize = 32,
    config: Config = None,
) -> None:
    """Serve a page to try a predictor, with JSON routes for programs."""
    from ..serving.server import serve as run

    run(folder, host, port, batch_size)
