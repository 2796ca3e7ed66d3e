"""FX quote zips: local times, kept crosses, refused rows and files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from framework.core.clock import format_ns, instant_ns
from framework.core.errors import DataError
from framework.lake.formats.base import QUOTE_SCHEMA, REJECT_SCHEMA, Parsed, SourceContext
from framework.lake.formats.fx import FxFormat

FXCM = SourceContext(venue="fxcm", time_zone="-05:00")
OANDA = SourceContext(venue="oanda", time_zone="UTC")


def write_zip(
    folder: Path,
    text: str,
    *,
    name: str = "20140501_quote.zip",
    inner: str = "20140501_eurusd_tick_quote.csv",
) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(inner, text)
    return path


def ingest(path: Path, context: SourceContext) -> Parsed:
    bronze = pl.concat(list(FxFormat().read(path, context)))
    return FxFormat().parse(bronze, context)


@pytest.mark.captures
@pytest.mark.parametrize(
    ("venue", "context", "rows", "crossed", "first_time"),
    [
        ("fxcm", FXCM, 96_406, 12_061, "2014-05-02T05:00:00.611000000Z"),
        ("oanda", OANDA, 49_341, 0, "2014-05-02T00:00:00.277000000Z"),
    ],
)
def test_reads_a_day_of_each_venue(
    captures: Path, venue: str, context: SourceContext, rows: int, crossed: int, first_time: str
) -> None:
    parsed = ingest(captures / "fx" / venue / "20140502_quote.zip", context)
    quotes = parsed.quotes

    assert parsed.rejects.is_empty()
    assert quotes.height == rows
    assert quotes.filter(pl.col("bid_price") > pl.col("ask_price")).height == crossed
    assert format_ns(quotes["exchange_timestamp_ns"][0]) == first_time
    assert quotes["exchange_timestamp_ns"].equals(quotes["received_timestamp_ns"])
    assert set(quotes["symbol"]) == {"EURUSD"}
    assert set(quotes["exchange"]) == {venue}
    assert quotes["bid_volume"].null_count() == quotes["ask_volume"].null_count() == rows
    assert quotes["sequence"].diff().drop_nulls().unique().to_list() == [1]


@pytest.mark.captures
def test_both_venues_saw_the_payrolls_of_2014_05_02_at_half_past_twelve(captures: Path) -> None:
    """A wrong time zone of either venue would part the two moves by hours."""
    start, end = instant_ns("2014-05-02T12:29:50"), instant_ns("2014-05-02T12:30:10")
    moves = []
    for venue, context in (("fxcm", FXCM), ("oanda", OANDA)):
        quotes = ingest(captures / "fx" / venue / "20140502_quote.zip", context).quotes
        bid = quotes.filter(pl.col("exchange_timestamp_ns").is_between(start, end))["bid_price"]
        moves.append(bid.max() - bid.min())
    assert min(moves) > 0.0030


def test_days_do_not_share_sequence_numbers(tmp_path: Path) -> None:
    first = write_zip(tmp_path, "1,1.1,1.2\n2,1.1,1.2\n")
    second = write_zip(tmp_path, "1,1.1,1.2\n", name="20140502_quote.zip")
    numbers = [ingest(path, OANDA).quotes["sequence"].to_list() for path in (first, second)]
    assert numbers == [[16_191 * 10**9 + 1, 16_191 * 10**9 + 2], [16_192 * 10**9 + 1]]


@pytest.mark.parametrize(
    ("time_zone", "expected"),
    [
        ("UTC", "2014-05-01T00:00:01.500000000Z"),
        ("-05:00", "2014-05-01T05:00:01.500000000Z"),
        ("+05:30", "2014-04-30T18:30:01.500000000Z"),
        ("America/New_York", "2014-05-01T04:00:01.500000000Z"),
    ],
)
def test_local_times_become_utc(tmp_path: Path, time_zone: str, expected: str) -> None:
    path = write_zip(tmp_path, "1500,1.1,1.2\n")
    quotes = ingest(path, SourceContext(venue="x", time_zone=time_zone)).quotes
    assert format_ns(quotes["exchange_timestamp_ns"][0]) == expected


def test_an_hour_the_clocks_skip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path, "9000000,1.1,1.2\n", name="20140309_quote.zip")
    parsed = ingest(path, SourceContext(venue="x", time_zone="America/New_York"))
    assert parsed.quotes.is_empty()
    assert parsed.rejects["reason"].to_list() == ["local time must exist once in its time zone"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,nan,1.2", "bid_price must be a finite number"),
        ("1,1.1,inf", "ask_price must be a finite number"),
        ("1,abc,1.2", "bid_price must be a finite number"),
        ("1,-1.1,1.2", "bid_price must be above zero"),
        ("1,1.1,0", "ask_price must be above zero"),
        ("1,1.1,", "ask_price must not be empty"),
        ("1,1.1", "3 fields must stand in a row, found 2"),
        ("1,1.1,1.2,7", "3 fields must stand in a row, found 4"),
        ("x,1.1,1.2", "ms_of_day must be a whole number of milliseconds"),
        ("86400000,1.1,1.2", "ms_of_day must be within one day"),
        ("-1,1.1,1.2", "ms_of_day must be within one day"),
    ],
)
def test_a_bad_row_is_refused_with_file_row_and_reason(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = write_zip(tmp_path, f"0,1.1,1.2\n{line}\n2,1.1,1.2\n")
    parsed = ingest(path, OANDA)
    assert parsed.quotes["source_row"].to_list() == [1, 3]
    assert parsed.rejects.rows() == [
        ("oanda/20140501_quote.zip::20140501_eurusd_tick_quote.csv", 2, reason, line)
    ]
    assert parsed.quotes.schema == QUOTE_SCHEMA
    assert parsed.rejects.schema == REJECT_SCHEMA


def test_blank_lines_count_but_hold_nothing(tmp_path: Path) -> None:
    parsed = ingest(write_zip(tmp_path, "0,1.1,1.2\r\n\r\n5,1.1,1.2\r\n\r\n"), OANDA)
    assert parsed.quotes["source_row"].to_list() == [1, 3]
    assert parsed.rejects.is_empty()


def test_the_symbol_can_be_given(tmp_path: Path) -> None:
    path = write_zip(tmp_path, "0,1.1,1.2\n", inner="ticks.csv")
    with pytest.raises(DataError, match=r"must hold the pair[^$]*--symbol"):
        ingest(path, OANDA)
    given = SourceContext(venue="oanda", symbol="EUR-USD")
    assert ingest(path, given).quotes["symbol"].to_list() == ["EUR-USD"]


def test_a_file_without_venue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none was given\n  remedy: pass the venue"):
        ingest(write_zip(tmp_path, "0,1.1,1.2\n"), SourceContext())


def test_an_unknown_time_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"IANA name or an offset .* got 'Mars/Base'"):
        ingest(write_zip(tmp_path, "0,1.1,1.2\n"), SourceContext(venue="x", time_zone="Mars/Base"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("\n\n", "empty file"),
        ("time,bid,ask\n0,1.1,1.2\n", "row 1: .* no header"),
        ("0,1.1,1,1.2,1\n", "row 1: "),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ingest(write_zip(tmp_path, text), OANDA)


@pytest.mark.parametrize("name", ["quotes.zip", "20141301_quote.zip"])
def test_a_name_without_a_date_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"must be YYYYMMDD_quote\.zip"):
        ingest(write_zip(tmp_path, "0,1.1,1.2\n", name=name), OANDA)


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path, "".join(f"{ms},1.1,1.2\n" for ms in range(5000)))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"20140501_quote.zip: cannot be read to its end"):
        ingest(path, OANDA)


def test_a_corrupt_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path, "".join(f"{ms},1.1,1.2\n" for ms in range(5000)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="truncated, corrupt or another container"):
        ingest(path, OANDA)


def test_a_zip_with_two_files_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path, "0,1.1,1.2\n")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("20140501_usdjpy_tick_quote.csv", "0,1.1,1.2\n")
    with pytest.raises(DataError, match="one csv file must stand inside, found 2"):
        ingest(path, OANDA)
