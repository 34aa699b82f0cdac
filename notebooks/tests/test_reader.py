"""The reader returns what the run wrote, and names the file when something is wrong with it."""

import json
import math
import os

import pytest
from quasar_results.files import DamagedResults, NotAResultsFolder
from quasar_results.reader import newest_comparison, read_comparison, read_run
from synthetic import write_comparison, write_json


def measured_run(folder):
    """The folder of one measured run."""
    return folder.parent.parent / "network-qsr-measurement-None" / "0.01"


def test_reads_every_part_of_a_comparison(folder):
    comparison = read_comparison(folder)
    assert comparison.panels() == ["valley", "circle", "network"]
    assert comparison.regimes() == ["sgd", "inverse", "qsr", "sgd_small_batch"]
    assert len(comparison.select(panel="network", regime="sgd", kind="measurement")) == 2
    assert len(comparison.select(panel="valley", kind="theory")) == 3


def test_series_holds_the_numbers_of_the_file(folder):
    run = read_run(measured_run(folder))
    lines = (run.folder / "observables.jsonl").read_text().splitlines()
    written = [json.loads(line) for line in lines]
    series = run.series("trace_hessian")
    assert list(series.slow_time) == [r["slow_time"] for r in written]
    assert list(series.mean) == [r["observables"]["trace_hessian"]["mean"] for r in written]
    assert list(series.se) == [r["observables"]["trace_hessian"]["se"] for r in written]
    assert run.series("nothing") is None
    assert run.last("communication_volume") == 0.00025


def test_series_until_keeps_the_early_points(folder):
    series = read_run(measured_run(folder)).series("trace_hessian")
    assert series.until(5.0).slow_time[-1] == 5.0


def test_table_row_is_the_last_one(folder):
    row = read_comparison(folder).last_row("drift", panel="network", regime="sgd")
    assert row["slow_time"] == 10.0
    assert read_comparison(folder).last_row("drift", panel="nowhere") == {}


def test_null_becomes_nan(folder):
    path = measured_run(folder) / "observables.jsonl"
    line = {"slow_time": 10.5, "observables": {"trace_hessian": {"mean": None, "se": None}}}
    path.write_text(path.read_text() + json.dumps(line) + "\n")
    assert math.isnan(read_run(path.parent).last("trace_hessian"))


def test_torn_last_line_is_left_out_while_the_run_has_not_finished(folder):
    run = measured_run(folder)
    path = run / "observables.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedResults, match=r"observables\.jsonl:41: the last line is torn"):
        read_run(run)
    (run / "DONE").unlink()
    assert len(read_run(run).records) == 40


def test_unfinished_run_without_records_is_empty(folder):
    run = measured_run(folder)
    (run / "DONE").unlink()
    (run / "observables.jsonl").unlink()
    assert read_run(run).series("trace_hessian") is None


@pytest.mark.parametrize(
    "line",
    ["{torn", "[]", '{"slow_time": "a", "observables": {}}', '{"slow_time": 1, "observables": {"y": {"mean": "a"}}}'],
)
def test_damaged_line_is_named(folder, line):
    path = measured_run(folder) / "observables.jsonl"
    lines = path.read_text().splitlines()
    lines[6] = line
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DamagedResults, match=r"observables\.jsonl:7"):
        read_comparison(folder)


@pytest.mark.parametrize("name", ["parts.json", "table.jsonl"])
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DamagedResults, match=name):
        read_comparison(folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 2, "parts": []}', '{"format": 1}', '{"format": 1, "parts": 3}']
)
def test_damaged_parts_are_named(folder, text):
    (folder / "parts.json").write_text(text)
    with pytest.raises(DamagedResults, match=r"parts\.json"):
        read_comparison(folder)


@pytest.mark.parametrize("part", [{}, [], {"panel": "valley"}])
def test_part_without_fields_is_damage(folder, part):
    (folder / "parts.json").write_text(json.dumps({"format": 1, "parts": [part]}))
    with pytest.raises(DamagedResults, match="a part without"):
        read_comparison(folder)


def test_part_that_is_not_there_is_damage(folder):
    (measured_run(folder) / "run.json").unlink()
    with pytest.raises(DamagedResults, match="names a run that cannot be read"):
        read_comparison(folder)


@pytest.mark.parametrize("name", ["run.json", "parts.json", "table.jsonl"])
def test_cut_files_are_damage_wherever_they_are_cut(folder, name):
    whole = (folder / name).read_bytes()
    for length in range(0, len(whole) - 2, max(1, len(whole) // 50)):
        (folder / name).write_bytes(whole[:length])
        if whole[:length].endswith(b"\n") or (name == "table.jsonl" and length == 0):
            continue  # whole lines are a shorter table
        with pytest.raises(DamagedResults, match=name):
            read_comparison(folder)


def test_other_folders_are_refused(folder, tmp_path):
    trained = tmp_path / "trained"
    trained.mkdir()
    write_json(trained / "run.json", {"format": 1, "command": "train", "status": "done"})
    others = [(tmp_path / "nowhere", "not a folder"), (tmp_path, "run.json"), (trained, "one run")]
    for path, why in others:
        with pytest.raises(NotAResultsFolder, match=why):
            read_comparison(path)


def test_newest_comparison_is_the_last_one_done(folder, tmp_path):
    results = tmp_path / "results"
    assert newest_comparison(results) == folder
    older = folder.parent / "older"
    older.mkdir()
    (older / "DONE").write_text("")
    os.utime(older / "DONE", (1, 1))
    (folder.parent / "running").mkdir()
    assert newest_comparison(results) == folder
    with pytest.raises(NotAResultsFolder, match="no finished comparison"):
        newest_comparison(write_comparison(tmp_path / "other", done=False).parent.parent)
