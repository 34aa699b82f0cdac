"""The JSON files of a results folder, the checks on them, and what is said when one is damaged."""

import json

FORMAT = 1
PART = ("panel", "regime", "kind", "folder")  # the words of an entry of parts.json


class ResultsError(Exception):
    """Something is wrong with a results folder; `exit_code` is the one quasar uses for it."""

    exit_code = 3


class NotAResultsFolder(ResultsError):
    """The path given is not a results folder of the kind asked for (a usage error)."""

    exit_code = 2


class DamagedResults(ResultsError):
    """A file of a results folder is missing, torn or not in the format."""


def is_number(value):
    """True for a number, and for null, which stands for a number that is not finite."""
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def is_record(record):
    """True for a record of observables.jsonl: a slow time and, by name, estimates with a mean."""
    if not isinstance(record, dict) or not isinstance(record.get("observables"), dict):
        return False
    estimates = record["observables"].values()
    return isinstance(record.get("slow_time"), (int, float)) and all(
        isinstance(e, dict) and "mean" in e and is_number(e["mean"]) and is_number(e.get("se")) for e in estimates
    )


def is_row(row):
    """True for a row of table.jsonl."""
    return isinstance(row, dict) and isinstance(row.get("row"), str)


def is_part(entry):
    """True for an entry of parts.json."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in PART):
        return False
    return entry.get("learning_rate") is not None and is_number(entry["learning_rate"])


def read_json(path, *required):
    """The object in a JSON file of format 1 that has the required keys."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedResults(f"{path} is missing (an incomplete results folder?)") from None
    except (OSError, ValueError) as error:
        raise DamagedResults(f"{path} cannot be read ({error})") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise DamagedResults(f"{path} is not of format {FORMAT}")
    for key in required:
        if key not in value:
            raise DamagedResults(f"{path} has no '{key}'")
    return value


def read_lines(path, is_good, finished):
    """The records of a .jsonl file; a torn last line is left out where the run has not finished."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        if finished:
            raise DamagedResults(f"{path} is missing (an incomplete results folder?)") from None
        return []
    lines, torn_tail = text.split("\n")[:-1], text.rpartition("\n")[2]
    if torn_tail and finished:
        raise DamagedResults(f"{path}:{len(lines) + 1}: the last line is torn though the run is done")
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DamagedResults(f"{path}:{number}: not a JSON record ({error})") from None
        if not is_good(record):
            raise DamagedResults(f"{path}:{number}: a record without the fields of format {FORMAT}")
        records.append(record)
    return records
