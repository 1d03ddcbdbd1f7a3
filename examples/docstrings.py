"""Which library does a docstring come from? simpletext from the first line to the last.

The texts need no download: they are the docstrings of the scientific libraries that simpletext
installs anyway. Names of libraries are masked, so that the model has to read. Start it with

    python3 dev.py demo

or, where simpletext is installed, with `python examples/docstrings.py`. Reading it from top to
bottom shows every step from raw texts to a saved predictor.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
LIBRARIES = ("keras", "matplotlib", "numpy", "pandas", "scipy", "sklearn")
SEED = 0


# --- the data: docstrings, read from the installed source files -------------------------------

FEWEST_WORDS = 20
NOT_PUBLIC = {"_vendor", "externals", "testing", "tests"}

# A name counts in any spelling, in a longer word, and with the dotted path behind it:
# NumPy, KerasTensor, scipy.linalg.solve. The short names count where they stand for a module.
MASK = "library"
NAMES = (
    "scikit[-_ ]learn|sklearn|scikit[-_ ]image|skimage|keras|matplotlib|mpl_toolkits|pyplot|pylab|"
    "numpy|pandas|scipy|tensorflow|torch|jax"
)
SHORT_NAMES = "mpl|np|pd|plt|sp|tf"
NAMED = re.compile(
    rf"https?://\S+|(?:{NAMES})(?:\.\w+)*"
    rf"|(?<![\w.])(?:{SHORT_NAMES})(?:\.\w+)+|(?<=\bas )(?:{SHORT_NAMES})\b",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """Puts a neutral word in the place of everything that names a library."""
    return NAMED.sub(MASK, text)


def public_docstrings(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    """The docstrings of public functions, classes and methods, found without importing them."""
    for child in node.body:
        if not isinstance(child, ast.FunctionDef | ast.ClassDef) or child.name.startswith("_"):
            continue
        docstring = ast.get_docstring(child)
        if docstring:
            yield docstring
        if isinstance(child, ast.ClassDef):
            yield from public_docstrings(child)


def library_docstrings(library: str) -> set[str]:
    """All public docstrings of an installed library that are long enough to tell, masked."""
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        raise SystemExit(f"The library {library} isn't installed: pip install simpletext-keras")
    root = Path(spec.origin).parent
    texts: set[str] = set()
    for file in sorted(root.rglob("*.py")):
        if NOT_PUBLIC.isdisjoint(file.relative_to(root).parts):
            texts.update(public_docstrings(ast.parse(file.read_bytes())))
    return {mask(text) for text in texts if len(text.split()) >= FEWEST_WORDS}


def balanced(found: dict[str, set[str]], rows: int) -> dict[str, list[str]]:
    """The same number of texts from each library, none of them found in two."""
    chosen = {}
    for library, texts in found.items():
        elsewhere = set().union(*(found[other] for other in found if other != library))
        chosen[library] = sorted(texts - elsewhere)  # sorted, for a set has no order to repeat
        random.Random(SEED).shuffle(chosen[library])
    rows = min(rows, *map(len, chosen.values()))
    return {library: texts[:rows] for library, texts in chosen.items()}


Rows = tuple[list[str], list[str]]  # texts and their labels


def split(chosen: dict[str, list[str]], validation: float = 0.2) -> tuple[Rows, Rows]:
    """Training rows and validation rows, each library in both by the same share."""
    train: Rows = ([], [])
    valid: Rows = ([], [])
    for library, texts in chosen.items():
        cut = round(len(texts) * validation)
        for rows, part in ((valid, texts[:cut]), (train, texts[cut:])):
            rows[0].extend(part)
            rows[1].extend([library] * len(part))
    return train, valid


def collect(rows: int) -> tuple[Rows, Rows]:
    """Reads the libraries' source files and says what came out of it."""
    found = {library: library_docstrings(library) for library in LIBRARIES}
    chosen = balanced(found, rows)
    for library in LIBRARIES:
        print(f"  {library:<12}{len(found[library]):>6} docstrings, {len(chosen[library])} used")
    train, valid = split(chosen)
    print(f"  {len(train[0])} rows to train on, {len(valid[0])} to validate with; one of them:")
    print(f"  {train[1][0]}: {' '.join(train[0][0].split())[:150]} ...")
    return train, valid


