"""TensorBoard's event file of a results folder: every number as the scalar <series>/<column>, x the step."""

import math
import tempfile
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter
from tensorboardX.summary import text

from ..whole_file import write_whole

LARGEST = 3.4028234663852886e38  # of the single precision that event files have
X = ("step", "round")  # what the horizontal axis may be, by preference; otherwise the record's number


def is_scalar(value):
    """True for what can be drawn as a curve."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def single(value):
    """The number as single precision can hold it; too large a one becomes infinite, nan stays nan."""
    return math.copysign(math.inf, value) if abs(value) > LARGEST else float(value)


def tag(series, column):
    """The name of a curve; a column of observables.jsonl that starts with `observables.` does not say so twice."""
    return f"{series}/{column.removeprefix(series + '.')}"


def values_of(series, record, x):
    """The scalars of a record, and as text what happened (events.jsonl)."""
    scalars = [(column, value) for column, value in record.items() if column != x and is_scalar(value)]
    values = [Summary.Value(tag=tag(series, column), simple_value=single(value)) for column, value in scalars]
    if isinstance(record.get("event"), str):
        values += text(tag(series, "event"), record["event"]).value
    return values


def events(results):
    """The events of every series, in the order of their records."""
    yield Event(wall_time=results.started, file_version="brain.Event:2")
    for series, records in results.series.items():
        x = next((name for name in X if any(is_scalar(record.get(name)) for record in records)), None)
        for number, record in enumerate(records):
            seconds = record.get("time.wall")
            wall_time = results.started + (seconds if is_scalar(seconds) and math.isfinite(seconds) else 0.0)
            step = record[x] if x is not None and is_scalar(record.get(x)) else number
            summary = Summary(value=values_of(series, record, x))
            yield Event(wall_time=wall_time, step=int(step), summary=summary)


def write_events(results, folder):
    """Writes the one event file of the results into the folder, in place of an earlier one, and returns its path."""
    with tempfile.TemporaryDirectory() as temporary:
        writer = RecordWriter(str(Path(temporary) / "events"))
        for event in events(results):
            writer.write(event.SerializeToString())
        writer.close()
        content = (Path(temporary) / "events").read_bytes()
    path = folder / f"events.out.tfevents.{int(results.started)}.quasar"
    write_whole(path, content)
    return [path]
