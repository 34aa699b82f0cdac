"""Reads the answer to a question: the rows of the table that quasar compare wrote."""

from dataclasses import dataclass, field
from pathlib import Path

from ..files import DamagedResults, is_row, read_json, read_lines
from ..reader import read_info


@dataclass
class Answer:
    """The rows of a question's table, by their kind."""

    question: str
    folder: Path
    rows: list = field(repr=False)

    def select(self, kind, **wanted):
        """The rows of a kind with the wanted values, in the order of the table."""
        return [r for r in self.rows if r["row"] == kind and all(r.get(key) == value for key, value in wanted.items())]

    def values(self, kind, key, **wanted):
        """The different values of a field, in order of appearance."""
        return list(dict.fromkeys(row[key] for row in self.select(kind, **wanted)))

    def one(self, kind, **wanted):
        """The only row of a kind with the wanted values."""
        found = self.select(kind, **wanted)
        if len(found) != 1:
            raise DamagedResults(f"{self.folder / 'table.jsonl'} has {len(found)} rows '{kind}' {wanted}, not one")
        return found[0]


def question_of(folder):
    """The question that a comparison answers, side_by_side where it does not say."""
    parts = Path(folder) / "parts.json"
    return read_json(parts, "parts").get("question", "side_by_side") if parts.exists() else "side_by_side"


def read_answer(folder):
    """Reads a compare folder's table."""
    folder = Path(folder)
    read_info(folder)
    return Answer(question_of(folder), folder, read_lines(folder / "table.jsonl", is_row, finished=True))
