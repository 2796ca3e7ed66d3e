"""Clustering makes files skippable, vacuum spares pinned versions, and the command tells both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.core.errors import DataError
from framework.lake.store import Lake, TableName
from framework.scale.config import DeltaAccess
from framework.scale.files import table_files
from framework.scale.layout import table_layout
from framework.scale.upkeep import cluster, pin, pinned, vacuum

TABLE = TableName("silver", "day_quotes")
KEY = ("symbol", "exchange_timestamp_ns")
SYMBOLS, ROWS, COMMITS = 200, 400_000, 12
DAY_NS, HOUR_NS = 86_400_000_000_000, 3_600_000_000_000
START_NS = 1_723_161_600_000_000_000


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A day of 200 symbols as it arrives: all symbols in every file."""
    random = np.random.default_rng(5)
    rows = pl.DataFrame(
        {
            "symbol": random.integers(0, SYMBOLS, ROWS),
            "exchange_timestamp_ns": START_NS + np.sort(random.integers(0, DAY_NS, ROWS)),
            "bid_price": random.random(ROWS),
            "ask_price": random.random(ROWS),
        }
    ).with_columns(symbol=pl.format("S{}", pl.col("symbol").cast(pl.String).str.zfill(3)))
    made = Lake(tmp_path_factory.mktemp("lake"))
    for index, part in enumerate(rows.iter_slices(-(-ROWS // COMMITS))):
        made.append(TABLE, part, transaction=str(index))
    pin(made, TABLE, 3, "published")
    return made


@pytest.fixture(scope="module")
def clustered(lake: Lake) -> Lake:
    assert cluster(lake, TABLE, KEY, target_bytes=60_000) == DeltaAccess.SOURCE
    return lake


def bytes_of_symbol_hour(lake: Lake) -> float:
    """Share of the table's bytes in files that one symbol-hour cannot skip, by the log."""
    files = table_files(lake.open(TABLE))
    hour_ns = START_NS + 13 * HOUR_NS
    stays = files.filter(
        pl.col("min.symbol") <= "S117",
        pl.col("max.symbol") >= "S117",
        pl.col("min.exchange_timestamp_ns") < hour_ns + HOUR_NS,
        pl.col("max.exchange_timestamp_ns") >= hour_ns,
    )
    return stays["size_bytes"].sum() / files["size_bytes"].sum()


def test_a_symbol_hour_reads_at_most_a_fiftieth(clustered: Lake) -> None:
    before = table_layout(clustered, TABLE, version=COMMITS - 1)
    after = table_layout(clustered, TABLE)
    assert before.files == COMMITS
    assert before.symbol_share == 1.0
    assert after.symbol_hour_share is not None
    assert after.symbol_hour_share <= 0.02
    assert bytes_of_symbol_hour(clustered) <= 0.02
    hour = pl.col("exchange_timestamp_ns") // HOUR_NS
    found = clustered.scan(TABLE).group_by("symbol", hour).len().collect()
    old = clustered.scan(TABLE, COMMITS - 1).group_by("symbol", hour).len().collect()
    assert found.sort(pl.all()).equals(old.sort(pl.all()))


def test_debt_counts_what_merging_saves(clustered: Lake) -> None:
    before = table_layout(clustered, TABLE, version=COMMITS - 1)
    assert (before.small_files, before.file_debt) == (COMMITS, COMMITS - 1)
    none = table_layout(clustered, TABLE, version=COMMITS - 1, target_bytes=1000)
    assert (none.small_files, none.small_bytes, none.file_debt) == (0, 0, 0)


def test_the_command_reports_it(clustered: Lake) -> None:
    arguments = ["tables", str(TABLE), "--layout", "--lake", clustered.root]
    told = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    layout = table_layout(clustered, TABLE)
    assert told["files"] == layout.files
    assert told["symbol_hour_share"] == pytest.approx(layout.symbol_hour_share)
    shown = CliRunner().invoke(main, arguments)
    assert (shown.exit_code, "small-file debt" in shown.output) == (0, True)
    refused = CliRunner().invoke(main, ["tables", "--layout", "--lake", clustered.root])
    assert (refused.exit_code, "no NAME was given" in refused.output) == (2, True)


def test_vacuum_spares_pinned_versions(clustered: Lake) -> None:
    assert pinned(clustered, TABLE) == [3]
    rows = clustered.scan(TABLE, 3).select(pl.len()).collect().item()
    latest = clustered.scan(TABLE).select(pl.len()).collect().item()
    assert vacuum(clustered, TABLE) == []  # a week has not passed
    planned = vacuum(clustered, TABLE, older_than_hours=0)
    assert len(planned) == COMMITS - 4  # versions 0 to 3 are made of four files
    assert set(vacuum(clustered, TABLE, older_than_hours=0, dry_run=False)) == set(planned)
    assert clustered.scan(TABLE, 3).select(pl.col("bid_price").len()).collect().item() == rows
    assert clustered.scan(TABLE, 3).select(pl.col("bid_price").sum()).collect().item() > 0
    assert clustered.scan(TABLE).select(pl.len()).collect().item() == latest == ROWS
    with pytest.raises((DataError, OSError, pl.exceptions.PolarsError)):
        clustered.scan(TABLE, 5).select(pl.col("bid_price").sum()).collect()


def test_partitions_keep_to_themselves(tmp_path: Path) -> None:
    lake, table = Lake(tmp_path), TableName("silver", "parts")
    rows = pl.DataFrame({"pair": ["A/B", "C D", None, "A/B"], "ts_ns": [4, 3, 2, 1]})
    for index in range(2):
        part = rows.with_columns(pl.col("ts_ns") + 10 * index)
        lake.append(table, part, transaction=str(index), partition_by=("pair",))
    cluster(lake, table, ("ts_ns",))
    found = lake.scan(table).collect().sort("ts_ns")
    assert found["ts_ns"].to_list() == [1, 2, 3, 4, 11, 12, 13, 14]
    assert found["pair"].to_list() == ["A/B", None, "C D", "A/B"] * 2
    assert table_layout(lake, table).files == 3
    assert all((tmp_path / "silver" / "parts" / path).exists() for path in
               table_files(lake.open(table))["path"])  # fmt: skip


def test_gold_keeps_its_order(tmp_path: Path) -> None:
    lake, gold = Lake(tmp_path), TableName("gold", "day")
    lake.append(gold, pl.DataFrame({"symbol": ["a"]}), transaction="1")
    with pytest.raises(DataError, match="must keep their order"):
        cluster(lake, gold, ("symbol",))


def test_only_what_exists_can_be_pinned(clustered: Lake) -> None:
    with pytest.raises(DataError):
        pin(clustered, TABLE, 999, "never was")
