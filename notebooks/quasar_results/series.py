"""The series of any results folder, every record flattened into dotted columns."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from .files import DamagedResults, read_lines
from .reader import read_info

NONFINITE = "nonfinite"  # the field that names a record's numbers that JSON cannot hold


@dataclass
class Results:
    """A results folder: run.json (`info`) and, by name, the flattened records of each <series>.jsonl."""

    folder: Path
    info: dict
    series: dict = field(repr=False)

    @property
    def place(self):
        """<name>/<hash>, the folder's place among all results."""
        return Path(self.folder.parent.name) / self.folder.name

    @property
    def started(self):
        """Seconds since 1970 at the start of the run, 0 where run.json does not say."""
        try:
            return datetime.fromisoformat(self.info["time"]["started"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return 0.0

    def columns(self, series, x, *names):
        """Arrays of column x and of the columns named, of the records that have x; nan where one has not the other."""
        records = [record for record in self.series.get(series, []) if x in record]
        return [np.array([record.get(name, math.nan) for record in records], dtype=float) for name in (x, *names)]


def flatten(value, path=""):
    """(dotted path, value) of every leaf; elements of a list are numbered."""
    if not isinstance(value, (dict, list)):
        yield path, value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from flatten(inner, f"{path}.{key}" if path else str(key))


def flatten_record(record):
    """One record as {dotted column: value}: nan where `nonfinite` names a null, and no other nulls."""
    nonfinite = record.get(NONFINITE) or []
    leaves = flatten({key: value for key, value in record.items() if key != NONFINITE})
    named = {path: math.nan if value is None and path in nonfinite else value for path, value in leaves}
    return {path: value for path, value in named.items() if value is not None}


def is_object(record):
    """True for a record of any series."""
    return isinstance(record, dict)


def read_results(folder):
    """Reads every series of a results folder; of a run that has not finished, as far as it got."""
    folder = Path(folder).resolve()
    info = read_info(folder)
    finished = (folder / "DONE").exists()
    files = sorted(folder.glob("*.jsonl"))
    if finished and not files:
        raise DamagedResults(f"{folder} has no records (<series>.jsonl) though the run is done")
    series = {file.stem: [flatten_record(record) for record in read_lines(file, is_object, finished)] for file in files}
    return Results(folder, info, series)
