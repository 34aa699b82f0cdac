"""Figures of Slow-SDE runs alone: mean, spread and quantiles of the observables, and the paths on the manifold."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import style
from .bundles import draw_bundles, read_bundle
from .panels import SLOW_TIME
from .save import save

MOST_RUNS = 4  # with a panel of their own; all of them are in the first one
COLOURS = [colour for _, colour, _ in style.REGIMES.values()] + style.OTHER_COLOURS
DASHES = (0, (4, 2))
QUANTILES = ("q05", "q25", "q50", "q75", "q95")
FACTS = {  # what tells runs apart: (section of run.json or None, key): how it is written
    (None, "learning_rate"): "η = {:g}",
    (None, "num_workers"): "K = {}",
    (None, "sync_period"): "H = {}",
    (None, "weights"): "{}",
    ("integrator", "scheme"): "{}",
    ("integrator", "retraction"): "{}",
    ("integrator", "noise"): "{}",
    ("integrator", "steps"): "{} steps",
    (None, "seed"): "seed {}",
}


def has_spread(run):
    """True where every observable of the run comes with quantiles."""
    return bool(run.records) and all("q50" in e for r in run.records for e in r["observables"].values())


def fits(comparison):
    """True for a comparison of Slow-SDE runs with quantiles and of nothing else."""
    return bool(comparison.parts) and all(p.kind == "theory" and has_spread(p.run) for p in comparison.parts)


def fact(part, section, key):
    """A value of run.json, None where it is not there."""
    info = part.run.info if section is None else part.run.info.get(section) or {}
    return info.get(key)


def labels(parts):
    """Regime of every part and, where that does not tell it from the others, what does."""
    telling = [where for where in FACTS if len({fact(part, *where) for part in parts}) > 1]
    regimes = list(dict.fromkeys(part.regime for part in parts))
    result = []
    for part in parts:
        words = [style.look(part.regime, regimes)[0]] if len(regimes) > 1 or not telling else []
        alike = [p for p in parts if p.regime == part.regime]
        words += [FACTS[w].format(fact(part, *w)) for w in telling if len({fact(p, *w) for p in alike}) > 1]
        result.append(", ".join(words) or style.look(part.regime, regimes)[0])
    return result


def colours_of(parts):
    """The colour of its regime for every part, or any where two parts have one regime."""
    regimes = list(dict.fromkeys(part.regime for part in parts))
    if len(regimes) == len(parts):
        return [style.look(regime, regimes)[1] for regime in regimes]
    return [COLOURS[index % len(COLOURS)] for index in range(len(parts))]


def column(run, observable, name):
    """(slow times, values) of one number of an observable; null becomes nan."""
    records = [record for record in run.records if observable in record["observables"]]
    times = np.array([record["slow_time"] for record in records], dtype=float)
    return times, np.array([record["observables"][observable].get(name) for record in records], dtype=float)


def draw_means(axes, parts, names, colours, observable):
    """Every run's mean with a band of ± 2 standard errors."""
    for part, name, colour in zip(parts, names, colours):
        time, mean = column(part.run, observable, "mean")
        _, se = column(part.run, observable, "se")
        axes.plot(time, mean, color=colour, linewidth=1.7, label=name)
        axes.fill_between(time, mean - 2 * se, mean + 2 * se, color=colour, alpha=0.3, linewidth=0)
    axes.legend(frameon=False, fontsize=9, handlelength=1.6, borderaxespad=0.2)


def draw_spread(axes, part, colour, observable):
    """One run's mean, mean ± sd as dashes, and the bands of its quantiles."""
    q = {name: column(part.run, observable, name) for name in QUANTILES}
    time = q["q50"][0]
    axes.fill_between(time, q["q05"][1], q["q95"][1], color=colour, alpha=0.14, linewidth=0)
    axes.fill_between(time, q["q25"][1], q["q75"][1], color=colour, alpha=0.28, linewidth=0)
    time, mean = column(part.run, observable, "mean")
    _, sd = column(part.run, observable, "sd")
    axes.plot(time, mean, color=colour, linewidth=1.7)
    for edge in (mean - sd, mean + sd):
        axes.plot(time, edge, color=colour, linewidth=1.0, linestyle=DASHES)


