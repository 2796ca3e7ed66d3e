"""TAQ: exchanges by letter, round lots, missing sides, cancelled trades."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from framework.core.clock import format_ns
from framework.core.errors import DataError
from framework.lake.formats.base import QUOTE_SCHEMA, TRADE_SCHEMA, Parsed, SourceContext
from framework.lake.formats.taq import TaqFormat

QUOTES = "ts_ms_utc,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL"
TRADES = "ts_ms_utc,EX,SYMBOL,COND,SIZE,PRICE,CORR"


def ingest(path: Path, context: SourceContext | None = None) -> Parsed:
    context = context or SourceContext()
    bronze = pl.concat(list(TaqFormat().read(path, context)))
    return TaqFormat().parse(bronze, context)


def write_csv(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "taq.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.captures
def test_quotes_of_twelve_exchanges(captures: Path) -> None:
    parsed = ingest(captures / "taq" / "sampleQDataRaw.csv.gz")
    quotes = parsed.quotes
    assert parsed.rejects.is_empty()
    assert quotes.schema == QUOTE_SCHEMA
    assert quotes.height == 131_401
    assert quotes["exchange"].n_unique() == 12
    assert quotes.filter(pl.col("exchange") == "nyse").height == 94_422
    first = quotes.row(0, named=True)
    assert format_ns(first["exchange_timestamp_ns"]) == "2018-01-02T09:04:13.125000000Z"
    assert (first["exchange"], first["symbol"]) == ("nyse_arca", "XXX")
    assert (first["bid_price"], first["bid_volume"]) == (156.57, 100.0)
    assert (first["ask_price"], first["ask_volume"]) == (158.85, 100.0)
    assert quotes["bid_price"].null_count() == quotes["bid_volume"].null_count() > 0
    assert quotes["bid_price"].min() > 0


@pytest.mark.captures
def test_trades_without_the_cancelled_ones(captures: Path) -> None:
    parsed = ingest(captures / "taq" / "sampleTDataRaw.csv.gz")
    assert parsed.trades.schema == TRADE_SCHEMA
    assert parsed.trades.height == 77_261
    assert parsed.rejects.height == 2
    assert set(parsed.trades["side"]) == {0}
    first = parsed.trades.row(0, named=True)
    assert (first["exchange"], first["price"], first["volume"]) == ("nyse_arca", 157.8, 2.0)
    assert parsed.trades.filter(pl.col("exchange") == "finra").height > 20_000


def test_a_side_without_price_or_size_is_missing(tmp_path: Path) -> None:
    path = write_csv(tmp_path, QUOTES, "1,N,0,0,10.5,3,IBM", "1,N,10,0,0,3,IBM")
    assert ingest(path).quotes.select(pl.col("^(bid|ask)_.*$")).rows() == [
        (None, None, 10.5, 300.0),
        (None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        (QUOTES, "1,N,-1,1,2,1,IBM", "BID must be at least zero"),
        (QUOTES, "1,N,nan,1,2,1,IBM", "BID must be a finite number"),
        (QUOTES, "1,N,1,-1,2,1,IBM", "BIDSIZ must be at least zero"),
        (QUOTES, "1.5,N,1,1,2,1,IBM", "ts_ms_utc must be a whole number of milliseconds"),
        (QUOTES, "-1,N,1,1,2,1,IBM", "ts_ms_utc must lie between 1970 and 2262"),
        (QUOTES, "1,N,1,1,2,1,", "SYMBOL must not be empty"),
        (TRADES, "1,N,IBM,,100,0,0", "PRICE must be above zero"),
        (TRADES, "1,N,IBM,,0,10,0", "SIZE must be above zero"),
        (TRADES, "1,N,IBM,,1,10,8", "CORR must be 0 or 1: the trade was cancelled or corrected"),
        (TRADES, "1,N,IBM,,1,10", "7 fields must stand in a row, found 6"),
    ],
)
def test_a_bad_row_is_refused_with_file_row_and_reason(
    tmp_path: Path, header: str, line: str, reason: str
) -> None:
    parsed = ingest(write_csv(tmp_path, header, line))
    assert parsed.rejects.rows() == [("taq.csv", 2, reason, line)]
    assert parsed.quotes.is_empty()
    assert parsed.trades.is_empty()


def test_an_unknown_exchange_is_refused(tmp_path: Path) -> None:
    parsed = ingest(write_csv(tmp_path, QUOTES, "1,?,1,1,2,1,IBM"))
    assert parsed.rejects["reason"][0].startswith("EX must be one of A, B, C")


def test_a_venue_must_not_be_given(tmp_path: Path) -> None:
    path = write_csv(tmp_path, QUOTES, "1,N,1,1,2,1,IBM")
    with pytest.raises(DataError, match="the venue must not be given too, found 'nyse'"):
        ingest(path, SourceContext(venue="nyse"))


@pytest.mark.parametrize(
    ("text", "message"), [("", "empty file"), ("a,b\n", r"row 1: the columns must be ts_ms_utc")]
)
def test_a_wrong_file_is_refused_as_a_whole(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "taq.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        ingest(path)
