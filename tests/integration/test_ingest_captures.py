"""Real captures through the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from framework.catalog import load_catalog
from framework.core.events import EventFlag, EventKind
from framework.lake.dataset import Dataset
from framework.lake.formats import FORMATS
from framework.lake.ingest import IngestReport, ingest
from framework.lake.store import Lake

pytestmark = pytest.mark.captures
DATA = Dataset("t")
CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"


def run(root: Path, source: str, paths: list[Path], **options: str) -> tuple[Lake, IngestReport]:
    lake = Lake(root)
    report = ingest(lake, "t", FORMATS[source](), paths, load_catalog(CATALOG), **options)
    assert not report.failures
    return lake, report


def gold(lake: Lake) -> pl.DataFrame:
    return lake.scan(DATA.gold).collect()


def test_usdm(captures: Path, tmp_path: Path) -> None:
    lake, report = run(tmp_path, "binance", [captures / "binance" / "usdm"])
    found = (report.rows, report.gold_rows, report.duplicates, report.quarantined, report.gaps)
    assert found == (93_954, 466_576, 0, 0, 0)
    rows = gold(lake)
    assert (rows["ts_recv_ns"] - rows["ts_exch_ns"]).min() == 4_643_149
    ordered = rows.sort("ts_exch_ns", "seq", maintain_order=True)
    assert rows.equals(ordered)
    assert rows.filter(pl.col("kind") == EventKind.TRADE).height == 21_313
    first = rows.filter(pl.col("kind") == EventKind.CLEAR)
    assert first["flags"].to_list() == [EventFlag.SNAPSHOT]
    waited = lake.scan(DATA.silver("depth")).filter(pl.col("status") == "before_snapshot").collect()
    snapshot = first["ts_recv_ns"].item()
    held = rows.filter(pl.col("ts_recv_ns") == snapshot, pl.col("flags") & 2 == 0)
    assert 0 < held.height < waited.height  # those newer than the snapshot became known with it


def test_a_day_without_snapshot_continues_the_day_before(captures: Path, tmp_path: Path) -> None:
    days = sorted((captures / "binance" / "spot").iterdir())
    lake, report = run(tmp_path / "a", "binance", days)
    assert (report.files, report.rows, report.gaps) == (2, 99_574, 0)
    second = lake.scan(DATA.silver("depth")).filter(pl.col("source_file") == days[1].name)
    assert second.select("status").collect()["status"].unique().to_list() == ["applied"]
    other, _ = run(tmp_path / "b", "binance", days[::-1])
    key = ["ts_exch_ns", "seq"]
    assert (
        gold(other).sort(key, maintain_order=True).equals(gold(lake).sort(key, maintain_order=True))
    )


def test_a_day_without_any_snapshot_builds_no_book(captures: Path, tmp_path: Path) -> None:
    lake, report = run(tmp_path, "binance", [captures / "binance/spot/btcusdt_20240809.gz"])
    assert set(gold(lake)["kind"]) == {EventKind.TRADE}
    assert report.gold_rows == 10_147


def test_quotes_of_two_venues_share_a_table(captures: Path, tmp_path: Path) -> None:
    day = "20140501_quote.zip"
    for venue in ("fxcm", "oanda"):
        lake, report = run(tmp_path, "fx", [captures / "fx" / venue / day], venue=venue)
        assert report.files == 1
    rows = gold(lake)
    assert set(rows["kind"]) == {EventKind.BEST}
    assert rows.group_by("venue").len().height == 2
    assert rows["qty_lots"].max() == 1000  # the catalog's quote_size of a million in lots of 1000


def test_orders_keep_lobsters_numbers(captures: Path, tmp_path: Path) -> None:
    lake, _ = run(tmp_path, "lobster", [next((captures / "lobster").glob("*GOOG*"))])
    rows = gold(lake)
    assert rows["seq"].is_sorted()
    assert {EventKind.ORDER_ADD, EventKind.ORDER_EXECUTE} <= set(rows["kind"])
