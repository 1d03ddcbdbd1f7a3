"""The command line: `simpletext train | predict | explain | export | check | convert`.

Exit status: 0 done, 1 an error (one message on stderr), 2 invalid usage, 130 interrupted.
"""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from .data.parallel_texts import ParallelTexts, read_pairs
from .data.tables import Examples, column_of
from .data.text_files import CsvFile, encoding_of, existing_file
from .errors import ArgumentError, SimpletextError
from .inference.predictions import Predictions
from .tasks.translation import TRANSLATION
from .transformer import DEFAULT_MODEL
from .translator import Translator
from .utils.files import check_absent

CHUNK = 1000  # rows predicted at a time

app = typer.Typer(
    help="Fine-tune a text encoder on a table, and predict with it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    Path, typer.Argument(help="A .csv, .tsv, .jsonl, .json or .parquet file; for tags also CoNLL.")
]
Folder = Annotated[Path, typer.Argument(help="A predictor's folder.")]
Text = Annotated[
    list[str], typer.Option("--text", help="Column with the texts; twice for pairs of texts.")
]
Label = Annotated[
    list[str], typer.Option("--label", help="Column with the labels; more than one: 0/1 columns.")
]
Checkpoint = Annotated[
    str,
    # The default is part of the text: in typer's brackets it would be cut off at 80 columns.
    typer.Option(
        help=f"A name on the Hugging Face Hub, or a folder; by default {DEFAULT_MODEL}",
        show_default=False,
    ),
]
Maxlen = Annotated[int, typer.Option(help="Maximum number of tokens per text.")]
Task = Annotated[
    str | None,
    typer.Option(help="single_label_classification, multi_label_classification, regression or "
                 "token_classification or translation; by default inferred from the labels."),
]  # fmt: skip
Encoding = Annotated[
    str | None, typer.Option(help="Encoding of text files; by default UTF-8, else detected.")
]
Sep = Annotated[str | None, typer.Option(help="Field separator of a CSV file; default a comma.")]


