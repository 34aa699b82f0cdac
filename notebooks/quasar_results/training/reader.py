"""Reads a comparison of training runs: what quasar compare wrote about them, and their records."""

from dataclasses import dataclass, field
from pathlib import Path

from ..files import DamagedResults, NotAResultsFolder, is_row, read_json, read_lines
from ..reader import read_info
from ..series import Results, read_results


@dataclass
class TrainingRun:
    """One training run: its method in words, its row of the table, and its records."""

    method: str
    row: dict
    results: Results = field(repr=False)
    arm: str = ""  # of a study

    @property
    def group(self):
        """What is drawn alike: the arm of a study, whose runs differ in their seed alone, or else the run itself."""
        return self.arm or self.method

    @property
    def is_parallel(self):
        """True for the data-parallel baseline."""
        return bool(self.row.get("parallel"))

    @property
    def label(self):
        """The method, and the status of a run that is not done."""
        return self.with_status(self.method)

    def with_status(self, name):
        """A name, and the status of a run that is not done."""
        status = self.results.info["status"]
        return name if status == "done" else f"{name} ({status})"

    def columns(self, series, x, *names):
        """See Results.columns."""
        return self.results.columns(series, x, *names)


@dataclass
class TrainingComparison:
    """The runs in the order in which they were given."""

    folder: Path
    runs: list

    @property
    def task(self):
        """What all runs have in common, such as `cifar10, resnet20`; empty where they have not."""
        tasks = {run.row.get("task") or "" for run in self.runs}
        return tasks.pop() if len(tasks) == 1 else ""

    def total_steps(self, run):
        """Steps of the whole training: of a run that goes on, what its settings or the other runs say."""
        if run.results.info["status"] == "done" and run.row.get("steps"):
            return run.row["steps"]
        return run.row.get("total_steps") or max((r.row.get("steps") or 1 for r in self.runs), default=1)


def is_training(folder):
    """True where the parts of a comparison are training runs."""
    parts = Path(folder) / "parts.json"
    return parts.exists() and read_json(parts, "parts").get("kind") == "training"


def read_training(folder):
    """Reads the comparison and every run that it names."""
    folder = Path(folder)
    read_info(folder)
    where = folder / "parts.json"
    parts = read_json(where, "parts")["parts"]
    table = read_lines(folder / "table.jsonl", is_row, finished=True)
    rows = {row.get("method"): row for row in table if row["row"] == "training"}
    runs = []
    for part in parts:
        if not isinstance(part, dict) or not all(isinstance(part.get(key), str) for key in ("method", "folder")):
            raise DamagedResults(f"{where}: a part without method or folder")
        try:
            results = read_results(folder / part["folder"])
        except NotAResultsFolder as error:
            raise DamagedResults(f"{where} names a run that cannot be read: {error}") from None
        runs.append(TrainingRun(part["method"], rows.get(part["method"], {}), results, str(part.get("arm") or "")))
    return TrainingComparison(folder, runs)
