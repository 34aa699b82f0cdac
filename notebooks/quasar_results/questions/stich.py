"""Gradients and rounds to ε against K for each H, the speed-up map and the theorem's bound beside its measurement."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from .. import style

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
REGIMES = {"synchronous": ("-", "o"), "asynchronous": ((0, (4, 2)), "^")}
COST = 25.0  # of an average, in gradients, in the map


def reached(answer, **wanted):
    """The cells that came to ε, by K."""
    cells = [row for row in answer.select("cell", **wanted) if row["steps_to_epsilon"] is not None]
    return sorted(cells, key=lambda row: row["num_workers"])


def workers_axis(axes, workers):
    """K on a scale of powers."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(workers)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("K, workers")


def draw_against_workers(axes, answer, key):
    """One line an H and algorithm."""
    for index, period in enumerate(answer.values("cell", "sync_period")):
        for regime, (line, marker) in REGIMES.items():
            cells = reached(answer, sync_period=period, regime=regime)
            label = f"H = {period}" if regime == "synchronous" else None
            axes.plot([row["num_workers"] for row in cells], [row[key] for row in cells], linestyle=line, marker=marker,
                      markersize=4.5, color=COLOURS[index % len(COLOURS)], label=label)  # fmt: skip
    workers_axis(axes, answer.values("cell", "num_workers"))
    axes.set(yscale="log", ylabel=f"{key} to ε")


def draw_map(axes, answer):
    """Speed-up over SGD of every K and H where an average costs COST gradients."""
    workers = sorted(answer.values("cell", "num_workers"))
    periods = sorted(answer.values("cell", "sync_period"))
    grid = np.full((len(periods), len(workers)), np.nan)
    for row in reached(answer, regime="synchronous"):
        for speed_up in row["speed_up"]:
            if speed_up["communication_cost"] == COST:
                grid[periods.index(row["sync_period"]), workers.index(row["num_workers"])] = speed_up["value"]
    if np.isfinite(grid).any():
        axes.imshow(np.log2(grid), cmap="YlGnBu", origin="lower", aspect="auto")
    for (y, x), value in np.ndenumerate(grid):
        text = f"{value:.3g}" if np.isfinite(value) else "–"
        dark = np.isfinite(value) and np.log2(value) > 0.6 * np.log2(np.nanmax(grid))
        axes.text(x, y, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    axes.set(xticks=range(len(workers)), xticklabels=workers, yticks=range(len(periods)), yticklabels=periods)
    axes.set(xlabel="K, workers", ylabel="H, local steps between averages")
    axes.grid(False)
    axes.set_title(f"Speed-up if an average costs {COST:g} gradients")


def draw_bounds(axes, answer):
    """The measured gap under the theorem's bound, at its own step sizes."""
    for index, period in enumerate(answer.values("bound", "sync_period")):
        rows = sorted(answer.select("bound", sync_period=period), key=lambda row: row["num_workers"])
        workers = [row["num_workers"] for row in rows]
        colour = COLOURS[index % len(COLOURS)]
        axes.plot(workers, [row["bound"] for row in rows], color=colour, linestyle=(0, (1, 1.5)), linewidth=1.6)
        axes.plot(workers, [row["gap"] for row in rows], color=colour, marker="o", markersize=4.5, linestyle="none")
    workers_axis(axes, answer.values("bound", "num_workers"))
    axes.set(yscale="log", ylabel="gap at the end of the run")
    axes.set_title("Stich's bound (dotted) and what was measured")


def draw(answer):
    """Draws the whole figure."""
    problem = answer.select("cell")[0]["problem"]
    figure = Figure(figsize=(10.2, 7.2), layout="constrained")
    (gradients, rounds), (speed_up, bounds) = figure.subplots(2, 2)
    draw_against_workers(gradients, answer, "gradients")
    gradients.set_title("Gradients (all workers); dashed: asynchronous")
    draw_against_workers(rounds, answer, "rounds")
    rounds.set_title("Rounds of communication")
    rounds.legend(loc="best", frameon=False, fontsize=9)
    draw_map(speed_up, answer)
    draw_bounds(bounds, answer)
    kappa = problem["smoothness"] / problem["strong_convexity"]
    figure.suptitle(
        f"Local SGD on a convex loss, n = {problem['samples']}, d = {problem['features']}, L/μ = {kappa:.4g}, "
        f"b = {problem['local_batch_size']}, ε = {problem['epsilon']:g}",
        fontsize=12,
    )
    return figure
