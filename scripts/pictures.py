#!/usr/bin/env python3
"""Draws the pictures of README.md and the figures of the documentation, from real trainings.

    python scripts/pictures.py DATA                  # all of them
    python scripts/pictures.py DATA lr imbalance     # some of them

DATA is a folder with sst2/ (csv) and ncbi-disease/ (conll). The trainings take some minutes on two
cores. Pictures of pages (epochs, report, entities, try_it) need `pip install playwright` and a
Chromium, whose path CHROMIUM may name. `scripts/readme.py` draws the explanation.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import simpletext as st
from simpletext.evaluation.figures import new_figure
from simpletext.training import schedules

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DOCS = Path(__file__).resolve().parents[1] / "docs"
ROWS, TEST_ROWS, MAXLEN = 1000, 1000, 48
RARE = 0.05  # share of the rare class in the figure on imbalance
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; font: 17px/1.6 system-ui, sans-serif; width: {width}px; }}
main {{ padding: 14px 18px; background: {paper}; color: {ink}; }}
pre {{ margin: 0; font: 15px/1.5 "DejaVu Sans Mono", monospace; }}
</style><main>{body}</main>"""


def save(figure: Any, name: str) -> None:
    """A figure as a PNG file of the documentation."""
    figure.savefig(DOCS / name, dpi=100, metadata={"Software": None})
    print(f"drawn: docs/{name}")


def photograph(page: str, name: str, width: int = 820, height: int | None = None) -> None:
    """The top of an HTML page as a PNG file, all of it by default."""
    with browser_tab(width, height or 100) as tab:
        tab.set_content(page)
        tab.screenshot(path=DOCS / name, full_page=height is None)
    print(f"drawn: docs/{name}")


