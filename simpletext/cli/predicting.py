"""What `simpletext predict` does besides reading and writing tables (see `serving.tables`)."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import ArgumentError
from ..serving.tables import finds_entities, is_translator, predicted, write_entities

if TYPE_CHECKING:
    from ..data.tables import Stream


def predict_files(
    folder: Path,
    data: Path | None,
    out: Path | None,
    text: list[str],
    encoding: str | None,
    sep: str | None,
    **options: Any,
) -> None:
    """Predict with several workers (see `simpletext.scale.predict`); all columns are copied."""
    from .. import scale  # through the package, which keeps TensorFlow's start quiet

    if data is None or out is None:
        raise ArgumentError("--workers needs files and a new folder: predict FOLDER DATA --out OUT")
    if encoding is not None or sep is not None:
        raise ArgumentError(
            "--workers reads UTF-8 (or what is detected) and commas, tabs in .tsv files. Leave "
            "--encoding and --sep out, and convert the file if it is different."
        )
    scale.predict(folder, data, out, text, columns="all", **options)


def print_prediction(predictor: Any, text: Any, proba: bool, long_text: str) -> None:
    """Print what is predicted for one text, and with `proba` a line for each class."""
    from ..utils.console import say

    if finds_entities(predictor):
        write_entities(sys.stdout, predictor, iter([text]))
        return
    for result, *probabilities in predicted(predictor, [text], proba, long_text):
        say(result)
        if proba and predictor.labels.kind.has_classes:
            for name, probability in zip(predictor.get_classes(), probabilities, strict=True):
                say(f"{name}\t{probability}")


def loaded_for_labels(folder: Path, command: str, batch_size: int | None = None) -> Any:
    """The predictor in a folder; a translator is refused.

    Raises:
        ArgumentError: a translator.
    """
    from .. import load_predictor

    predictor = load_predictor(folder, batch_size)
    if is_translator(predictor):
        raise ArgumentError(
            f"{folder} has a translator, and {command} is for labels. Use predict or serve."
        )
    return predictor


def quantized(predictor: Any, wanted: bool) -> dict[str, bool]:
    """The option of `export` for --quantize, which translators don't have."""
    if not is_translator(predictor):
        return {"quantize": wanted}
    if wanted:
        raise ArgumentError("--quantize isn't for translators. Leave it out.")
    return {}


def require_table(table: "Stream | None", data: Path) -> "Stream":
    """Refuse a file without columns."""
    if table is None:
        raise ArgumentError(
            f"{data} has one text per line, which is for entities only; this predictor takes "
            "a file with columns."
        )
    return table


@contextmanager
def opened(out: Path | None) -> Iterator[TextIO]:
    """stdout, or a file that is renamed into place once complete."""
    with new_file(out) as part:
        if part is None:
            yield sys.stdout
            return
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file


def new_file(path: Path | None) -> AbstractContextManager[Path | None]:
    """A temporary path that becomes `path`, or None if no file is wanted."""
    from ..utils.files import whole_file

    return nullcontext() if path is None else whole_file(path)
