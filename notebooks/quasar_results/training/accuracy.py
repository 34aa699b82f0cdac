"""Accuracy and test loss against communication and against training time."""

import numpy as np

from .look import draw_line, looks, new_figure, plain_numbers, unit_of

ROWS = [("accuracy", "test accuracy (%)", 100.0), ("loss", "test loss", 1.0)]


def communication(comparison, run, step, volume):
    """Averages so far as a percentage of those of the whole data-parallel training."""
    return 100.0 * volume * step / comparison.total_steps(run)


def training_seconds(wall, training):
    """Seconds without evaluations and checkpoints where recorded, else since the start; they go on at a resume."""
    recorded = np.where(np.isfinite(training), training, wall)
    before_restart = np.where(recorded[1:] < recorded[:-1], recorded[:-1], 0.0)  # a resumed run's clock begins anew
    return recorded + np.concatenate([[0.0], np.cumsum(before_restart)])[: len(recorded)]


def draw(comparison):
    """Two rows (accuracy, loss), two columns (communication, time); None without evaluations."""
    found = looks(comparison)
    names = ("volume", "time.wall", "time.training", *(name for name, _, _ in ROWS))
    data = {run.method: run.columns("evaluations", "step", *names) for run in comparison.runs}
    drawn = [run for run in comparison.runs if np.isfinite(data[run.method][4:]).any()]
    if not drawn:
        return None
    seconds = {m: training_seconds(d[2], d[3]) for m, d in data.items()}
    known = np.concatenate(list(seconds.values()))
    unit, length = unit_of(np.max(known, initial=0.0, where=np.isfinite(known)))
    title = "Accuracy against communication and time"
    figure, axes = new_figure(comparison, title, 2, 2, drawn, sharex="col", sharey="row")
    for run in drawn:
        step, volume = data[run.method][:2]
        share = communication(comparison, run, step, volume)
        share[share <= 0.0] = np.nan  # before the first average: not on a logarithmic axis
        for row, (_, label, factor) in enumerate(ROWS):
            values = factor * data[run.method][4 + row]
            draw_line(axes[row, 0], share, values, found[run.method])
            draw_line(axes[row, 1], seconds[run.method] / length, values, found[run.method])
            axes[row, 0].set_ylabel(label)
    axes[1, 0].set(xscale="log", xlabel="communication (% of all of data-parallel's)")
    axes[1, 1].set(xlabel=f"training time ({unit})")
    plain_numbers(axes[1, 0].xaxis)
    return figure