@app.command()
def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="The new folder for the predictor.")],
    text: Text = ["text"],  # noqa: B006 - typer reads it, nothing writes to it
    label: Label = ["label"],  # noqa: B006
    checkpoint: Checkpoint = DEFAULT_MODEL,
    val: Annotated[Path | None, typer.Option(help="Validation file; else --val-pct.")] = None,
    val_pct: Annotated[
        float, typer.Option(help="Share held out for validation without --val.")
    ] = 0.1,
    maxlen: Maxlen = 128,
    epochs: Annotated[int, typer.Option(help="Passes over the training data.")] = 3,
    lr: Annotated[
        float | None, typer.Option(help="Peak learning rate; by default chosen by model size.")
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Texts per training step.")] = 32,
    task: Task = None,
    encoding: Encoding = None,
    sep: Sep = None,
    cache_dir: Annotated[Path | None, typer.Option(help="Cache folder for encoded texts.")] = None,
    seed: Annotated[int, typer.Option(help="Seed for split, head and order.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Train a model on a table and write the predictor's folder."""
    from .quick import train as train_on

    check_absent(out)  # before the long work
    verbose = 0 if quiet else 1
    if task == TRANSLATION:
        options = {"maxlen": maxlen, "epochs": epochs, "lr": lr, "batch_size": batch_size}
        options |= {"val_pct": val_pct, "seed": seed, "verbose": verbose}
        _train_translator(data, out, val, (text, label), checkpoint, encoding, sep, options)
        return
    examples, val_examples = _tables(data, val, text, label, encoding, sep, task)
    predictor = train_on(
        examples, checkpoint=checkpoint, val=val_examples, val_pct=val_pct, maxlen=maxlen,
        epochs=epochs, lr=lr, batch_size=batch_size, task=task, cache_dir=cache_dir, seed=seed,
        verbose=verbose,
    )  # fmt: skip
    _save(predictor, out, verbose)


@app.command()
def predict(
    folder: Folder,
    data: Annotated[
        Path | None,
        typer.Argument(help="A CSV file with texts; for entities also a .txt, a text per line."),
    ] = None,
    text: Annotated[
        list[str],
        typer.Option("--text", help="Text to predict; with a file: its column (twice for pairs)."),
    ] = [],  # noqa: B006
    out: Annotated[
        Path | None,
        typer.Option(help="A new CSV (entities: JSONL) file; by default stdout."),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Also write the probability of each class.")
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Texts predicted at a time.")] = 32,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Predict a text or a CSV file; writes the input rows plus a `predicted` column.

    Entities are written as JSON lines, one text per line.
    """
    from .predictor import load_predictor

    if data is None and not text:
        raise typer.BadParameter("pass a CSV file, or --text with a text to predict.")
    if out is not None:
        check_absent(out)
    lines = None if data is None or data.suffix.lower() != ".txt" else data
    file = None if data is None or lines is not None else CsvFile(data, encoding, sep)
    places = [] if file is None else _places(file, text or ["text"])
    predictor = load_predictor(folder, batch_size)
    if predictor.labels.kind.per_token:
        with _opened(out) as target:
            _write_entities(target, predictor, _texts_in(lines, file, places, text, encoding))
        return
    if lines is not None:
        raise ArgumentError(f"{lines} isn't a CSV file; this predictor takes a file with columns.")
    if file is None:
        for line in _predicted(predictor, [_text_of(text)], proba):
            typer.echo("\t".join(line))
        return
    with _opened(out) as target:
        writer = csv.writer(target, delimiter=file.sep, lineterminator="\n")
        writer.writerow([*file.columns, *_headings(predictor, proba)])
        rows = iter(file)
        while chunk := list(islice(rows, CHUNK)):
            texts = [_text_of([row[i] for i in places]) for row in chunk]
            for row, result in zip(chunk, _predicted(predictor, texts, proba), strict=True):
                writer.writerow([*row, *result])


@app.command()
def explain(
    folder: Folder,
    text: Annotated[str, typer.Option(help="The text.")],
    samples: Annotated[int, typer.Option(help="Number of perturbed texts.")] = 1000,
    html: Annotated[Path | None, typer.Option(help="A new HTML file to write it to.")] = None,
) -> None:
    """Explain a prediction: a weight for each word of the text."""
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
    """Export the model to a folder that serves without simpletext."""
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
    from .saving.convert import convert as write

    write(
        old, new, task=task, labels=label or None, layers=layers, cased=cased, tokenizer=tokenizer
    )


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="Any folder: of simpletext, the Hub, ktrain.")],
) -> None:
    """Say what is in a folder, without building a model."""
    from .inspection import describe_folder

    typer.echo(describe_folder(folder))


def main() -> None:
    """The entry point: prints a `SimpletextError` as one line and handles Ctrl-C."""
    try:
        app()
    except SimpletextError as error:
        typer.echo(f"simpletext: {error}", err=True)
        sys.exit(1)
    except SystemExit as end:
        if end.code == 130:  # typer's exit code for Ctrl-C
            typer.echo("\nsimpletext: interrupted", err=True)
        raise


def _train_translator(
    data: Path, out: Path, val: Path | None, names: tuple[list[str], list[str]], checkpoint: str,
    encoding: str | None, sep: str | None, options: dict[str, Any],
) -> None:  # fmt: skip
    """`train` for a table with texts and their translations."""
    from .quick import train_translator

    columns = None if names == (["text"], ["label"]) else (*names[0], *names[1])

    def read(path: Path) -> ParallelTexts:
        return read_pairs(path, columns=columns, encoding=encoding, sep=sep)

    start = None if checkpoint == DEFAULT_MODEL else checkpoint
    val_pairs = None if val is None else read(val)
    translator = train_translator(read(data), start, val=val_pairs, **options)
    _save(translator, out, options["verbose"])


def _save(predictor: Any, out: Path, verbose: int) -> None:
    predictor.save(out)
    if verbose:
        typer.echo(f"saved: {out}")


def _tables(
    data: Path,
    val: Path | None,
    text: list[str],
    label: list[str],
    encoding: str | None,
    sep: str | None,
    task: str | None = None,
) -> tuple[Examples, Examples | None]:
    """The training data, and the validation data or None."""
    from .quick import read_table_for

    def read(path: Path) -> Examples:
        return read_table_for(path, _one(text), _one(label), task, encoding=encoding, sep=sep)

    return read(data), None if val is None else read(val)


def _texts_in(
    lines: Path | None, file: CsvFile | None, places: list[int], text: list[str],
    encoding: str | None,
) -> Iterator[Any]:  # fmt: skip
    """The texts of a file, one per line or row, or those of --text."""
    if lines is not None:
        path = existing_file(lines)
        with path.open(encoding=encoding_of(path, encoding)) as opened:
            yield from (line.rstrip("\n") for line in opened if line.strip())
    elif file is not None:
        yield from (_text_of([row[i] for i in places]) for row in file)
    else:
        yield _text_of(text)


def _write_entities(target: TextIO, predictor: Any, texts: Iterator[Any]) -> None:
    """One JSON object per text: the text and its entities."""
    while chunk := list(islice(texts, CHUNK)):
        for text, entities in zip(chunk, predictor.predict(chunk, long_text="chunk"), strict=True):
            row = {"text": text, "entities": entities}
            target.write(json.dumps(row, ensure_ascii=False) + "\n")


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
    if isinstance(predictor, Translator):
        return ["predicted"]
    return ["predicted", *([str(name) for name in predictor.get_classes()] if proba else [])]


def _predicted(predictor: Any, texts: list[Any], proba: bool) -> Iterator[list[str]]:
    """For each text the prediction, and with `proba` the probability of each class."""
    if isinstance(predictor, Translator):
        _refuse_proba(proba)
        yield from ([translation] for translation in predictor.predict(texts))
        return
    values = predictor.predict_proba(
        texts
    )  # used for both columns, so that each text is predicted once
    found = Predictions(values, predictor.labels)
    decided = found.decoded(predictor.thresholds, None)
    for result, row in zip(decided, values, strict=True):
        shown = "; ".join(map(str, result)) if isinstance(result, list) else str(result)
        yield [shown, *(f"{value:.6f}" for value in row if proba)]


def _refuse_proba(proba: bool) -> None:
    if proba:
        raise ArgumentError("A translator has no classes, so --proba has nothing to write.")


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """stdout, or a file that is renamed into place once complete."""
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
