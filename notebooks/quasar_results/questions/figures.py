"""The figure of every question."""

import matplotlib

from .. import style
from . import drift_multiplier, stationary, stich, weak_error

FIGURES = {
    "weak_error": weak_error.draw,
    "drift_multiplier": drift_multiplier.draw,
    "stationary": stationary.draw,
    "stich": stich.draw,
}


def draw_answer(answer):
    """Draws the answer's figure in quasar's style."""
    with matplotlib.rc_context(style.SETTINGS):
        return FIGURES[answer.question](answer)
