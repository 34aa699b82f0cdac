"""The main job's figure: theory and measurement of Local SGD on one 16:9 page."""

import matplotlib
from matplotlib.figure import Figure

from . import style
from .collapse import draw_collapse
from .legend import draw_legend
from .panels import MARKERS, draw_panel, note_unfinished
from .strip import NO_NETWORK, draw_strip

SIZE = (13.333, 7.5)
TITLE = "Local SGD: theory and measurement on one page"

# name of the axes: (panel, observable, title)
PANELS = {
    "valley": ("valley", "y", "Toy valley: position y"),
    "circle": ("circle", "cos_2phi", "Toy circle: mean of cos 2φ"),
    "trace": ("network", "trace_hessian", "Trained network: tr H, no free parameter"),
    "lambda_max": ("network", "lambda_max", "Network: top curvature"),
    "collapse": ("network", "trace_hessian", "SGD, QSR on one axis"),
    "loss": ("network", "train_loss", "Network: training loss"),
    "dispersion": ("network", "dispersion", "Spread of workers"),
    "accuracy": ("network", "held_out_accuracy", "Held-out accuracy"),
}
DETAILED = {"valley", "circle", "trace"}  # with dashed curves, larger learning rates and unfinished runs
# (left, bottom, width, height) in inches, labels not counted
PLACES = {
    "valley": (0.70, 4.66, 2.30, 1.70),
    "circle": (0.70, 2.18, 2.30, 1.70),
    "trace": (3.65, 2.18, 3.75, 4.18),
    "lambda_max": (8.30, 4.66, 1.95, 1.70),
    "collapse": (11.10, 4.66, 2.00, 1.70),
    "loss": (8.30, 2.18, 1.95, 1.70),
    "dispersion": (11.10, 2.18, 2.00, 1.70),
    "accuracy": (0.70, 0.45, 1.85, 0.95),
    "strip": (3.0, 0.12, 10.15, 1.35),
}


def fits(comparison):
    """True where the comparison has the main job's network, or both of its toys: one toy alone has a figure of its own."""
    panels = set(comparison.panels())
    return "network" in panels or {"valley", "circle"} <= panels


def missing_text(comparison, panel):
    """What an empty panel says."""
    if panel in comparison.panels():
        return "not recorded"
    return NO_NETWORK if panel == "network" else f"no {panel}\nin these results"


def draw_side_by_side(comparison):
    """Draws the whole figure."""
    with matplotlib.rc_context(style.SETTINGS):
        figure = Figure(figsize=SIZE)
        figure.text(0.5, 0.967, TITLE, ha="center", va="center", fontsize=17, weight="bold")
        draw_legend(figure, comparison, top=0.942)
        for name, (left, bottom, width, height) in PLACES.items():
            axes = figure.add_axes((left / SIZE[0], bottom / SIZE[1], width / SIZE[0], height / SIZE[1]))
            if name == "strip":
                draw_strip(axes, comparison)
                continue
            panel, observable, title = PANELS[name]
            what = (comparison, panel, observable, title, missing_text(comparison, panel))
            if name == "collapse":
                draw_collapse(axes, *what)
            else:
                draw_panel(axes, *what, detail=name in DETAILED, markers=18 if name == "trace" else MARKERS)
            if name in DETAILED:
                note_unfinished(axes, comparison, panel)
        axes = figure.axes[list(PLACES).index("trace")]
        if axes.get_xlabel():
            axes.set_xlabel("slow time t = steps × η²")
        return figure
