"""The collapse panel: SGD against t and QSR against K·t, the same points on a relabelled axis."""

from . import style
from .panels import MISSING, draw_measurement, draw_theory, finish, measured_parts, theory_parts


def multiplier(part):
    """The factor that stretches the axis: 1 for SGD, the number of workers for QSR."""
    return part.run.info["num_workers"] if part.regime == "qsr" else 1


def shared_end(parts, observable):
    """The largest value of m·t that every run reaches."""
    return min(multiplier(part) * part.run.series(observable).slow_time[-1] for part in parts)


def draw_collapse(axes, comparison, panel, observable, title, missing=MISSING):
    """Draws both regimes on the axis m·t, as far as both reach."""
    parts = []
    for regime in ("sgd", "qsr"):
        parts += theory_parts(comparison, panel, regime)[:1] + measured_parts(comparison, panel, regime)[:1]
    parts = [part for part in parts if part.run.series(observable)]
    for part in parts:
        look = style.look(part.regime, comparison.regimes())
        series = part.run.series(observable).until(shared_end(parts, observable) / multiplier(part))
        if part.kind == "theory":
            draw_theory(axes, part, series, look, stretch=multiplier(part))
        else:
            draw_measurement(axes, series, look, stretch=multiplier(part))
    finish(axes, title, style.OBSERVABLES.get(observable, observable), parts, missing)
    if parts:
        axes.set_xlabel("m·t   (m = 1; QSR: m = K)")
