"""The learning rate that is usual for an encoder of a size."""

from collections.abc import Mapping
from typing import Any

import keras

FEW_SHOT = 0.2  # of the rate, where the encoder was trained on pairs: more undoes that
SMALL = 512  # hidden sizes below this one bear, and need, a higher learning rate


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


def usual_rate_of(model: keras.Model) -> float | None:
    """`usual_rate` for an encoder with a head, else None: other networks have no usual rate."""
    architecture = getattr(model, "architecture", None)
    if architecture is None or architecture.pooling is None:
        return None
    return usual_rate(architecture.config, architecture.few_shot)
