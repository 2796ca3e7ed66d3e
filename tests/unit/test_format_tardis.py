"""Tardis CSV files: four kinds told by their header, messages kept whole, bad rows refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from framework.core.errors import DataError
from framework.lake.formats import lines
from framework.lake.formats.base import Parsed, SourceContext
from framework.lake.formats.tardis import TardisFormat

UPDATES = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
SNAPSHOT_1 = (
    "exchange,symbol,timestamp,local_timestamp,"
    "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount"
)
STAMPS = "x,BTC,1585699200245000,1585699200355684"
DAY_18353 = 18_353 * 10**9


def ingest(path: Path, context: SourceContext | None = None) -> Parsed:
    context = context or SourceContext()
    parts = [TardisFormat().parse(b, context) for b in TardisFormat().read(path, context)]
    assert parts
    return Parsed(
        depth=pl.concat([part.depth for part in parts]),
        quotes=pl.concat([part.quotes for part in parts]),
        trades=pl.concat([part.trades for part in parts]),
        rejects=pl.concat([part.rejects for part in parts]),
    )


def write_csv(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "tardis.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.captures
def test_incremental_book(captures: Path) -> None:
    parsed = ingest(captures / "tardis" / "deribit_incremental_book_L2_BTC-PERPETUAL.csv")
    depth = parsed.depth
    assert parsed.rejects.is_empty()
    assert depth.height == 15
    # All fifteen rows are one snapshot message, named by its first row, the file's second.
    assert set(depth["sequence"]) == {DAY_18353 + 2}
    assert depth["is_snapshot"].all()
    assert not depth["is_bid"].any()
    first = depth.row(0, named=True)
    assert (first["exchange"], first["symbol"]) == ("deribit", "BTC-PERPETUAL")
    assert first["exchange_timestamp_ns"] == 1_585_699_200_245_000_000
    assert first["received_timestamp_ns"] == 1_585_699_200_355_684_000
    assert (first["price"], first["volume"]) == (6421.5, 18640.0)


@pytest.mark.captures
@pytest.mark.parametrize("levels", [5, 25])
def test_book_snapshots(captures: Path, levels: int) -> None:
    name = f"binance-futures_book_snapshot_{levels}_BTCUSDT.csv"
    depth = ingest(captures / "tardis" / name).depth
    assert depth.height == 10 * 2 * levels
    assert depth["is_snapshot"].all()
    by_message = depth.group_by("sequence").agg(pl.len(), pl.col("is_bid").sum())
    assert set(by_message["len"]) == {2 * levels}
    assert set(by_message["is_bid"]) == {levels}
    first = depth.filter(pl.col("source_row") == 2)
    assert first.filter("is_bid").row(0, named=True)["price"] == 11657.07
    assert first.filter("is_bid").row(1, named=True)["volume"] == 0.2
    assert first.filter(~pl.col("is_bid")).row(0, named=True)["volume"] == 1.714
    assert first.filter("is_bid")["price"].is_sorted(descending=True)
    assert first.filter(~pl.col("is_bid"))["price"].is_sorted()


@pytest.mark.captures
def test_trades(captures: Path) -> None:
    trades = ingest(captures / "tardis" / "bitmex_trades_XBTUSD.csv").trades
    assert trades.height == 10
    first = trades.row(0, named=True)
    assert first["trade_id"] == "ccc3c1fa-212c-e8b0-1706-9b9c4f3d5ecf"
    assert (first["side"], first["price"], first["volume"]) == (-1, 8531.5, 2152.0)
    assert first["is_hidden"] is False


@pytest.mark.captures
def test_quotes(captures: Path) -> None:
    quotes = ingest(captures / "tardis" / "huobi-dm-swap_quotes_BTC-USD.csv").quotes
    assert quotes.height == 10
    first = quotes.row(0, named=True)
    assert (first["bid_price"], first["bid_volume"]) == (8629.2, 806.0)
    assert (first["ask_price"], first["ask_volume"]) == (8629.3, 5494.0)


@pytest.mark.captures
def test_the_venue_and_the_symbol_can_be_given(captures: Path) -> None:
    path = captures / "tardis" / "bitmex_trades_XBTUSD.csv"
    trades = ingest(path, SourceContext(venue="bitmex_perp", symbol="XBT")).trades
    assert set(trades["exchange"]) == {"bitmex_perp"}
    assert set(trades["symbol"]) == {"XBT"}


def test_gzip_reads_like_plain(tmp_path: Path) -> None:
    plain = write_csv(tmp_path, TRADES, f"{STAMPS},a,buy,10,1", f"{STAMPS},b,unknown,10,2")
    packed = tmp_path / "tardis.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    one, two = ingest(plain).trades, ingest(packed).trades
    assert one.drop("source_file").equals(two.drop("source_file"))
    assert one["side"].to_list() == [1, 0]


def test_rows_of_one_local_time_are_one_message(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path,
        UPDATES,
        "x,BTC,1585699200245000,1585699200355684,true,bid,10,1",
        "x,BTC,1585699200245000,1585699200355684,false,bid,10,2",
        "x,BTC,1585699200245001,1585699200355684,false,ask,11,0",
        "x,ETH,1585699200245001,1585699200355684,false,ask,11,3",
        "x,BTC,1585699200245002,1585699200355685,false,ask,11,4",
    )
    depth = ingest(path).depth
    assert (depth["sequence"] - DAY_18353).to_list() == [2, 3, 3, 5, 6]
    stamps = (depth["exchange_timestamp_ns"] - 1_585_699_200_245_000_000).to_list()
    assert stamps == [0, 1000, 1000, 1000, 2000]
    assert depth["is_snapshot"].to_list() == [True, False, False, False, False]


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 5, 7])
def test_batches_never_cut_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    sizes = [3, 1, 4, 2, 5, 1]
    rows = [
        f"x,BTC,1585699200245000,{1585699200355684 + message},false,bid,{10 + level},1"
        for message, size in enumerate(sizes)
        for level in range(size)
    ]
    path = write_csv(tmp_path, UPDATES, *rows)
    whole = ingest(path).depth
    monkeypatch.setattr(
        lines.line_batches, "__kwdefaults__", {"first_row": 1, "batch_rows": batch_rows}
    )
    parted = ingest(path).depth
    assert parted.equals(whole)
    assert parted["sequence"].rle().struct.field("len").to_list() == sizes


def test_a_refused_level_does_not_renumber_its_message(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path,
        UPDATES,
        f"{STAMPS},true,bid,nan,1",
        f"{STAMPS},true,bid,10,1",
    )
    parsed = ingest(path)
    assert parsed.depth["sequence"].to_list() == [DAY_18353 + 2]
    assert parsed.rejects["source_row"].to_list() == [2]


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        (TRADES, f"{STAMPS},a,buy,-1,1", "price must be above zero"),
        (TRADES, f"{STAMPS},a,buy,NaN,1", "price must be a finite number"),
        (TRADES, f"{STAMPS},a,buy,1,0", "amount must be above zero"),
        (TRADES, f"{STAMPS},a,bought,1,1", "side must be buy or sell or unknown"),
        (TRADES, f"{STAMPS},a,buy,1", "8 fields must stand in a row, found 7"),
        (
            TRADES,
            "x,BTC,1.5e15,1,a,buy,1,1",
            "timestamp must be whole microseconds since 1970, before 2262",
        ),
        (
            TRADES,
            "x,BTC,9999999999999999,1,a,buy,1,1",
            "timestamp must be whole microseconds since 1970, before 2262",
        ),
        (TRADES, ",BTC,1,1,a,buy,1,1", "exchange must not be empty"),
        (UPDATES, f"{STAMPS},maybe,bid,1,1", "is_snapshot must be true or false"),
        (UPDATES, f"{STAMPS},true,buy,1,1", "side must be bid or ask"),
        (UPDATES, f"{STAMPS},true,bid,1,-1", "amount must be at least zero"),
        (QUOTES, f"{STAMPS},1,x,1,1", "ask_price must be a finite number"),
        (QUOTES, f"{STAMPS},-1,2,1,1", "ask_amount must be at least zero"),
        (SNAPSHOT_1, f"{STAMPS},2,1,1,0", "bids[0].amount must be above zero"),
        (SNAPSHOT_1, f"{STAMPS},2,,1,1", "asks[0].price and asks[0].amount must stand together"),
    ],
)
def test_a_bad_row_is_refused_with_file_row_and_reason(
    tmp_path: Path, header: str, line: str, reason: str
) -> None:
    path = write_csv(tmp_path, header, line)
    parsed = ingest(path)
    assert parsed.rejects.rows() == [("tardis.csv", 2, reason, line)]
    assert parsed.depth.is_empty()
    assert parsed.quotes.is_empty()
    assert parsed.trades.is_empty()


def test_missing_sides_are_null(tmp_path: Path) -> None:
    quotes = ingest(write_csv(tmp_path, QUOTES, f"{STAMPS},,,1,2")).quotes
    assert quotes["ask_price"].to_list() == [None]
    assert quotes["bid_volume"].to_list() == [2.0]


def test_an_empty_book_snapshot_is_one_row_without_a_level(tmp_path: Path) -> None:
    depth = ingest(write_csv(tmp_path, SNAPSHOT_1, f"{STAMPS},,,,", f"{STAMPS},2,1,,")).depth
    assert depth.select("source_row", "is_bid", "price", "volume").rows() == [
        (2, None, None, None),
        (3, False, 2.0, 1.0),
    ]
    assert depth["is_snapshot"].all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("time,price\n1,2\n", r"row 1: the header must be that of incremental_book_L2"),
        (SNAPSHOT_1 + ",asks[2].price\n", r"missing asks\[1\].amount, asks\[1\].price"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "tardis.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        ingest(path)


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{STAMPS},{i},buy,{i + 1},1\n" for i in range(5000))
    path = tmp_path / "trades.csv.gz"
    path.write_bytes(gzip.compress(f"{TRADES}\n{rows}".encode())[:-500])
    with pytest.raises(DataError, match=r"trades.csv.gz: cannot be read to its end"):
        ingest(path)


def test_a_file_that_is_no_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv.gz"
    path.write_text(TRADES)
    with pytest.raises(DataError, match="another container"):
        ingest(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        ingest(tmp_path / "nothing.csv")
