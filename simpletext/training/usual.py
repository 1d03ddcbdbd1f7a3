"""The learning rate and the epochs that are usual for an encoder and its training data."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from ..tasks.task import SINGLE

FEW_SHOT = 0.2  # of the rate, where the encoder was trained on pairs: more undoes that
FEW_TEXTS = 500  # fewer make so few steps that a lower rate and more epochs fit better
SMALL = 512  # hidden sizes below this one bear, and need, a higher learning rate


class Usual(NamedTuple):
    """The highest learning rate of a training, and its epochs."""

    lr: float | str
    epochs: int


def usual_training(
    config: Mapping[str, Any],
    few_shot: bool | str,
    data: Any,
    lr: float | str | None = None,
    epochs: int | None = None,
) -> Usual:
    """What the user has passed; else `usual_rate` and 3 epochs, for few texts half and 5.

    Few are fewer than 500 texts with one label each (https://arxiv.org/abs/2006.04884); with
    few_shot the number doesn't matter. Trainings of 1 or 2 epochs need the whole rate.

    Args:
        config: a checkpoint's config.json.
        few_shot: see `Transformer`.
        data: the training data in memory, or None.
        lr: what the user has passed, or None.
        epochs: what the user has passed, or None.
    """
    rate = usual_rate(config, few_shot)
    labels = getattr(data, "labels", None)
    single = labels is not None and labels.kind.name == SINGLE
    few = single and not few_shot and len(data) < FEW_TEXTS
    if epochs is None:
        epochs = 5 if few else 3
    if lr is None:
        lr = rate / 2 if few and epochs >= 3 else rate
    return Usual(lr, epochs)


def usual_rate(config: Mapping[str, Any], few_shot: bool | str = False) -> float:
    """The highest learning rate of a cycle: 1e-4 for hidden sizes below 512, else 3e-5.

    Args:
        config: a checkpoint's config.json.
        few_shot: see `Transformer`; with it a fifth of that rate.

    Example:
        >>> usual_rate({"hidden_size": 384}), usual_rate({"dim": 768})
        (0.0001, 3e-05)
        >>> usual_rate({"hidden_size": 384}, few_shot=True)
        2e-05
    """
    hidden = config.get("hidden_size") or config.get("dim") or config.get("d_model") or SMALL
    rate = 1e-4 if hidden < SMALL else 3e-5
    return round(rate * FEW_SHOT, 7) if few_shot else rate


def usual_rate_of(model: keras.Model, data: Any, epochs: int) -> float | None:
    """The rate of `usual_training`, or None: other networks than encoders have no usual rate."""
    architecture = getattr(model, "architecture", None)
    if architecture is None or architecture.pooling is None:
        return None
    usual = usual_training(architecture.config, architecture.few_shot, data, None, epochs)
    return float(usual.lr)
