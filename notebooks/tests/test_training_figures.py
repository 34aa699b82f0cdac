"""Figures of training runs: one line a run at the right place, and no figure of what was not recorded."""

import json

import numpy as np
import pytest
from quasar_results.training import accuracy, averages, local_batch, schedule, time_use
from quasar_results.training.figures import FIGURES, save_figures
from quasar_results.training.look import looks
from quasar_results.training.reader import is_training, read_training
from synthetic_training import COMPUTE, METHODS, STEPS, TRANSFER, WAIT, write_training_comparison, write_training_run


@pytest.fixture
def trained(tmp_path):
    """A comparison of a parallel, a constant and a QSR run."""
    return read_training(write_training_comparison(tmp_path))


def line_of(axes, comparison, method):
    """The one line of a run."""
    colour = looks(comparison)[method]["color"]
    [line] = [line for line in axes.lines if line.get_color() == colour]
    return line


def overlapping(figure):
    """Pairs of texts outside the axes (title, legend) that cover each other."""
    figure.draw_without_rendering()
    legends = [legend.get_window_extent() for legend in figure.legends]
    titles = [text.get_window_extent() for text in figure.texts]
    panels = [axes.get_window_extent() for axes in figure.axes]
    pairs = [(a, b) for a in legends for b in titles + panels] + [(a, b) for a in titles for b in panels]
    return [(a, b) for a, b in pairs if a.overlaps(b)]


def test_accuracy_is_drawn_against_the_share_of_all_communication(trained):
    share = accuracy.draw(trained).axes[0]
    assert share.get_xscale() == "log"
    for method, end in (("parallel", 100.0), ("constant H=8", 12.5)):
        line = line_of(share, trained, method)
        assert line.get_xdata()[-1] == pytest.approx(end)
        [run] = [run for run in trained.runs if run.method == method]
        assert line.get_ydata()[-1] == pytest.approx(100 * run.columns("evaluations", "step", "accuracy")[1][-1])
    half = line_of(share, trained, "parallel").get_xdata()
    assert np.any(np.isclose(half, 50.0))  # half of the training is half of the volume


def test_time_axis_leaves_out_evaluations(trained):
    line = line_of(accuracy.draw(trained).axes[1], trained, "parallel")
    assert line.get_xdata()[-1] == pytest.approx(STEPS * (sum(COMPUTE.values()) + WAIT + TRANSFER))


def test_time_goes_on_where_a_run_was_resumed():
    wall = np.array([0.0, 3.0, 7.0, 1.0, 2.0, 0.5])
    seconds = accuracy.training_seconds(wall, np.full(6, np.nan))
    assert list(seconds) == [0.0, 3.0, 7.0, 8.0, 9.0, 9.5]
    assert len(accuracy.training_seconds(wall[:0], wall[:0])) == 0


def test_run_that_goes_on_is_placed_by_the_whole_training(tmp_path):
    run = write_training_run(tmp_path / "a" / "b", "constant H=8", status="running")
    lines = (run / "evaluations.jsonl").read_text().splitlines(keepends=True)
    (run / "evaluations.jsonl").write_text("".join(lines[:6]) + '{"step": 24')  # half of it, and a torn line
    trained = read_training(write_training_comparison(tmp_path, {"constant H=8": run}))
    figure = accuracy.draw(trained)
    assert line_of(figure.axes[0], trained, "constant H=8").get_xdata()[-1] == pytest.approx(6.25)
    assert "running" in figure.legends[0].get_texts()[0].get_text()


def test_schedule_has_every_period_and_the_common_rate(trained):
    above, below = schedule.draw(trained).axes
    assert set(line_of(above, trained, "parallel").get_ydata()) == {1.0}
    qsr = line_of(above, trained, "QSR α=0.1").get_ydata()
    assert qsr[0] == 4 and qsr[-1] > 20
    assert len(below.lines) == 1 and "all runs" in below.get_ylabel()


def test_averages_show_spread_losses_and_their_change(trained):
    spread, losses, change = averages.draw(trained).axes
    assert len(spread.lines) == 2 and len(losses.lines) == 4
    assert line_of(change, trained, "constant H=8").get_ydata() == pytest.approx(-0.02)


