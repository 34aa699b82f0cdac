"""A plain figure for any comparison: one small panel for every observable of every panel."""

import math

import matplotlib
from matplotlib.figure import Figure

from . import style
from .legend import draw_legend
from .panels import draw_panel, note_unfinished, say

COLUMNS = 4
PANEL_SIZE = (3.3, 2.5)


def pairs(comparison):
    """Every (panel, observable) of the comparison that has data, in order of appearance."""
    found = [(part.panel, observable) for part in comparison.parts for observable in part.run.observables()]
    return sorted(dict.fromkeys(found), key=lambda pair: comparison.panels().index(pair[0]))


def draw_generic(comparison):
    """Draws theory as lines and measurement as markers, one panel a pair."""
    wanted = pairs(comparison)
    columns = max(1, min(COLUMNS, len(wanted)))
    rows = max(1, math.ceil(len(wanted) / columns))
    width, height = max(8.5, columns * PANEL_SIZE[0]), rows * PANEL_SIZE[1] + 1.0
    with matplotlib.rc_context(style.SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 1.0 / height), w_pad=0.1, h_pad=0.1)
        title = comparison.info.get("name") or comparison.folder.name
        figure.text(0.5, 1 - 0.22 / height, title, ha="center", va="center", fontsize=15, weight="bold")
        draw_legend(figure, comparison, top=1 - 0.45 / height)
        for index, (panel, observable) in enumerate(wanted):
            axes = figure.add_subplot(rows, columns, index + 1)
            draw_panel(axes, comparison, panel, observable, panel)
            note_unfinished(axes, comparison, panel)
        if not wanted:
            say(figure.add_subplot(), "no observables in these results")
        return figure
