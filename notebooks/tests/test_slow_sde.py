"""Slow-SDE runs alone: the bands are the quantiles recorded, and a path that was given up ends where it was."""

import numpy as np
import pytest
from quasar_results import slow_sde, style
from quasar_results.bundles import last_points, read_bundle
from quasar_results.reader import read_comparison
from synthetic import write_json, write_lines

TIMES = [0.0, 0.25, 0.5]


def estimate(t, shift):
    """Mean shift, sd 1 + t and quantiles that are no simple function of them."""
    quantiles = {name: shift + (1 + t) * z for name, z in zip(slow_sde.QUANTILES, (-2.0, -0.7, 0.1, 0.6, 1.5))}
    return {"mean": shift, "se": 0.05, "sd": 1 + t, "n": 40} | quantiles


def write_sde(folder, regime, shift, steps=50, dimension=2, events=0):
    """Writes the folder of one run of `quasar sde`, whose second path is given up after t = 0.25."""
    folder.mkdir(parents=True)
    info = {"format": 1, "command": "sde", "status": "done", "kind": "theory", "system": "circle", "regime": regime}
    info |= {"weights": "psi", "num_workers": 4, "learning_rate": 0.01, "sync_period": 20, "seed": 1}
    info |= {"integrator": {"scheme": "euler", "steps": steps, "paths": 40}, "events": {"rank_changed": events}}
    write_json(folder / "run.json", info)
    observables = [{"slow_time": t, "step": 1, "observables": {"y": estimate(t, shift)}} for t in TIMES]
    write_lines(folder / "observables.jsonl", observables)
    point = [1.0, 0.0, 0.5][:dimension]
    lost = [point, [2.0] * dimension, None]
    paths = [{"slow_time": t, "positions": [point, lost[i]]} for i, t in enumerate(TIMES)]
    write_lines(folder / "paths.jsonl", paths)
    (folder / "DONE").write_text("")
    return {"panel": "circle", "regime": regime, "kind": "theory", "weights": "psi", "learning_rate": 0.01}


def write_sde_comparison(results, *runs):
    """Writes a comparison of such runs, each given as the arguments of write_sde; returns it as read."""
    folder = results / "compare" / "c0ffee"
    folder.mkdir(parents=True)
    parts = []
    for index, arguments in enumerate(runs):
        part = write_sde(results / "sde" / str(index), **arguments)
        parts.append(part | {"folder": f"../../sde/{index}"})
    write_json(folder / "run.json", {"format": 1, "command": "compare", "status": "done"})
    write_json(folder / "parts.json", {"format": 1, "parts": parts})
    write_lines(folder / "table.jsonl", [])
    return read_comparison(folder)


@pytest.fixture
def two(tmp_path):
    """SGD and QSR."""
    return write_sde_comparison(tmp_path, {"regime": "sgd", "shift": 0.0}, {"regime": "qsr", "shift": 1.0, "events": 3})


def test_only_slow_sdes_with_quantiles_are_drawn_so(two, folder):
    assert slow_sde.fits(two)
    assert not slow_sde.fits(read_comparison(folder))  # the main job's page


def test_one_run_is_one_panel_with_mean_sd_and_quantile_bands(tmp_path):
    figure = slow_sde.draw_observables(write_sde_comparison(tmp_path, {"regime": "qsr", "shift": 1.0}))
    [axes] = figure.axes
    outer, inner = (path.get_paths()[0].vertices[:, 1] for path in axes.collections)
    assert (outer.min(), outer.max()) == (1 - 2.0 * 1.5, 1 + 1.5 * 1.5)
    assert (inner.min(), inner.max()) == (1 - 0.7 * 1.5, 1 + 0.6 * 1.5)
    mean, low, high = (line.get_ydata() for line in axes.lines)
    assert list(mean) == [1.0] * 3
    assert list(low) == [0.0, -0.25, -0.5] and list(high) == [2.0, 2.25, 2.5]


def test_several_runs_have_their_means_together_and_a_panel_each(two):
    means, sgd, qsr = slow_sde.draw_observables(two).axes
    assert [line.get_color() for line in means.lines] == [style.REGIMES[regime][1] for regime in ("sgd", "qsr")]
    assert len(means.get_legend().get_texts()) == 2
    assert (sgd.get_title("left"), qsr.get_title("left")) == ("SGD, H = 1", "QSR, H = (α/η)²")
    assert "3 of 40 paths given up" in qsr.texts[0].get_text() and not sgd.texts[0].get_text()


def test_runs_of_one_regime_are_told_apart_by_what_differs(tmp_path):
    runs = [{"regime": "qsr", "shift": 0.0, "steps": steps} for steps in (50, 100)]
    comparison = write_sde_comparison(tmp_path, *runs)
    assert slow_sde.labels(comparison.parts) == ["50 steps", "100 steps"]


@pytest.mark.parametrize("dimension", [2, 3])
def test_paths_are_drawn_and_one_given_up_ends_at_its_last_point(tmp_path, dimension):
    comparison = write_sde_comparison(tmp_path, {"regime": "qsr", "shift": 1.0, "dimension": dimension})
    bundle = read_bundle(comparison.parts[0].run)
    assert bundle.positions.shape == (3, 2, dimension)
    assert np.isnan(bundle.positions[2, 1]).all()
    assert last_points(bundle).tolist() == [[1.0, 0.0, 0.5][:dimension], [2.0] * dimension]
    written = slow_sde.save_slow_sde(comparison, tmp_path)
    assert [path.name for path in written] == ["slow_sde.png", "slow_sde.pdf", "paths.png", "paths.pdf"]
    assert (tmp_path / "paths.png").read_bytes()[:4] == b"\x89PNG"


def test_runs_without_paths_or_in_other_dimensions_have_no_bundle(tmp_path):
    comparison = write_sde_comparison(tmp_path, {"regime": "qsr", "shift": 1.0, "dimension": 1})
    run = comparison.parts[0].run
    assert read_bundle(run) is None
    (run.folder / "paths.jsonl").unlink()
    assert read_bundle(run) is None
    assert [path.name for path in slow_sde.save_slow_sde(comparison, tmp_path)] == ["slow_sde.png", "slow_sde.pdf"]


def test_a_single_run_is_a_comparison_of_its_own(tmp_path):
    folder = tmp_path / "circle" / "c0ffee"
    part = write_sde(folder, "qsr", 0.3)
    comparison = read_comparison(folder)
    (alone,) = comparison.parts
    assert {key: getattr(alone, key) for key in part} == part
    assert slow_sde.fits(comparison) and comparison.rows == []
    assert [path.name for path in slow_sde.save_slow_sde(comparison, folder)] == [
        "slow_sde.png", "slow_sde.pdf", "paths.png", "paths.pdf"]
