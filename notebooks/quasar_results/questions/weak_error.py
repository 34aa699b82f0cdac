"""Weak error against the step size, with fitted slopes: one panel a regime, one row a landscape."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from .. import style

COLOURS = ["#0072B2", "#D55E00"]  # one an observable
MARKERS = ["o", "s"]
PANEL = (4.1, 4.0)
HEAD = 0.85
SYMBOLS = {"cos_2phi": "cos 2φ", "sin_2phi": "sin 2φ", "cos_y": "cos y", "sin_y": "sin y"}
SIZES = {"qsr": "α² = η²H"}


def symbol(observable):
    """How an observable is written."""
    return SYMBOLS.get(observable, observable)


def slope_label(order):
    """The fitted slope with its 95 % interval, or that there is none."""
    if "refused" in order:
        return "not fitted: too few replicas" if "Monte-Carlo" in order["refused"] else f"not fitted: {order['refused']}"
    return f"slope {order['slope']:.2f} ± {order['half_width_95']:.2f}"


def draw_errors(axes, errors, order, colour, marker):
    """The errors with ± 1 s.e., hollow where they are not resolved, and the fitted line with its 95 % band."""
    size, error, se = (np.array([row[key] for row in errors], dtype=float) for key in ("size", "error", "se"))
    height = np.abs(error)
    low = np.minimum(se, 0.85 * height)  # a bar that reaches 0 has no end on a logarithmic axis
    axes.errorbar(size, height, yerr=[low, se], linestyle="none", color=colour, elinewidth=1.2, zorder=3)
    for x, y, row in zip(size, height, errors):
        face = colour if row["resolved"] else "white"
        axes.plot([x], [y], marker=marker, markersize=7, color=colour, markerfacecolor=face, zorder=4)
    if "refused" not in order:
        axes.plot(order["size"], order["fit"], color=colour, linewidth=1.6, zorder=2)
        axes.fill_between(order["size"], order["low"], order["high"], color=colour, alpha=0.18, linewidth=0, zorder=1)


def draw_guide(axes, sizes, height, power, label):
    """A grey line of the slope that theory gives, through `height` at the largest size."""
    sizes = np.array([min(sizes), max(sizes)])
    values = height * (sizes / sizes[1]) ** power
    dashes = (0, (4, 3)) if power == 1 else (0, (1, 2))
    axes.plot(sizes, values, color=style.GREY, linestyle=dashes, linewidth=1.1, zorder=1)
    axes.annotate(label, (sizes[0], values[0]), (-4, 0), textcoords="offset points", **GUIDE_TEXT)


GUIDE_TEXT = {"ha": "right", "va": "center", "fontsize": 9, "color": style.GREY}


def draw_panel(axes, answer, panel, regime):
    """One regime of one landscape."""
    observables = answer.values("error", "observable", panel=panel, regime=regime)
    rows = answer.select("error", panel=panel, regime=regime)
    handles = []
    for observable, colour, marker in zip(observables, COLOURS, MARKERS):
        where = {"panel": panel, "regime": regime, "observable": observable}
        order = answer.one("order", **where)
        draw_errors(axes, answer.select("error", **where), order, colour, marker)
        label = f"E {symbol(observable)}: {slope_label(order)}"
        handles.append(Line2D([], [], color=colour, marker=marker, linewidth=1.6, label=label))
    axes.set(xscale="log", yscale="log")
    sizes = sorted({row["size"] for row in rows})
    errors = [abs(row["error"]) for row in rows]
    draw_guide(axes, sizes, 2.6 * max(errors), 1, "1")
    if regime != "qsr":
        draw_guide(axes, sizes, 2.6 * max(errors), 0.25, "¼")
    axes.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.25)
    axes.set_ylim(min(errors) / 2.5, 4 * max(errors))
    axes.set_xticks(sizes)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(SIZES.get(regime, "η"))
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "borderaxespad": 0.2}
    axes.legend(handles=handles, frameon=False, fontsize=9.5, handlelength=1.6, **below)
    label, colour, _ = style.look(regime, [regime])
    axes.set_title(f"{label} ({regime_detail(regime, rows)})", color=colour)


def regime_detail(regime, rows):
    """What is held fixed along the axis."""
    fixed = sorted({round(row["round_time"], 9) for row in rows})
    return {"sgd": "any K"}.get(regime, f"ηH = {fixed[0]:g}" if len(fixed) == 1 else "ηH not fixed")


def draw(answer):
    """Draws the whole figure."""
    panels = answer.values("error", "panel")
    regimes = answer.values("error", "regime")
    width, height = PANEL[0] * len(regimes), PANEL[1] * len(panels) + HEAD
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - HEAD / height), w_pad=0.1, h_pad=0.1)
    title = "Theorem 3.1 measured: distance of Local SGD from its Slow SDE"
    figure.text(0.5, 1 - 0.27 / height, title, ha="center", va="center", fontsize=15, weight="bold")
    note = "points ± 1 s.e., hollow: not resolved; band: 95 % of the fit; grey: slopes 1 (observed on toys) and ¼ (proved)"
    figure.text(0.5, 1 - 0.6 / height, note, ha="center", va="center", fontsize=10, color=style.GREY)
    grid = figure.subplots(len(panels), len(regimes), squeeze=False)
    for line, panel in zip(grid, panels):
        for axes, regime in zip(line, regimes):
            draw_panel(axes, answer, panel, regime)
        line[0].set_ylabel(f"{panel.replace('_', ' ')}: |E g(measured) − E g(SDE)|")
    return figure
