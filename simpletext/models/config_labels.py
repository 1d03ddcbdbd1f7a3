"""The labels in a checkpoint's config.json: read, checked, counted and brought up to date."""

from collections.abc import Mapping
from typing import Any

from ..errors import UnsupportedModelError
from ..tasks.labels import checked_names
from ..tasks.task import REGRESSION, SINGLE, TASKS, TOKENS
from ..utils import console
from ..utils.validation import require_choice, require_count, shown

MOST_NEW = 100_000  # the most labels of a head without weights: config.json may name any number


def labels_in(config: Mapping[str, Any]) -> list[str] | None:
    """The label names in a config.json, in the order of the logits; None if it has none.

    Raises:
        UnsupportedModelError: id2label lacks one of the ids 0, 1, 2 and so on, or repeats a name.
    """
    names = config.get("id2label")
    if names is None and isinstance(config.get("label2id"), dict):
        names = {number: name for name, number in config["label2id"].items()}
    if names is None:
        return None
    if isinstance(names, dict):
        by_number = {_number(key): name for key, name in names.items()}
        names = [by_number.get(number) for number in range(len(names))]
    if not isinstance(config.get("id2label", {}), dict) or any(
        isinstance(name, (dict, list, type(None))) for name in names
    ):
        raise UnsupportedModelError(
            f"config.json has id2label={config.get('id2label')!r:.200}; it must have a name for "
            'each of the numbers from 0 on, such as {"0": "negative", "1": "positive"}.'
        )
    names = [str(name) for name in names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        places = [i for i, name in enumerate(names) if name == twice]
        raise UnsupportedModelError(
            f"config.json has the label {twice!r} for the outputs {places}. Give each output a "
            "name of its own in id2label."
        )
    return names


def _number(key: Any) -> int | None:
    return int(key) if isinstance(key, int) or (isinstance(key, str) and key.isdecimal()) else None


def other_head(config: Mapping[str, Any], per_token: bool = False) -> str | None:
    """The class in a config.json whose head is for another job, or None.

    Args:
        config: the content of config.json.
        per_token: whether the job is to classify tokens, not texts.
    """
    other = "ForSequenceClassification" if per_token else "ForTokenClassification"
    return _class_for(config, (other, "ForQuestionAnswering", "ForMultipleChoice"))


def task_in(config: Mapping[str, Any]) -> str | None:
    """The task that a config.json's class is for, where that isn't its problem_type."""
    return TOKENS if _class_for(config, ("ForTokenClassification",)) else None


def _class_for(config: Mapping[str, Any], jobs: tuple[str, ...]) -> str | None:
    names = config.get("architectures")
    listed = names if isinstance(names, list) else []
    return next((name for name in listed if isinstance(name, str) and name.endswith(jobs)), None)


def with_labels(
    config: Mapping[str, Any],
    num_labels: int,
    problem_type: str | None,
    class_names: list[str] | None = None,
) -> dict[str, Any]:
    """`config` with its labels and problem type brought up to date."""
    num_labels = require_count("num_labels", num_labels)
    if problem_type is not None:
        require_choice("problem_type", problem_type, TASKS)
    names = checked_names(class_names) or labels_in(config) or []
    if len(names) != num_labels:
        names = [f"LABEL_{i}" for i in range(num_labels)]
    default = config.get("problem_type") or (REGRESSION if num_labels == 1 else SINGLE)
    if problem_type is None and not (isinstance(default, str) and default in TASKS):
        raise UnsupportedModelError(
            f"config.json has problem_type={shown(default)}; pass problem_type= (or task=), one of "
            f"{', '.join(TASKS)}."
        )
    labels = {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }
    if problem_type == TOKENS:  # the class says it; transformers allows no such problem_type
        return {k: v for k, v in config.items() if k != "problem_type"} | labels
    return dict(config) | labels | {"problem_type": problem_type or default}


def count_labels(
    name: str, config: Mapping[str, Any], trained: int | None, default: int, verbose: int
) -> int:
    """The number of a checkpoint's labels.

    Args:
        name: the checkpoint's, for messages.
        config: its config.json.
        trained: the number of outputs of its trained head, which counts if there is one; or None.
        default: the family's, for a config.json without labels.
        verbose: 0 prints nothing.

    Raises:
        UnsupportedModelError: an id2label that can't be read.
        ArgumentError: a num_labels that can't be right.
    """
    names = labels_in(config)
    if trained is None:
        claimed = len(names) if names else config.get("num_labels", default)
        return require_count("num_labels in config.json", claimed, 1, MOST_NEW)
    if names and len(names) != trained and verbose:
        console.note(
            f"{name}: config.json has names for {len(names)} labels, but the head has {trained} "
            f"outputs; they are called LABEL_0 to LABEL_{trained - 1}."
        )
    return trained
