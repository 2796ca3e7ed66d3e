"""The demo market in Delta, and crossed episodes of stored streams."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from framework.catalog import CrossedPolicy, load_catalog
from framework.core.clock import instant_ns
from framework.core.errors import DataError
from framework.core.events import GOLD_SCHEMA
from framework.lake.formats.fx import FxFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake, TableName
from framework.lake.units import read_units
from framework.replay.stream import GoldStream
from framework.synthetic import demo_instruments, generate, write_demo_market
from research.crossed import episodes, episodes_per_day, stream_quotes, top_of_book

ROWS = 40_000
SEED = 3
GOLD = TableName("gold", "demo")
CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"


def stored(root: Path) -> pl.DataFrame:
    order = ["venue", "symbol", "ts_exch_ns", "seq"]
    return Lake(root).scan(GOLD).collect().sort(order, maintain_order=True)


def test_the_table_holds_the_generated_rows(tmp_path: Path) -> None:
    write_demo_market(tmp_path, ROWS, SEED)
    expected = pa.concat_tables(generate(ROWS, SEED).values())
    assert stored(tmp_path).select(GOLD_SCHEMA.names).equals(pl.DataFrame(pl.from_arrow(expected)))
    units = read_units(Lake(tmp_path), "demo")
    assert [units[i.venue, i.symbol].instrument for i in demo_instruments()] == list(
        demo_instruments()
    )


def test_writing_the_same_market_again_does_nothing(tmp_path: Path) -> None:
    assert write_demo_market(tmp_path, ROWS, SEED) == 0
    before = sorted(tmp_path.rglob("*.parquet"))
    assert write_demo_market(tmp_path, ROWS, SEED) == 0
    assert sorted(tmp_path.rglob("*.parquet")) == before


def test_another_market_is_refused(tmp_path: Path) -> None:
    write_demo_market(tmp_path, ROWS, SEED)
    with pytest.raises(DataError, match="it holds another"):
        write_demo_market(tmp_path, ROWS, SEED + 1)
    with pytest.raises(DataError, match="it holds another"):
        write_demo_market(tmp_path, ROWS + 1, SEED)
    assert len(read_units(Lake(tmp_path), "demo")) == 2


def test_a_write_cut_short_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = Lake.append

    def fail_at_gold(self: Lake, table: TableName, *args: object, **options: object) -> object:
        if table.layer == "gold":
            raise KeyboardInterrupt
        return append(self, table, *args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "append", fail_at_gold)
        with pytest.raises(KeyboardInterrupt):
            write_demo_market(tmp_path, ROWS, SEED)
    assert not Lake(tmp_path).exists(GOLD)
    write_demo_market(tmp_path, ROWS, SEED)
    write_demo_market(tmp_path / "other", ROWS, SEED)
    assert stored(tmp_path).equals(stored(tmp_path / "other"))
    assert len(read_units(Lake(tmp_path), "demo")) == 2


def test_a_bad_request_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="need at least"):
        write_demo_market(tmp_path, 10, SEED)
    assert Lake(tmp_path).tables() == []


def test_stored_streams_and_rows_in_memory_have_the_same_quotes(tmp_path: Path) -> None:
    write_demo_market(tmp_path, ROWS, SEED)
    streams = [stream(tmp_path, item.venue) for item in demo_instruments()]
    read = stream_quotes(streams)
    assert read.equals(top_of_book(stored(tmp_path), demo_instruments()))
    assert episodes(read).height > 5


def test_a_stream_that_starts_later_begins_with_the_standing_quote(tmp_path: Path) -> None:
    write_demo_market(tmp_path, ROWS, SEED)
    whole = stream_quotes([stream(tmp_path, "alpha")])
    start_ns = int(whole["ts_exch_ns"][1_000]) + 1
    part = stream_quotes([stream(tmp_path, "alpha", start_ns)])
    standing = whole.filter(pl.col("ts_exch_ns") < start_ns).row(-1, named=True)
    first = part.filter(pl.col("ts_exch_ns") == start_ns).row(-1, named=True)
    prices = ("bid", "bid_quantity", "ask", "ask_quantity")
    assert [first[name] for name in prices] == [standing[name] for name in prices]
    after = pl.col("ts_exch_ns") > start_ns
    assert part.filter(after).height == whole.filter(after).height


def stream(root: Path, venue: str, start_ns: int | None = None) -> GoldStream:
    (instrument,) = (item for item in demo_instruments() if item.venue == venue)
    return GoldStream(
        location=str(root / "gold" / "demo"),
        table="demo",
        version=0,
        instrument=instrument,
        start_ns=start_ns,
    )


@pytest.fixture(scope="module")
def fx_quotes(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """EUR/USD of two venues through the pipeline, with crossed quotes kept."""
    lake = Lake(tmp_path_factory.mktemp("fx"))
    catalog = load_catalog(CATALOG)
    streams = []
    for venue in ("fxcm", "oanda"):
        folder = captures / "fx" / venue
        if not folder.is_dir():
            pytest.skip(f"no capture {folder}")
        report = ingest(lake, venue, FxFormat(), [folder], catalog, venue=venue)
        assert report.failures == []
        instrument = catalog.instrument(venue, "EURUSD")
        assert instrument is not None
        assert report.version is not None
        table = TableName("gold", venue)
        streams.append(
            GoldStream(
                location=lake.uri(table),
                table=venue,
                version=report.version,
                instrument=instrument,
            )
        )
    return stream_quotes(streams)


@pytest.mark.captures
@pytest.mark.parametrize(
    ("policy", "counts"),
    [
        (CrossedPolicy.KEEP, [10, 93, 8, 18, 85, 56]),
        (CrossedPolicy.DROP, [13, 96, 8, 26, 100, 80]),
        (CrossedPolicy.INVALIDATE, [1, 16, 9, 5, 12, 17]),
    ],
)
def test_euro_episodes_per_day(
    fx_quotes: pl.DataFrame, policy: CrossedPolicy, counts: list[int]
) -> None:
    found = episodes(fx_quotes, own_crossed=policy)
    table = episodes_per_day(found, hours=(7, 20), pip=0.0001)
    assert table["date"].to_list() == [date(2014, 5, day) for day in (1, 2, 4, 5, 6, 7)]
    assert table["episodes"].to_list() == counts
    largest = found.filter(
        pl.col("start_ns").is_between(instant_ns("2014-05-01T07"), instant_ns("2014-05-02T20"))
    ).sort("max_edge")
    assert largest["max_edge"][-1] / 0.0001 == pytest.approx(20.4)
    news_ns = instant_ns("2014-05-02T12:30")
    assert 0 <= largest["start_ns"][-1] - news_ns < 2_000_000_000


@pytest.mark.captures
def test_euro_episodes_live_for_milliseconds_on_working_days(fx_quotes: pl.DataFrame) -> None:
    table = episodes_per_day(episodes(fx_quotes), hours=(7, 20))
    working = table.filter(pl.col("date") != date(2014, 5, 4))
    assert working["episodes"].is_between(10, 350).all()
    assert working["median_ms"].is_between(5, 22).all()
