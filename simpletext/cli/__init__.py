"""The command line: `simpletext train | predict | evaluate | explain | export | check | convert`.

Exit status: 0 done, 1 an error (one message on stderr), 2 invalid usage, 130 interrupted.
"""

import csv
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer

from .. import __version__
from ..errors import ArgumentError, DataError, SimpletextError
from ..utils.defaults import DEFAULT_MODEL
from .options import (
    BatchSize,
    CacheDir,
    Checkpoint,
    ClassWeight,
    Data,
    EarlyStopping,
    Encoding,
    Epochs,
    Folder,
    Label,
    LongText,
    Loss,
    Maxlen,
    Metrics,
    Rate,
    Report,
    Schedule,
    Seed,
    Sep,
    Share,
    Task,
    Text,
    Validation,
)

if TYPE_CHECKING:
    from ..data.tables import Examples, Stream

CHUNK = 1000  # rows predicted at a time

app = typer.Typer(
    help="Fine-tune a text encoder on a table, and predict with it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"simpletext {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print it.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Fine-tune a text encoder on a table, and predict with it."""


@app.command()
def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="The new folder for the predictor.")],
    text: Text = ["text"],  # noqa: B006 - typer reads it, nothing writes to it
    label: Label = ["label"],  # noqa: B006
    checkpoint: Checkpoint = DEFAULT_MODEL,
    val: Validation = None,
    val_pct: Share = 0.1,
    maxlen: Maxlen = 128,
    epochs: Epochs = 3,
    lr: Rate = None,
    batch_size: BatchSize = 32,
    schedule: Schedule = "onecycle",
    early_stopping: EarlyStopping = None,
    class_weight: ClassWeight = None,
    loss: Loss = None,
    metric: Metrics = [],  # noqa: B006
    task: Task = None,
    encoding: Encoding = None,
    sep: Sep = None,
    cache_dir: CacheDir = None,
    seed: Seed = 0,
    report: Report = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Train a model on a table and write the predictor's folder."""
    from .. import train as train_on
    from ..utils.console import note
    from ..utils.files import require_new_file, require_new_folder

    require_new_folder(out)  # before the long work
    if report is not None:
        require_new_file(report)
    examples, val_examples = _tables(data, val, text, label, encoding, sep)
    predictor: Any = train_on(
        examples, checkpoint=checkpoint, val=val_examples, val_pct=val_pct, maxlen=maxlen,
        epochs=epochs, lr=lr, batch_size=batch_size, task=task, cache_dir=cache_dir, seed=seed,
        schedule=schedule, early_stopping=early_stopping, class_weight=class_weight, loss=loss,
        metrics=metric or None, verbose=0 if quiet else 1,
    )  # fmt: skip
    predictor.save(out)
    if report is not None:
        predictor.learner.report(report, predictor)
    if not quiet:
        note(f"saved: {out}")


@app.command()
def predict(
    folder: Folder,
    data: Annotated[
        Path | None, typer.Argument(help="A .csv, .tsv, .jsonl, .json or .parquet file.")
    ] = None,
    text: Annotated[
        list[str],
        typer.Option("--text", help="Text to predict; with a file: its column (twice for pairs)."),
    ] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="A new CSV file; by default stdout.")] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Also write the probability of each class.")
    ] = False,
    long_text: LongText = "truncate",
    batch_size: BatchSize = 32,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Predict a text or a table; writes the input rows plus a `predicted` column, as CSV."""
    from .. import load_predictor
    from ..data.tables import stream_rows
    from ..utils.console import say

    if data is None and not text:
        raise typer.BadParameter("pass a file, or --text with a text to predict.")
    if data is None:
        predictor = load_predictor(folder, batch_size)
        for line in _predicted(predictor, [_text_of(text)], proba, long_text):
            say("\t".join(line))
        return
    table = stream_rows(data, encoding, sep)
    places = _places(table, text or ["text"])
    _require_new(table, ["predicted"])
    with _opened(out) as target:  # a path that can't be written is refused before the work
        predictor = load_predictor(folder, batch_size)
        classes = [str(name) for name in predictor.get_classes()] if proba else []
        _require_new(table, classes)
        _write_row(target, table.sep, [*table.columns, "predicted", *classes])
        rows = iter(table.rows)
        while chunk := list(islice(rows, CHUNK)):
            texts = [_text_of([row[i] for i in places]) for row in chunk]
            results = _predicted(predictor, texts, proba, long_text)
            for row, result in zip(chunk, results, strict=True):
                _write_row(target, table.sep, [*row, *result])


@app.command()
def evaluate(
    folder: Folder,
    data: Data,
    text: Text = ["text"],  # noqa: B006
    label: Label = ["label"],  # noqa: B006
    batch_size: BatchSize = 32,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Compare predictions with the labels of a table: accuracy, F1 and others."""
    from .. import load_predictor
    from ..evaluation.evaluating import evaluate_predictor
    from ..evaluation.report import describe_validation
    from ..utils.console import say

    examples, _ = _tables(data, None, text, label, encoding, sep)
    predictor = load_predictor(folder, batch_size)
    say(describe_validation(evaluate_predictor(predictor, examples.texts, examples.labels)))


