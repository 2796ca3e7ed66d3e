"""Books rebuilt from real captures equal what the exchanges said they were."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from framework.catalog import Catalog, load_catalog
from framework.lake.dataset import Dataset
from framework.lake.formats.base import SourceFormat
from framework.lake.formats.binance import BinanceFormat
from framework.lake.formats.lobster import LobsterFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake
from framework.lake.verify import VerifyReport, verify

CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(CATALOG)


Market = Callable[[str], tuple[Path, VerifyReport]]


@pytest.fixture(scope="module")
def market(captures: Path, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Lake and report of a Binance market, ingested once for all tests."""

    @cache
    def made(name: str) -> tuple[Path, VerifyReport]:
        lake = tmp_path_factory.mktemp(name)
        return lake, verified(lake, catalog, BinanceFormat(), captures / "binance" / name)

    return made


def verified(lake: Path, catalog: Catalog, source: SourceFormat, *paths: Path) -> VerifyReport:
    """Ingest into a new lake and verify."""
    for path in paths:
        if not path.exists():
            pytest.skip(f"no capture {path}")
    store = Lake(lake)
    report = ingest(store, "table", source, list(paths), catalog)
    assert report.failures == []
    return verify(store, Dataset("table"), catalog)


@pytest.mark.captures
@pytest.mark.parametrize(
    ("name", "checked", "equal"),
    [("usdm", 6_547, 6_547), ("cm", 44_772, 44_772), ("spot", 6_493, 6_491)],
)
def test_binance_book_equals_its_best_bid_and_ask(
    market: Market, name: str, checked: int, equal: int
) -> None:
    _, report = market(name)
    assert (report.truth_checked, report.truth_equal) == (checked, equal)
    totals = report.totals()
    odd = ("gaps", "untrusted", "crossed", "locked", "one_sided", "off_tick", "off_lot", "early")
    assert {name: totals[name] for name in odd} == dict.fromkeys(odd, 0)
    latency = report.latency[f"binance_{name}"]
    assert 0 < latency.min_ns <= latency.p50_ns <= latency.p99_ns <= latency.max_ns


@pytest.mark.captures
def test_spot_differs_where_the_venue_left_a_level_out_of_a_diff(market: Market) -> None:
    folder, report = market("spot")
    rows = report.findings.select("source_file", "source_row", "detail").rows()
    assert [(file, row) for file, row, _ in rows] == [
        ("btcusdt_20240809.gz", 12_880),
        ("btcusdt_20240809.gz", 13_464),
    ]
    assert rows[0][2] == (
        "book 61564.91 × 0.00009 / 61565.17 × 0.00883, "
        "bookTicker 61565.1 × 0.00076 / 61565.17 × 0.00883 at update 50093478171"
    )
    # The level that the ticker shows is not in the diff, yet the next diff removes it.
    depth = Lake(folder).scan(Dataset("table").silver("depth")).filter("is_bid").collect()
    for row, price in ((12_880, 61_565.10), (13_464, 61_556.11)):
        told = depth.filter(
            pl.col("source_file") == "btcusdt_20240809.gz",
            pl.col("source_row") >= row,
            pl.col("price") == price,
        ).sort("source_row")
        assert told["source_row"][0] > row
        assert told["volume"][0] == 0.0


@pytest.mark.captures
def test_a_lost_diff_makes_the_rest_untrusted(
    captures: Path, tmp_path: Path, catalog: Catalog
) -> None:
    whole = captures / "binance" / "usdm" / "btcusdt_20240808.gz"
    if not whole.exists():
        pytest.skip(f"no capture {whole}")
    torn = tmp_path / "landing" / whole.name
    torn.parent.mkdir()
    diffs = 0
    with gzip.open(whole, "rb") as source, gzip.open(torn, "wb", compresslevel=1) as target:
        for line in source:
            diffs += b"@depth" in line
            if b"@depth" in line and diffs == 1_001:
                continue
            target.write(line)
    report = verified(tmp_path / "lake", catalog, BinanceFormat(), torn)
    totals = report.totals()
    assert totals["gaps"] == 1
    # Of the 1,000 diffs before the loss 4 are older than the snapshot.
    assert (report.truth_checked, report.truth_equal) == (996, 996)
    assert totals["untrusted"] == 6_551 - 1_001
    gap = report.findings.filter(pl.col("finding") == "gap").row(0, named=True)
    assert (gap["venue"], gap["source_file"]) == ("binance_usdm", whole.name)
    assert gap["source_row"] > 0


@pytest.mark.captures
@pytest.mark.parametrize(
    ("name", "visible"), [("AMZN_2012-06-21_5", 153_490), ("GOOG_2012-06-21_1", 45_569)]
)
def test_every_lobster_message_changes_the_book_by_its_size(
    captures: Path, tmp_path: Path, catalog: Catalog, name: str, visible: int
) -> None:
    path = captures / "lobster" / f"LOBSTER_SampleFile_{name}.zip"
    report = verified(tmp_path, catalog, LobsterFormat(), path)
    assert (report.truth_checked, report.truth_equal) == (visible, visible)
    assert report.streams[0].truth_source == "orderbook file"
    assert report.totals()["crossed"] == 0


@pytest.mark.captures
def test_a_corrupted_gold_row_is_found(market: Market, tmp_path: Path, catalog: Catalog) -> None:
    folder, report = market("usdm")
    lake = Lake(shutil.copytree(folder, tmp_path / "lake"))
    gold = lake.scan(Dataset("table").gold).collect().with_row_index("at")
    bids = gold.filter(pl.col("kind") == 1, pl.col("side") == 1, pl.col("qty_lots") > 0)
    at = bids["at"][bids.height // 2]
    lifted = pl.when(pl.col("at") == at).then(pl.col("px_ticks") + 100_000).otherwise("px_ticks")
    lake.open(Dataset("table").gold).delete()
    corrupted = gold.with_columns(px_ticks=lifted).drop("at")
    lake.append(Dataset("table").gold, corrupted, transaction="corrupted")
    after = verify(lake, Dataset("table"), catalog)
    assert after.truth_checked == report.truth_checked
    assert after.truth_equal < report.truth_equal
    assert after.totals()["crossed"] > 0
    assert verify(lake, Dataset("table"), catalog, version=0).truth_equal == report.truth_equal
