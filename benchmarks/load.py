#!/usr/bin/env python3
"""How long loading a BERT-base-sized checkpoint takes, and how much memory, beside PyTorch's.

The checkpoint (110 million random parameters) is made on the spot. Each figure is of a fresh
process, imports left out, files in the page cache; the kinds take turns, and seconds are told as
median, least and most. Memory is the highest rise of the process's own memory while it loads, as a
multiple of the weights' size: 1 is the model itself.

Two more figures say what a Keras model on TensorFlow can't do without: "bytes alone" hands the
file's tensors to TensorFlow and makes nothing of them; "layers alone" loads an encoder with as many
layers, 12 values wide. PyTorch maps the file and reads nothing of it before the first prediction.

    python benchmarks/load.py --torch-python .venv-backends/bin/python
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MAKE = """
import sys
from transformers import BertConfig, BertForSequenceClassification
BertForSequenceClassification(BertConfig(num_labels=3)).save_pretrained(sys.argv[1])
narrow = BertConfig(hidden_size=12, intermediate_size=12, num_labels=3)
BertForSequenceClassification(narrow).save_pretrained(sys.argv[1] + "/narrow")
"""
BYTES = """
from pathlib import Path
from keras import ops
from simpletext.checkpoints.safetensors_file import TensorFile
def load(folder):
    file = TensorFile(Path(folder) / "model.safetensors")
    return [ops.convert_to_tensor(file.get_tensor(name)) for name in file.keys()]
"""
IMPORTS = {
    "encoder": "import simpletext as st; load = st.load_encoder",
    "encoder, PyTorch": "from transformers import BertModel; load = BertModel.from_pretrained",
    "classifier": "import simpletext as st; load = st.load_classifier",
    "classifier, PyTorch": "from transformers import BertForSequenceClassification as Model; "
    "load = Model.from_pretrained",
    "bytes alone": BYTES,
    "layers alone": "import simpletext as st; load = lambda folder: st.load_encoder("
    "folder + '/narrow')",
}
OURS = ("encoder", "classifier")
SECONDS = """
import sys, time
{imports}
start = time.perf_counter()
model = load(sys.argv[1])
print(time.perf_counter() - start)
"""
MEMORY = """
import re, sys, threading, time
{imports}
def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
def watch():
    while not done:
        found.append(own())
        time.sleep(0.002)
done, found, before = False, [], own()
thread = threading.Thread(target=watch)
thread.start()
model = load(sys.argv[1])
done = True
thread.join()
print(max(found) - before)
"""


def run(python: str, code: str, folder: Path) -> float:
    """What a fresh process prints last."""
    # For the silence of TensorFlow and of PyTorch's progress bar.
    quiet = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    command = [python, "-P", "-c", code, str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | quiet
    )
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout.split()[-1])


def seconds(folder: Path, torch_python: str, repetitions: int) -> dict[str, list[float]]:
    """How long each kind took, one number a repetition."""
    found: dict[str, list[float]] = {kind: [] for kind in IMPORTS}
    for _ in range(repetitions):
        for kind, imports in IMPORTS.items():
            python = torch_python if "PyTorch" in kind else sys.executable
            found[kind].append(run(python, SECONDS.format(imports=imports), folder))
    return found


def summary(found: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, ranges, and the ratios of ours to PyTorch's."""
    told: dict[str, Any] = {
        f"{kind}, s": [round(f(values), 2) for f in (statistics.median, min, max)]
        for kind, values in found.items()
    }
    for kind in OURS:
        ours, theirs = (statistics.median(found[k]) for k in (kind, f"{kind}, PyTorch"))
        told[f"{kind}, ratio"] = round(ours / theirs, 2)
    return told


def main() -> None:
    """Makes the checkpoint, measures, and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default=sys.executable, help="a Python with PyTorch")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make = [args.torch_python, "-c", MAKE, name]
        subprocess.run(make, check=True, capture_output=True)
        weights = folder / "model.safetensors"
        size = len(weights.read_bytes())  # and into the page cache
        told = summary(seconds(folder, args.torch_python, args.repetitions))
        for kind in OURS:
            most = run(sys.executable, MEMORY.format(imports=IMPORTS[kind]), folder)
            told[f"{kind}, memory"] = round(most / size, 2)
    print(json.dumps(told | {"repetitions": args.repetitions, "bytes": size}))


if __name__ == "__main__":
    main()
