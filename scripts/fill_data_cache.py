"""Puts the tutorials' data sets into a Hugging Face cache where the Hub can't be reached.

The tutorials read their data from the Hub, as any user's notebook does. Where only local copies of
the data are at hand (a folder with one subfolder a data set, see `DATASETS`), this script lays them
into the cache under the Hub's own repositories, file names and columns, so that `hf_hub_download`
finds them. What is in the cache already stays as it is.

The local copies of MRPC, STS and banking77 come from the same collections as those on the Hub, but
their rows aren't one by one the same: scores differ a little from those with the Hub's files.

    python scripts/fill_data_cache.py ../shared/data
    python scripts/fill_data_cache.py ../shared/data --cache some/other/cache
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import constants


def sst2(table: Any) -> Any:
    """SetFit/sst2: text, label and label_text."""
    names = table["label"].map({"neg": "negative", "pos": "positive"})
    return table.assign(label=(names == "positive").astype(int), label_text=names)


def banking77(table: Any) -> Any:
    """mteb/banking77: text, label and label_text; the classes in the alphabet's order."""
    classes = sorted(set(table["label"]), key=str.lower)
    return table.assign(label=table["label"].map(classes.index), label_text=table["label"])


def go_emotions(table: Any) -> Any:
    """google-research-datasets/go_emotions: text, labels (a list of numbers) and id."""
    found = table.drop(columns="text").to_numpy(dtype=bool)
    labels = [row.nonzero()[0].tolist() for row in found]
    return table[["text"]].assign(labels=labels, id=[f"row{i}" for i in range(len(table))])


def mrpc(table: Any) -> Any:
    """nyu-mll/glue, mrpc: sentence1, sentence2, label (1 for a paraphrase) and idx."""
    pairs = table.rename(columns={"text_a": "sentence1", "text_b": "sentence2"})
    label = (table["label"] == "equivalent").astype(int)
    return pairs.assign(label=label, idx=range(len(table)))


def stsb(table: Any) -> Any:
    """sentence-transformers/stsb: sentence1, sentence2 and score, from 0 to 1."""
    pairs = table.rename(columns={"text_a": "sentence1", "text_b": "sentence2"})
    return pairs.assign(score=table["score"] / 5)


def ncbi_disease(table: Any) -> Any:
    """ncbi/ncbi_disease: id, tokens and ner_tags (numbers of O, B-Disease and I-Disease)."""
    tags = ("O", "B-Disease", "I-Disease")
    numbers = [[tags.index(tag) for tag in row] for row in table["tags"]]
    rows = [str(row) for row in range(len(table))]
    return table[["tokens"]].assign(id=rows, ner_tags=numbers)[["id", "tokens", "ner_tags"]]


def multi30k(table: Any) -> Any:
    """bentrevett/multi30k: en and de."""
    return table[["en", "de"]]


class Dataset(NamedTuple):
    """A data set on the Hub: its repository, file -> local file, and how the columns are made."""

    repo: str
    files: dict[str, str]
    columns: Callable[[Any], Any]
    revision: str = "main"


PARQUET = "{}-00000-of-00001.parquet"
DATASETS = (
    Dataset(
        "SetFit/sst2",
        {f"{part}.jsonl": f"sst2/{part}.csv" for part in ("train", "dev", "test")},
        sst2,
    ),
    Dataset(
        "mteb/banking77",
        {f"data/{PARQUET.format(part)}": f"banking77/{part}.csv" for part in ("train", "test")},
        banking77,
    ),
    Dataset(
        "google-research-datasets/go_emotions",
        {
            f"simplified/{PARQUET.format(part)}": f"goemotions/{local}.csv"
            for part, local in (("train", "train"), ("validation", "dev"), ("test", "test"))
        },
        go_emotions,
    ),
    Dataset(
        "nyu-mll/glue",
        {f"mrpc/{PARQUET.format(part)}": f"mrpc/{part}.csv" for part in ("train", "test")},
        mrpc,
    ),
    Dataset(
        "sentence-transformers/stsb",
        {f"data/{PARQUET.format(part)}": f"sts/{part}.csv" for part in ("train", "test")},
        stsb,
    ),
    Dataset(
        "ncbi/ncbi_disease",  # the Hub's own conversion: the main branch holds a script
        {
            f"ncbi_disease/{part}/0000.parquet": f"ncbi-disease/{local}.conll"
            for part, local in (("train", "train"), ("validation", "dev"), ("test", "test"))
        },
        ncbi_disease,
        "refs/convert/parquet",
    ),
    Dataset(
        "bentrevett/multi30k",
        {
            f"{part}.jsonl": f"multi30k/{local}.csv"
            for part, local in (("train", "train"), ("val", "dev"), ("test", "test"))
        },
        multi30k,
    ),
)


def read_local(path: Path) -> Any:
    """A local copy as a table; of a CoNLL file, with a list of tokens and of tags per row."""
    import pandas as pd

    if path.suffix != ".conll":
        return pd.read_csv(path, keep_default_na=False)
    sentences = path.read_text(encoding="utf-8").strip().split("\n\n")
    rows = [[line.split("\t") for line in sentence.split("\n")] for sentence in sentences]
    columns = [tuple(zip(*row, strict=True)) for row in rows]
    return pd.DataFrame({"tokens": [list(c[0]) for c in columns], "tags": [c[1] for c in columns]})


def write_table(table: Any, path: Path) -> None:
    """Writes a table in the form that the file's name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        table.to_parquet(path, index=False)


def fill(dataset: Dataset, source: Path, cache: Path) -> bool:
    """Lays a data set into the cache, as a whole or not at all; False if it is there already."""
    place = cache / f"datasets--{dataset.repo.replace('/', '--')}"
    reference = place / "refs" / dataset.revision
    if reference.is_file():
        return False
    # The cache names a snapshot by its commit. These have none, so they are named after the source.
    revision = hashlib.sha1(f"local copy of {dataset.repo}".encode()).hexdigest()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tmp-", dir=cache) as folder:
        snapshot = Path(folder) / "snapshot"
        for name, local in dataset.files.items():
            write_table(dataset.columns(read_local(source / local)), snapshot / name)
        target = place / "snapshots" / revision
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # what an interrupted run left, for there was no reference to it
            shutil.rmtree(target)
        snapshot.rename(target)
        reference.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(folder) / "main"
        draft.write_text(revision, encoding="utf-8")
        os.replace(draft, reference)
    return True


def main(words: list[str] | None = None) -> None:
    """Fills the cache with every data set that isn't in it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="the folder with the local copies")
    parser.add_argument("--cache", type=Path, default=Path(constants.HF_HUB_CACHE))
    options = parser.parse_args(words)
    if not options.source.is_dir():
        parser.error(f"there is no folder {options.source}")
    for dataset in DATASETS:
        new = fill(dataset, options.source, options.cache)
        print(f"{dataset.repo}: {'filled in' if new else 'there already'}")


if __name__ == "__main__":
    main()
