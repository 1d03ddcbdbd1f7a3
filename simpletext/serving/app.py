"""`create_app`: a predictor as a web application, with a page, JSON routes and OpenAPI."""

import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.middleware.trustedhost import TrustedHostMiddleware

from .. import __version__
from ..errors import DataError, SimpletextError
from .answers import description, explained, predicted, predicted_table
from .limits import MOST_BYTES, MOST_CHARACTERS, MOST_ROWS, MOST_TABLE, MOST_TEXTS, BodyLimit

SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PAGE = {"": "text/html", "page.css": "text/css", "page.js": "text/javascript"}

Single = Annotated[str, Field(max_length=MOST_CHARACTERS)]
Text = Single | tuple[Single, Single]


class Question(BaseModel):
    """Texts to predict; a pair of texts is a list of two."""

    texts: list[Text] = Field(min_length=1, max_length=MOST_TEXTS)
    long_text: Literal["truncate", "chunk"] = "truncate"


class Prediction(BaseModel):
    """What is predicted for one text, with probabilities by class or values by target."""

    predicted: Any
    probabilities: dict[str, float] | None = None
    values: dict[str, float] | None = None
    truncated: bool | None = None


class ExplanationQuestion(BaseModel):
    """A text whose prediction is to be explained; of entities, which one."""

    text: Text
    method: Literal["gradient", "occlusion"] = "gradient"
    entity: int = Field(0, ge=0)


router = APIRouter()


@router.get("/health")
def health() -> dict[str, str]:
    """Answers as soon as the predictor is loaded."""
    return {"status": "ok", "version": __version__}


@router.get("/api/model")
def model(request: Request) -> dict[str, Any]:
    """The task, the classes and the limits."""
    limits = {
        "texts": MOST_TEXTS, "characters": MOST_CHARACTERS, "bytes": MOST_BYTES,
        "table_rows": MOST_ROWS, "table_bytes": MOST_TABLE,
    }  # fmt: skip
    return description(request.app.state.predictor) | {"limits": limits}


@router.post("/api/predict", response_model_exclude_unset=True)
def predict(question: Question, request: Request) -> list[Prediction]:
    """One prediction per text, in order."""
    found = predicted(request.app.state.predictor, question.texts, question.long_text)
    return [Prediction(**each) for each in found]


@router.post("/api/explain")
def explain(question: ExplanationQuestion, request: Request) -> dict[str, Any]:
    """The weight of each word for the prediction, with its place in the text."""
    predictor = request.app.state.predictor
    return explained(predictor, question.text, question.method, question.entity)


@router.post("/api/table", response_class=FileResponse)
async def table(
    request: Request,
    text: Annotated[list[str], Query(description="The column; twice for pairs.")] = ["text"],  # noqa: B006
    proba: Annotated[bool, Query(description="Add a column per class.")] = False,
    sep: Annotated[str | None, Query(max_length=1, description="By default a comma.")] = None,
) -> FileResponse:
    """The body is a CSV file; the response has its rows plus `predicted`. Entities: JSON lines."""
    folder = tempfile.TemporaryDirectory(prefix="simpletext-")
    source = Path(folder.name) / "table.csv"
    try:
        with source.open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        predictor = request.app.state.predictor
        target = await run_in_threadpool(predicted_table, predictor, source, text, proba, sep)
    except SimpletextError as error:
        folder.cleanup()
        raise DataError(str(error).replace(str(source), "the table")) from error
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(target, filename=target.name, background=BackgroundTask(folder.cleanup))


def create_app(predictor: Any, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """A predictor as an ASGI application, which uvicorn and gunicorn serve.

    Args:
        predictor: a `Predictor` or a `Translator`.
        hosts: the names that a request may be addressed to (its `Host` header); "*" for any.

    Returns:
        The page at `/`, `POST /api/predict`, `/api/explain` and `/api/table`, `GET /api/model`,
        `/health` and `/openapi.json`.
    """
    app = FastAPI(
        title="simpletext", version=__version__, docs_url=None, redoc_url=None,
        description=f"A predictor for {description(predictor)['title']}.",
    )  # fmt: skip
    app.state.predictor = predictor
    app.include_router(router)
    for name, kind in PAGE.items():
        app.add_api_route(f"/{name}", _page(name or "page.html", kind), include_in_schema=False)
    app.add_exception_handler(SimpletextError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(BodyLimit)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    return app


def _page(name: str, kind: str) -> Any:
    """The route of a part of the page."""
    content = files(__package__).joinpath("page", name).read_bytes()

    def part() -> Response:
        return Response(content, media_type=f"{kind}; charset=utf-8", headers=SAFE)

    return part


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """An error of ours as a message that the caller can act on."""
    return JSONResponse({"detail": str(error).encode("utf-8", "replace").decode()}, 422)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """What is wrong with a body, without repeating the body."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors()]
    return JSONResponse({"detail": "; ".join(wrong[:5])}, 422)
