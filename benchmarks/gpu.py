#!/usr/bin/env python3
"""simpletext on a GPU beside transformers on the same card, with Keras on PyTorch and on JAX.

    python benchmarks/gpu.py --data ../shared/data --tokenizer FOLDER --json gpu.json
    python benchmarks/gpu.py --tiny  # small sizes on whatever is there, to see that it runs

Needs PyTorch and transformers, JAX for its part, and no TensorFlow. The checkpoints have random
weights: time and memory don't depend on their values. FOLDER holds an uncased BERT tokenizer, such
as all-MiniLM-L6-v2's; without one, a small tokenizer is made. Every measurement is a process of its
own, and the libraries take turns.

Parts: parity (logits beside PyTorch's in float32), fit (training and prediction of real texts),
forward (tokens per second and the share of the card's own matrix product), lengths (ModernBERT).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PEERS = Path(__file__).resolve().parent / "peers"
ROOT = Path(__file__).resolve().parents[1]
Result = dict[str, Any]
TINY: Result = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
    "initializer_range": 0.1,
}  # fmt: skip
FAMILIES = ("bert", "roberta", "distilbert", "deberta-v2", "modernbert")
SIZES: dict[str, tuple[str, Result]] = {
    "minilm": ("bert", {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}),
    "base": ("bert", {}),
    "modernbert": ("modernbert", {"max_position_embeddings": 8192}),
}
# task -> rows, test rows, maxlen
TASKS = {"sst2": (4000, 1821, 128), "newsgroups": (2000, 1000, 256)}


def main() -> None:
    """Measure part by part, print a line for each figure, keep them all."""
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Path(folder)
        make_checkpoints(checkpoints, options)
        card = one("card", {}, "torch")
        print(json.dumps(card), flush=True)
        results = [card]
        for job, backend in jobs(options, checkpoints):
            results.append(one(job["part"], job, backend))
            print(json.dumps(results[-1]), flush=True)
            if options.json:
                options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if any("error" in result for result in results):
        sys.exit("Some parts failed.")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with sst2 and 20newsgroups")
    parser.add_argument("--tokenizer", type=Path, help="folder of an uncased BERT tokenizer")
    parser.add_argument("--backends", nargs="+", default=["torch", "jax"])
    parser.add_argument("--parts", nargs="+", default=["parity", "fit", "forward", "lengths"])
    parser.add_argument("--models", nargs="+", default=["minilm", "base"], help="those of fit")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--tiny", action="store_true", help="small sizes")
    parser.add_argument(
        "--limit", type=float, default=1e-3, help="parity fails above this difference in float32"
    )
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    return parser.parse_args()


def jobs(options: argparse.Namespace, folder: Path) -> Any:
    """What is measured, in order, each with its library: a Keras backend, or "transformers"."""
    libraries = ["transformers", *options.backends]
    precisions = ["float32"] if options.tiny else ["bfloat16"]
    for part in options.parts:
        for library in options.backends if part == "parity" else ():
            yield {"part": "parity", "model": str(folder), "limit": options.limit}, library
        sizes = {"forward": ["base"], "lengths": ["modernbert"], "fit": options.models}
        for size in sizes.get(part, ()):
            model = str(folder / size)
            tasks = options.tasks if part == "fit" else [None]
            for task in tasks:
                rounds = options.repetitions if part == "fit" else 1
                for seed in range(rounds):
                    for library in libraries:
                        job = {"part": part, "size": size, "model": model, "seed": seed}
                        job |= {"precision": precisions[0], "tiny": options.tiny}
                        if task:
                            job |= fit_job(options, task)
                        yield job, library


def fit_job(options: argparse.Namespace, task: str) -> Result:
    """The texts of a task, and how they are trained on."""
    from learner import part, read

    rows, tests, maxlen = TASKS[task]
    if options.tiny:
        rows, tests, maxlen = 64, 32, 32
    if options.data is None:
        words = Path(__file__).read_text(encoding="utf-8").split()
        texts = [" ".join(words[i : i + 3 + i % 40]) for i in range(rows)]
        train = test = (texts, ["odd" if i % 2 else "even" for i in range(rows)])
    else:
        train, test = read(options.data, "20newsgroups" if task == "newsgroups" else task)
    (texts, labels), (questions, truth) = part(train, rows), part(test, tests)
    classes = sorted(set(labels))
    return {
        "task": task, "classes": classes, "maxlen": maxlen, "batch_size": options.batch_size,
        "epochs": options.epochs, "lr": 1e-4, "pooling": "original",
        "train": {"texts": texts, "labels": [classes.index(label) for label in labels]},
        "test": {"texts": questions, "labels": [classes.index(label) for label in truth]},
    }  # fmt: skip


def one(part: str, job: Result, library: str) -> Result:
    """Measure one job in a process of its own; what fails is a result with its error."""
    scripts = {"transformers": "trainer.py"}
    script = Path(__file__)
    arguments = [f"--part={part}"]
    if part == "fit":
        script, arguments = PEERS / scripts.get(library, "ours.py"), []
    environment = os.environ | {
        "KERAS_BACKEND": library if library in ("torch", "jax", "tensorflow") else "torch",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "LIBRARY": library, "HF_HUB_OFFLINE": "1",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, script, path, *arguments], capture_output=True, text=True,
            env=environment, check=False,
        )  # fmt: skip
    told = {
        key: value for key, value in job.items() if key not in ("train", "test", "classes", "model")
    }
    told |= {"library": library, "seconds": round(time.perf_counter() - start, 1)}
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return told | {"error": done.stderr[-1500:]}
    return told | json.loads(lines[-1].removeprefix("RESULT "))


def make_checkpoints(folder: Path, options: argparse.Namespace) -> None:
    """Random checkpoints with a tokenizer, written by transformers."""
    for name in FAMILIES if "parity" in options.parts else ():
        write_checkpoint(folder / f"tiny-{name}", name, TINY, options.tokenizer)
    wanted = set(options.models if "fit" in options.parts else ())
    wanted |= {"base"} if "forward" in options.parts else set()
    wanted |= {"modernbert"} if "lengths" in options.parts else set()
    for size in wanted:
        family, settings = SIZES[size]
        if options.tiny:
            settings = settings | TINY
        write_checkpoint(folder / size, family, settings, options.tokenizer)


def write_checkpoint(folder: Path, family: str, settings: Result, tokenizer: Path | None) -> None:
    """One random checkpoint with two labels, and BERT's vocabulary."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    if family == "distilbert":
        names = dict(zip(TINY, ("dim", "n_layers", "n_heads", "hidden_dim"), strict=False))
        settings = {names.get(name, name): value for name, value in settings.items()}
    ids = {"pad_token_id": 0, "bos_token_id": 101, "eos_token_id": 102, "cls_token_id": 101}
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{"vocab_size": 30522, **ids, **settings})
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    write_tokenizer(folder, tokenizer)


