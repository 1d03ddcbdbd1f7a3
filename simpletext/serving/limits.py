"""What a single request may be at most, so that none takes the server's memory."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import DataError

MOST_TEXTS = 256  # in a request
MOST_CHARACTERS = 20_000  # of a text: tokenizing takes time before the text is cut
MOST_BYTES = 1_000_000  # of a JSON body, which is read into memory as a whole
MOST_ROWS = 10_000  # of a table; a request waits for all of them
MOST_TABLE = 20_000_000  # bytes of a table, which is written to a temporary file
TABLE = "/api/table"


class BodyLimit:
    """ASGI middleware: refuses a body above its limit, by its announced and by its real size."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Called for each request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = MOST_TABLE if scope["path"].endswith(TABLE) else MOST_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > most:
            await _refusal(most)(scope, receive, send)
            return
        await self.app(scope, _counted(receive, most), send)


def _counted(receive: Any, most: int) -> Any:
    """`receive`, which ends the request where its body goes beyond the limit."""
    from starlette.exceptions import HTTPException

    read = 0

    async def counting() -> Any:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise HTTPException(413, _above(most))
        return message

    return counting


def _refusal(most: int) -> Any:
    from starlette.responses import JSONResponse

    return JSONResponse({"detail": _above(most)}, 413, {"connection": "close"})


def _above(most: int) -> str:
    return f"The body has more than {most} bytes."


def limited(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """The rows of a table, as long as they are within the limits.

    Raises:
        DataError: more rows, or a longer field.
    """
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            raise DataError(
                f"The table has more than {MOST_ROWS} rows. Send it in parts, or use "
                "`simpletext predict` for the whole file."
            )
        if max(map(len, row), default=0) > MOST_CHARACTERS:
            raise DataError(f"Row {number} has a field of more than {MOST_CHARACTERS} characters.")
        yield row
