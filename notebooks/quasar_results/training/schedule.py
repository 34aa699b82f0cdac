"""The averaging period H(t) above the learning rate η(t)."""

import numpy as np

from .. import style
from .look import looks, new_figure, plain_numbers, widths


def read(run):
    """Step, H and η as recorded with the steps, or with the averages where steps were not recorded."""
    names = ("step", "sync_period", "learning_rate")
    recorded = run.columns("steps", *names)
    return recorded if len(recorded[0]) else run.columns("averages", *names)


def same_rate(schedules):
    """True where all runs have one learning rate."""
    first_step, _, first_rate = schedules[0]
    return all(np.allclose(np.interp(s, first_step, first_rate), rate, rtol=0.02) for s, _, rate in schedules[1:])


def draw(comparison):
    """H on a logarithmic axis; one grey η where all runs have the same; None where nothing is recorded."""
    schedules = {run.method: read(run) for run in comparison.runs}
    drawn = [run for run in comparison.runs if len(schedules[run.method][0])]
    if not drawn:
        return None
    found = looks(comparison)
    figure, axes = new_figure(comparison, "Averaging period and learning rate", 2, 1, drawn, (8.4, 2.4), sharex=True)
    above, below = axes[:, 0]
    one_rate = same_rate([schedules[run.method] for run in drawn])
    for run in drawn:
        step, period, rate = schedules[run.method]
        look = found[run.method] | {"marker": None, "linewidth": widths(drawn)[run.method]}
        above.step(step, period, where="post", **look)
        if not one_rate:
            below.plot(step, rate, **look)
    if one_rate:
        step, _, rate = schedules[max(drawn, key=lambda run: schedules[run.method][0][-1]).method]
        below.plot(step, rate, color=style.GREY, linewidth=1.6)
    above.set(yscale="log", ylabel="H (local steps)")
    plain_numbers(above.yaxis)
    below.set(ylabel="η" + (" (all runs)" if one_rate and len(drawn) > 1 else ""), xlabel="step", ylim=(0, None))
    return figure