@contextlib.contextmanager
def browser_tab(width: int, height: int) -> Iterator[Any]:
    """A tab of a Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"))
        yield browser.new_page(viewport={"width": width, "height": height})
        browser.close()


@cache
def reviews(data: Path, part: str) -> tuple[list[str], list[str]]:
    """Sentences of SST-2 with their labels, always the same ones."""
    examples = st.read_texts(data / "sst2" / f"{part}.csv", text="text", label="label")
    texts, labels = examples.texts, list(examples.labels or ())
    chosen = np.random.default_rng(0).permutation(len(texts))[: max(ROWS, TEST_ROWS)].tolist()
    return [texts[i] for i in chosen], [labels[i] for i in chosen]


@cache
def trained(data: Path) -> tuple[st.Transformer, st.Learner, str]:
    """A classifier of reviews after three epochs, and what the training printed."""
    t = st.Transformer(MODEL, MAXLEN, precision="float32")
    train = t.preprocess_train(*reviews(data, "train"), verbose=0)
    valid = t.preprocess_test(*reviews(data, "dev"), verbose=0)
    learner = st.get_learner(t.get_classifier(verbose=0), train, valid)
    with contextlib.redirect_stderr(io.StringIO()) as printed:
        learner.fit_onecycle(1e-4, 3)
    return t, learner, printed.getvalue()


def lr(data: Path) -> None:
    """The curve of `lr_find`."""
    t = st.Transformer(MODEL, MAXLEN, precision="float32")
    train = t.preprocess_train(*reviews(data, "train"), verbose=0)
    learner = st.get_learner(t.get_classifier(verbose=0), train)
    learner.lr_find(verbose=0)
    save(learner.lr_plot(suggest=True, return_fig=True), "lr_find.png")


def rates(data: Path) -> None:
    """The learning rate of four schedules; nothing is trained."""
    figure, (axes,) = new_figure((6.4, 3.4))
    steps = np.arange(100)
    for name, schedule in {
        "fit_onecycle": schedules.one_cycle(1e-4, 100),
        "fit_linear": schedules.linear(1e-4, 100),
        "fit": schedules.constant(1e-4),
        "autofit, five epochs": schedules.triangular(1e-4, 20),
    }.items():
        axes.plot(steps, [schedule(step) for step in steps.tolist()], label=name)
    axes.set(xlabel="step, of 100", ylabel="learning rate")
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    save(figure, "schedules.png")


def calibration(data: Path) -> None:
    """Probability against the share of correct predictions, before and after calibration."""
    t, learner, _ = trained(data)
    predictor = st.get_predictor(learner.model, t)
    texts, labels = reviews(data, "test")
    before = predictor.predict_proba(texts)
    scores = predictor.calibrate(*reviews(data, "dev"))
    after = predictor.predict_proba(texts)
    right = np.array(predictor.get_classes())[before.argmax(axis=1)] == np.array(labels)

    figure, (axes,) = new_figure((5.2, 4.4))
    axes.plot([0.5, 1], [0.5, 1], "--", color="gray", label="perfectly calibrated")
    for name, values in (("before", before), ("after", after)):
        axes.plot(*reliability(values.max(axis=1), right), "o-", label=f"{name} calibration")
    axes.set(xlabel="probability of the predicted class", ylabel="share of correct predictions")
    axes.legend(loc="upper left")
    save(figure, "calibration.png")
    print({name: round(value, 3) for name, value in scores.items()})


def reliability(sure: np.ndarray, right: np.ndarray, bins: int = 5) -> tuple[list, list]:
    """For each bin of probabilities from 0.5 to 1: their mean, and the share that is right."""
    which = np.minimum((2 * (sure - 0.5) * bins).astype(int), bins - 1)
    filled = [i for i in range(bins) if (which == i).sum() >= 10]
    return [sure[which == i].mean() for i in filled], [right[which == i].mean() for i in filled]


def imbalance(data: Path) -> None:
    """Recall and precision of a rare class: as it is, with class weights, with the focal loss."""
    train, test = rare(*reviews(data, "train")), rare(*reviews(data, "test"))
    trials: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "no weights": ({}, {}),
        'class_weight="balanced"': ({}, {"class_weight": "balanced"}),
        'loss="focal"': ({"loss": "focal"}, {}),
    }
    found = {}
    for name, (model, fit) in trials.items():
        t = st.Transformer(MODEL, MAXLEN, precision="float32")
        data_train = t.preprocess_train(*train, verbose=0)
        data_test = t.preprocess_test(*test, verbose=0)
        classifier = t.get_classifier(verbose=0, **model)
        learner = st.get_learner(classifier, data_train, data_test, batch_size=16)
        learner.fit_onecycle(1e-4, 3, verbose=0, **fit)
        found[name] = learner.validate(print_report=False, output="dict")["neg"]
        print(name, {key: round(value, 2) for key, value in found[name].items()})
    save(bars_of(found), "imbalance.png")


def bars_of(found: dict[str, dict[str, float]]) -> Any:
    """Precision, recall and F1 of each trial."""
    figure, (axes,) = new_figure((6.4, 3.4))
    for i, score in enumerate(("precision", "recall", "f1-score")):
        places = np.arange(len(found)) + 0.25 * (i - 1)
        bars = axes.bar(places, [row[score] for row in found.values()], 0.25, label=score)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set_xticks(range(len(found)), list(found))
    axes.set(ylabel="scores of the rare class", ylim=(0, 1.1))
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    return figure


def rare(texts: list[str], labels: list[str]) -> tuple[list[str], list[str]]:
    """All positive texts, and so many negative ones that they are rare."""
    many = labels.count("pos")
    few = round(many * RARE / (1 - RARE))
    negative = [i for i, label in enumerate(labels) if label == "neg"][:few]
    chosen = sorted(negative + [i for i, label in enumerate(labels) if label == "pos"])
    return [texts[i] for i in chosen], [labels[i] for i in chosen]


def epochs(data: Path) -> None:
    """What `fit` prints in a terminal."""
    _, _, printed = trained(data)
    lines = [line.rpartition("\r")[2] for line in printed.split("\n")]
    shown = [line for line in lines if line.strip() and "%|" not in line]
    body = "\n".join([">>> learner.fit_onecycle(1e-4, 3)", *shown])
    page = PAGE.format(width=820, paper="#14181d", ink="#dfe4ea", body=f"<pre>{escape(body)}</pre>")
    photograph(page, "epochs.png")


def report(data: Path) -> None:
    """The top of `Learner.report`."""
    _, learner, _ = trained(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        learner.report(path)
        photograph(path.read_text(encoding="utf-8"), "report.png", width=1000, height=900)


def entities(data: Path) -> None:
    """A text with the diseases that are found in it."""
    examples = st.read_entities(data / "ncbi-disease" / "train.conll")
    words, tags = examples.texts[:2000], list(examples.labels or ())[:2000]
    t = st.Transformer(MODEL, 96, precision="float32")
    train = t.preprocess_train(words, tags, verbose=0)
    learner = st.get_learner(t.get_classifier(verbose=0), train)
    learner.fit_onecycle(2e-4, 3, verbose=0)
    text = (
        "Mutations of BRCA1 account for most cases of inherited breast and ovarian cancer. "
        "Carriers of Tay-Sachs disease are healthy, but cystic fibrosis shortens life."
    )
    found = st.get_predictor(learner.model, t).predict(text)
    page = PAGE.format(width=820, paper="#fff", ink="#1c2128", body=found.as_html())
    photograph(page, "entities.png")


def try_it(data: Path) -> None:
    """The page of `simpletext serve`, after a click on "Explain"."""
    t, learner, _ = trained(data)
    with served(st.get_predictor(learner.model, t)) as address, browser_tab(820, 740) as tab:
        tab.goto(address)
        tab.fill("#first", "The story is thin, but the actors are wonderful and the end is moving.")
        tab.click("#predict")
        tab.wait_for_selector("#bars:not([hidden])")
        tab.select_option("#method", "gradient")
        tab.click("#explain")
        tab.wait_for_selector("#explanation:not([hidden])")
        tab.screenshot(path=DOCS / "try_it.png")
    print("drawn: docs/try_it.png")


@contextlib.contextmanager
def served(predictor: st.Predictor) -> Iterator[str]:
    """The address of a predictor's page on this machine."""
    import uvicorn

    from simpletext.serving.app import create_app

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(predictor), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


PICTURES: dict[str, Callable[[Path], None]] = {
    each.__name__: each
    for each in (lr, rates, calibration, imbalance, epochs, report, entities, try_it)
}


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], help="all by default")
    options = parser.parse_args()
    for name in options.names or PICTURES:
        PICTURES[name](options.data)


if __name__ == "__main__":
    main()