# --- the model: from a name on the Hub to a trained classifier --------------------------------


def make_learner(train: Rows, valid: Rows) -> tuple[Any, Any]:
    """A checkpoint's name, the texts and their labels are all that is needed."""
    import simpletext as st

    transformer = st.Transformer(MODEL, maxlen=64, class_names=list(LIBRARIES))
    train_data = transformer.preprocess_train(*train)
    valid_data = transformer.preprocess_test(*valid)
    model = transformer.get_classifier()
    learner = st.get_learner(
        model, train_data=train_data, val_data=valid_data, batch_size=32, seed=SEED
    )
    return transformer, learner


USUAL_RATE = 1e-4  # for an encoder of this size


def find_learning_rate(learner: Any, out: Path) -> float:
    """The loss over the learning rate: a good one lies well before the loss rises."""
    curve = learner.lr_find(show_plot=False, max_epochs=1)
    learner.lr_plot(suggest=True, return_fig=True).savefig(out / "learning_rate.png")
    print(curve.describe())
    return curve.suggest() or USUAL_RATE


def train_model(learner: Any, rate: float, epochs: int, out: Path) -> None:
    """One cycle: the learning rate goes up to `rate`, then far down."""
    learner.fit_onecycle(rate, epochs)
    learner.plot("loss", return_fig=True).savefig(out / "loss.png")


# --- the questions one asks a trained model ---------------------------------------------------


def validate(transformer: Any, learner: Any, out: Path) -> None:
    """How often it is right, library by library, and what it mistakes for what."""
    import matplotlib.pyplot as plt
    from sklearn.metrics import ConfusionMatrixDisplay

    classes = transformer.get_classes()
    matrix = learner.validate(class_names=classes)
    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    ConfusionMatrixDisplay(matrix, display_labels=classes).plot(
        ax=axes, cmap="Blues", colorbar=False, xticks_rotation=45
    )
    axes.set_title("Docstrings of the validation set")
    figure.savefig(out / "confusion_matrix.png")


def show_mistakes(transformer: Any, learner: Any, out: Path) -> None:
    """The rows with the highest losses: what the model finds hardest, or a wrong label."""
    learner.view_top_losses(n=3, preproc=transformer)
    learner.top_losses(n=20).to_csv(out / "top_losses.csv", index=False)


NEW_TEXTS = [
    "Draw a line through the points of a model's predictions and shade where it is unsure.",
    "Join two tables on their common columns and fill what is missing with the value above.",
    "Fit the estimator to the training samples and return the mean accuracy on the test samples.",
]


def predict(predictor: Any) -> None:
    """Texts that no library has: the predictor takes them as they are."""
    for text, label in zip(NEW_TEXTS, predictor.predict(NEW_TEXTS), strict=True):
        print(f"  {label:<12}{text}")


def explain(predictor: Any, out: Path) -> None:
    """Which words speak for the predicted class, and which against it."""
    explanation = predictor.explain(NEW_TEXTS[0])
    print(explanation)
    page = f"<!doctype html><meta charset='utf-8'><title>Explanation</title>{explanation.as_html()}"
    (out / "explanation.html").write_text(page, encoding="utf-8")


# --- keep it: a folder that any process, and PyTorch, can load --------------------------------

RELOAD = """
import json, sys
import simpletext as st
predictor = st.load_predictor(sys.argv[1])
probabilities = predictor.predict_proba(json.load(sys.stdin))
print(json.dumps(probabilities.tolist()))
"""


