"""The command line: `simpletext train | tune | predict | evaluate | explain | serve | ...`.

Exit status: 0 done, 1 an error (one message on stderr), 2 invalid usage, 130 interrupted.
"""

import sys
from collections.abc import Collection
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from .. import __version__
from ..errors import ArgumentError, SimpletextError
from ..serving.tables import (
    finds_entities,
    is_translator,
    lines_of,
    places_in,
    require_new,
    text_of,
    texts_of,
    write_entities,
    write_rows,
)
from ..utils.defaults import DEFAULT_MODEL
from .config import Config, write_options
from .labelling import from_labels, pick
from .options import (
    BatchSize,
    CacheDir,
    Checkpoint,
    ClassWeight,
    Data,
    EarlyStopping,
    Encoding,
    Epochs,
    FewShot,
    Folder,
    GpusPerWorker,
    Id,
    Label,
    LabelSep,
    LongText,
    Loss,
    Maxlen,
    Metrics,
    Minutes,
    Pooling,
    PredictBatch,
    Rate,
    Report,
    Schedule,
    Seed,
    Sep,
    Share,
    Suspects,
    Task,
    Text,
    TrainingBatch,
    Validation,
    Workers,
)
from .predicting import (
    loaded_for_labels,
    new_file,
    opened,
    predict_files,
    print_prediction,
    quantized,
    require_table,
)
from .reading import one, tables
from .serving import serve
from .translating import train_translator, unused_in
from .tuning import tune
from .wording import options_of, with_options

TRANSLATION = "translation"

app = typer.Typer(
    help="Fine-tune a text encoder on a table, and predict with it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"simpletext {__version__}")
        raise typer.Exit


app.command()(from_labels)
app.command()(pick)


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
    ctx: typer.Context,
    data: Data,
    out: Annotated[Path, typer.Option(help="The new folder for the predictor.")],
    text: Text = ["text"],  # noqa: B006 - typer reads it, nothing writes to it
    label: Label = ["label"],  # noqa: B006
    checkpoint: Checkpoint = [DEFAULT_MODEL],  # noqa: B006
    val: Validation = None,
    val_pct: Share = 0.1,
    maxlen: Maxlen = 128,
    epochs: Epochs = None,
    lr: Rate = None,
    batch_size: TrainingBatch = None,
    minutes: Minutes = None,
    schedule: Schedule = "onecycle",
    early_stopping: EarlyStopping = None,
    class_weight: ClassWeight = None,
    loss: Loss = None,
    metric: Metrics = [],  # noqa: B006
    task: Task = None,
    pooling: Pooling = "auto",
    few_shot: FewShot = False,
    encoding: Encoding = None,
    sep: Sep = None,
    label_sep: LabelSep = None,
    cache_dir: CacheDir = None,
    seed: Seed = 0,
    report: Report = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
    config: Config = None,
) -> None:
    """Train a model on a table and write the predictor's folder."""
    from .. import train as train_on

    _require_writable(out, report)  # before the long work
    common: dict[str, Any] = {
        "epochs": epochs, "lr": lr, "batch_size": batch_size, "maxlen": maxlen, "seed": seed,
        "val_pct": val_pct, "verbose": 0 if quiet else 1,
    }  # fmt: skip
    others: dict[str, Any] = {
        "schedule": schedule, "early_stopping": early_stopping, "class_weight": class_weight,
        "loss": loss, "metrics": metric or None, "minutes": minutes, "pooling": pooling,
    }  # fmt: skip
    if task == TRANSLATION:
        return _save(train_translator(ctx.params), out, ctx, quiet, unused_in(ctx.params))
    examples, val_examples = tables(data, val, text, label, task, encoding, sep, label_sep)
    options = common | others | {"task": task, "few_shot": few_shot, "cache_dir": cache_dir}
    predictor: Any = train_on(examples, checkpoint=one(checkpoint), val=val_examples, **options)
    _save(predictor, out, ctx, quiet)
    if report is not None:
        predictor.learner.report(report, predictor)


