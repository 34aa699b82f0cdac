"""What averaging does: how far the workers are apart, and the loss on a fixed batch just before and after."""

import numpy as np
from matplotlib.lines import Line2D

from .. import style
from .look import MARKERS_A_LINE, draw_line, looks, new_figure

DOTS = (0, (1, 1.2))
BEFORE, AFTER = {"linestyle": DOTS, "markerfacecolor": "white"}, {}  # how their lines differ from the run's look


def mark_sides(axes):
    """A legend of what dots and lines mean."""
    look = {"color": style.GREY, "linewidth": 1.6}
    before = Line2D([], [], linestyle=DOTS, label="before averaging", **look)
    after = Line2D([], [], label="after averaging", **look)
    axes.legend(handles=[before, after], frameon=False, fontsize=9.5)


def draw_spread(axes, step, spread, look):
    """How far the workers are apart just before an average."""
    keep = np.isfinite(spread) & (spread > 0.0)
    draw_line(axes, step[keep], spread[keep], look)
    axes.set(yscale="log", ylabel="spread of workers  Σ‖θₖ − θ̄‖²/(K‖θ̄‖²)")


def draw_losses(axes, step, before, after, look):
    """The loss of the workers' models and of their average."""
    keep = np.isfinite(before) & np.isfinite(after)
    for values, change in ((before, BEFORE), (after, AFTER)):
        line = look | change | {"markeredgecolor": look["color"], "markersize": 4}
        axes.plot(step[keep], values[keep], markevery=max(1, keep.sum() // MARKERS_A_LINE), **line)
    axes.set(yscale="log", ylabel="loss on a fixed batch")


def draw_change(axes, step, before, after, look):
    """What averaging changes: negative where the average is better than the workers."""
    keep = np.isfinite(after - before)  # losses are recorded at some averages only
    draw_line(axes, step[keep], (after - before)[keep], look)
    axes.set_ylabel("loss after − loss before")


def draw(comparison):
    """Spread, losses and their change, as far as they were recorded; None where none was."""
    names = ("relative_dispersion", "loss_before", "loss_after")
    data = {run.method: run.columns("averages", "step", *names) for run in comparison.runs}
    has_spread, has_losses = (any(np.isfinite(d[i]).any() for d in data.values()) for i in (1, 3))
    drawn = [run for run in comparison.runs if np.isfinite(data[run.method][1:]).any()]
    if not drawn:
        return None
    found = looks(comparison)
    count = has_spread + 2 * has_losses
    figure, axes = new_figure(comparison, "Before and after an average", 1, count, drawn, (13.8 / max(2, count), 3.6))
    axes = list(axes[0])
    for run in drawn:
        step, spread, before, after = data[run.method]
        if has_spread:
            draw_spread(axes[0], step, spread, found[run.method])
        if has_losses:
            draw_losses(axes[-2], step, before, after, found[run.method])
            draw_change(axes[-1], step, before, after, found[run.method])
    if has_losses:
        mark_sides(axes[-2])
        axes[-1].axhline(0.0, color=style.GREY, linewidth=0.9, zorder=1)
    for panel in axes:
        panel.set_xlabel("step")
    return figure
