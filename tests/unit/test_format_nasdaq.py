"""Top-of-book and depth-of-book tables, as CSV and as Parquet."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from framework.core.errors import DataError
from framework.lake.formats.base import DEPTH_SCHEMA, QUOTE_SCHEMA, Parsed, SourceContext
from framework.lake.formats.nasdaq import NasdaqFormat

TOP = (
    "exchange,symbol,sequence,exchange_timestamp_ns,received_timestamp_ns,"
    "bid_price,bid_volume,ask_price,ask_volume,last_price,last_volume"
)
DEPTH = (
    "exchange,symbol,sequence,exchange_timestamp_ns,received_timestamp_ns,"
    "is_bid,price,volume,num_order,is_snapshot"
)
STAMPS = "coinbase,BTC-USD,7,1700000000123456789,1700000000123556789"


def ingest(path: Path, context: SourceContext | None = None) -> Parsed:
    context = context or SourceContext()
    bronze = pl.concat(list(NasdaqFormat().read(path, context)))
    return NasdaqFormat().parse(bronze, context)


def write_csv(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "book.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def top_frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "exchange": ["coinbase"] * 3,
            "symbol": ["BTC-USD"] * 3,
            "sequence": [7, 8, 9],
            "exchange_timestamp_ns": [1_700_000_000_123_456_789 + i for i in range(3)],
            "received_timestamp_ns": [1_700_000_000_123_556_789 + i for i in range(3)],
            "bid_price": [0.1, 36_000.1, None],
            "bid_volume": [0.3, 1e-8, None],
            "ask_price": [0.2, 36_000.2, 36_000.3],
            "ask_volume": [5.0, 2.0, 1.0],
            "last_price": [None, 36_000.2, None],
            "last_volume": [None, 0.25, None],
            "note": ["plain", 'a "quoted", word', None],
        }
    )


def test_top_of_book_becomes_quotes(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path, TOP, f"{STAMPS},35999.5,1.25,36000,0.5,35999.75,0.1", f"{STAMPS},,,36000,0.5,,"
    )
    parsed = ingest(path)
    assert parsed.rejects.is_empty()
    assert parsed.quotes.schema == QUOTE_SCHEMA
    stream = ("coinbase", "BTC-USD", 7, 1_700_000_000_123_456_789, 1_700_000_000_123_556_789)
    assert parsed.quotes.rows() == [
        (*stream, 35999.5, 1.25, 36000.0, 0.5, 35999.75, 0.1, "book.csv", 2),
        (*stream, None, None, 36000.0, 0.5, None, None, "book.csv", 3),
    ]


def test_depth_of_book_becomes_depth(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path,
        DEPTH,
        f"{STAMPS},true,35999,2,4,snapshot",
        f"{STAMPS},0,36001,3,,1",
        f"{STAMPS},Bid,35998,0,0,update",
        f"{STAMPS},sell,36002,1,1,False",
        f"{STAMPS},,,,,update",
    )
    parsed = ingest(path)
    assert parsed.rejects.is_empty()
    assert parsed.depth.schema == DEPTH_SCHEMA
    columns = ["sequence", "is_bid", "price", "volume", "num_order", "is_snapshot"]
    assert parsed.depth.select(columns).rows() == [
        (7, True, 35999.0, 2.0, 4, True),
        (7, False, 36001.0, 3.0, None, True),
        (7, True, 35998.0, 0.0, 0, False),
        (7, False, 36002.0, 1.0, 1, False),
        (7, None, None, None, None, False),
    ]


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    frame = top_frame()
    frame.write_parquet(tmp_path / "book.parquet")
    frame.write_csv(tmp_path / "book.csv")
    parquet = ingest(tmp_path / "book.parquet")
    csv = ingest(tmp_path / "book.csv")

    assert parquet.rejects.is_empty()
    assert parquet.quotes.drop("source_file", "source_row").equals(
        csv.quotes.drop("source_file", "source_row")
    )
    # A header line is row 1 of the CSV; a Parquet file has none.
    assert parquet.quotes["source_row"].to_list() == [1, 2, 3]
    assert csv.quotes["source_row"].to_list() == [2, 3, 4]
    prices = [name for name in frame.columns if name.endswith(("price", "volume"))]
    assert parquet.quotes.select(prices).equals(frame.select(prices))


def test_depth_parquet_keeps_booleans(tmp_path: Path) -> None:
    path = tmp_path / "depth.parquet"
    pl.DataFrame(
        {
            "exchange": ["x", "x"],
            "symbol": ["BTC", "BTC"],
            "sequence": [1, 1],
            "exchange_timestamp_ns": [1, 1],
            "received_timestamp_ns": [2, 2],
            "is_bid": [True, False],
            "price": [10.0, 11.0],
            "volume": [1.0, 2.0],
            "num_order": pl.Series([3, None], dtype=pl.Int32),
            "is_snapshot": [True, True],
        }
    ).write_parquet(path)
    depth = ingest(path).depth
    assert depth.select("is_bid", "num_order", "is_snapshot").rows() == [
        (True, 3, True),
        (False, None, True),
    ]


def test_extra_columns_are_allowed_in_any_order(tmp_path: Path) -> None:
    header = "colour," + ",".join(reversed(TOP.split(",")))
    row = ",".join(["red", *reversed(f"{STAMPS},1,2,3,4,5,6".split(","))])
    quotes = ingest(write_csv(tmp_path, header, row)).quotes
    assert quotes.row(0)[2:11] == (
        7,
        1_700_000_000_123_456_789,
        1_700_000_000_123_556_789,
        1.0,
        2.0,
        3.0,
        4.0,
        5.0,
        6.0,
    )


def test_the_venue_and_the_symbol_can_be_given(tmp_path: Path) -> None:
    path = write_csv(tmp_path, TOP, f"{STAMPS},1,1,2,1,,")
    quotes = ingest(path, SourceContext(venue="cb", symbol="BTC")).quotes
    assert quotes.row(0)[:2] == ("cb", "BTC")


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        (TOP, f"{STAMPS},-1,1,2,1,,", "bid_price must be above zero"),
        (TOP, f"{STAMPS},nan,1,2,1,,", "bid_price must be a finite number"),
        (TOP, f"{STAMPS},1,-1,2,1,,", "bid_volume must be at least zero"),
        (TOP, "x,BTC,,1,1,1,1,2,1,,", "sequence must not be empty"),
        (TOP, "x,BTC,1.5,1,1,1,1,2,1,,", "sequence must be a whole number"),
        (TOP, "x,BTC,1,1.5,1,1,1,2,1,,", "exchange_timestamp_ns must be whole nanoseconds"),
        (TOP, "x,BTC,1,1,-1,1,1,2,1,,", "received_timestamp_ns must not lie before 1970"),
        (DEPTH, f"{STAMPS},true,0,1,1,true", "price must be above zero"),
        (DEPTH, f"{STAMPS},true,1,inf,1,true", "volume must be a finite number"),
        (DEPTH, f"{STAMPS},true,1,,1,true", "volume must not be empty"),
        (DEPTH, f"{STAMPS},true,1,1,-1,true", "num_order must be at least 0"),
        (
            DEPTH,
            f"{STAMPS},true,1,1,1,perhaps",
            "is_snapshot must be one of true, 1, snapshot, false, 0, update",
        ),
        (
            DEPTH,
            f"{STAMPS},up,1,1,1,true",
            "is_bid must be one of true, 1, bid, b, buy, false, 0, ask, a, sell",
        ),
        (DEPTH, f"{STAMPS},true,1,1", "10 fields must stand in a row, found 8"),
        (DEPTH, f'{STAMPS},true,1,1,1,"tr,ue",3', "10 fields must stand in a row, found 11"),
    ],
)
def test_a_bad_row_is_refused_with_file_row_and_reason(
    tmp_path: Path, header: str, row: str, reason: str
) -> None:
    path = write_csv(tmp_path, header, row)
    parsed = ingest(path)
    assert parsed.rejects.rows() == [("book.csv", 2, reason, row)]
    assert parsed.quotes.is_empty()
    assert parsed.depth.is_empty()


def test_missing_columns_are_named(tmp_path: Path) -> None:
    header = DEPTH.replace(",is_snapshot", "").replace("sequence,", "")
    with pytest.raises(DataError, match=r"row 1: depth-of-book .*missing sequence, is_snapshot\n"):
        ingest(write_csv(tmp_path, header, "x"))
    frame = top_frame().drop("ask_price")
    frame.write_parquet(tmp_path / "top.parquet")
    with pytest.raises(DataError, match=r"top-of-book .*missing ask_price\n"):
        ingest(tmp_path / "top.parquet")


def test_empty_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="empty file"):
        ingest(tmp_path / "empty.csv")
    top_frame().clear().write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="empty file"):
        ingest(tmp_path / "empty.parquet")


def test_a_truncated_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "top.parquet"
    top_frame().write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"top\.parquet: must be a whole Parquet file"):
        ingest(path)