@app.command()
def predict(
    folder: Folder,
    data: Annotated[
        Path | None,
        typer.Argument(help="A .csv, .tsv, .jsonl, .json or .parquet file; for entities .txt too."),
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
    batch_size: PredictBatch = None,
    encoding: Encoding = None,
    sep: Sep = None,
    workers: Workers = None,
    gpus_per_worker: GpusPerWorker = 0,
    id: Id = None,
    config: Config = None,
) -> None:
    """Predict a text or a table; writes the input rows plus a `predicted` column, as CSV.

    Entities are written as JSON lines, one text per line. With --workers the data may be a folder
    of files, and the output is a folder of Parquet files.
    """
    if workers is not None:
        predict_files(
            folder, data, out, text or ["text"], encoding, sep, workers=workers, id=id,
            gpus_per_worker=gpus_per_worker, batch_size=batch_size or 32, proba=proba,
            long_text=long_text,
        )  # fmt: skip
        return
    from .. import load_predictor
    from ..data.tables import stream_rows

    if data is None and not text:
        raise typer.BadParameter("pass a file, or --text with a text to predict.")
    if data is None:
        print_prediction(load_predictor(folder, batch_size), text_of(text), proba, long_text)
        return
    table = None if data.suffix.lower() == ".txt" else stream_rows(data, encoding, sep)
    places = [] if table is None else places_in(table, text or ["text"])
    if table is not None:
        require_new(table, ["predicted"])
    with opened(out) as target:  # a path that can't be written is refused before the work
        predictor = load_predictor(folder, batch_size)
        if finds_entities(predictor):
            texts = lines_of(data, encoding) if table is None else texts_of(table, places)
            write_entities(target, predictor, texts)
        else:
            write_rows(target, predictor, require_table(table, data), places, proba, long_text)


@app.command()
def evaluate(
    folder: Folder,
    data: Data,
    text: Text = ["text"],  # noqa: B006
    label: Label = ["label"],  # noqa: B006
    long_text: LongText = "truncate",
    batch_size: BatchSize = 32,
    encoding: Encoding = None,
    sep: Sep = None,
    label_sep: LabelSep = None,
    config: Config = None,
) -> None:
    """Compare predictions with the labels of a table: accuracy, F1 and others."""
    from .. import load_predictor
    from ..evaluation.evaluating import evaluate_predictor
    from ..evaluation.report import describe_validation
    from ..utils.console import say

    predictor = load_predictor(folder, batch_size)
    if is_translator(predictor):
        raise ArgumentError(
            "evaluate is for labels. Compare what predict writes with your translations by the "
            "command sacrebleu."
        )
    examples, _ = tables(data, None, text, label, predictor.labels.task, encoding, sep, label_sep)
    seen = evaluate_predictor(predictor, examples.texts, examples.labels, long_text)
    say(describe_validation(seen))


@app.command()
def explain(
    folder: Folder,
    text: Annotated[list[str], typer.Option("--text", help="The text; twice for a pair.")],
    method: Annotated[
        str | None,
        typer.Option(help="lime (default), eli5, gradient (default for entities) or occlusion."),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of perturbed texts.")
    ] = 1000,
    html: Annotated[Path | None, typer.Option(help="A new HTML file to write it to.")] = None,
    config: Config = None,
) -> None:
    """Explain a prediction: a weight for each word of the text."""
    from ..utils.console import note, say

    with new_file(html) as file:
        explanation = loaded_for_labels(folder, "explain").explain(
            text_of(text), n_samples=samples, method=method
        )
        if file is None:
            say(str(explanation))
        else:
            file.write_text(explanation.as_page(), encoding="utf-8")
    if html is not None:
        note(f"saved: {html}")


@app.command()
def export(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="The new folder to write it into.")],
    format: Annotated[
        str,
        typer.Option(help="saved_model, onnx, openvino or litert."),
    ] = "onnx",
    quantize: Annotated[
        bool, typer.Option("--quantize", help="8-bit weights: smaller and less exact (onnx).")
    ] = False,
    config: Config = None,
) -> None:
    """Export the model to a folder that serves without simpletext."""
    from .. import load_predictor
    from ..utils.console import note
    from ..utils.files import require_new_folder

    require_new_folder(out)
    predictor: Any = load_predictor(folder)
    note(f"writing {format}, and comparing its answers with the model's: up to a minute")
    predictor.export(out, format=format, **quantized(predictor, quantize))
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
    suspects: Suspects = False,
    plot: Annotated[Path | None, typer.Option(help="A new image file for the figure.")] = None,
    table: Annotated[Path | None, typer.Option(help="A new CSV file for the findings.")] = None,
    encoding: Encoding = None,
    sep: Sep = None,
    label_sep: LabelSep = None,
    config: Config = None,
) -> None:
    """Check a table before training: empty or duplicate texts, label conflicts, leaks, lengths."""
    from .. import Transformer
    from .. import check as look_at
    from ..utils.console import say

    with new_file(plot) as figure, new_file(table) as findings:
        examples, val_examples = tables(data, val, text, label, None, encoding, sep, label_sep)
        preproc = None if checkpoint is None else Transformer(checkpoint, maxlen)
        report = look_at(
            examples.texts, examples.labels, val_examples and val_examples[:2], preproc,
            class_names=examples.class_names, task=task, suspects=suspects,
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
    from ..utils.console import say
    from ..utils.startup import import_keras

    import_keras()
    from ..inspection import describe_folder

    say(describe_folder(folder))


app.command()(tune)
app.command()(serve)


def main() -> None:
    """The entry point: prints an error as one message and handles Ctrl-C."""
    _prepare_streams()
    try:
        app()
    except SimpletextError as error:
        _fail(with_options(str(error), options_of(app, sys.argv[1:])))
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


def _require_writable(out: Path, report: Path | None) -> None:
    from ..utils.files import require_new_file, require_new_folder

    require_new_folder(out)
    if report is not None:
        require_new_file(report)


def _save(
    predictor: Any, out: Path, ctx: typer.Context, quiet: bool, unused: Collection[str] = ()
) -> None:
    from ..utils.console import note

    predictor.save(out)
    write_options(out, ctx, unused)
    if not quiet:
        note(f"saved: {out}")
