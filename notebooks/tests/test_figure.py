"""The figure shows what the folder holds: lines for theory, markers for measurement, words for what is missing."""

import json

import pytest
from quasar_results import style
from quasar_results.generic import draw_generic, pairs
from quasar_results.panels import few
from quasar_results.reader import read_comparison
from quasar_results.side_by_side import PLACES, draw_side_by_side, fits
from quasar_results.strip import network_cells, with_error
from synthetic import write_comparison


def axes_of(figure, name):
    """The axes of one panel of the page."""
    return figure.axes[list(PLACES).index(name)]


def texts(axes):
    """Everything written inside the axes."""
    return " ".join(text.get_text() for text in axes.texts)


def smallest_font(figure):
    """The size of the smallest text that is visible."""
    from matplotlib.text import Text

    written = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    return min(text.get_fontsize() for text in written)


def test_trace_panel_has_a_curve_and_points_a_regime(folder):
    axes = axes_of(draw_side_by_side(read_comparison(folder)), "trace")
    colours = {style.REGIMES[name][1] for name in ("sgd", "inverse", "qsr")}
    solid = {line.get_color() for line in axes.lines if line.get_linestyle() == "-"}
    dashed = {line.get_color() for line in axes.lines if line.get_linestyle() == "--"}
    assert solid == colours and dashed == colours
    open_markers = [bars.lines[0].get_markerfacecolor() == "white" for bars in axes.containers]
    assert len(open_markers) == 7 and sum(open_markers) == 3  # two rates a regime and the control


def test_theory_line_is_the_smallest_rate(folder):
    comparison = read_comparison(folder)
    axes = axes_of(draw_side_by_side(comparison), "loss")
    [small] = [p for p in comparison.select(panel="network", regime="sgd", weights="psi") if p.learning_rate == 0.01]
    [line] = [x for x in axes.lines if x.get_linestyle() == "-" and x.get_color() == style.REGIMES["sgd"][1]]
    assert list(line.get_ydata()) == list(small.run.series("train_loss").mean)


def test_collapse_stretches_qsr_by_the_number_of_workers(folder):
    comparison = read_comparison(folder)
    axes = axes_of(draw_side_by_side(comparison), "collapse")
    [line] = [x for x in axes.lines if x.get_linestyle() == "-" and x.get_color() == style.REGIMES["qsr"][1]]
    assert line.get_xdata()[-1] == pytest.approx(10.0)  # t = 2.5 of QSR, K = 4
    assert line.get_xdata()[1] == pytest.approx(4 * 0.25)


def test_all_text_is_readable_at_slide_size(folder):
    figure = draw_side_by_side(read_comparison(folder))
    assert tuple(figure.get_size_inches()) == pytest.approx((13.333, 7.5))
    assert smallest_font(figure) >= 9


def test_missing_half_is_said(tmp_path):
    comparison = read_comparison(write_comparison(tmp_path, panels=("valley", "circle")))
    figure = draw_side_by_side(comparison)
    assert fits(comparison)
    assert "no network half" in texts(axes_of(figure, "trace"))
    assert "no network half" in texts(axes_of(figure, "strip"))
    assert len(axes_of(figure, "valley").containers) == 3
    toys_missing = read_comparison(write_comparison(tmp_path / "other", panels=("network",)))
    assert "no valley" in texts(axes_of(draw_side_by_side(toys_missing), "valley"))


def test_run_that_diverged_is_named(folder):
    run = folder.parent.parent / "network-sgd-measurement-None" / "0.02"
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(info | {"status": "diverged"}))
    figure = draw_side_by_side(read_comparison(folder))
    assert "sgd (measurement, η = 0.02): diverged" in texts(axes_of(figure, "trace"))


def test_strip_reads_the_table(folder):
    comparison = read_comparison(folder)
    row = comparison.last_row("drift", panel="network", regime="qsr")
    cells = network_cells(comparison, "qsr")
    assert cells[:3] == ["4000", "0.025 %", f"{row['predicted']:.4g}"]
    assert cells[4] == f"{100 * row['relative_difference']:+.1f} %"


def test_strip_survives_an_empty_table(folder):
    (folder / "table.jsonl").write_text("")
    comparison = read_comparison(folder)
    assert network_cells(comparison, "sgd") == ["1", "100 %"] + ["–"] * 5
    draw_side_by_side(comparison)


@pytest.mark.parametrize(
    "value, se, written",
    [(15.2, 0.02, "15.20(2)"), (0.4, 0.0097, "0.40(1)"), (120.0, 12.0, "120(12)"), (9.0, 0.0, "9"), (None, 1, "–")]
    + [(0.5, 0.97, "0(1)"), (float("nan"), 0.1, "–"), (1.23456, None, "1.235")],
)
def test_value_with_its_error(value, se, written):
    assert with_error(value, se) == written


def test_few_keeps_the_last_point():
    assert list(few(5, 9)) == [0, 1, 2, 3, 4]
    assert len(few(1000, 9)) <= 9 and few(1000, 9)[-1] == 999
    assert len(few(0, 9)) == 0
    assert list(few(9, 3)) == [2, 5, 8] and list(few(9, 3, between=True)) == [1, 4, 7]


def test_generic_figure_has_a_panel_for_every_observable(tmp_path):
    comparison = read_comparison(write_comparison(tmp_path, panels=("ridge", "network")))
    assert pairs(comparison)[0] == ("ridge", "y")
    assert len(draw_generic(comparison).axes) == len(pairs(comparison)) == 7


@pytest.mark.parametrize("panel", ["valley", "circle"])
def test_one_toy_alone_is_no_main_job(tmp_path, panel):
    assert not fits(read_comparison(write_comparison(tmp_path, panels=(panel,))))


def test_generic_figure_of_nothing_says_so(folder):
    (folder / "parts.json").write_text('{"format": 1, "parts": []}')
    comparison = read_comparison(folder)
    assert not fits(comparison)
    assert "no observables" in texts(draw_generic(comparison).axes[0])
