"""The notebook runs from top to bottom on a results folder and ends with the page."""

import nbformat
from nbclient import NotebookClient


def has_image(cell):
    """True for a cell that drew something."""
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def test_notebook_runs_headless(folder, notebooks, monkeypatch, tmp_path):
    monkeypatch.setenv("QUASAR_RESULTS", str(folder))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(notebooks / "side_by_side.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": notebooks}})
    client.execute()
    images = [cell for cell in notebook.cells if has_image(cell)]
    assert len(images) == 6
    assert images[-1] is notebook.cells[-1]


def test_notebook_is_stored_without_outputs(notebooks):
    notebook = nbformat.read(notebooks / "side_by_side.ipynb", as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
