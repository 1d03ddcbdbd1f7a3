"""`compare`: several checkpoints or settings in one table."""

import gc
import os
import time
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..inference.forward import predict_logits
from ..learner import Learner
from ..preparation import both_parts
from ..tasks.labels import checked_names
from ..training.fitting import ClassWeight
from ..training.verbs import require_schedule
from ..utils import console
from ..utils.memory import PeakMemory
from ..utils.validation import require_list, require_verbose
from .search import score_of
from .settings import CommonOptions, TrainingSettings
from .trials import TrialRunner

if TYPE_CHECKING:
    import pandas as pd


def compare(  # noqa: D417 - what all trainings have in common is described in `train`
    settings: Sequence[Any], data: Any, text: str | Sequence[str] = "text",
    label: str | Sequence[str] = "label", *, val: Any = None, val_pct: float = 0.1,
    schedule: str = "onecycle", early_stopping: int | None = None,
    class_weight: ClassWeight = None, loss: Any = None, metrics: Any = None,
    class_names: Sequence[Hashable] | None = None, task: str | None = None,
    pooling: str = "auto", few_shot: bool | str = False, label_sep: str | None = None,
    cache_dir: str | os.PathLike | None = None, seed: int = 0, verbose: int = 1,
) -> "pd.DataFrame":  # fmt: skip
    """Train with each of several checkpoints or settings on the same rows.

    Args:
        settings: what is compared: checkpoints, or dicts with checkpoint, lr, epochs, batch_size,
            maxlen and frozen_blocks; those that aren't named have the defaults of `train`.
        data: (texts, labels), a table that `read_texts` can read, or what it has read.
        text: the column with the texts, or two of them with pairs of texts.
        label: the column with the labels, or several.
        val: held-out data of the same form as `data`; by default a part of it.
        val_pct: how large a part, as a share.
        schedule, early_stopping, class_weight, loss, metrics: of all trainings; see
            `simpletext.train`.
        class_names, task, pooling, few_shot, label_sep, cache_dir: also of all trainings.
        seed: for the split, new heads, dropout and the order of the texts.
        verbose: 0 prints nothing.

    Returns:
        A DataFrame with a row for each, in their order: the settings; `loss` and the metrics on the
        held-out rows; `seconds` of the training, with building and compiling, without encoding;
        `texts_per_second` of prediction; `memory_mb`, the peak of the process in the training;
        `parameters`, the number of weights.

    Raises:
        ArgumentError: an unknown setting, a value that isn't allowed, the package psutil isn't
            installed (extra "tune").
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    require_verbose(verbose)
    import pandas as pd

    PeakMemory.require()
    require_schedule(schedule, early_stopping)
    tried = [_settings(each) for each in require_list("settings", settings, "checkpoints or dicts")]
    if not tried:
        return pd.DataFrame()
    options = CommonOptions(
        val_pct, schedule, early_stopping, class_weight, loss, metrics, checked_names(class_names),
        task, pooling, few_shot, cache_dir, seed,
    )  # fmt: skip
    table, *held_out = both_parts(data, val, text, label, task, label_sep)
    runner = TrialRunner(table, held_out[0] if held_out else None, options, tried[0], verbose)
    for each in tried:
        runner.encoded(each)  # a checkpoint that isn't there is refused before the first training
    return pd.DataFrame([_row(runner, each) for each in tried])


def _settings(value: Any) -> TrainingSettings:
    named = value if isinstance(value, Mapping) else {"checkpoint": value}
    return TrainingSettings.of(named)


def _row(runner: TrialRunner, settings: TrainingSettings) -> dict[str, Any]:
    """One training and what it has cost."""
    runner.release()  # each has to build and compile, and none keeps another's memory
    gc.collect()
    began = time.perf_counter()
    with PeakMemory() as memory:
        learner = runner.run(settings)
    seconds = time.perf_counter() - began
    early = runner.options.early_stopping is not None
    names = [name for name in learner.history if f"val_{name}" in learner.history]
    row: dict[str, Any] = runner.complete(settings).to_dict()
    row |= {name: score_of(learner, name, early) for name in names}
    row |= {
        "seconds": round(seconds, 1),
        "texts_per_second": round(_speed(runner, settings, learner), 1),
        "memory_mb": round(memory.megabytes),
        "parameters": learner.model.count_params(),
    }
    if runner.verbose:
        scores = ", ".join(f"{name} {row[name]:.4f}" for name in names)
        console.note(f"{settings.checkpoint}: {scores}, {seconds:.0f} s")
    return row


def _speed(runner: TrialRunner, settings: TrainingSettings, learner: Learner) -> float:
    """Texts per second of the forward pass, the second time, when nothing is compiled any more."""
    data = runner.encoded(settings).val
    predict_logits(learner.model, data, learner.eval_batch_size)
    began = time.perf_counter()
    predict_logits(learner.model, data, learner.eval_batch_size)
    return len(data) / (time.perf_counter() - began)
