"""One CSV file a series: a column for every field that any record has, empty where a record has not."""

import csv
import io
import json

from ..whole_file import write_whole


def columns(records):
    """Every column of the records in order of appearance, but the step first and times, which runs differ in, last."""
    names = dict.fromkeys(name for record in records for name in record)
    return sorted(names, key=lambda name: (name.startswith("time."), name != "step"))


def cell(value):
    """A value as text that reads back the same; nan, inf and -inf for numbers that are not finite."""
    if isinstance(value, float):
        return repr(value)
    return value if isinstance(value, str) else json.dumps(value)


def csv_text(records):
    """The records as CSV (RFC 4180, but lines end in a newline alone)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = columns(records)
    writer.writerow(names)
    writer.writerows([cell(record[name]) if name in record else "" for name in names] for record in records)
    return text.getvalue()


def write_csv(results, folder):
    """Writes <folder>/<series>.csv for every series that has records and returns the paths."""
    written = {folder / f"{name}.csv": csv_text(records) for name, records in results.series.items() if records}
    for path, text in written.items():
        write_whole(path, text.encode())
    return list(written)
