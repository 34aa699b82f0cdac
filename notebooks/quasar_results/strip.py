"""The strip of numbers under the figure, read from table.jsonl and the measured runs."""

import math

from . import style
from .panels import measured_parts

COLUMNS = {  # panel: [(heading, right edge in inches)]; the regime's name stands at the left
    "network": [
        ("H", 2.25),
        ("comm.", 2.95),
        ("predicted", 3.85),
        ("measured", 4.75),
        ("diff.", 5.4),
        ("at η → 0", 6.25),
        ("diff.", 6.9),
    ],
    "valley": [("measured", 7.9), ("diff.", 8.6)],
    "circle": [("measured", 9.45), ("diff.", 10.15)],
}
GROUPS = [("network", "tr H", 3.15, 6.9), ("valley", "y", 7.2, 8.6), ("circle", "E cos 2φ", 8.85, 10.15)]
WIDTH = 10.15
MISSING = "–"
NO_NETWORK = "no network half\n(no LibTorch?)"


def is_known(value):
    """True for a number that was there and finite."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def with_error(value, se):
    """A value with its standard error in brackets, in units of the last digit: 15.20(2)."""
    if not is_known(value):
        return MISSING
    if not is_known(se) or se <= 0.0:
        return f"{value:.4g}"
    digits = max(0, -math.floor(math.log10(se)))
    if round(se * 10**digits) == 10:  # 0.0097 rounds up to 0.010
        digits -= 1
    return f"{value:.{max(digits, 0)}f}({round(se * 10**max(digits, 0))})"


def percent(value, form):
    """A share as a percentage."""
    return f"{100 * value:{form}} %" if is_known(value) else MISSING


def in_errors(value):
    """A difference in standard errors."""
    return f"{value:+.1f} s.e." if is_known(value) else MISSING


def network_cells(comparison, regime):
    """H, communication, and tr H predicted, measured and extrapolated, at the smallest learning rate."""
    parts = measured_parts(comparison, "network", regime)
    if not parts:
        return [MISSING] * 7
    part = parts[0]
    wanted = {"panel": "network", "observable": "trace_hessian", "regime": regime}
    end = comparison.last_row("drift", **wanted, learning_rate=part.learning_rate)
    limit = comparison.last_row("extrapolation", **wanted)
    period = part.run.info.get("sync_period")
    return [
        f"{period:g}" if is_known(period) else MISSING,
        percent(part.run.last("communication_volume"), ".3g"),
        with_error(end.get("predicted"), end.get("predicted_se")),
        with_error(end.get("measured"), end.get("se")),
        percent(end.get("relative_difference"), "+.1f"),
        with_error(limit.get("extrapolated"), limit.get("se")),
        percent(limit.get("relative_difference"), "+.1f"),
    ]


def toy_cells(comparison, panel, observable, regime):
    """The measured value at the end and its difference from the prediction in standard errors."""
    parts = measured_parts(comparison, panel, regime)
    if not parts:
        return [MISSING] * 2
    wanted = {"panel": panel, "observable": observable, "regime": regime, "learning_rate": parts[0].learning_rate}
    end = comparison.last_row("drift", **wanted)
    return [with_error(end.get("measured"), end.get("se")), in_errors(end.get("difference_in_se"))]


def cells(comparison, panel, regime):
    """The texts of one regime in the columns of one panel."""
    if panel == "network":
        return network_cells(comparison, regime)
    return toy_cells(comparison, panel, {"valley": "y", "circle": "cos_2phi"}[panel], regime)


def single(values, form):
    """The one value that all have, written out, or nothing."""
    values = set(values)
    return form.format(values.pop()) if len(values) == 1 else ""


def draw_group(axes, comparison, panel, heading, left, right):
    """The columns of one panel under a heading, or a word in their place."""
    regimes = comparison.regimes()
    if panel not in comparison.panels():
        text = NO_NETWORK if panel == "network" else f"no {panel}"
        axes.text((left + right) / 2, 2, text, color=style.GREY, fontsize=9.5, ha="center", va="center")
        return
    axes.text((left + right) / 2, 0, heading, weight="bold", fontsize=9.5, ha="center", va="center")
    axes.plot([left, right], [0.48, 0.48], color=style.GREY, linewidth=0.7)
    for name, edge in COLUMNS[panel]:
        axes.text(edge, 1, name, color=style.GREY, fontsize=9.5, ha="right", va="center")
    for line, regime in enumerate(regimes, 2):
        for text, (_, edge) in zip(cells(comparison, panel, regime), COLUMNS[panel]):
            axes.text(edge, line, text.replace("-", "−"), fontsize=9.5, ha="right", va="center")


def draw_strip(axes, comparison):
    """Writes the strip: the state at the end of the runs, one row a regime, in the regime's colour."""
    regimes = comparison.regimes()
    axes.set(xlim=(0, WIDTH), ylim=(len(regimes) + 1.6, -0.6))
    axes.axis("off")
    workers = single([part.run.info.get("num_workers") for part in comparison.parts], " (K = {})")
    axes.text(0, 0, f"At the end{workers}", weight="bold", fontsize=9.5, va="center")
    for line, regime in enumerate(regimes, 2):
        label, colour, _ = style.look(regime, regimes)
        axes.text(0, line, label, color=colour, weight="bold", fontsize=9.5, va="center")
    measured = [measured_parts(comparison, "network", regime)[:1] for regime in regimes]
    rate = single([part.learning_rate for [part] in filter(None, measured)], " at η = {:g}")
    for panel, symbol, left, right in GROUPS:
        heading = f"{panel}, {symbol}{rate if panel == 'network' else ''}"
        draw_group(axes, comparison, panel, heading, left, right)