@app.command()
def explain(
    folder: Folder,
    text: Annotated[list[str], typer.Option("--text", help="The text; twice for a pair.")],
    method: Annotated[str, typer.Option(help="lime, eli5, gradient or occlusion.")] = "lime",
    samples: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of perturbed texts.")
    ] = 1000,
    html: Annotated[Path | None, typer.Option(help="A new HTML file to write it to.")] = None,
) -> None:
    """Explain a prediction: a weight for each word of the text."""
    from .. import load_predictor
    from ..utils.console import say

    with _new_file(html) as file:
        explanation = load_predictor(folder).explain(
            _text_of(text), n_samples=samples, method=method
        )
        if file is None:
            say(str(explanation))
        else:
            file.write_text(explanation.as_page(), encoding="utf-8")


@app.command()
def export(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="The new folder to write it into.")],
    format: Annotated[str, typer.Option(help="saved_model, onnx, openvino or litert.")] = "onnx",
    quantize: Annotated[
        bool, typer.Option("--quantize", help="8-bit weights: smaller and less exact (onnx).")
    ] = False,
) -> None:
    """Export the model to a folder that serves without simpletext."""
    from .. import load_predictor
    from ..utils.console import note
    from ..utils.files import require_new_folder

    require_new_folder(out)
    predictor: Any = load_predictor(folder)
    predictor.export(out, format=format, quantize=quantize)
    note(f"saved: {out}")


