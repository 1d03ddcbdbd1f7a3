"""The command line: `simpletext train | predict | explain | export | check`.

Exit status: 0 done, 1 an error that is told in one message, 2 a wrong use, 130 interrupted.
"""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from .data.tables import Examples, column_of, read_texts
from .data.text_files import CsvFile
from .errors import ArgumentError, SimpletextError
from .inference.predictions import Predictions
from .transformer import DEFAULT_MODEL
from .utils.files import check_absent

CHUNK = 1000  # rows predicted at a time

app = typer.Typer(
    help="Fine-tune a text encoder on a table, and use what it learned.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[Path, typer.Argument(help="A .csv, .tsv, .jsonl, .json or .parquet file.")]
Folder = Annotated[Path, typer.Argument(help="A predictor's folder.")]
Text = Annotated[
    list[str], typer.Option("--text", help="Column with the texts; twice for pairs of texts.")
]
Label = Annotated[
    list[str], typer.Option("--label", help="Column with the labels; more than one: 0/1 columns.")
]
Checkpoint = Annotated[
    str,
    # Its own words for the default: with brackets around it, 80 columns would cut the name off.
    typer.Option(
        help=f"A name on the Hugging Face Hub, or a folder; by default {DEFAULT_MODEL}",
        show_default=False,
    ),
]
Maxlen = Annotated[int, typer.Option(help="Tokens of a text that the model sees.")]
Task = Annotated[
    str | None,
    typer.Option(help="single_label_classification, multi_label_classification or regression; "
                 "by default what the labels say."),
]  # fmt: skip
Encoding = Annotated[
    str | None, typer.Option(help="Of text files; by default UTF-8, else detected.")
]
Sep = Annotated[str | None, typer.Option(help="Between a CSV file's fields; default a comma.")]


@app.command()
def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="The new folder for the predictor.")],
    text: Text = ["text"],  # noqa: B006 - typer reads it, nothing writes to it
    label: Label = ["label"],  # noqa: B006
    checkpoint: Checkpoint = DEFAULT_MODEL,
    val: Annotated[Path | None, typer.Option(help="A file to validate on; else a part.")] = None,
    val_pct: Annotated[float, typer.Option(help="The share to validate on without --val.")] = 0.1,
    maxlen: Maxlen = 128,
    epochs: Annotated[int, typer.Option(help="Passes over the training data.")] = 3,
    lr: Annotated[
        float | None, typer.Option(help="Highest learning rate; by default by the model's size.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Texts a training step.")] = 32,
    task: Task = None,
    encoding: Encoding = None,
    sep: Sep = None,
    cache_dir: Annotated[Path | None, typer.Option(help="Keep encoded texts there.")] = None,
    seed: Annotated[int, typer.Option(help="Fixes the split, the head and the order.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Train a model on a table and write the predictor's folder."""
    from .quick import train as train_on

    check_absent(out)  # before the long work
    examples, val_examples = _tables(data, val, text, label, encoding, sep)
    predictor = train_on(
        examples, checkpoint=checkpoint, val=val_examples, val_pct=val_pct, maxlen=maxlen,
        epochs=epochs, lr=lr, batch_size=batch_size, task=task, cache_dir=cache_dir, seed=seed,
        verbose=0 if quiet else 1,
    )  # fmt: skip
    predictor.save(out)
    if not quiet:
        typer.echo(f"saved: {out}")


@app.command()
def predict(
    folder: Folder,
    data: Annotated[Path | None, typer.Argument(help="A CSV file with texts.")] = None,
    text: Annotated[
        list[str],
        typer.Option("--text", help="A text to answer; with a file: its column (twice for pairs)."),
    ] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help="A new CSV file; by default shown.")] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="The probability of each class as well.")
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Texts predicted at a time.")] = 32,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Answer a text, or each row of a CSV file: its rows come out with a column `predicted`."""
    from .predictor import load_predictor

    if data is None and not text:
        raise typer.BadParameter("give a CSV file, or --text with a text to answer.")
    if out is not None:
        check_absent(out)
    file = None if data is None else CsvFile(data, encoding, sep)
    places = [] if file is None else _places(file, text or ["text"])
    predictor = load_predictor(folder, batch_size)
    if file is None:
        for line in _answers(predictor, [_text_of(text)], proba):
            typer.echo("\t".join(line))
        return
    with _opened(out) as target:
        writer = csv.writer(target, delimiter=file.sep, lineterminator="\n")
        writer.writerow([*file.columns, *_headings(predictor, proba)])
        rows = iter(file)
        while chunk := list(islice(rows, CHUNK)):
            texts = [_text_of([row[i] for i in places]) for row in chunk]
            for row, answer in zip(chunk, _answers(predictor, texts, proba), strict=True):
                writer.writerow([*row, *answer])


