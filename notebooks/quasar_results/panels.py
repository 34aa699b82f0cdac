"""One panel of a comparison: theory as lines, measurement as markers, in the colour of the regime."""

import math

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from . import style

MARKERS = 9  # at most, a curve
SLOW_TIME = "slow time t"
MISSING = "no data in this comparison"


def smallest_rate_first(parts):
    """The parts in order of learning rate; the smallest is the main one."""
    return sorted(parts, key=lambda part: part.learning_rate)


def measured_parts(comparison, panel, regime):
    """The measured parts of a regime, the main one first."""
    return smallest_rate_first(comparison.select(panel=panel, regime=regime, kind="measurement"))


def theory_parts(comparison, panel, regime):
    """The prediction (psi where there are several) and the finite-(η, H) curve, each at the smallest learning rate."""
    parts = smallest_rate_first(comparison.select(panel=panel, regime=regime, kind="theory"))
    predictions = sorted((p for p in parts if p.weights != "psi_disc"), key=lambda part: part.weights != "psi")
    finite = [part for part in parts if part.weights == "psi_disc"]
    return predictions[:1] + finite[:1]


def few(count, most, between=False):
    """Every n-th index of `count` points, at most `most` of them, counted from the last; or those halfway between."""
    stride = max(1, math.ceil(count / most))
    last = count - 1 - (stride // 2 if between else 0)
    return np.arange(last, -1, -stride)[::-1]


def draw_theory(axes, part, series, look, stretch=1.0):
    """A line (dashed for psi_disc), with a band of ± 1 s.e. where the theory is itself an ensemble."""
    _, colour, _ = look
    time = stretch * series.slow_time
    axes.plot(time, series.mean, color=colour, linestyle=style.LINES.get(part.weights, "-"), linewidth=1.7, zorder=2)
    se = np.nan_to_num(series.se)
    if np.any(se > 0.0):
        low, high = series.mean - se, series.mean + se
        axes.fill_between(time, low, high, color=colour, alpha=0.25, linewidth=0, zorder=1)


def draw_measurement(axes, series, look, main=True, stretch=1.0, markers=MARKERS):
    """Markers with error bars of ± 1 s.e.; small and open where the learning rate is not the main one."""
    _, colour, marker = look
    points = few(len(series.slow_time), markers, between=not main)
    axes.errorbar(
        stretch * series.slow_time[points],
        series.mean[points],
        yerr=np.nan_to_num(series.se[points]),
        linestyle="none",
        color=colour,
        markeredgewidth=0.9,
        elinewidth=1.1,
        capsize=0,
        zorder=4 if main else 5,
        **style.marker_style(colour, marker, main),
    )


def say(axes, text):
    """Writes a grey sentence in the middle of a panel that has nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=style.GREY, fontsize=10)
    axes.set(xticks=[], yticks=[])


def note_unfinished(axes, comparison, panel):
    """Names the runs of a panel that did not end as done, so that a short curve is not taken for a result."""
    runs = [(p, p.run.status) for p in comparison.select(panel=panel) if p.run.status != "done"]
    lines = [f"{p.regime} ({p.kind}, η = {p.learning_rate:g}): {status}" for p, status in runs]
    more = [f"and {len(lines) - 3} more"] if len(lines) > 3 else []
    text = "\n".join(lines[:3] + more)
    axes.text(0.02, 0.03, text, transform=axes.transAxes, va="bottom", color="#B00000", fontsize=9)


def draw_panel(axes, comparison, panel, observable, title, missing=MISSING, detail=True, markers=MARKERS):
    """Draws one observable for every regime; `detail` adds the dashed curves and the larger learning rates."""
    found = False
    for regime in comparison.regimes():
        look = style.look(regime, comparison.regimes())
        for part in theory_parts(comparison, panel, regime)[: None if detail else 1]:
            if series := part.run.series(observable):
                draw_theory(axes, part, series, look)
                found = True
        measured = measured_parts(comparison, panel, regime)
        for part in measured[: None if detail else 1]:
            if series := part.run.series(observable):
                draw_measurement(axes, series, look, part.learning_rate == measured[0].learning_rate, markers=markers)
                found = True
    finish(axes, title, style.OBSERVABLES.get(observable, observable), found, missing)
    if found and observable in style.LOGARITHMIC:
        axes.set_yscale("log")
        few_decades = axes.get_ylim()[1] < 100 * axes.get_ylim()[0]
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few_decades else (1.0,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())


def finish(axes, title, label, found, missing):
    """Title and labels of a panel, or what is missing from it."""
    axes.set_title(title)
    if found:
        axes.set(xlabel=SLOW_TIME, ylabel=label)
    else:
        say(axes, missing)