def write_tokenizer(folder: Path, source: Path | None) -> None:
    """The given tokenizer, or one that knows the words of this file."""
    from transformers import BertTokenizerFast

    if source is not None:
        BertTokenizerFast.from_pretrained(source).save_pretrained(folder)
        return
    special = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = sorted(set(Path(__file__).read_text(encoding="utf-8").lower().split()))
    vocab = folder / "vocab.txt"
    vocab.write_text("\n".join([*special, *words]), encoding="utf-8")
    BertTokenizerFast(str(vocab)).save_pretrained(folder)


# What a process of its own measures


def measured_part() -> None:
    """Carry out the part that this process was started for."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    part = sys.argv[2].removeprefix("--part=")
    result = {"card": card, "parity": parity, "forward": forward, "lengths": lengths}[part](job)
    print("RESULT " + json.dumps(result))


def card(job: Result) -> Result:
    """The card's name, and what its bfloat16 matrix product of 8192 x 8192 reaches."""
    import torch

    import simpletext

    found: Result = {"torch": torch.__version__, "simpletext": simpletext.__version__}
    if not torch.cuda.is_available():
        return found | {"card": "none", "matmul_tflops": round(product_rate("cpu", 1024), 3)}
    name = torch.cuda.get_device_name()
    return found | {"card": name, "matmul_tflops": round(product_rate("cuda", 8192), 1)}


def product_rate(device: str, size: int) -> float:
    """TFLOP/s of a matrix product of random numbers in bfloat16."""
    import torch

    x = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    return 2e-12 * size**3 / best_time(lambda: x @ x, rounds=3)


def best_time(call: Any, rounds: int = 5, calls: int = 10) -> float:
    """Seconds a call of the fastest round; the device is waited for after each round."""
    call()
    wait(call())
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            result = call()
        wait(result)
        times.append((time.perf_counter() - start) / calls)
    return min(times)


