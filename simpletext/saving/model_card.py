"""The model card: README.md in a predictor's folder."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..data.texts import as_texts
from .settings import Settings

CARD = "README.md"
SHOWN = 50  # labels; all of them are in config.json


class Example(NamedTuple):
    """A text, or a pair of them, and what is predicted."""

    texts: tuple[str, ...]
    predicted: str


def predicted_examples(predictor: Any, texts: Any) -> list[Example]:
    """The predictions that a card shows.

    Args:
        predictor: predicts the texts.
        texts: what the user passed: texts, or pairs of texts; may be empty.

    Raises:
        DataError: what isn't texts.
    """
    given = list(texts) if not isinstance(texts, str) else [texts]
    if not given:
        return []
    first, second = as_texts(given)
    columns = (first,) if second is None else (first, second)
    rows = zip(*columns, strict=True)
    found = [_word(each) for each in predictor.predict(given)]
    return [Example(row, each) for row, each in zip(rows, found, strict=True)]


def write_card(
    folder: Path, settings: Settings, pooling: str, examples: Sequence[Example] = ()
) -> None:
    """Write README.md into an existing folder.

    Args:
        folder: the predictor's.
        settings: labels, sizes and metrics.
        pooling: "mean" or "original", which decides what loads the folder in PyTorch.
        examples: texts with their predictions.
    """
    from huggingface_hub import ModelCard, ModelCardData

    title = "Token classifier" if settings.labels.kind.per_token else "Text classifier"
    data = ModelCardData(
        library_name="sentence-transformers" if pooling == "mean" else "transformers",
        pipeline_tag=_job(settings),
        tags=["simpletext", "keras", _job(settings)],
        base_model=settings.base_model,
        model_name=title,
        eval_results=_results(settings),
        widget=[_widget(each) for each in examples] or None,
    )
    parts = [
        f"---\n{data.to_yaml()}\n---",
        f"# {title}",
        _about(settings),
        _labels(settings),
    ]
    if settings.sizes or settings.metrics:
        parts.append(_numbers(settings))
    if examples:
        parts.append(_examples(examples))
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


def _results(settings: Settings) -> list[Any] | None:
    """The scores as the Hub reads them."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=_job(settings), dataset_type="validation", dataset_name="validation data",
            metric_type=name.split()[-1].lower(), metric_name=name, metric_value=round(value, 4),
        )
        for name, value in settings.metrics.items()
        if name.strip()
    ] or None  # fmt: skip


def _widget(example: Example) -> dict[str, str]:
    return dict(zip(("text", "text_pair"), example.texts, strict=False))


def _examples(examples: Sequence[Example]) -> str:
    count = len(examples[0].texts)
    header = "| text | second text | predicted |" if count > 1 else "| text | predicted |"
    rows = [f"| {' | '.join(map(_escaped, [*each.texts, each.predicted]))} |" for each in examples]
    return "\n".join(["## Examples\n", header, "|---" * (count + 1) + "|", *rows])


def _word(predicted: Any) -> str:
    """A prediction as a text."""
    if isinstance(predicted, float):
        return f"{predicted:.4g}"
    if isinstance(predicted, dict):  # an entity
        return f"{predicted['text']} ({predicted['label']})"
    if not isinstance(predicted, list):
        return str(predicted)
    return ", ".join(map(_word, predicted))


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
