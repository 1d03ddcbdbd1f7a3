"""Translation, German to English: simpletext and PyTorch side by side.

    python benchmarks/translation.py DATA/multi30k --torch PYTHON --out FOLDER
    python benchmarks/translation.py DATA/multi30k --torch PYTHON --out FOLDER \
        --rows 2000 --epochs 1 --size 128 --layers 1
    python benchmarks/translation.py DATA/multi30k --torch PYTHON --out FOLDER --decode 3

1. Both train the same architecture from scratch, on the same ids in the same batches, by the same
   schedule: ours by `Learner.fit_noam`, theirs is `torch.nn.Transformer` in a plain loop.
2. Both translate the test sentences with the same weights, ours by `Translator`, theirs by
   `MarianMTModel.generate` on the folder that `Translator.save` wrote.

With `--decode` only the second part runs, on what an earlier run left in FOLDER, so many rounds in
turn. transformers has batches of 32 and of 128 texts, ours the `Translator`'s own size.

`--torch` is the Python of an environment with PyTorch and transformers; FOLDER must not exist.
Prints one line of JSON per measurement.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import simpletext as st
from simpletext.tasks.translation import corpus_scores
from simpletext.tokenization.batching import Batches

PEER = Path(__file__).parent / "peers" / "translation_torch.py"


def read(folder: Path, part: str, rows: int | None) -> tuple[list[str], list[str]]:
    """Sources and targets of one file."""
    with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))[:rows]
    return [row["de"] for row in table], [row["en"] for row in table]


def say(name: str, **values: Any) -> None:
    """Print one measurement."""
    print(json.dumps({"name": name, **values}), flush=True)


def train(arguments: argparse.Namespace) -> tuple[st.Translator, Any]:
    """Train ours, save it, and write the batches for the peer."""
    t = st.Seq2Seq.new(
        vocab_size=arguments.vocab, hidden_size=arguments.size, encoder_layers=arguments.layers,
        decoder_layers=arguments.layers, intermediate_size=arguments.intermediate,
        dropout=arguments.dropout, precision="float32", batch_tokens=arguments.batch_tokens,
    )  # fmt: skip
    data = t.preprocess_train(*read(arguments.data, "train", arguments.rows), verbose=0)
    learner = st.get_learner(t.get_model(verbose=0), data, seed=0)
    write_batches(data, arguments)
    begin = time.perf_counter()
    learner.fit_noam(arguments.lr, arguments.epochs, warmup_steps=arguments.warmup, verbose=1)
    seconds = time.perf_counter() - begin
    tokens = int(data.y.lengths.sum()) * arguments.epochs
    say("train simpletext", seconds=seconds, target_tokens_per_second=tokens / seconds,
        loss=learner.history["loss"][-1])  # fmt: skip
    translator = st.get_predictor(learner.model, t)
    translator.save(arguments.out / "translator")
    return translator, t


def write_batches(data: Any, arguments: argparse.Namespace) -> None:
    """The batches of all epochs, in order, as the learner has them."""
    batches = Batches(data, 32, shuffle=True, seed=0, y=data.y)
    arrays: dict[str, Any] = {}
    for epoch in range(arguments.epochs):
        for i in range(len(batches)):
            x, y = batches[i]
            arrays |= {f"{epoch}/{i}/{name}": ids.astype("int16") for name, ids in x.items()}
            arrays[f"{epoch}/{i}/targets"] = y.astype("int16")
        batches.on_epoch_end()
    arguments.out.mkdir()
    np.savez(arguments.out / "batches.npz", **arrays)


def translate(translator: st.Translator, sources: list[str], targets: list[str]) -> None:
    """Time greedy and beam search, after a first pass that compiles."""
    for beams in (1, 4):
        translator.predict(sources[:64], num_beams=beams)
        begin = time.perf_counter()
        found = translator.predict(sources, num_beams=beams)
        seconds = time.perf_counter() - begin
        bleu = corpus_scores(found, targets)["bleu"]
        say(f"translate simpletext, {beams} beams", seconds=seconds, bleu=bleu)


def run_peer(python: str, folder: Path, targets: list[str], train: bool) -> None:
    """Run PyTorch's side, and score what it translated."""
    command = [python, str(PEER), str(folder), *(["train"] if train else [])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        values = json.loads(line)
        if "translations" in values:
            values["bleu"] = corpus_scores(values.pop("translations"), targets)["bleu"]
        say(**values)


def main() -> None:
    """Run ours, then the peer."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--torch", required=True, help="a Python with PyTorch")
    parser.add_argument("--out", type=Path, required=True)
    numbers = {"rows": None, "test-rows": None, "epochs": 11, "vocab": 8000, "size": 256,
               "layers": 3, "intermediate": 512, "batch-tokens": 2048, "warmup": 600,
               "threads": 2}  # fmt: skip
    for name, value in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--decode", type=int, default=0, metavar="ROUNDS")
    arguments = parser.parse_args()
    sources, targets = read(arguments.data, "test", arguments.test_rows)
    if arguments.decode:
        translator = st.load_predictor(arguments.out / "translator")
        for _ in range(arguments.decode):
            translate(translator, sources, targets)
            run_peer(arguments.torch, arguments.out, targets, train=False)
        return
    if arguments.out.exists():
        sys.exit(f"{arguments.out} exists already.")
    translator, t = train(arguments)
    translate(translator, sources, targets)
    ids = t.tokenizer.encode_sources(sources, t.maxlen)[0]
    job = {
        "threads": arguments.threads, "epochs": arguments.epochs, "lr": arguments.lr,
        "warmup": arguments.warmup, "dropout": arguments.dropout, "sources": ids,
    }  # fmt: skip
    (arguments.out / "job.json").write_text(json.dumps(job))
    run_peer(arguments.torch, arguments.out, targets, train=True)


if __name__ == "__main__":
    main()
