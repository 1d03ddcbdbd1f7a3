"""`simpletext from-labels` and `pick`: a predictor without labels, and what to label next."""

from pathlib import Path
from typing import Annotated

import typer

from ..utils.defaults import DEFAULT_MODEL
from .options import BatchSize, Data, Encoding, Folder, Maxlen, Sep, Text
from .predicting import loaded_for_labels


def from_labels(
    labels: Annotated[
        Path, typer.Argument(help="A table with the columns text and label: typical texts of each.")
    ],
    out: Annotated[Path, typer.Option(help="The new folder for the predictor.")],
    checkpoint: Annotated[
        str, typer.Option(help="A name on the Hub, or a folder.")
    ] = DEFAULT_MODEL,
    maxlen: Maxlen = 128,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Make a predictor from descriptions of labels alone, and write its folder."""
    from .. import Predictor, read_texts
    from ..errors import ArgumentError
    from ..utils.console import note
    from ..utils.files import require_new_folder

    require_new_folder(out)
    table = read_texts(labels, encoding=encoding, sep=sep)
    described: dict[str, list[str]] = {}
    for text, label in zip(table.texts, table.labels or [], strict=True):
        described.setdefault(label, []).append(text)
    predictor = Predictor.from_labels(described, checkpoint, maxlen)
    if not isinstance(predictor, Predictor):
        raise ArgumentError(
            f"{checkpoint} is a model of natural language inference, whose predictor has no folder "
            "of its own. Use a sentence-transformers model, or Predictor.from_labels in Python."
        )
    predictor.save(out)
    note(f"saved: {out}")


def pick(
    folder: Folder,
    data: Data,
    n: Annotated[int, typer.Option("--n", "-n", min=1, metavar="N", help="How many texts.")] = 20,
    text: Text = ["text"],  # noqa: B006 - typer reads it, nothing writes to it
    batch_size: BatchSize = 32,
    encoding: Encoding = None,
    sep: Sep = None,
) -> None:
    """Print the rows of a table that are worth a label, the most useful first, as CSV."""
    import csv
    import sys

    from .. import read_texts

    predictor = loaded_for_labels(folder, "pick", batch_size)
    texts = read_texts(data, text if len(text) > 1 else text[0], None, encoding=encoding, sep=sep)
    rows = predictor.pick(texts.texts, n)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["row", *text])
    for row in rows:
        found = texts.texts[row]
        out.writerow([row, *([found] if isinstance(found, str) else found)])
