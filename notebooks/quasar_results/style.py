"""How things look: one colour and marker a regime (Okabe-Ito, safe for colour-blind readers), names and fonts."""

import matplotlib

RING = "8"  # an octagon, drawn hollow and large, around the markers of the regime that it controls

REGIMES = {  # name: (label, colour, marker)
    "sgd": ("SGD, H = 1", "#0072B2", "o"),
    "inverse": ("Local SGD, H = β/η", "#D55E00", "s"),
    "qsr": ("QSR, H = (α/η)²", "#009E73", "^"),
    "sgd_small_batch": ("control: SGD, batch B/K", "#7A4B94", RING),
}
OTHER_COLOURS = ["#56B4E9", "#E69F00", "#CC79A7", "#000000", "#999999"]
OTHER_MARKERS = ["v", "D", "P", "<", ">"]

LINES = {"psi": "-", "limit": "-", "psi_disc": (0, (4, 2))}

OBSERVABLES = {  # name: label of the axis
    "y": "y",
    "cos_2phi": "E cos 2φ",
    "sin_2phi": "E sin 2φ",
    "sin_y": "E sin y",
    "cos_y": "E cos y",
    "log_product": r"$\ln u_1 v_1$",
    "weight_norm": r"$|w|_1$",
    "trace_hessian": "tr H",
    "lambda_max": r"$\lambda_{\max}$",
    "train_loss": "training loss",
    "dispersion": "dispersion",
    "held_out_accuracy": "accuracy",
    "distance_to_manifold": "distance to Γ",
    "communication_volume": "communication volume",
    "sync_period": "H",
}
LOGARITHMIC = {"train_loss", "dispersion", "distance_to_manifold", "sync_period"}

GREY = "#555555"
SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 5,
    "axes.labelsize": 10,
    "axes.labelpad": 2,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "pdf.fonttype": 42,
}


def apply():
    """Makes quasar's settings the current ones of matplotlib."""
    matplotlib.rcParams.update(SETTINGS)


def look(regime, regimes):
    """Label, colour and marker of a regime; one that is not known here gets the next free colour among `regimes`."""
    if regime in REGIMES:
        return REGIMES[regime]
    index = [r for r in regimes if r not in REGIMES].index(regime)
    return regime, OTHER_COLOURS[index % len(OTHER_COLOURS)], OTHER_MARKERS[index % len(OTHER_MARKERS)]


def marker_style(colour, marker, main=True):
    """How a measured point looks: filled, small and open where the learning rate is not the main one, or a ring."""
    if marker == RING:
        return {"marker": marker, "markersize": 9.5, "markerfacecolor": "none", "markeredgecolor": colour}
    if main:
        return {"marker": marker, "markersize": 6.2, "markerfacecolor": colour, "markeredgecolor": "white"}
    return {"marker": marker, "markersize": 3.5, "markerfacecolor": "white", "markeredgecolor": colour}
