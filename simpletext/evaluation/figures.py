"""Making and showing matplotlib figures."""

from typing import Any

from ..utils import console


def new_figure(size: tuple[float, float] = (6.4, 4.0), columns: int = 1) -> tuple[Any, list[Any]]:
    """A figure outside of pyplot's list, so that nothing blocks and nothing accumulates.

    Args:
        size: width and height of the whole figure in inches.
        columns: number of axes, side by side.

    Returns:
        The figure and its axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    console.let_notebook_draw()
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def shown(figure: Any, return_fig: bool = False, last: bool = True) -> Any:
    """The figure; shown in a window first, unless `return_fig` is set.

    In a notebook nothing is shown here if the figure is the caller's result: Jupyter displays a
    figure that is the last expression of a cell, and would display it twice.

    Args:
        figure: a matplotlib figure.
        return_fig: do not show it.
        last: whether the user receives the figure; if not, a notebook displays it here.
    """
    if return_fig:
        return figure
    if not console.in_notebook():
        _open_window(figure)
    elif not last:
        from IPython.display import display

        display(figure)
    return figure


def _open_window(figure: Any) -> None:
    """Show a figure in a window, without waiting for it."""
    import matplotlib.pyplot as plt

    manager = plt.figure().canvas.manager
    manager.canvas.figure = figure
    figure.set_canvas(manager.canvas)
    plt.show(block=False)
