"""The measured drift multiplier against H, with 1 + (K−1) ψ_disc drawn through it and the differences below."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from .. import style

MEASURED = "#D55E00"
THEORY = "#000000"
CONTRAST = "#0072B2"
CLIP = 4.0  # standard errors shown; what is beyond is drawn at the edge


def agreement(answer, theory):
    """χ² of a theory over its degrees of freedom, written out."""
    row = answer.one("agreement", theory=theory)
    chi_square = f"{row['chi_square']:,.0f}" if row["chi_square"] > 1000 else f"{row['chi_square']:.3g}"
    return f"χ² = {chi_square} / {row['degrees_of_freedom']:g}"


def draw_multipliers(axes, answer, measured, curve):
    """Both theories as lines, the measured multipliers as points."""
    workers = curve["num_workers"]
    label = rf"1 + (K−1) $\psi_{{\rm disc}}$(ηλ, H),  {agreement(answer, '1 + (K-1) psi_disc')}"
    axes.plot(curve["sync_period"], curve["psi_disc"], color=THEORY, linewidth=1.7, label=label, zorder=2)
    label = f"1 + (K−1) ψ(2ηHλ),  {agreement(answer, '1 + (K-1) psi')}"
    axes.plot(curve["sync_period"], curve["psi"], color=CONTRAST, linestyle=(0, (4, 2)), linewidth=1.5, label=label)
    h, m, se = (np.array([row[key] for row in measured]) for key in ("sync_period", "measured", "se"))
    look = {"marker": "s", "markersize": 6.5, "markeredgecolor": "white", "linestyle": "none", "color": MEASURED}
    axes.errorbar(h, m, yerr=se, label="measured ± 1 s.e. (smaller than the points)", zorder=4, **look)
    for level, text in ((1, "SGD: 1"), (workers, f"limit of QSR: K = {workers}")):
        axes.axhline(level, color=style.GREY, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
        axes.annotate(text, (0.995, level), (0, -4), xycoords=("axes fraction", "data"), textcoords="offset points",
                      ha="right", va="top", fontsize=9.5, color=style.GREY)  # fmt: skip
    axes.set(xscale="log", ylabel="drift in units of SGD's", ylim=(0.8, workers + 0.25))
    axes.legend(loc="upper left", frameon=False, fontsize=9.5, bbox_to_anchor=(0.0, 0.93))
    turn = 2 * curve["learning_rate"] * curve["eigenvalue"]
    above = axes.secondary_xaxis("top", functions=(lambda x: x * turn, lambda x: x / turn))
    above.set_xlabel("2ηHλ", labelpad=7)
    above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_title(f"Drift multiplier of Local SGD at η = {curve['learning_rate']:g}", fontsize=13, pad=10)


def draw_differences(axes, measured):
    """Measured minus each theory in standard errors; what is beyond the axis is an arrow."""
    h = np.array([row["sync_period"] for row in measured])
    for key, colour, marker, zorder in (("psi", CONTRAST, "^", 2), ("psi_disc", MEASURED, "s", 3)):
        pull = np.array([(row["measured"] - row[key]) / row["se"] for row in measured])
        inside = np.abs(pull) <= CLIP
        face = colour if key == "psi_disc" else "white"
        look = {"linestyle": "none", "color": colour, "markerfacecolor": face, "markersize": 6, "zorder": zorder}
        axes.plot(h[inside], pull[inside], marker=marker, **look)
        for sign, arrow in ((1, "^"), (-1, "v")):
            beyond = ~inside & (np.sign(pull) == sign)
            axes.plot(h[beyond], np.full(beyond.sum(), sign * (CLIP + 0.4)), marker=arrow, **look)
    axes.axhspan(-2, 2, color=style.GREY, alpha=0.12, linewidth=0)
    axes.axhline(0, color=THEORY, linewidth=1.2)
    axes.set(xscale="log", ylim=(-CLIP - 0.9, CLIP + 0.9), yticks=[-4, -2, 0, 2, 4], xlabel="H, local steps between averages")
    axes.set_ylabel("(measured −\ntheory) / s.e.")
    axes.text(0.99, 0.96, r"filled: $\psi_{\rm disc}$; open: ψ (arrow at an edge: beyond it)", transform=axes.transAxes, ha="right",
              va="top", fontsize=9, color=style.GREY)  # fmt: skip


def draw(answer):
    """Draws the whole figure."""
    measured = sorted(answer.select("multiplier"), key=lambda row: row["sync_period"])
    curve = answer.one("curve")
    figure = Figure(figsize=(8.4, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.1))
    draw_multipliers(above, answer, measured, curve)
    draw_differences(below, measured)
    ticks = [row["sync_period"] for row in measured]
    step = max(1, round(len(ticks) / 8))
    below.set_xticks(ticks[::step])
    below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    below.xaxis.set_minor_locator(NullLocator())
    return figure
