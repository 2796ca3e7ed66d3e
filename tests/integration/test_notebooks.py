"""Every notebook is committed without output and runs from top to bottom."""

from __future__ import annotations

import json
from pathlib import Path

import nbclient
import nbformat
import pytest

_NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def test_there_is_a_first_strategy() -> None:
    assert "first_strategy.ipynb" in {path.name for path in _NOTEBOOKS}


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.name)
def test_it_is_committed_without_output(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code != []
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.parametrize("path", _NOTEBOOKS, ids=lambda path: path.name)
def test_it_runs(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    shown = [o["data"] for o in outputs if "data" in o]
    if path.name == "first_strategy.ipynb":
        assert any("TakeTheCross(" in data.get("text/html", "") for data in shown)
    assert any("application/vnd.plotly.v1+json" in data for data in shown)
    assert [o for o in outputs if o["output_type"] == "error"] == []
    assert [o for o in outputs if o.get("name") == "stderr"] == []
