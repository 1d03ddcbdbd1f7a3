"""`TuningResult`: the best model of a search, and all its tries as a table and a figure."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..predictor import Predictor
from .settings import TrainingSettings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLORS = {"COMPLETE": "C0", "PRUNED": "C1", "FAIL": "C3"}
TITLES = {"COMPLETE": "complete", "PRUNED": "stopped early", "FAIL": "failed"}


@dataclass(frozen=True)
class TuningResult:
    """What a search has found.

    Attributes:
        predictor: the best model's predictor.
        settings: what the best try trained with.
        score: of the best try on the held-out rows.
        metric: the name of the score.
        number: the best try's number.
        study: Optuna's study, with all tries.
    """

    predictor: Predictor
    settings: TrainingSettings
    score: float
    metric: str
    number: int
    study: Any

    def __repr__(self) -> str:
        return f"TuningResult({self.metric}={self.score:.4f}, {self.settings})"

    def to_frame(self) -> "pd.DataFrame":
        """All tries: a DataFrame with number, state, the score, seconds, settings, note, best.

        The score of a try that was stopped early is the last one it reported.
        """
        import pandas as pd

        rows = [row for trial in self.study.trials if (row := self._row(trial))]
        return pd.DataFrame(rows)

    def _row(self, trial: Any) -> dict[str, Any]:
        attributes = trial.user_attrs
        if "settings" not in attributes:  # left behind by a process that was killed, or running
            return {}
        reported = [trial.intermediate_values[mark] for mark in sorted(trial.intermediate_values)]
        score = trial.value if trial.value is not None else (reported or [None])[-1]
        return {
            "number": trial.number,
            "state": TITLES[trial.state.name],
            self.metric: score,
            "seconds": attributes["seconds"],
            **json.loads(attributes["settings"]),
            "note": attributes["note"],
            "best": trial.number == self.number,
        }

    def plot(self, return_fig: bool = False) -> "Figure":
        """Scores in the order of the tries, and over the learning rate; returns the figure.

        Args:
            return_fig: only return the figure, without a window.
        """
        from ..evaluation.figures import new_figure, shown

        table = self.to_frame().dropna(subset=[self.metric])
        figure, axes = new_figure((9.0, 4.0), columns=2)
        for state, part in table.groupby("state"):
            color = COLORS[next(key for key, title in TITLES.items() if title == state)]
            for place, column in zip(axes, ("number", "lr"), strict=True):
                place.plot(part[column], part[self.metric], "o", color=color, label=state)
        best = table[table["best"]]
        for place, column, title in zip(
            axes, ("number", "lr"), ("try", "learning rate"), strict=True
        ):
            place.plot(best[column], best[self.metric], "o", markersize=14, markerfacecolor="none",
                       color="C2", label="best")  # fmt: skip
            place.set(xlabel=title, ylabel=f"{self.metric} on held-out rows")
        axes[0].xaxis.get_major_locator().set_params(integer=True)
        axes[1].set(xscale="log", xlim=_decades(table["lr"]))
        axes[0].legend(loc="best")
        return shown(figure, return_fig)


def _decades(values: Iterable[float]) -> tuple[float, float]:
    """The whole powers of ten around some values; labels of parts of one would overlap.

    Example:
        >>> _decades([1e-4, 2e-4])
        (1e-05, 0.001)
    """
    logarithms = [math.log10(value) for value in values]
    return 10.0 ** math.floor(min(logarithms) - 0.1), 10.0 ** math.ceil(max(logarithms) + 0.1)
