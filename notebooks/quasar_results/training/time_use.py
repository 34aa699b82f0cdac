"""Where a step's time goes: computation, waiting for the slowest worker, transfer."""

import matplotlib
import numpy as np
from matplotlib.patches import Patch

from .. import style
from .look import titled_figure

PARTS = [  # name, series, colour
    ("data", "steps", "#E69F00"),
    ("forward", "steps", "#56B4E9"),
    ("backward", "steps", "#0072B2"),
    ("optimizer", "steps", "#009E73"),
    ("wait", "averages", "#CC79A7"),
    ("transfer", "averages", "#D55E00"),
]
REST, REST_COLOUR = "rest", "#BBBBBB"  # of the measured training time
BAR = 0.42  # inches


def seconds_a_step(run):
    """{part: mean seconds a step}: means over the records, an average's times averages a step."""
    found = {}
    for name, series, _ in PARTS:
        _, seconds = run.columns(series, "step", f"time.{name}")
        seconds = seconds[np.isfinite(seconds)]
        a_step = 1.0 if series == "steps" else run.row.get("volume") or 0.0
        found[name] = a_step * float(np.mean(seconds)) if len(seconds) else 0.0
    if run.row.get("seconds") and run.row.get("steps") and sum(found.values()) > 0.0:
        found[REST] = max(0.0, run.row["seconds"] / run.row["steps"] - sum(found.values()))
    return found


def draw(comparison):
    """One stacked bar a run, in milliseconds a step; None where no times are recorded."""
    bars = {run.label: seconds_a_step(run) for run in comparison.runs}
    bars = {label: parts for label, parts in bars.items() if sum(parts.values()) > 0.0}
    if not bars:
        return None
    colours = {name: colour for name, _, colour in PARTS} | {REST: REST_COLOUR}
    used = [name for name in colours if any(parts.get(name, 0.0) > 0.0 for parts in bars.values())]
    with matplotlib.rc_context(style.SETTINGS):
        handles = [Patch(color=colours[name], label=name) for name in used]
        figure = titled_figure(comparison, "Where the time goes", 9.2, 0.7 + BAR * len(bars), handles)
        axes = figure.subplots()
        left = np.zeros(len(bars))
        for name in used:
            width = np.array([1e3 * parts.get(name, 0.0) for parts in bars.values()])
            look = {"height": 0.68, "color": colours[name], "edgecolor": "white", "linewidth": 0.6}
            axes.barh(list(bars), width, left=left, **look)
            left += width
        for row, total in enumerate(left):
            axes.text(total, row, f"  {total:.3g}", va="center", fontsize=9.5)
        axes.set(xlabel="mean time of a step (ms)", xlim=(0, 1.1 * max(left)))
        axes.set_axisbelow(True)
        axes.invert_yaxis()
        axes.grid(False, axis="y")
    return figure
