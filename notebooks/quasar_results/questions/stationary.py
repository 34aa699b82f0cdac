"""Stationary laws: the histogram of the replicas against each regime's density, one row a landscape."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator

from .. import style

PANEL = (4.0, 2.75)
HEAD = 0.85
LAWS = {"circle": ("φ", r"density ∝ $D^{m-1}$"), "periodic_valley": ("y", r"density ∝ $e^{\kappa\,\cos y}$ for constant m")}
MULTIPLIERS = {"sgd": "m = 1", "inverse": "1 < m < K", "qsr": "m → K"}


def in_pi(value, _):
    """A tick in multiples of π/2."""
    halves = round(2 * value / np.pi)
    names = {0: "0", 1: "π/2", -1: "−π/2", 2: "π", -2: "−π"}
    return names.get(halves, f"{halves / 2:g}π")


def draw_panel(axes, answer, row):
    """Points ± 1 s.e. of a histogram, the regime's density, and thin dashes for the other regimes' densities."""
    count = np.array(row["counts"], dtype=float)
    replicas, bins = row["replicas"], len(row["counts"])
    width = row["period"] / bins
    centre = row["low"] + width * (np.arange(bins) + 0.5)
    share = count / replicas
    se = np.sqrt(share * (1 - share) / replicas)
    regimes = answer.values("histogram", "regime")
    for other in answer.select("histogram", panel=row["panel"]):
        _, colour, _ = style.look(other["regime"], regimes)
        own = other is row
        look = {"linewidth": 1.9, "zorder": 3} if own else {"linewidth": 0.9, "linestyle": (0, (4, 2)), "zorder": 2}
        axes.plot(other["coordinates"], other["density"], color=colour, **look)
    label, colour, _ = style.look(row["regime"], regimes)
    axes.bar(centre, share / width, width=width, color=colour, alpha=0.22, linewidth=0, zorder=1)
    axes.errorbar(centre, share / width, yerr=se / width, linestyle="none", color=colour, elinewidth=1.2, zorder=4,
                  marker="o", markersize=2.6)  # fmt: skip
    tests = row["tests"]
    own = tests[row["regime"]]
    lines = [f"χ² = {own['chi_square']:.0f} / {own['degrees_of_freedom']:.0f}, p = {own['p_value']:.2g}"]
    lines += [f"law of {name}: {test['chi_square']:.0f}" for name, test in tests.items() if name != row["regime"]]
    axes.set_title(f"{label}: {MULTIPLIERS.get(row['regime'], '')}", color=colour)
    axes.text(0.02, 0.98, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=9)
    axes.set_xlim(row["low"], row["low"] + row["period"])
    axes.xaxis.set_major_locator(MultipleLocator(np.pi / 2 if row["period"] > 4 else np.pi / 4))
    axes.xaxis.set_major_formatter(FuncFormatter(in_pi if row["period"] > 4 else in_quarters))
    axes.set_xlabel(LAWS.get(row["panel"], (row["coordinate"],))[0])


def in_quarters(value, _):
    """A tick in multiples of π/4."""
    quarters = round(4 * value / np.pi)
    return {0: "0", 1: "π/4", 2: "π/2", 3: "3π/4", 4: "π"}.get(quarters, f"{quarters / 4:g}π")


def draw(answer):
    """Draws the whole figure."""
    panels, regimes = answer.values("histogram", "panel"), answer.values("histogram", "regime")
    width, height = PANEL[0] * len(regimes), PANEL[1] * len(panels) + HEAD
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - HEAD / height), w_pad=0.08, h_pad=0.1)
    title = "Where Local SGD settles: stationary laws on the manifold of minimisers"
    figure.text(0.5, 1 - 0.25 / height, title, ha="center", va="center", fontsize=15, weight="bold")
    handles = [
        Line2D([], [], color=style.GREY, marker="o", markersize=3, linestyle="none", label="measured ± 1 s.e."),
        Line2D([], [], color=style.GREY, linewidth=1.9, label="Slow SDE, this regime"),
        Line2D([], [], color=style.GREY, linewidth=0.9, linestyle=(0, (4, 2)), label="Slow SDE, the other regimes"),
    ]
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.42 / height), ncols=3, frameon=False)
    grid = figure.subplots(len(panels), len(regimes), squeeze=False, sharey="row")
    for line, panel in zip(grid, panels):
        top = max(max(row["density"]) for row in answer.select("histogram", panel=panel))
        for axes, regime in zip(line, regimes):
            draw_panel(axes, answer, answer.one("histogram", panel=panel, regime=regime))
            axes.set_ylim(0, 1.45 * top)
        line[0].set_ylabel(f"{panel.replace('_', ' ')}\n{LAWS.get(panel, ('', 'density'))[1]}")
    return figure
