"""`SourceAttention`: which words of a source a translation looked at."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..utils import console


@dataclass(frozen=True)
class SourceAttention:
    """How much each token of a translation attended to the source's tokens.

    Attributes:
        source: the source's tokens.
        target: the translation's tokens.
        weights: the attention of the last block, mean over its heads, each row sums to 1,
            (target tokens, source tokens).
        translation: the translation as text.
    """

    source: list[str]
    target: list[str]
    weights: np.ndarray
    translation: str

    def plot(self) -> Any:
        """The weights as a matplotlib figure: source to the right, translation downwards."""
        from matplotlib.figure import Figure

        console.let_notebook_draw()
        source, target = ([*map(console.without_math, side)] for side in (self.source, self.target))
        width, height = (max(3.0, 0.4 * len(side) + 1.5) for side in (source, target))
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
        axes.imshow(self.weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
        axes.set_xticks(range(len(source)), source, rotation=90)
        axes.set_yticks(range(len(target)), target)
        axes.set_xlabel("source")
        axes.set_ylabel("translation")
        return figure