def wait(result: Any) -> None:
    """Wait until the device has computed a result of PyTorch or JAX."""
    if hasattr(result, "block_until_ready"):
        result.block_until_ready()
        return
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def ids_of(rows: int, length: int) -> Any:
    """Random token ids of BERT's vocabulary, (rows, length)."""
    import numpy as np

    return np.random.default_rng(0).integers(1000, 30000, (rows, length)).astype("int32")


def their_model(job: Result) -> Any:
    """PyTorch's model on the card, with its own attention kernels."""
    import torch
    from transformers import AutoModelForSequenceClassification

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForSequenceClassification.from_pretrained(job["model"]).eval().to(device)
    return model.to(torch.bfloat16) if job["precision"] == "bfloat16" else model


def their_call(model: Any, ids: Any) -> Any:
    """A forward pass of it: to call again and again."""
    import torch

    given = torch.tensor(ids, dtype=torch.long, device=model.device)
    mask = torch.ones_like(given)

    def call() -> Any:
        with torch.inference_mode():
            return model(input_ids=given, attention_mask=mask).logits

    return call


def our_call(model: Any, ids: Any) -> Any:
    """A forward pass of simpletext's model on this backend."""
    import keras
    import numpy as np

    names = [tensor.name for tensor in model.inputs]
    fills = {"attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    given = {n: keras.ops.convert_to_tensor({"input_ids": ids, **fills}[n]) for n in names}
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(lambda: model(given, training=False))

    def call() -> Any:
        import torch

        with torch.inference_mode():
            return model(given, training=False)

    return call


def forward_call(job: Result, ids: Any) -> Any:
    """A forward pass of this process' library."""
    if os.environ["LIBRARY"] == "transformers":
        return their_call(their_model(job), ids)
    import simpletext as st

    dtype = {"bfloat16": "mixed_bfloat16"}.get(job["precision"], "float32")
    return our_call(st.load_classifier(job["model"], dtype=dtype), ids)


def parity(job: Result) -> Result:
    """By family and precision the largest difference from PyTorch's logits in float32.

    Ours first, then that of PyTorch's own model in that precision. It is an error where ours is
    above the limit in float32, or in bfloat16 above that and twice PyTorch's own.
    """
    ids, found, far = ids_of(8, 40), {}, []
    for family in FAMILIES:
        of = {"model": f"{job['model']}/tiny-{family}"}
        exact = logits(their_call(their_model(of | {"precision": "float32"}), ids))
        for precision in ("float32", "bfloat16"):
            of["precision"] = precision
            theirs = logits(their_call(their_model(of), ids))
            ours = logits(forward_call(of, ids))
            differences = [float(abs(each - exact).max()) for each in (ours, theirs)]
            found[f"{family}, {precision}"] = differences
            if not differences[0] <= max(job["limit"], 2 * differences[1]):  # nor NaN
                far.append(f"{family}, {precision}")
    return {"differences": found} | ({"error": f"too far: {far}"} if far else {})


def logits(call: Any) -> Any:
    """What a forward pass returns, as a NumPy array."""
    import numpy as np

    result = call()
    return result.float().cpu().numpy() if hasattr(result, "cpu") else np.asarray(result)


def forward(job: Result) -> Result:
    """Tokens per second of a forward pass at length 512, and its TFLOP/s."""
    rows, length = (2, 64) if job["tiny"] else (64, 512)
    seconds = best_time(forward_call(job, ids_of(rows, length)), calls=3)
    config = json.loads((Path(job["model"]) / "config.json").read_text(encoding="utf-8"))
    return rates(rows, length, seconds, config)


def rates(rows: int, length: int, seconds: float, config: Result) -> Result:
    """Tokens and floating-point operations per second of a BERT."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    per_token = 8 * hidden**2 + 4 * hidden * inner + 4 * length * hidden
    operations = rows * length * per_token * config["num_hidden_layers"]
    return {
        "rows": rows, "length": length, "milliseconds": round(seconds * 1e3, 2),
        "tokens_per_second": round(rows * length / seconds),
        "tflops": round(operations / seconds / 1e12, 3),
    }  # fmt: skip


def lengths(job: Result) -> Result:
    """Tokens per second at texts of many lengths, with as many tokens in each batch."""
    tokens = 256 if job["tiny"] else 32768
    found = {}
    for length in (32, 64) if job["tiny"] else (32, 128, 512, 1024, 2048, 4096):
        call = forward_call(job, ids_of(max(tokens // length, 1), length))
        found[length] = round(tokens / best_time(call, rounds=3, calls=3))
    return {"tokens_per_second": found}


if __name__ == "__main__":
    if any(word.startswith("--part=") for word in sys.argv):
        measured_part()
    else:
        main()
