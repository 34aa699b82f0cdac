"""Reads results folders, format 1: one run, or a comparison that lists the runs it is made of."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .files import DamagedResults, NotAResultsFolder, is_part, is_record, is_row, read_json, read_lines


@dataclass
class Series:
    """One observable along one run: means and standard errors as the run wrote them."""

    slow_time: np.ndarray
    mean: np.ndarray
    se: np.ndarray

    def until(self, end):
        """The points up to a slow time."""
        early = self.slow_time <= end * (1 + 1e-9)
        return Series(self.slow_time[early], self.mean[early], self.se[early])


@dataclass
class Run:
    """One run folder: run.json (`info`) and the records of observables.jsonl."""

    folder: Path
    info: dict
    records: list = field(repr=False)

    @property
    def status(self):
        """running, done, diverged, failed or interrupted."""
        return self.info["status"]

    def observables(self):
        """Names of the observables that occur in any record, in order of appearance."""
        return list(dict.fromkeys(name for record in self.records for name in record["observables"]))

    def series(self, observable):
        """The Series of one observable, or None where the run has not recorded it; null becomes nan."""
        records = [record for record in self.records if observable in record["observables"]]
        points = [(record["slow_time"], record["observables"][observable]) for record in records]
        if not points:
            return None
        return Series(
            np.array([t for t, _ in points], dtype=float),
            np.array([e.get("mean") for _, e in points], dtype=float),
            np.array([e.get("se") for _, e in points], dtype=float),
        )

    def last(self, observable):
        """The mean of the observable in the last record that has it, or None."""
        series = self.series(observable)
        return None if series is None else float(series.mean[-1])


@dataclass
class Part:
    """One line of parts.json: where a run stands in the comparison, and the run."""

    panel: str
    regime: str
    kind: str
    weights: str | None
    learning_rate: float
    run: Run


@dataclass
class Comparison:
    """A compare folder: its runs and the rows of its table."""

    folder: Path
    info: dict
    parts: list
    rows: list = field(repr=False)

    def select(self, **wanted):
        """The parts whose attributes have the wanted values, such as panel="network", kind="theory"."""
        return [p for p in self.parts if all(getattr(p, key) == value for key, value in wanted.items())]

    def panels(self):
        """Names of the panels, in order of appearance."""
        return list(dict.fromkeys(p.panel for p in self.parts))

    def regimes(self):
        """Names of the regimes, in order of appearance."""
        return list(dict.fromkeys(p.regime for p in self.parts))

    def last_row(self, kind, **wanted):
        """The row of the table with the wanted values and the largest slow time, or an empty dict."""
        rows = [r for r in self.rows if r["row"] == kind and all(r.get(key) == value for key, value in wanted.items())]
        return max(rows, key=lambda r: r.get("slow_time") or 0.0, default={})


def read_info(folder, *required):
    """The run.json of a results folder, with the required keys."""
    if not folder.is_dir():
        raise NotAResultsFolder(f"{folder} is not a folder")
    if not (folder / "run.json").is_file():
        raise NotAResultsFolder(f"{folder} is no results folder (it has no run.json)")
    return read_json(folder / "run.json", "command", "status", *required)


def read_run(folder):
    """Reads a run folder; one that has not finished is read as far as it got."""
    folder = Path(folder)
    info = read_info(folder, "num_workers")
    finished = (folder / "DONE").exists()
    return Run(folder, info, read_lines(folder / "observables.jsonl", is_record, finished))


def read_part(entry, folder):
    """Reads the run that one entry of parts.json names."""
    where = folder / "parts.json"
    if not is_part(entry):
        raise DamagedResults(f"{where}: a part without panel, regime, kind, learning_rate or folder")
    try:
        run = read_run(folder / entry["folder"])
    except NotAResultsFolder as error:
        raise DamagedResults(f"{where} names a run that cannot be read: {error}") from None
    return Part(entry["panel"], entry["regime"], entry["kind"], entry.get("weights"), entry["learning_rate"], run)


def read_comparison(folder):
    """Reads a compare folder and every run that it names, or one run with observables as a comparison of its own."""
    folder = Path(folder)
    info = read_info(folder)
    if info["command"] in ("sde", "toy"):
        info = read_info(folder, "system", "regime", "kind", "learning_rate")
        part = Part(info["system"], info["regime"], info["kind"], info.get("weights"), info["learning_rate"],
                    read_run(folder))
        return Comparison(folder, info, [part], [])
    if info["command"] != "compare":
        raise NotAResultsFolder(f"{folder} holds one run (of quasar {info['command']}), not a comparison")
    parts = read_json(folder / "parts.json", "parts")["parts"]
    if not isinstance(parts, list):
        raise DamagedResults(f"{folder / 'parts.json'}: 'parts' is not a list")
    rows = read_lines(folder / "table.jsonl", is_row, finished=True)
    return Comparison(folder, info, [read_part(entry, folder) for entry in parts], rows)


def newest_comparison(results, name="side_by_side"):
    """The newest finished folder of results/<name>/, by the time its DONE was written."""
    done = sorted((Path(results) / name).glob("*/DONE"), key=lambda path: path.stat().st_mtime)
    if not done:
        raise NotAResultsFolder(f"{Path(results) / name} holds no finished comparison (run ./quickstart.sh first)")
    return done[-1].parent
