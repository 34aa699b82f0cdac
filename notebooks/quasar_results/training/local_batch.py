"""Local batch sizes that adapt (the norm test), and accuracy, against samples seen."""

import numpy as np

from .look import draw_line, looks, new_figure, plain_numbers, widths


def draw(comparison):
    """Local batch above, accuracy below; None unless some run's local batch changes."""
    batches = {run.method: run.columns("steps", "samples", "local_batch") for run in comparison.runs}
    if not any(len(np.unique(batch[np.isfinite(batch)])) > 1 for _, batch in batches.values()):
        return None
    found = looks(comparison)
    title = "Local batch and accuracy against samples"
    figure, axes = new_figure(comparison, title, 2, 1, comparison.runs, (8.4, 2.6), sharex=True)
    above, below = axes[:, 0]
    for run in comparison.runs:
        samples, batch = batches[run.method]
        look = found[run.method] | {"marker": None, "linewidth": widths(comparison.runs)[run.method]}
        above.step(samples, batch, where="post", **look)
        samples, accuracy = run.columns("evaluations", "samples", "accuracy")
        draw_line(below, samples, 100.0 * accuracy, found[run.method])
    above.set(yscale="log", ylabel="local batch (samples)")
    plain_numbers(above.yaxis)
    below.set(ylabel="test accuracy (%)", xlabel="training samples, all workers")
    return figure
