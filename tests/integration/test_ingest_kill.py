"""Ingest killed anywhere and run again leaves the tables of an uninterrupted run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from framework.catalog import load_catalog
from framework.lake.formats.binance import BinanceFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake, TableName
from tests.support.binance_lines import (
    line,
    sound_capture,
    usdm_depth,
    usdm_quote,
    usdm_trade,
    write_capture,
)

ROOT = Path(__file__).resolve().parents[2]
CATALOG = """
version: 1
venues: {binance_usdm: {sequence_rule: binance_futures}}
instruments: [{venue: binance_usdm, symbol: BTCUSDT, tick: 0.1, lot: 0.001}]
tables: {}
"""
CHILD = """
import os, signal, sys
from pathlib import Path
from framework.catalog import load_catalog
from framework.lake.formats.binance import BinanceFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake

root, fatal = Path(sys.argv[1]), int(sys.argv[2])
commits = []

def count(table, version):
    commits.append(str(table))
    if len(commits) == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

lake = Lake(root / "lake", on_commit=count)
catalog = load_catalog(root / "catalog.yaml")
print("ready", flush=True)
ingest(lake, "b", BinanceFormat(), [root / "landing"], catalog)
print(len(commits), flush=True)
"""


def long_capture(part: int, messages: int) -> list[str]:
    """A stretch of diffs, trades, quotes and one bad row, continuing the stretch before."""
    lines = sound_capture() if part == 0 else []
    rng = random.Random(part)
    for index in range(messages):
        number = part * messages + index
        at_ms, sequence = 2000 + number, 108 + 2 * number
        level = (f"{rng.randint(900, 998) / 10:.1f}", f"{rng.randint(0, 999) / 1000:.3f}")
        lines.append(
            line(at_ms + 5, usdm_depth(at_ms, sequence - 1, sequence, sequence - 2, [level]))
        )
        lines.append(line(at_ms + 6, usdm_trade(at_ms, 100 + number, "99.9", "0.010")))
        if index % 3 == 0:
            lines.append(line(at_ms + 7, usdm_quote(at_ms, sequence, "99.9", "100.1")))
    lines.append(line(at_ms + 8, usdm_trade(at_ms, 10**9 + part, "99.95", "1.000")))
    # Told again by the next file: what is there already must not depend on a kill.
    lines.append(line(at_ms + 9, usdm_trade(2399, 2 * 10**9, "99.9", "1.000")))
    return lines


def landing(root: Path, files: int = 3, messages: int = 400) -> None:
    root.mkdir(exist_ok=True)
    (root / "catalog.yaml").write_text(CATALOG)
    for part in range(files):
        write_capture(root / "landing" / f"part_{part}.gz", long_capture(part, messages))


def child(root: Path, fatal: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root), str(fatal)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate()
    return process.returncode, output.strip()


def complete(root: Path) -> dict[str, pl.DataFrame]:
    """Run to the end and return every table's rows."""
    lake = Lake(root / "lake")
    catalog = load_catalog(root / "catalog.yaml")
    report = ingest(lake, "b", BinanceFormat(), [root / "landing"], catalog)
    assert not report.failures
    assert ingest(lake, "b", BinanceFormat(), [root / "landing"], catalog).files == 0
    return {str(table): _sorted_rows(lake, table) for table in lake.tables()}


def _sorted_rows(lake: Lake, table: TableName) -> pl.DataFrame:
    rows = lake.scan(table).collect()
    return rows.sort(rows.columns, nulls_last=True)


def assert_same(tables: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> None:
    assert tables.keys() == expected.keys()
    for name, rows in expected.items():
        assert tables[name].equals(rows, null_equal=True), name


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    root = tmp_path_factory.mktemp("whole")
    landing(root)
    tables = complete(root)
    assert set(tables) == {
        *("bronze/b", "silver/b_depth", "silver/b_quotes", "silver/b_trades"),
        *("quarantine/b", "gold/b", "reference/files", "reference/instruments"),
    }
    assert tables["reference/files"]["duplicates"].to_list() == [0, 1, 1]
    assert tables["quarantine/b"].height == 3
    return tables


COMMITS = 1 + 3 * 7
"""The stream's units once, then per file: bronze, three of silver, quarantine, gold, ledger."""


@pytest.mark.slow
@pytest.mark.parametrize("fatal", sorted(random.Random(20240808).sample(range(1, COMMITS), 10)))
def test_killed_right_after_a_commit(
    tmp_path: Path, uninterrupted: dict[str, pl.DataFrame], fatal: int
) -> None:
    landing(tmp_path)
    code, _ = finish(child(tmp_path, fatal))
    assert code == -signal.SIGKILL
    assert_same(complete(tmp_path), uninterrupted)


@pytest.mark.slow
def test_killed_ten_times_at_random_moments(
    tmp_path: Path, uninterrupted: dict[str, pl.DataFrame]
) -> None:
    landing(tmp_path)
    rng = random.Random(31)
    killed = 0
    for _ in range(10):
        process = child(tmp_path, fatal=0)
        time.sleep(rng.uniform(0.0, 0.25))
        os.kill(process.pid, signal.SIGKILL)
        killed += finish(process)[0] == -signal.SIGKILL
    assert killed > 0
    assert_same(complete(tmp_path), uninterrupted)


@pytest.mark.slow
def test_an_uninterrupted_child_makes_as_many_commits_as_the_points_are_drawn_from(
    tmp_path: Path, uninterrupted: dict[str, pl.DataFrame]
) -> None:
    landing(tmp_path)
    code, output = finish(child(tmp_path, fatal=0))
    assert (code, int(output)) == (0, COMMITS)
    assert_same(complete(tmp_path), uninterrupted)