@app.command()
def explain(
    folder: Folder,
    text: Annotated[str, typer.Option(help="The text.")],
    samples: Annotated[int, typer.Option(help="Variations that are predicted.")] = 1000,
    html: Annotated[Path | None, typer.Option(help="A new HTML file to write it to.")] = None,
) -> None:
    """Tell which words of a text speak for and against the answer."""
    from .predictor import load_predictor

    if html is not None:
        check_absent(html)
    explanation = load_predictor(folder).explain(text, n_samples=samples)
    if html is None:
        typer.echo(str(explanation))
    else:
        html.write_text(explanation.as_html(), encoding="utf-8")


@app.command()
def export(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="The new folder to write it into.")],
    format: Annotated[str, typer.Option(help="saved_model, onnx, openvino or litert.")] = "onnx",
) -> None:
    """Write a folder that answers without simpletext, for serving."""
    from .predictor import load_predictor

    check_absent(out)
    predictor: Any = load_predictor(folder)
    predictor.export(out, format=format)
    typer.echo(f"saved: {out}")


@app.command()
def check(
    data: Data,
    text: Text = ["text"],  # noqa: B006
    label: Label = ["label"],  # noqa: B006
    val: Annotated[Path | None, typer.Option(help="Validation data to compare with.")] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Count lengths in its tokens; a name or folder."),
    ] = None,
    maxlen: Maxlen = 128,
    task: Task = None,
    plot: Annotated[Path | None, typer.Option(help="A new image file for the figure.")] = None,
    table: Annotated[Path | None, typer.Option(help="A new CSV file for the findings.")] = None,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Look at a table before training: empty and repeated texts, contradictions, leaks, lengths."""
    from .evaluation.data_check import check as look_at
    from .transformer import Transformer

    for path in (plot, table):
        if path is not None:
            check_absent(path)
    examples, val_examples = _tables(data, val, text, label, encoding, sep)
    preproc = None if checkpoint is None else Transformer(checkpoint, maxlen)
    report = look_at(
        examples.texts, examples.labels, val_examples and val_examples[:2], preproc,
        class_names=examples.class_names, task=task,
    )  # fmt: skip
    typer.echo(str(report))
    if plot is not None:
        report.plot().savefig(plot)
    if table is not None:
        report.to_frame().to_csv(table, index=False)


def main() -> None:
    """The entry point: errors of ours become one line, Ctrl-C a clean end."""
    try:
        app()
    except SimpletextError as error:
        typer.echo(f"simpletext: {error}", err=True)
        sys.exit(1)
    except SystemExit as end:
        if end.code == 130:  # so typer ends on Ctrl-C, without a word
            typer.echo("\nsimpletext: interrupted", err=True)
        raise


def _tables(
    data: Path,
    val: Path | None,
    text: list[str],
    label: list[str],
    encoding: str | None,
    sep: str | None,
) -> tuple[Examples, Examples | None]:
    """The training data, and the validation data if there are some."""

    def read(path: Path) -> Examples:
        return read_texts(path, _one(text), _one(label), encoding=encoding, sep=sep)

    return read(data), None if val is None else read(val)


def _one(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def _text_of(parts: list[str]) -> Any:
    if len(parts) > 2:
        raise ArgumentError(f"--text was given {len(parts)} times: once, or twice for a pair.")
    return parts[0] if len(parts) == 1 else tuple(parts)


def _places(file: CsvFile, names: list[str]) -> list[int]:
    """Which fields hold the texts; an error names the nearest columns."""
    for name in names:
        column_of({column: [] for column in file.columns}, name)
    return [file.columns.index(name) for name in names]


def _headings(predictor: Any, proba: bool) -> list[str]:
    return ["predicted", *([str(name) for name in predictor.get_classes()] if proba else [])]


def _answers(predictor: Any, texts: list[Any], proba: bool) -> Iterator[list[str]]:
    """For each text the answer, and with `proba` the probability of each class."""
    values = predictor.predict_proba(texts)  # both come from these: texts are predicted once
    found = Predictions(values, predictor.labels)
    decided = found.decoded(predictor.thresholds, None)
    for answer, row in zip(decided, values, strict=True):
        shown = "; ".join(map(str, answer)) if isinstance(answer, list) else str(answer)
        yield [shown, *(f"{value:.6f}" for value in row if proba)]


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """The terminal, or a file that appears when all of it is written."""
    if out is None:
        yield sys.stdout
        return
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)