def save_and_reload(predictor: Any, texts: list[str], out: Path) -> None:
    """Saves the predictor and lets a new process predict the same texts with it."""
    folder = out / "predictor"
    predictor.save(folder)
    command = [sys.executable, "-c", RELOAD, str(folder)]
    answer = subprocess.run(command, input=json.dumps(texts), text=True, stdout=subprocess.PIPE)
    if answer.returncode != 0:
        raise SystemExit("The new process could not use the saved predictor; see above.")
    again = json.loads(answer.stdout.splitlines()[-1])
    apart = float(abs(predictor.predict_proba(texts) - again).max())
    if apart > 1e-5:
        raise SystemExit(f"The reloaded predictor differs by {apart:.1e} in a probability.")
    print(f"  A new process loaded it and gave the same {len(texts)} predictions", end=" ")
    print(f"(largest difference of a probability: {apart:.0e}).")


# --- the whole way ----------------------------------------------------------------------------

OUTPUTS = {
    "learning_rate.png": "the loss over the learning rate",
    "loss.png": "the loss over the epochs",
    "confusion_matrix.png": "what was taken for what",
    "top_losses.csv": "the hardest rows, as a table",
    "explanation.html": "why one text was classified so; open it in a browser",
    "predictor": "the saved predictor: simpletext.load_predictor(folder)",
}


def new_folder(wanted: Path) -> Path:
    """Makes the folder, or, where it exists, one with the next free number behind its name."""
    folder, number = wanted, 1
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    folder.mkdir(parents=True)
    return folder


def list_outputs(out: Path, seconds: float) -> None:
    """Says what lies where."""
    print(f"\nDone in {seconds:.0f} s. All of it lies in {out.resolve()}")
    for name, meaning in OUTPUTS.items():
        print(f"  {name:<24}{meaning}")


def parse_options() -> argparse.Namespace:
    """The command line; smaller numbers make a quick run."""
    parser = argparse.ArgumentParser(
        description="Learns to tell which library a docstring comes from."
    )
    parser.add_argument("--rows", type=int, default=250, help="texts per library (default: 250)")
    parser.add_argument("--epochs", type=int, default=2, help="rounds of training (default: 2)")
    parser.add_argument(
        "--rate", type=float, default=None, help="learning rate (default: what the sweep suggests)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("demo-output"),
        help="folder for the results; a number is added if it exists (default: demo-output)",
    )
    options = parser.parse_args()
    rate_is_bad = options.rate is not None and not 0 < options.rate < 1
    if options.rows < 10 or options.epochs < 1 or rate_is_bad:
        parser.error("it takes at least 10 rows, 1 epoch and a rate between 0 and 1")
    return options


def step(text: str) -> None:
    """Announces a step."""
    print(f"\n*** {text}", flush=True)


def main() -> None:
    """From raw texts to a saved predictor."""
    import matplotlib

    matplotlib.use("Agg")  # the plots go into files
    options, start = parse_options(), time.perf_counter()
    step("Collecting docstrings from the installed libraries")
    train, valid = collect(options.rows)
    out = new_folder(options.out)
    step(f"Loading {MODEL}")
    transformer, learner = make_learner(train, valid)
    step("Looking for a learning rate")
    suggested = find_learning_rate(learner, out)
    rate = options.rate or suggested
    step(f"Training: epochs: {options.epochs}, highest learning rate: {rate:.1e}")
    train_model(learner, rate, options.epochs, out)
    step("Validating")
    validate(transformer, learner, out)
    step("The worst mistakes")
    show_mistakes(transformer, learner, out)
    ask_and_keep(transformer, learner, valid[0][:50], out)
    list_outputs(out, time.perf_counter() - start)


def ask_and_keep(transformer: Any, learner: Any, texts: list[str], out: Path) -> None:
    """What one does with a trained model: predict, explain, save, load again."""
    import simpletext as st

    predictor = st.get_predictor(learner.model, preproc=transformer)
    step("Predicting new texts")
    predict(predictor)
    step("Explaining a prediction")
    explain(predictor, out)
    step("Saving the predictor, and loading it in a new process")
    save_and_reload(predictor, texts, out)


if __name__ == "__main__":
    main()
