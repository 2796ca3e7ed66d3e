"""The benchmark runs from end to end on a small market: every name, equal fills, a whole file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.bench import report
from tests.bench.bench_peers import WORKS, main
from tests.bench.session import loaded_fills
from tests.bench.workers import PEERS, peers_missing

pytestmark = [pytest.mark.slow]

_SIZES = {"tiny": 20_000, "small": 20_000, "large": 30_000, "huge": 40_000}
_KEYS = {
    "name",
    "rows",
    "seconds",
    "peer",
    "peer_seconds",
    "ratio",
    "fills_equal",
    "peak_rss_mb",
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run everything once, one process a simulator, and read what was written."""
    if missing := peers_missing():
        pytest.skip(f"no {' and '.join(missing)} in {PEERS}: run make peers")
    folder = tmp_path_factory.mktemp("bench")
    sizes = [f"--{name}={rows}" for name, rows in _SIZES.items()]
    path = folder / "bench.json"
    arguments = ["--rounds=1", "--share-processes", f"--folder={folder}", f"--json={path}", *sizes]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _named(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["results"] if one["name"] == name)
    return found


def test_every_work_is_there_once(document: dict[str, Any]) -> None:
    assert [one["name"] for one in document["results"]] == list(WORKS)


def test_every_line_is_whole(document: dict[str, Any]) -> None:
    for one in document["results"]:
        assert one.keys() >= _KEYS
        assert one["seconds"] > 0
        assert one["peak_rss_mb"] > 0
        assert min(_SIZES.values()) * 0.9 < one["rows"] <= max(_SIZES.values()), one["name"]
        if one["peer"] is not None:
            assert one["peer_seconds"] > 0
            assert one["ratio"] > 0


def test_the_machine_and_both_environments_are_named(document: dict[str, Any]) -> None:
    assert document["machine"].keys() >= {"cpu", "cores", "memory_gb", "python"}
    assert document["versions"]["peers:hftbacktest"] == "2.4.4"
    assert document["versions"]["peers:nautilus_trader"] == "1.221.0"
    assert document["versions"].keys() >= {"numpy", "numba", "peers:numpy"}


@pytest.mark.parametrize("name", ["market_making", "arbitrage", "sweep_20"])
def test_fills_equal_those_of_hftbacktest(document: dict[str, Any], name: str) -> None:
    one = _named(document, name)
    assert one["fills"] > 20
    assert one["fills_differing"] == 0
    assert one["fills_equal"] is True


def test_the_peers_really_traded(document: dict[str, Any]) -> None:
    timer = _named(document, "python_timer")
    assert timer["peer_orders"] > 20
    assert timer["orders"] > timer["peer_orders"]
    best = _named(document, "python_bbo")
    assert best["wakes"] > best["peer_calls"] > 100  # over the large and the small market


def test_fills_that_differ_are_counted(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.npy", tmp_path / "theirs.npy"
    np.save(ours, np.array([[5, 0, 1, 100, 1], [9, 1, -1, 101, 1]]))
    np.save(theirs, np.array([[5, 0, 1, 101, 1], [9, 1, -1, 101, 1], [99, 0, 1, 100, 1]]))
    found = [loaded_fills(path, last_ns=10) for path in (ours, theirs)]
    assert found[0] - found[1] == {(5, 0, 1, 100, 1): 1}
    assert found[1] - found[0] == {(5, 0, 1, 101, 1): 1}


def test_the_page_has_room_for_the_table() -> None:
    page = report.PAGE.read_text("utf-8")
    assert page.count(report.BEGIN) == 1
    assert page.index(report.BEGIN) < page.index(report.END)
