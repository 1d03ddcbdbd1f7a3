"""`Learner.settings`: what a training is compared by, for experiment trackers and reports."""

from typing import Any

import keras

from ..models.precision import precision_of
from .fitting import LearnerState
from .sources import DataSource, Rows


def describe_training(
    model: keras.Model, train: DataSource | None, batch_size: int, seed: int, state: LearnerState
) -> dict[str, Any]:
    """The settings of a model, its data and its last training, by name; see `Learner.settings`."""
    found = {
        **_of_model(model),
        "maxlen": None if train is None else train.maxlen,
        "train_rows": len(train) if isinstance(train, Rows) else None,
        "batch_size": batch_size,
        "seed": seed,
        **_of_trainings(state),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _of_model(model: keras.Model) -> dict[str, Any]:
    architecture = getattr(model, "architecture", None)
    return {
        "checkpoint": architecture and architecture.checkpoint,
        "model_type": architecture and architecture.config["model_type"],
        "parameters": model.count_params(),
        "precision": precision_of(model),
        "few_shot": (architecture and architecture.few_shot) or None,
        "optimizer": type(model.optimizer).__name__,
        "weight_decay": getattr(model.optimizer, "weight_decay", None),
    }


def _of_trainings(state: LearnerState) -> dict[str, Any]:
    """What is known of the last training, and the epochs of all."""
    plan = state.plan
    if plan is None:
        return {}
    epochs = len(state.history().get("loss", ()))
    return {"schedule": plan.name, "lr": plan.lr, "epochs": epochs, "steps_per_epoch": plan.steps}