@app.command()
def check(
    data: Data,
    text: Text = ["text"],  # noqa: B006
    label: Label = ["label"],  # noqa: B006
    val: Annotated[Path | None, typer.Option(help="Validation data to compare with.")] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Its tokenizer counts lengths; a name or folder."),
    ] = None,
    maxlen: Maxlen = 128,
    task: Task = None,
    plot: Annotated[Path | None, typer.Option(help="A new image file for the figure.")] = None,
    table: Annotated[Path | None, typer.Option(help="A new CSV file for the findings.")] = None,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Check a table before training: empty or duplicate texts, label conflicts, leaks, lengths."""
    from .. import Transformer
    from .. import check as look_at
    from ..utils.console import say

    with _new_file(plot) as figure, _new_file(table) as findings:
        examples, val_examples = _tables(data, val, text, label, encoding, sep)
        preproc = None if checkpoint is None else Transformer(checkpoint, maxlen)
        report = look_at(
            examples.texts, examples.labels, val_examples and val_examples[:2], preproc,
            class_names=examples.class_names, task=task,
        )  # fmt: skip
        say(str(report))
        if figure is not None:
            report.plot().savefig(figure)
        if findings is not None:
            report.to_frame().to_csv(findings, index=False)


@app.command()
def convert(
    old: Annotated[Path, typer.Argument(help="The old folder, or one checkpoint's path in it.")],
    new: Annotated[Path, typer.Argument(help="The new folder.")],
    task: Task = None,
    label: Annotated[
        list[str], typer.Option("--label", help="The head's labels in order; once for each.")
    ] = [],  # noqa: B006
    layers: Annotated[int | None, typer.Option(help="Layers of an ALBERT without config.")] = None,
    cased: Annotated[
        bool | None,
        typer.Option("--cased/--uncased", help="Keep capital letters; default: as the vocabulary."),
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Folder, vocabulary file or Hub name with the tokenizer.")
    ] = None,
) -> None:
    """Write an old checkpoint (TensorFlow, TF Hub, keras-hub, ktrain) as a Hugging Face folder."""
    from .. import convert as write

    write(
        old, new, task=task, labels=label or None, layers=layers, cased=cased, tokenizer=tokenizer
    )


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="Any folder: of simpletext, the Hub, ktrain.")],
) -> None:
    """Say what is in a folder, without building a model."""
    from ..inspection import describe_folder
    from ..utils.console import say

    say(describe_folder(folder))


def main() -> None:
    """The entry point: prints an error as one message and handles Ctrl-C."""
    _prepare_streams()
    try:
        app()
    except SimpletextError as error:
        _fail(str(error))
    except OSError as error:  # such as a full disk
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except SystemExit as end:
        if end.code == 130:  # typer's exit code for Ctrl-C
            typer.echo("\nsimpletext: interrupted", err=True)
        raise


def _fail(message: str) -> NoReturn:
    from ..utils.console import printable

    typer.echo(f"simpletext: {printable(message)}", err=True)
    sys.exit(1)


def _prepare_streams() -> None:
    """Write UTF-8 to files and pipes; a terminal gets escapes for what it can't show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            encoding = stream.encoding if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def _tables(
    data: Path,
    val: Path | None,
    text: list[str],
    label: list[str],
    encoding: str | None,
    sep: str | None,
) -> tuple["Examples", "Examples | None"]:
    """The training data, and the validation data or None."""
    from .. import read_texts

    def read(path: Path) -> "Examples":
        return read_texts(path, _one(text), _one(label), encoding=encoding, sep=sep)

    return read(data), None if val is None else read(val)


def _one(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def _text_of(parts: list[str]) -> Any:
    if len(parts) > 2:
        raise ArgumentError(f"--text was given {len(parts)} times: once, or twice for a pair.")
    return parts[0] if len(parts) == 1 else tuple(parts)


def _places(table: "Stream", names: list[str]) -> list[int]:
    """Which fields hold the texts; an error names the nearest columns."""
    from ..data.tables import column_of

    for name in names:
        column_of({column: [] for column in table.columns}, name)
    return [table.columns.index(name) for name in names]


def _require_new(table: "Stream", names: list[str]) -> None:
    """Refuse a table in which a column to be written is there already."""
    taken = [name for name in names if name in table.columns]
    if taken:
        raise DataError(
            f"The table has a column {taken[0]!r} already, the name of a column that predict "
            "writes. Rename or remove it."
        )


def _predicted(
    predictor: Any, texts: list[Any], proba: bool, long_text: str
) -> Iterator[list[str]]:
    """For each text the prediction, and with `proba` the probability of each class."""
    from ..inference.predictions import Predictions

    # Used for both columns, so that each text is predicted once.
    values = predictor.predict_proba(texts, long_text=long_text)
    found = Predictions(values, predictor.labels)
    decided = found.decoded(predictor.thresholds, None)
    for result, row in zip(decided, values, strict=True):
        shown = "; ".join(map(str, result)) if isinstance(result, list) else str(result)
        yield [shown, *(f"{value:.6f}" for value in row if proba)]


def _write_row(target: TextIO, sep: str, row: list[str]) -> None:
    """Write a CSV row; before Python 3.13 the csv module leaves a lone CR without quotes."""
    quoting: Any = csv.QUOTE_ALL if any("\r" in field for field in row) else csv.QUOTE_MINIMAL
    csv.writer(target, delimiter=sep, lineterminator="\n", quoting=quoting).writerow(row)


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """stdout, or a file that is renamed into place once complete."""
    with _new_file(out) as part:
        if part is None:
            yield sys.stdout
            return
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file


def _new_file(path: Path | None) -> AbstractContextManager[Path | None]:
    """A temporary path that becomes `path`, or None if no file is wanted."""
    from ..utils.files import whole_file

    return nullcontext() if path is None else whole_file(path)
