"""The one legend of a figure: a colour and marker a regime, and what lines and markers mean."""

from matplotlib.lines import Line2D

from . import style


def regime_handles(comparison):
    """One marker a regime, on a line where the regime has a theory."""
    handles = []
    for regime in comparison.regimes():
        label, colour, marker = style.look(regime, comparison.regimes())
        line = "-" if comparison.select(regime=regime, kind="theory") else "none"
        points = style.marker_style(colour, marker)
        handles.append(Line2D([], [], color=colour, linewidth=1.7, linestyle=line, label=label, **points))
    return handles


def kind_handles(comparison):
    """Line for theory, dashes for the finite-(η, H) curve, markers for measurement; only what the figure has."""
    handles = [Line2D([], [], color=style.GREY, linewidth=1.7, label="theory (Slow SDE)")]
    if comparison.select(weights="psi_disc"):
        dashes = style.LINES["psi_disc"]
        label = "theory, finite (η, H), partial"
        handles.append(Line2D([], [], color=style.GREY, linestyle=dashes, linewidth=1.7, label=label))
    marker = {"color": style.GREY, "marker": "o", "linestyle": "none"}
    handles.append(Line2D([], [], markersize=6, label="measured, ± 1 s.e.", **marker))
    rates = larger_rates(comparison)
    if rates:
        label = f"measured at larger η = {rates[0]:g}" if len(rates) == 1 else "measured at a larger η"
        small = {"markersize": 3.8, "markerfacecolor": "white", "label": label}
        handles.append(Line2D([], [], **small, **marker))
    return handles


def larger_rates(comparison):
    """The learning rates at which some regime of some panel was measured beside its smallest one."""
    rates = {}
    for part in comparison.select(kind="measurement"):
        rates.setdefault((part.panel, part.regime), set()).add(part.learning_rate)
    return sorted({rate for several in rates.values() for rate in several - {min(several)}})


def draw_legend(figure, comparison, top):
    """Two centred rows whose upper edge is at `top` (share of the figure's height)."""
    height = 0.23 / figure.get_size_inches()[1]
    for row, handles in enumerate((regime_handles(comparison), kind_handles(comparison))):
        figure.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, top - row * height),
            ncols=len(handles),
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=2.4,
            columnspacing=2.2,
            fontsize=10,
        )
