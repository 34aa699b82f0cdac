"""draw.py draws the two files, prints their paths, and says in one line what is wrong."""

import subprocess
import sys

import pytest
from synthetic import write_comparison


@pytest.fixture
def draw(notebooks):
    """Runs draw.py with the arguments given."""

    def run(*arguments):
        command = [sys.executable, str(notebooks / "draw.py"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run


def test_draws_png_and_pdf_beside_the_results(draw, folder):
    result = draw(folder)
    assert (result.returncode, result.stderr) == (0, "")
    png, pdf = folder / "side_by_side.png", folder / "side_by_side.pdf"
    assert result.stdout.split() == [str(png), str(pdf)]
    assert png.read_bytes()[:4] == b"\x89PNG" and png.stat().st_size <= 300 * 1024
    assert pdf.read_bytes()[:5] == b"%PDF-"


def test_same_results_give_the_same_bytes(draw, folder, tmp_path):
    for name in ("one", "two"):
        assert draw(folder, "--out", tmp_path / name).returncode == 0
    for name in ("side_by_side.png", "side_by_side.pdf"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_draws_unknown_panels(draw, tmp_path):
    folder = write_comparison(tmp_path, panels=("ridge",), done=False)
    assert draw(folder).returncode == 0
    assert (folder / "side_by_side.png").exists()


def test_no_results_folder_is_a_usage_error(draw, tmp_path):
    result = draw(tmp_path)
    assert result.returncode == 2
    assert "no results folder" in result.stderr and result.stderr.count("\n") == 1


def test_damaged_results_are_named(draw, folder):
    (folder / "parts.json").write_text("{")
    result = draw(folder)
    assert result.returncode == 3
    assert "parts.json" in result.stderr and result.stderr.count("\n") == 1
    assert not list(folder.glob("*side_by_side*"))


def test_place_that_cannot_be_written_is_said(draw, folder, tmp_path):
    (tmp_path / "file").write_text("")
    result = draw(folder, "--out", tmp_path / "file")
    assert result.returncode == 7 and "cannot be written" in result.stderr


def test_help_shows_an_example(draw):
    result = draw("--help")
    assert result.returncode == 0 and "example:" in result.stdout and "exit codes" in result.stdout