def note_events(axes, part):
    """Says how many paths were given up, and that a run did not end as done."""
    events = {kind: count for kind, count in (part.run.info.get("events") or {}).items() if count}
    total = (part.run.info.get("integrator") or {}).get("paths")
    lines = [f"{sum(events.values())} of {total} paths given up"] if events else []
    lines += [part.run.status] if part.run.status != "done" else []
    axes.text(0.03, 0.03, "\n".join(lines), transform=axes.transAxes, va="bottom", color="#B00000", fontsize=9)


def draw_spread_legend(figure, height):
    """What line, dashes and bands are."""
    line = {"color": style.GREY}
    handles = [
        Line2D([], [], linewidth=1.7, label="mean", **line),
        Line2D([], [], linewidth=1.0, linestyle=DASHES, label="mean ± sd", **line),
        Patch(alpha=0.42, linewidth=0, label="25 to 75 % of the paths", **line),
        Patch(alpha=0.16, linewidth=0, label="5 to 95 %", **line),
    ]
    top = 1 - 0.42 / height
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, top), ncols=4, frameon=False, fontsize=10)


def draw_observables(comparison):
    """A row an observable of a panel: the means of all runs, then the spread of each."""
    rows = list(dict.fromkeys((p.panel, o) for p in comparison.parts for o in p.run.observables()))
    most = max(sum(p.panel == panel for p in comparison.parts) for panel in comparison.panels())
    columns = 1 if most == 1 else 1 + min(most, MOST_RUNS)
    height = 2.7 * len(rows) + 0.8
    with matplotlib.rc_context(style.SETTINGS):
        figure = Figure(figsize=(max(7.0, 3.4 * columns), height), layout="constrained")
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.8 / height), w_pad=0.08, h_pad=0.08)
        figure.text(0.5, 1 - 0.2 / height, "Slow SDE", ha="center", va="center", fontsize=15, weight="bold")
        draw_spread_legend(figure, height)
        grid = figure.subplots(len(rows), columns, squeeze=False, sharey="row")
        for line, (panel, observable) in zip(grid, rows):
            draw_row(line, comparison.select(panel=panel), panel, observable)
        return figure


def draw_row(line, parts, panel, observable):
    """The panels of one observable."""
    names = labels(parts)
    colours = colours_of(parts)
    alone = len(line) == 1
    if not alone:
        draw_means(line[0], parts, names, colours, observable)
        line[0].set_title(f"{panel}: means ± 2 s.e.")
    for axes, part, name, colour in zip(line if alone else line[1:], parts, names, colours):
        draw_spread(axes, part, colour, observable)
        note_events(axes, part)
        axes.set_title(f"{panel}: {name}" if alone else name)
    for axes in line[len(parts) + (not alone) :]:
        axes.set_visible(False)
    for axes in line:
        axes.set(xlabel=SLOW_TIME)
        axes.tick_params(labelleft=True)
    line[0].set_ylabel(style.OBSERVABLES.get(observable, observable))


def save_slow_sde(comparison, out):
    """Writes slow_sde.png/.pdf and, where paths of two or three dimensions were recorded, paths.png/.pdf."""
    written = save(draw_observables(comparison), out, "slow_sde")
    named = []
    for panel in comparison.panels():
        parts = comparison.select(panel=panel)
        named += [(f"{panel}: {name}", read_bundle(part.run)) for part, name in zip(parts, labels(parts))]
    bundles = [(name, bundle) for name, bundle in named if bundle is not None][:MOST_RUNS]
    if bundles:
        written += save(draw_bundles(bundles), out, "paths")
    return written