def test_losses_of_a_few_averages_are_joined_by_a_line(tmp_path):
    run = write_training_run(tmp_path / "a" / "b")
    records = [json.loads(line) for line in (run / "averages.jsonl").read_text().splitlines()]
    for record in records[1::2]:
        del record["loss_before"], record["loss_after"]
    (run / "averages.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    trained = read_training(write_training_comparison(tmp_path, {"constant H=8": run}))
    for axes in averages.draw(trained).axes[1:]:
        assert all(len(line.get_xdata()) == 25 for line in axes.lines if len(line.get_xdata()) > 2)


def test_unrecorded_losses_leave_the_spread_alone(tmp_path):
    run = write_training_run(tmp_path / "a" / "b")
    kept = [json.loads(line) for line in (run / "averages.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in record.items() if not k.startswith("loss")} for record in kept]
    (run / "averages.jsonl").write_text("".join(json.dumps(record) + "\n" for record in kept))
    trained = read_training(write_training_comparison(tmp_path, {"constant H=8": run}))
    assert len(averages.draw(trained).axes) == 1


def test_time_of_an_average_is_shared_out_over_its_steps(trained):
    [run] = [run for run in trained.runs if run.method == "constant H=8"]
    seconds = time_use.seconds_a_step(run)
    assert seconds["backward"] == pytest.approx(COMPUTE["backward"])
    assert seconds["transfer"] == pytest.approx(TRANSFER / 8)
    assert seconds["rest"] == pytest.approx(0.0, abs=1e-9)
    [parallel] = [run for run in trained.runs if run.is_parallel]
    assert time_use.seconds_a_step(parallel)["rest"] == pytest.approx(WAIT + TRANSFER)  # no averages are recorded


def test_local_batch_is_drawn_where_it_changes(trained, tmp_path):
    assert local_batch.draw(trained) is None
    run = write_training_run(tmp_path / "a" / "b", local_batch=lambda step: 32 if step < 200 else 64)
    adaptive = read_training(write_training_comparison(tmp_path / "c", {"constant H=8": run}))
    line = line_of(local_batch.draw(adaptive).axes[0], adaptive, "constant H=8")
    assert set(line.get_ydata()) == {32.0, 64.0}


def test_nothing_covers_the_title_or_the_legend(tmp_path):
    methods = [f"post-local from step 1000, QSR α=0.0175, H≥{number}" for number in range(12)]
    run = write_training_run(tmp_path / "a" / "b", local_batch=lambda step: 32 + step)
    trained = read_training(write_training_comparison(tmp_path, dict.fromkeys(methods, run)))
    styles = {(look["color"], str(look["linestyle"])) for look in looks(trained).values()}
    assert len(styles) == len(methods)
    for name, draw in FIGURES.items():
        assert not overlapping(draw(trained)), name


def test_runs_of_one_arm_look_alike_and_share_a_line_of_the_legend(tmp_path):
    folder = write_training_comparison(tmp_path)
    parts = json.loads((folder / "parts.json").read_text())
    for part, arm in zip(parts["parts"], ("first", "second", "second")):
        part["arm"] = arm
    (folder / "parts.json").write_text(json.dumps(parts))
    study = read_training(folder)
    parallel, *local = [looks(study)[run.method] for run in study.runs]
    assert local[0] == local[1] != parallel
    [legend] = accuracy.draw(study).legends
    assert [text.get_text() for text in legend.get_texts()] == ["first", "second"]


def test_only_what_was_recorded_is_written(tmp_path):
    run = write_training_run(tmp_path / "a" / "b")
    for name in ("averages", "steps", "evaluations"):
        (run / f"{name}.jsonl").unlink()
    folder = write_training_comparison(tmp_path, {"constant H=8": run})
    assert is_training(folder) and save_figures(read_training(folder), tmp_path / "out") == []


def test_draw_command_draws_training_runs(notebooks, tmp_path):
    import subprocess
    import sys

    folder = write_training_comparison(tmp_path)
    command = [sys.executable, str(notebooks / "draw.py"), str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    names = ["accuracy.png", "schedule.png", "averages.png", "time.png"]
    assert result.stdout.split() == [str(folder / name) for name in names]
    assert all((folder / name).stat().st_size < 300 * 1024 for name in names)
    assert len(METHODS) == len(read_training(folder).runs)
