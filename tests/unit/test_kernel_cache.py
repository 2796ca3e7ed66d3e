"""Folders of compiled kernels: what is in use stays, what former sources left goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli.group import main
from framework._jit import cache
from framework.engine import kernel_cache
from framework.engine.kernel_cache import cache_folder, kernels_on_disk, prune
from framework.synthetic import write_demo_market


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four folders, the one in use neither first nor last in time."""
    for age, name in enumerate(("oldest", "older", "used", "newest")):
        (tmp_path / name / "loop").mkdir(parents=True)
        os.utime(tmp_path / name, ns=(age * 10**9, age * 10**9))
    monkeypatch.setattr(cache, "CACHE_DIR", tmp_path / "used")
    return tmp_path


def _left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_newest_and_the_one_in_use_stay(folders: Path) -> None:
    assert [path.name for path in prune()] == ["oldest", "older"]
    assert _left(folders) == {"used", "newest"}
    assert prune() == []


def test_the_one_in_use_stays_even_where_none_is_to(folders: Path) -> None:
    prune(keep=1)
    assert _left(folders) == {"used"}


def test_nothing_is_deleted_where_nothing_has_been_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CACHE_DIR", tmp_path / "none" / "yet")
    assert prune() == []
    assert kernels_on_disk() == []


def test_kernels_are_told_by_module_and_function(folders: Path) -> None:
    for name in ("merge.merge-12.py311.nbi", "loop._Part.advance-3.py311.nbi", "x.1.nbc"):
        (folders / "used" / "loop" / name).touch()
    assert kernels_on_disk() == ["loop._Part.advance", "merge.merge"]


def test_the_command_tells_what_it_did(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import experiments.cli.warm as command

    def compiles() -> None:
        (folders / "used" / "loop" / "loop.advance-3.py311.nbi").touch()

    monkeypatch.setattr(command, "warm_up", compiles)
    told = CliRunner().invoke(main, ["warm"])
    assert told.exit_code == 0
    assert "compiled: loop.advance" in told.output
    assert f"cache: {cache_folder()}" in told.output
    assert f"deleted: {folders / 'oldest'}" in told.output
    again = CliRunner().invoke(main, ["warm", "--json"])
    assert '"compiled":[],"kernels":["loop.advance"],"pruned":[]' in again.output
    assert kernel_cache.cache_folder() == folders / "used"


def test_a_kernel_that_allocates_runs_when_it_is_loaded(tmp_path: Path) -> None:
    made = (
        "from framework.features import feature_frame;"
        "from framework.replay import open_streams;"
        f"print(feature_frame(open_streams({str(tmp_path)!r}, 'demo')[0]).height)"
    )
    write_demo_market(tmp_path, rows=2_000, seed=1)
    found = [
        subprocess.run([sys.executable, "-c", made], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert found[0].stdout == found[1].stdout != "0\n"
