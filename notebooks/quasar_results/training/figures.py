"""All figures of a comparison of training runs."""

from ..save import save
from . import accuracy, averages, local_batch, schedule, time_use

FIGURES = {
    "accuracy": accuracy.draw,
    "schedule": schedule.draw,
    "averages": averages.draw,
    "time": time_use.draw,
    "local_batch": local_batch.draw,
}


def save_figures(comparison, folder):
    """Writes a PNG a figure, but for those whose data were not recorded, and returns the paths."""
    paths = []
    for name, draw in FIGURES.items():
        figure = draw(comparison)
        if figure is not None:
            paths += save(figure, folder, name, ("png",))
    return paths
