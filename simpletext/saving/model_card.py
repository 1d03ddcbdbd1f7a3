"""The model card: README.md in a predictor's folder."""

import re
from pathlib import Path

from .settings import Settings

CARD = "README.md"
SHOWN = 50  # labels; all of them are in config.json


def write_card(folder: Path, settings: Settings, pooling: str) -> None:
    """Write README.md into an existing folder.

    Args:
        folder: the predictor's.
        settings: labels, sizes and metrics.
        pooling: "mean" or "original", which decides what loads the folder in PyTorch.
    """
    from huggingface_hub import ModelCard, ModelCardData

    data = ModelCardData(
        library_name="sentence-transformers" if pooling == "mean" else "transformers",
        pipeline_tag=_job(settings),
        tags=["simpletext", "keras", _job(settings)],
        base_model=settings.base_model,
    )
    parts = [
        f"---\n{data.to_yaml()}\n---",
        "# Token classifier" if settings.labels.kind.per_token else "# Text classifier",
        _about(settings),
        _labels(settings),
    ]
    if settings.sizes or settings.metrics:
        parts.append(_numbers(settings))
    parts.append(_how_to_load(settings, pooling))
    ModelCard("\n\n".join(parts) + "\n").save(folder / CARD)


def _job(settings: Settings) -> str:
    """The name of transformers' pipeline."""
    return "token-classification" if settings.labels.kind.per_token else "text-classification"


def _about(settings: Settings) -> str:
    start = f", fine-tuned from {_escaped(settings.base_model)}," if settings.base_model else ""
    seen = "pairs of texts" if settings.paired else "texts"
    calibrated = (
        ""
        if settings.temperature == 1.0
        else f" Its probabilities are calibrated: logits are divided by "
        f"{settings.temperature:.4g} first."
    )
    return (
        f"A model for {settings.labels.task.replace('_', ' ')}{start} made with simpletext. It "
        f"reads {seen} of up to {settings.maxlen} tokens.{calibrated}"
    )


def _labels(settings: Settings) -> str:
    names = settings.labels.names
    title = "Labels" if settings.labels.kind.has_classes else "Targets"
    header, rule = "| output | name |", "|---|---|"
    if settings.thresholds:
        header, rule = header + " threshold |", rule + "---|"
    rows = [
        f"| {i} | {_escaped(name)} |{_limit(settings, i)}" for i, name in enumerate(names[:SHOWN])
    ]
    more = [f"\nand {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return "\n".join([f"## {title}\n", header, rule, *rows, *more])


def _limit(settings: Settings, index: int) -> str:
    return f" {settings.thresholds[index]:.3f} |" if settings.thresholds else ""


def _escaped(text: str) -> str:
    """A text in one line, with its Markdown and HTML escaped."""
    return re.sub(r"[\\`*_\[\]<>|#]", r"\\\g<0>", " ".join(text.split()))


def _numbers(settings: Settings) -> str:
    rows = [f"| {_escaped(name)} texts | {count} |" for name, count in settings.sizes.items()]
    rows += [f"| {_escaped(name)} | {value:.4f} |" for name, value in settings.metrics.items()]
    return "\n".join(["## Data and scores\n", "| | |", "|---|---|", *rows])


def _strategy(settings: Settings) -> str:
    return ', aggregation_strategy="first"' if settings.labels.kind.per_token else ""


def _how_to_load(settings: Settings, pooling: str) -> str:
    text = '[("One text.", "Another.")]' if settings.paired else '["One text."]'
    ours = f'import simpletext\n\nsimpletext.load_predictor("FOLDER").predict({text})'
    if pooling == "mean":
        theirs = (
            "from sentence_transformers import SentenceTransformer\n\n"
            f'logits = SentenceTransformer("FOLDER").encode({text})'
        )
    else:
        theirs = '{"text": "One text.", "text_pair": "Another."}' if settings.paired else text
        theirs = (
            "from transformers import pipeline\n\n"
            f'pipeline("{_job(settings)}", model="FOLDER"{_strategy(settings)})({theirs})'
        )
    return (
        f"## How to load it\n\n```python\n{ours}\n```\n\n"
        f"PyTorch's libraries load the same folder:\n\n```python\n{theirs}\n```"
    )
