"""Exported files hold every record of every series: what is not finite stays visible, what is absent stays empty."""

import csv
import json
import math
import struct
import subprocess
import sys

import pytest
from quasar_results.series import flatten_record, read_results
from synthetic_training import STARTED_SECONDS, write_training_run


@pytest.fixture
def export(notebooks):
    """Runs export.py with the arguments given."""

    def run(*arguments):
        command = [sys.executable, str(notebooks / "export.py"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def run(tmp_path):
    """One finished training run."""
    return write_training_run(tmp_path / "results" / "cifar10" / "1a2b")


def append(folder, series, text):
    with open(folder / f"{series}.jsonl", "a") as file:
        file.write(text)


def go_on(folder):
    """Makes the run one that has not finished, with a line just being written."""
    (folder / "DONE").unlink()
    append(folder, "steps", '{"step": 401, "lo')


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def records(folder, series):
    return [json.loads(line) for line in (folder / f"{series}.jsonl").read_text().splitlines()]


def read_events(path):
    """The events of a file; lengths and checksums of the framing are checked by TensorBoard's own rule."""
    from tensorboardX.crc32c import crc32c
    from tensorboardX.proto.event_pb2 import Event

    def checked(content, checksum):
        crc = crc32c(content)
        assert struct.unpack("<I", checksum)[0] == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
        return content

    data, events = path.read_bytes(), []
    while data:
        [length] = struct.unpack("<Q", checked(data[:8], data[8:12]))
        events.append(Event.FromString(checked(data[12 : 12 + length], data[12 + length : 16 + length])))
        data = data[16 + length :]
    return events


def scalars(events, tag):
    """(wall time, step, value) of every point of a curve."""
    return [(e.wall_time, e.step, v.simple_value) for e in events for v in e.summary.value if v.tag == tag]


def test_record_is_flattened_with_nan_where_it_is_named():
    record = {"step": 3, "loss": None, "note": None, "time": {"wall": 1.5}, "e": [{"v": None}, 2]}
    flat = flatten_record(record | {"nonfinite": ["loss", "e.0.v"]})
    assert math.isnan(flat.pop("loss")) and math.isnan(flat.pop("e.0.v"))
    assert flat == {"step": 3, "time.wall": 1.5, "e.1": 2}


def test_csv_has_every_number_of_every_record(export, run):
    result = export(run)
    assert (result.returncode, result.stderr) == (0, "")
    names = ("averages", "evaluations", "events", "steps")
    assert result.stdout.split() == [str(run / "csv" / f"{name}.csv") for name in names]
    for name in names:
        table, truth = rows(run / "csv" / f"{name}.csv"), records(run, name)
        assert len(table) == len(truth)
    truth, row = records(run, "averages")[-1], rows(run / "csv" / "averages.csv")[-1]
    assert float(row["time.transfer"]) == truth["time"]["transfer"]
    assert float(row["relative_dispersion"]) == truth["relative_dispersion"]
    assert rows(run / "csv" / "evaluations.csv")[0]["shadow"] == "false"


def test_csv_tells_nan_from_absent(export, run):
    append(run, "steps", '{"step": 401, "loss": null, "extra": 1, "nonfinite": ["loss"], "time": {}}\n')
    append(run, "steps", '{"step": 402, "loss": Infinity}\n')
    assert export(run).returncode == 0
    *_, before, last, infinite = rows(run / "csv" / "steps.csv")
    assert (last["loss"], last["extra"], last["time.wall"]) == ("nan", "1", "")
    assert before["extra"] == "" and infinite["loss"] == "inf"


def test_torn_last_line_of_a_run_that_goes_on_is_left_out(export, run):
    count = len(records(run, "steps"))
    go_on(run)
    result = export(run)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(rows(run / "csv" / "steps.csv")) == count


def test_torn_line_of_a_finished_run_is_damage(export, run):
    append(run, "steps", '{"step": 401, "lo')
    result = export(run)
    assert result.returncode == 3 and "steps.jsonl:" in result.stderr and result.stderr.count("\n") == 1
    assert not (run / "csv").exists()


def test_any_results_folder_can_be_exported(export, folder):
    toy = folder.parent.parent / "valley-sgd-measurement-None" / "0.01"
    assert export(toy, "--out", folder / "out").returncode == 0
    table = rows(folder / "out" / "valley-sgd-measurement-None" / "0.01" / "observables.csv")
    assert {"slow_time", "step", "observables.y.mean", "observables.y.se"} <= set(table[0])
    assert export(folder).returncode == 0  # a comparison: its table
    assert (folder / "csv" / "table.csv").exists()


def test_event_file_has_steps_wall_times_and_values(export, run):
    pytest.importorskip("tensorboardX")
    result = export(run, "--format", "tensorboard")
    assert (result.returncode, result.stderr) == (0, "")
    [path] = (run / "tensorboard").iterdir()
    assert result.stdout.split() == [str(path)] and path.name.startswith("events.out.tfevents.")
    events = read_events(path)
    assert events[0].file_version == "brain.Event:2"
    truth = records(run, "evaluations")
    points = scalars(events, "evaluations/accuracy")
    assert [step for _, step, _ in points] == [record["step"] for record in truth]
    assert [value for *_, value in points] == pytest.approx([record["accuracy"] for record in truth], rel=1e-7)
    times = [STARTED_SECONDS + record["time"]["wall"] for record in truth]
    assert [time for time, *_ in points] == pytest.approx(times, abs=1e-6)
    assert not scalars(events, "evaluations/shadow") and not scalars(events, "steps/step")
    [text] = [value for event in events for value in event.summary.value if value.tag.startswith("events/event")]
    assert text.tensor.string_val == [b"done"]


def test_event_file_keeps_nan_and_is_replaced(export, run):
    pytest.importorskip("tensorboardX")
    go_on(run)
    assert export(run, "--format", "tensorboard").returncode == 0
    with open(run / "steps.jsonl", "w") as file:
        file.write('{"step": 7, "loss": null, "norm": 1e60, "nonfinite": ["loss"], "time": {"wall": 2.0}}\n')
    assert export(run, "--format", "tensorboard").returncode == 0
    [path] = (run / "tensorboard").iterdir()
    [(time, step, value)] = scalars(read_events(path), "steps/loss")
    assert (time, step) == (STARTED_SECONDS + 2.0, 7) and math.isnan(value)
    assert scalars(read_events(path), "steps/norm")[0][2] == math.inf


def test_observables_are_not_named_twice(export, folder):
    pytest.importorskip("tensorboardX")
    toy = folder.parent.parent / "valley-sgd-measurement-None" / "0.01"
    assert export(toy, "--format", "tensorboard").returncode == 0
    [path] = (toy / "tensorboard").iterdir()
    points = scalars(read_events(path), "observables/y.mean")
    assert len(points) == len(read_results(toy).series["observables"])


def test_two_folders_of_one_name_are_refused(export, run, tmp_path):
    other = write_training_run(tmp_path / "others" / "cifar10" / "1a2b")
    result = export(run, other, "--out", tmp_path / "out")
    assert result.returncode == 2 and "export them apart" in result.stderr
    assert not (tmp_path / "out").exists()


def test_run_without_records_is_said(export, run):
    (run / "DONE").unlink()
    for file in run.glob("*.jsonl"):
        file.unlink()
    result = export(run)
    assert result.returncode == 0 and "no records yet" in result.stderr and result.stdout == ""


def test_faults_have_their_codes(export, run, tmp_path):
    assert export(tmp_path).returncode == 2
    assert export(run, "--format", "excel").returncode == 2
    (tmp_path / "file").write_text("")
    result = export(run, "--out", tmp_path / "file")
    assert result.returncode == 7 and "cannot be written" in result.stderr
