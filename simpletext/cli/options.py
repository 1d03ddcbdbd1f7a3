"""The options that commands share, and those of `train`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..utils.defaults import DEFAULT_MODEL

OWNER, NAME = DEFAULT_MODEL.split("/")  # together they'd be cut off at 80 columns

Data = Annotated[
    Path, typer.Argument(help="A .csv, .tsv, .jsonl, .json or .parquet file; for tags CoNLL.")
]
Folder = Annotated[Path, typer.Argument(help="A predictor's folder.")]
Text = Annotated[
    list[str],
    typer.Option("--text", metavar="NAME", help="Column with the texts; twice for pairs of texts."),
]
Label = Annotated[
    list[str],
    typer.Option(
        "--label", metavar="NAME", help="Column with the labels; more than one: 0/1 columns."
    ),
]
Checkpoint = Annotated[
    list[str],
    # The default is part of the text: in typer's brackets it would be cut off at 80 columns.
    typer.Option(
        help=f"A name on the Hub, or a folder; by default {NAME} of {OWNER}. With --minutes "
        "and for tune also several to choose from.",
        show_default=False,
    ),
]
TrainingBatch = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Texts per training step; by default 32.")
]
Maxlen = Annotated[int, typer.Option(min=3, metavar="N", help="Maximum number of tokens per text.")]
BatchSize = Annotated[int, typer.Option(min=1, metavar="N", help="Texts per batch.")]
PredictBatch = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Texts per batch; by default 32, to translate 256."),
]
Task = Annotated[
    str | None,
    typer.Option(help="single_label_classification, multi_label_classification, regression, "
                 "token_classification or translation; by default inferred from the labels."),
]  # fmt: skip
Encoding = Annotated[
    str | None, typer.Option(help="Encoding of text files; by default UTF-8, else detected.")
]
LongText = Annotated[str, typer.Option(help="Texts over maxlen: truncate, or chunk into windows.")]
Sep = Annotated[str | None, typer.Option(help="Field separator of a CSV file; default a comma.")]
LabelSep = Annotated[
    str | None, typer.Option(help="What separates several labels in one field, such as ';'.")
]
Validation = Annotated[Path | None, typer.Option(help="Validation file; else --val-pct.")]
Share = Annotated[float, typer.Option(help="Share held out for validation without --val.")]
Epochs = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Passes over the data; default 3, or 5 for under 500 texts."
    ),
]
Minutes = Annotated[
    float | None, typer.Option(metavar="N", help="Search for the best settings in this time.")
]


def _rate(text: str) -> float | str:
    """A number, or the word for the learning-rate finder."""
    try:
        return text if text == "auto" else float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number, such as 1e-4, nor auto.") from None


Rate = Annotated[
    float | None,  # or "auto"
    typer.Option(
        parser=_rate,
        metavar="RATE",
        help="Peak learning rate; by default chosen by model size. auto: measured by a sweep.",
    ),
]
Schedule = Annotated[
    str, typer.Option(help="onecycle, linear, constant or triangular (see Learner.autofit).")
]
EarlyStopping = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="End after N epochs without a lower loss; not onecycle."),
]
Pooling = Annotated[str, typer.Option(help="The head on top: auto, mean or original.")]


def _few_shot(text: str | bool) -> bool | str:
    """What `Transformer` takes as few_shot."""
    allowed: dict[str, bool | str] = {"false": False, "true": True, "auto": "auto"}
    word = str(text).lower()
    if word not in allowed:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(allowed)}.")
    return allowed[word]


FewShot = Annotated[
    Any,  # bool | str, which typer doesn't take
    typer.Option(
        parser=_few_shot,
        metavar="WHEN",
        help="For few texts per class, train the encoder on pairs first: true, false or auto.",
    ),
]
ClassWeight = Annotated[
    str | None, typer.Option(help="balanced: rare classes count more in the loss.")
]
Loss = Annotated[str | None, typer.Option(help="focal, mae or huber; by default the task's own.")]
Metrics = Annotated[
    list[str],
    typer.Option("--metric", metavar="NAME", help="Such as f1, auc or rmse; once for each."),
]
Suspects = Annotated[
    bool, typer.Option("--suspects", help="Also list labels that are probably wrong; encodes all.")
]
CacheDir = Annotated[Path | None, typer.Option(help="Cache folder for encoded texts.")]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Seed for split, head and order.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Predict files with N processes, by Ray, into a folder."),
]
GpusPerWorker = Annotated[float, typer.Option(min=0, help="With --workers: GPUs of each.")]
Id = Annotated[str | None, typer.Option(help="With --workers: the column that names the rows.")]
Report = Annotated[
    Path | None, typer.Option(help="A new HTML file: scores, curves, worst mistakes.")
]
