"""Figures of the questions: every measured point and every theory is there, and what is not fitted has no line."""

import subprocess
import sys

import pytest
from quasar_results import style
from quasar_results.files import DamagedResults
from quasar_results.questions import weak_error
from quasar_results.questions.figures import FIGURES, draw_answer
from quasar_results.questions.reader import question_of, read_answer
from synthetic import write_comparison
from synthetic_questions import drift_multiplier_rows, stationary_rows, stich_rows, weak_error_rows, write_answer

ROWS = {
    "weak_error": weak_error_rows,
    "drift_multiplier": drift_multiplier_rows,
    "stationary": stationary_rows,
    "stich": stich_rows,
}


def written(figure):
    """All that is written in a figure."""
    from matplotlib.text import Text

    return " ".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("question", FIGURES)
def test_draw_command_writes_the_figure_of_the_question(question, tmp_path, notebooks):
    folder = write_answer(tmp_path, question, ROWS[question]())
    command = [sys.executable, str(notebooks / "draw.py"), str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    png = folder / f"{question}.png"
    assert str(png) in result.stdout and png.stat().st_size <= 200 * 1024


def test_a_comparison_without_a_question_is_side_by_side(tmp_path):
    assert question_of(write_comparison(tmp_path)) == "side_by_side"


def test_weak_error_has_a_line_and_a_band_for_every_fit(tmp_path):
    figure = draw_answer(read_answer(write_answer(tmp_path, "weak_error", weak_error_rows())))
    assert len(figure.axes) == 3
    for axes in figure.axes:
        for colour in weak_error.COLOURS:
            lines = [line for line in axes.lines if line.get_color() == colour and line.get_linestyle() == "-"]
            [fit] = [line for line in lines if len(line.get_xdata()) > 1]
            assert fit.get_ydata()[0] / fit.get_ydata()[-1] == pytest.approx(4.0)
        assert len(axes.collections) == 4  # two bands, two sets of error bars
    assert "slope 1.00 ± 0.04" in written(figure)


def test_weak_error_that_is_not_resolved_has_a_hollow_point_and_no_line(tmp_path):
    rows = weak_error_rows(refused=[("cos_2phi", "sgd")])
    axes = draw_answer(read_answer(write_answer(tmp_path, "weak_error", rows))).axes[0]
    blue = [line for line in axes.lines if line.get_color() == weak_error.COLOURS[0]]
    assert all(len(line.get_xdata()) == 1 for line in blue if line.get_linestyle() != "None")
    assert [line.get_markerfacecolor() for line in blue].count("white") == 1
    assert "too few replicas" in axes.get_legend().get_texts()[0].get_text()


def test_drift_multiplier_shows_both_theories_and_the_differences(tmp_path):
    above, below = draw_answer(read_answer(write_answer(tmp_path, "drift_multiplier", drift_multiplier_rows()))).axes[:2]
    solid = [line for line in above.lines if line.get_linestyle() == "-"]
    assert [len(line.get_xdata()) for line in solid] == [5]
    labels = " ".join(text.get_text() for text in above.get_legend().get_texts())
    assert "χ² = 1.25 / 5" in labels and "χ² = 3,125 / 5" in labels
    beyond = [line for line in below.lines if line.get_marker() == "v" and len(line.get_xdata())]
    assert len(beyond) == 1 and len(beyond[0].get_xdata()) == 5  # psi is 25 s.e. too high everywhere


def test_stationary_has_every_law_in_every_panel(tmp_path):
    figure = draw_answer(read_answer(write_answer(tmp_path, "stationary", stationary_rows())))
    assert len(figure.axes) == 6
    colours = {style.REGIMES[name][1] for name in ("sgd", "inverse", "qsr")}
    for axes in figure.axes:
        assert {line.get_color() for line in axes.lines if len(line.get_xdata()) == 20} == colours
        heights = sum(patch.get_height() * patch.get_width() for patch in axes.patches)
        assert heights == pytest.approx(1.0, abs=0.01)


def test_rows_that_are_missing_are_named(tmp_path):
    rows = [row for row in drift_multiplier_rows() if row["row"] != "curve"]
    with pytest.raises(DamagedResults, match="curve"):
        draw_answer(read_answer(write_answer(tmp_path, "drift_multiplier", rows)))


def test_stich_has_every_cell_in_the_map_and_a_dash_where_epsilon_was_not_reached(tmp_path):
    figure = draw_answer(read_answer(write_answer(tmp_path, "stich", stich_rows())))
    gradients, _, speed_up, bounds = figure.axes
    texts = [text.get_text() for text in speed_up.texts]
    assert (len(texts), texts.count("–"), texts[:3]) == (6, 1, ["0.5", "2", "8"])
    solid = [line for line in gradients.lines if line.get_linestyle() == "-"]
    assert [len(line.get_xdata()) for line in solid] == [3, 2]
    measured = [line for line in bounds.lines if line.get_linestyle() == "None"]
    dotted = [line for line in bounds.lines if line.get_linestyle() != "None"]
    assert all(max(m.get_ydata()) < min(d.get_ydata()) for m, d in zip(measured, dotted))
