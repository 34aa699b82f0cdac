"""A few paths of a Slow SDE on a manifold in two or three dimensions."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from . import style
from .files import read_lines
from .panels import SLOW_TIME

COORDINATES = ("x", "y", "z")
COLOURS = matplotlib.colormaps["viridis"].resampled(8)  # few, since the PNG has a palette
SHOWN_IN_SPACE = 6  # paths drawn as lines in three dimensions; more hide each other

THINNEST = 0.5  # the shortest edge of the box in space, of the longest: a line would have no room for its ticks


@dataclass
class Bundle:
    """Positions (time, path, coordinate), nan where a path has been given up."""

    slow_time: np.ndarray
    positions: np.ndarray


def is_bundle_record(record):
    """True for a record of paths.jsonl: a slow time and a list of points, null for a path that was given up."""
    return isinstance(record, dict) and "slow_time" in record and isinstance(record.get("positions"), list)


def read_bundle(run):
    """The paths of a run, or None where none were recorded or they are not in two or three dimensions."""
    records = read_lines(run.folder / "paths.jsonl", is_bundle_record, finished=False)
    sizes = {len(point) for record in records for point in record["positions"] if point is not None}
    if sizes not in ({2}, {3}):
        return None
    missing = [np.nan] * sizes.pop()
    positions = [[missing if point is None else point for point in record["positions"]] for record in records]
    return Bundle(np.array([record["slow_time"] for record in records]), np.array(positions, dtype=float))


def last_points(bundle):
    """Where each path is at its last record before it was given up."""
    alive = np.isfinite(bundle.positions[:, :, 0])
    last = len(alive) - 1 - np.argmax(alive[::-1], axis=0)
    return bundle.positions[last, np.arange(alive.shape[1])]


def draw_in_space(axes, bundle):
    """All positions, coloured by slow time; lines in three dimensions; the start and the ends are marked."""
    dimension = bundle.positions.shape[2]
    colours = COLOURS(np.repeat(bundle.slow_time / max(bundle.slow_time[-1], 1e-300), bundle.positions.shape[1]))
    points = bundle.positions.reshape(-1, dimension)
    if dimension == 3:
        for path in range(min(SHOWN_IN_SPACE, bundle.positions.shape[1])):
            axes.plot(*bundle.positions[:, path].T, color=style.GREY, linewidth=0.6, alpha=0.6)
    axes.scatter(*points.T, s=5 if dimension == 2 else 3, c=colours, linewidth=0, zorder=2)
    ends = {"s": 34, "facecolor": "none", "edgecolor": "#D55E00", "linewidth": 1.2, "label": "ends", "zorder": 3}
    axes.scatter(*last_points(bundle).T, **ends)
    axes.scatter(*bundle.positions[0, 0], s=90, marker="*", color="black", label="start", zorder=4)
    axes.set(xlabel=COORDINATES[0], ylabel=COORDINATES[1])
    if dimension == 2:
        axes.set_aspect("equal", adjustable="datalim")
        return
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    half = np.maximum(high - low, THINNEST * max(high - low)) / 2 + 1e-300
    x, y, z = zip((low + high) / 2 - half, (low + high) / 2 + half)
    axes.set(xlim=x, ylim=y, zlim=z, zlabel=COORDINATES[2])
    axes.set_box_aspect(half / max(half), zoom=0.85)  # equal scales; the labels need room
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(3))


def draw_coordinate(axes, bundle, coordinate):
    """One coordinate of every path against slow time."""
    for path in range(bundle.positions.shape[1]):
        colour = style.OTHER_COLOURS[path % len(style.OTHER_COLOURS)]
        axes.plot(bundle.slow_time, bundle.positions[:, path, coordinate], color=colour, linewidth=0.8, alpha=0.8)
    axes.set(xlabel=SLOW_TIME, ylabel=COORDINATES[coordinate])


def draw_bundles(bundles):
    """A row a run: the manifold as its paths trace it, and the coordinates against slow time."""
    dimension = max(bundle.positions.shape[2] for _, bundle in bundles)
    with matplotlib.rc_context(style.SETTINGS):
        figure = Figure(figsize=(5.0 + 2.9 * dimension, 3.6 * len(bundles) + 0.3), layout="constrained")
        grid = figure.add_gridspec(len(bundles), 1 + dimension, width_ratios=[1.5] + [1.0] * dimension)
        for row, (name, bundle) in enumerate(bundles):
            own = bundle.positions.shape[2]
            axes = figure.add_subplot(grid[row, 0], projection="3d" if own == 3 else None)
            draw_in_space(axes, bundle)
            axes.set_title(name)
            if row == 0:
                figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
            scale = ScalarMappable(Normalize(0, bundle.slow_time[-1]), COLOURS)
            figure.colorbar(scale, ax=axes, label=SLOW_TIME, shrink=0.8, pad=0.12 if own == 3 else 0.03)
            for coordinate in range(own):
                axes = figure.add_subplot(grid[row, 1 + coordinate])
                draw_coordinate(axes, bundle, coordinate)
                if coordinate == 0:
                    axes.set_title(f"{bundle.positions.shape[1]} paths")
        return figure
