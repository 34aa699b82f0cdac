"""Lets the tests import the package beside this folder, and gives them made-up results."""

import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(NOTEBOOKS))

from synthetic import write_comparison  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    """A compare folder with all three panels."""
    return write_comparison(tmp_path / "results")


@pytest.fixture
def notebooks():
    """The folder under test."""
    return NOTEBOOKS
