"""The command `simpletext tune`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..utils.defaults import DEFAULT_MODEL
from .config import Config
from .options import (
    CacheDir,
    Checkpoint,
    ClassWeight,
    Data,
    EarlyStopping,
    Encoding,
    FewShot,
    Label,
    LabelSep,
    Loss,
    Maxlen,
    Minutes,
    Pooling,
    Schedule,
    Seed,
    Sep,
    Share,
    Task,
    Text,
    Validation,
)
from .predicting import new_file
from .reading import tables

Out = Annotated[Path, typer.Option(help="The new folder for the best predictor.")]
Space = Annotated[
    list[str],
    typer.Option(metavar="NAME=VALUES", help="Such as lr=1e-5:5e-4 or batch_size=16,32."),
]
Trials = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Tries at most; by default 20.")
]
Study = Annotated[Path | None, typer.Option(help="Keeps the search, so that it can be continued.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the search in --folder.")]
Metric = Annotated[str | None, typer.Option(help="The score to choose by, such as f1 or auc.")]
Table = Annotated[Path | None, typer.Option(help="A new CSV file for the tries.")]
Plot = Annotated[Path | None, typer.Option(help="A new image file for the figure.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")]


def tune(
    ctx: typer.Context,
    data: Data,
    out: Out,
    text: Text = ["text"],  # noqa: B006 - typer reads it, nothing writes to it
    label: Label = ["label"],  # noqa: B006
    checkpoint: Checkpoint = [DEFAULT_MODEL],  # noqa: B006
    space: Space = [],  # noqa: B006
    trials: Trials = None,
    minutes: Minutes = None,
    folder: Study = None,
    resume: Resume = False,
    metric: Metric = None,
    val: Validation = None,
    val_pct: Share = 0.1,
    maxlen: Maxlen = 128,
    schedule: Schedule = "onecycle",
    early_stopping: EarlyStopping = None,
    class_weight: ClassWeight = None,
    loss: Loss = None,
    task: Task = None,
    pooling: Pooling = "auto",
    few_shot: FewShot = False,
    encoding: Encoding = None,
    sep: Sep = None,
    label_sep: LabelSep = None,
    cache_dir: CacheDir = None,
    seed: Seed = 0,
    table: Table = None,
    plot: Plot = None,
    quiet: Quiet = False,
    config: Config = None,
) -> None:
    """Search for the settings with the best score on held-out rows; writes the best predictor."""
    from .. import tune as search
    from . import _require_writable, _save

    _require_writable(out, None)  # before the long work
    wanted = dict(map(_searched, space)) or None
    with new_file(table) as rows, new_file(plot) as figure:
        examples, val_examples = tables(data, val, text, label, task, encoding, sep, label_sep)
        found = search(
            examples, checkpoint=checkpoint, space=wanted, trials=trials, minutes=minutes,
            folder=folder, resume=resume, metric=metric, val=val_examples, val_pct=val_pct,
            schedule=schedule, early_stopping=early_stopping, class_weight=class_weight,
            loss=loss, task=task, pooling=pooling, few_shot=few_shot, cache_dir=cache_dir,
            seed=seed, verbose=0 if quiet else 1, **_fixed(wanted, maxlen),
        )  # fmt: skip
        _write(found, rows, figure)
    _save(found.predictor, out, ctx, quiet)
    _print(found, quiet)


def _fixed(wanted: dict[str, Any] | None, maxlen: int) -> dict[str, Any]:
    """What isn't searched."""
    return {} if wanted and "maxlen" in wanted else {"maxlen": maxlen}


def _write(found: Any, rows: Path | None, figure: Path | None) -> None:
    """The tries as a table and a figure, where they are wanted."""
    if rows is not None:
        found.to_frame().to_csv(rows, index=False)
    if figure is not None:
        found.plot(return_fig=True).savefig(figure)


def _print(found: Any, quiet: bool) -> None:
    from ..utils.console import say

    if not quiet:
        settings = ", ".join(f"{name}={each}" for name, each in found.settings.to_dict().items())
        say(f"{found.metric} {found.score:.4f} on held-out rows: {settings}")


def _searched(word: str) -> tuple[str, Any]:
    """A setting and its values: NAME=LOW:HIGH, NAME=A,B,C or NAME=VALUE.

    >>> _searched("lr=1e-5:5e-4"), _searched("epochs=2,3"), _searched("maxlen=64")
    (('lr', (1e-05, 0.0005)), ('epochs', [2, 3]), ('maxlen', [64]))
    """
    name, equals, values = word.partition("=")
    if not equals or not name or not values:
        raise typer.BadParameter(f"{word!r} isn't NAME=VALUES, such as lr=1e-5:5e-4.")
    if name != "checkpoint" and values.count(":") == 1:
        return name, tuple(map(_value, values.split(":")))
    return name, [_value(each) for each in values.split(",")]


def _value(text: str) -> Any:
    """A number, or the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
