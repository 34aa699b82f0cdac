"""What the figures of training runs have in common: a colour and marker a run or arm, one legend, lines with markers."""

import math

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .. import style

PARALLEL = ("#000000", "o")
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A4B94"]
MARKERS = ["s", "^", "D", "v", "p", "<", ">"]
LINES = ["-", (0, (4, 2)), (0, (1, 1.5))]  # for the first seven runs, the next seven, ...
MARKERS_A_LINE = 8
CHARACTERS_AN_INCH = 11  # of the legend's font
TITLE_HEIGHT, LEGEND_LINE = 0.5, 0.215  # inches
UNITS = [("h", 3600.0), ("min", 60.0), ("s", 1.0)]


def looks(comparison):
    """{method: keywords of plot} of every run; runs of one arm look alike."""
    local = dict.fromkeys(run.group for run in comparison.runs if not run.is_parallel)
    parallel = dict.fromkeys(run.group for run in comparison.runs if run.is_parallel)
    found = {group: (*PARALLEL, LINES[i % len(LINES)]) for i, group in enumerate(parallel)}
    for i, group in enumerate(local):
        found[group] = (COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], LINES[i // len(COLOURS) % len(LINES)])
    keywords = ("color", "marker", "linestyle")
    size = {"linewidth": 1.6, "markersize": 5.5}
    return {run.method: dict(zip(keywords, found[run.group])) | size for run in comparison.runs}


def draw_line(axes, x, y, look):
    """A run's line with few markers, the last point among them; nothing where no point is known."""
    known = np.isfinite(x)
    if not np.any(known & np.isfinite(y)):
        return False
    x, y = x[known], y[known]
    every = max(1, len(x) // MARKERS_A_LINE)
    axes.plot(x, y, markevery=slice((len(x) - 1) % every, None, every), markeredgecolor="white", **look)
    return True


def plain_numbers(axis, subs=(1.0,)):
    """Ticks of a logarithmic axis as plain numbers; at 1, 2, 5 where it spans few decades."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=subs if high > 100 * low else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def unit_of(seconds):
    """The unit in which so many seconds are read best, and its length in seconds."""
    return next(((name, length) for name, length in UNITS if seconds >= 2 * length), UNITS[-1])


def widths(runs):
    """{method: line width}, falling, so that a line drawn on top of another leaves it visible."""
    later = {group: i for i, group in enumerate(reversed(dict.fromkeys(run.group for run in runs)))}
    return {run.method: min(3.4, 1.4 + 0.4 * later[run.group]) for run in runs}


def run_handles(comparison, runs):
    """The legend's entries, one a run or arm; an arm has the status of its first run that is not done."""
    found = looks(comparison)
    shown = {}
    for run in sorted(runs, key=lambda run: run.with_status("") == ""):
        shown.setdefault(run.group, run)
    return [
        Line2D([], [], label=shown[group].with_status(group), markeredgecolor="white", **found[shown[group].method])
        for group in dict.fromkeys(run.group for run in runs)
    ]


def legend_columns(labels, width):
    """Columns of the legend that fit into so many inches."""
    return max(1, min(len(labels), int(width / ((max(map(len, labels)) + 5) / CHARACTERS_AN_INCH))))


def titled_figure(comparison, title, width, height, handles):
    """A figure with `height` inches for the axes under a title and one legend."""
    columns = legend_columns([handle.get_label() for handle in handles], width)
    head = TITLE_HEIGHT + LEGEND_LINE * math.ceil(len(handles) / columns)
    total = height + head
    figure = Figure(figsize=(width, total), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - head / total), w_pad=0.09, h_pad=0.09)
    task = f"  ({comparison.task})" if comparison.task else ""
    figure.text(0.5, 1 - 0.24 / total, title + task, ha="center", va="center", fontsize=13, weight="bold")
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 1 - (TITLE_HEIGHT - 0.06) / total), "ncols": columns}
    look = {"frameon": False, "fontsize": 9.5, "handlelength": 2.4, "columnspacing": 1.6, "borderaxespad": 0}
    figure.legend(handles=handles, borderpad=0, **place, **look).set_in_layout(False)
    return figure


def new_figure(comparison, title, rows, columns, runs, size=(4.6, 2.9), **keywords):
    """A figure with a title, the runs' legend, and rows × columns axes (an array)."""
    with matplotlib.rc_context(style.SETTINGS):
        handles = run_handles(comparison, runs)
        figure = titled_figure(comparison, title, columns * size[0], rows * size[1], handles)
        return figure, figure.subplots(rows, columns, squeeze=False, **keywords)
