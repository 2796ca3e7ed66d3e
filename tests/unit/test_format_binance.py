"""Binance lines become typed rows, or are refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from framework.core.errors import DataError
from framework.lake.formats.base import (
    DEPTH_SCHEMA,
    QUOTE_SCHEMA,
    REJECT_SCHEMA,
    TRADE_SCHEMA,
    Parsed,
    SourceContext,
)
from framework.lake.formats.binance import BinanceFormat
from tests.support.binance_lines import (
    MS,
    T0_MS,
    line,
    sound_capture,
    usdm_depth,
    usdm_quote,
    usdm_snapshot,
    usdm_trade,
    wrapped,
    write_capture,
)

T0 = T0_MS * MS


def parse(tmp_path: Path, lines: list[str], **context: str) -> Parsed:
    path = write_capture(tmp_path / "x.gz", lines)
    source, given = BinanceFormat(), SourceContext(**context)
    return source.parse(pl.concat(source.read(path, given)), given)


def test_bronze_is_the_line_as_received(tmp_path: Path) -> None:
    lines = ["", *sound_capture(), 'odd "text" \\ with,commas\tand tabs']
    path = write_capture(tmp_path / "x.txt", lines)
    bronze = pl.concat(BinanceFormat().read(path, SourceContext()))
    assert bronze["payload"].to_list() == lines
    assert bronze["source_row"].to_list() == list(range(1, len(lines) + 1))
    assert bronze["source_file"].unique().to_list() == ["x.txt"]


def test_usdm_messages(tmp_path: Path) -> None:
    parsed = parse(tmp_path, sound_capture())
    assert parsed.depth.schema == DEPTH_SCHEMA
    assert parsed.quotes.schema == QUOTE_SCHEMA
    assert parsed.trades.schema == TRADE_SCHEMA
    assert parsed.rejects.schema == REJECT_SCHEMA
    assert parsed.rejects.is_empty()
    names = ["sequence", "first_sequence", "prev_sequence", "is_bid", "price", "volume"]
    assert parsed.depth.select(*names, "is_snapshot", "source_row").rows() == [
        (100, None, None, True, 99.9, 1.0, True, 1),
        (100, None, None, False, 100.1, 2.0, True, 1),
        (102, 101, 100, True, 99.8, 3.0, False, 2),
        (104, 103, 102, False, 100.1, 1.5, False, 4),
        (106, 105, 104, True, 99.8, 0.0, False, 6),
    ]
    assert parsed.depth["exchange_timestamp_ns"][2] == T0 + 1010 * MS
    assert parsed.depth["received_timestamp_ns"][2] == T0 + 1015 * MS
    assert set(parsed.depth["exchange"]) == {"binance_usdm"}
    assert set(parsed.depth["symbol"]) == {"BTCUSDT"}
    assert parsed.trades.select("trade_id", "side", "price", "volume").rows() == [
        ("7", 1, 100.1, 0.5),
        ("8", -1, 99.9, 0.25),
    ]
    assert parsed.quotes.select("sequence", "bid_price", "ask_volume").rows() == [(104, 99.9, 2.0)]


def test_markets_are_told_apart(tmp_path: Path) -> None:
    spot = {"e": "depthUpdate", "E": T0_MS, "s": "BTCUSDT", "U": 1, "u": 2, "b": [], "a": []}
    coin = spot | {"T": T0_MS, "s": "BTCUSD_PERP", "ps": "BTCUSD", "pu": 0}
    delivery = spot | {"T": T0_MS, "s": "BTCUSDT_240927", "pu": 0}
    spot_quote = {"u": 3, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}
    spot_trade = {"e": "trade", "E": T0_MS, "s": "BTCUSDT", "t": 1, "p": "1", "q": "1",
                  "T": T0_MS, "m": True, "M": True}  # fmt: skip
    coin_trade = {"e": "trade", "E": T0_MS, "T": T0_MS, "s": "BTCUSD_PERP", "t": 1, "p": "1",
                  "q": "1", "X": "MARKET", "m": False}  # fmt: skip
    parsed = parse(
        tmp_path,
        [
            line(0, wrapped("a@depth@100ms", spot)),
            line(1, wrapped("b@depth", coin)),
            line(2, wrapped("c@depth@0ms", delivery)),
            line(3, wrapped("a@bookTicker", spot_quote)),
            line(4, wrapped("a@trade", spot_trade)),
            line(5, wrapped("b@trade", coin_trade)),
            line(6, {"lastUpdateId": 5, "bids": [["1", "1"]], "asks": []}),
        ],
    )
    assert parsed.depth.rows_by_key("source_row", named=True).keys() == {1, 2, 3, 7}
    assert parsed.depth.select("exchange", "symbol").rows() == [
        ("binance_spot", "BTCUSDT"),
        ("binance_cm", "BTCUSD_PERP"),
        ("binance_usdm", "BTCUSDT_240927"),
        ("binance_spot", "BTCUSDT"),
    ]
    assert parsed.quotes["exchange"].to_list() == ["binance_spot"]
    assert parsed.quotes["exchange_timestamp_ns"].to_list() == [None]
    assert parsed.trades["exchange"].to_list() == ["binance_spot", "binance_cm"]


def test_a_message_without_levels_keeps_its_number(tmp_path: Path) -> None:
    parsed = parse(tmp_path, [line(5, usdm_depth(0, 1, 2, 0))])
    assert parsed.depth.select("sequence", "is_bid", "price", "volume").rows() == [
        (2, None, None, None)
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(1, usdm_depth(0, 1, 2, 0, [("NaN", "1")])), "NaN"),
        (line(1, usdm_depth(0, 1, 2, 0, [("9.9", "1"), ("-10.1", "1")])), "-10.1"),
        (line(1, usdm_depth(0, 1, 2, 0, [("0", "1")])), "price above 0"),
        (line(1, usdm_depth(0, 1, 2, 0, [], [("9.9", "-0.001")])), "-0.001"),
        (line(1, usdm_depth(0, 1, 2, 0, [], [("9.9", "inf")])), "inf"),
        (line(1, usdm_depth(0, 1, 2, 0, [("abc", "1")])), "abc"),
        (line(1, usdm_trade(0, 1, "NaN", "1")), "NaN"),
        (line(1, usdm_trade(0, 1, "-1", "1")), "-1"),
        (line(1, usdm_trade(0, 1, "1", "0.000")), "above 0"),
        (line(1, usdm_trade(0, 1, "1", "-2")), "-2"),
        (line(1, usdm_trade(0, 1, "1", "x")), "no number"),
        (line(1, usdm_quote(0, 1, "-1", "2")), "-1"),
        (line(1, usdm_depth(0, 1, 2, 0))[:-3], "JSON"),
        (line(1, usdm_depth(0, 1, 2, 0)) + ',{"stream":"x"}', "JSON"),
        (line(1, {"stream": "btcusdt@depth", "data": {"e": "depthUpdate"}}), "must have"),
        (line(1, {"stream": "btcusdt@depth", "data": 5}), "JSON"),
        (line(1, {"stream": "btcusdt@markPrice", "data": {"p": "1"}}), "neither depth"),
        ("x" + line(1, usdm_depth(0, 1, 2, 0)), "local time"),
        ("", "local time"),
        ("17 {}", "local time"),
        (line(1, usdm_trade(10**16, 1, "1", "1")), "milliseconds"),
        (line(1, usdm_depth(-(10**13), 1, 2, 0)), "milliseconds"),
        (line(1, usdm_trade(0, 1, "1", "2")).replace("MARKET", "ADL"), "ADL"),
    ],
)
def test_what_cannot_be_typed_is_refused(tmp_path: Path, bad: str, reason: str) -> None:
    parsed = parse(tmp_path, [*sound_capture(), bad])
    refused = parsed.rejects.row(0, named=True)
    assert parsed.rejects.height == 1
    assert refused["source_row"] == len(sound_capture()) + 1
    assert refused["source_file"] == "x.gz"
    assert reason in refused["reason"]
    assert refused["payload"] == bad
    assert parsed.depth.height == 5
    assert parsed.trades.height == 2
    assert parsed.quotes.height == 1


def test_many_broken_lines_are_found_one_by_one(tmp_path: Path) -> None:
    lines = sound_capture() * 40
    broken = [3, 77, 78, 200]
    for row in broken:
        lines[row - 1] = lines[row - 1][:-2]
    parsed = parse(tmp_path, lines)
    assert parsed.rejects["source_row"].to_list() == broken


def test_a_nameless_snapshot_among_streams_is_refused(tmp_path: Path) -> None:
    other = json.loads(json.dumps(usdm_depth(1, 1, 2, 0)).replace("BTCUSDT", "ETHUSDT"))
    lines = [
        line(1, usdm_depth(0, 1, 2, 0)),
        line(2, other),
        line(3, usdm_snapshot(0, 1, [("1", "1")], [])),
    ]
    parsed = parse(tmp_path, lines)
    assert "--symbol" in parsed.rejects["reason"][0]
    named = parse(tmp_path, lines, symbol="ETHUSDT")
    assert named.rejects.is_empty()
    assert named.depth["symbol"].to_list() == ["BTCUSDT", "ETHUSDT", "ETHUSDT"]


def test_a_given_venue_goes_before_the_recognised_one(tmp_path: Path) -> None:
    parsed = parse(tmp_path, sound_capture(), venue="testnet")
    assert set(parsed.depth["exchange"]) == {"testnet"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"time,bid,ask\n1,2,3\n", "row 1"),
        (b"\x1f\x8b\x08\x00garbage", "whole gzip"),
        (b"\xff\xfe\x00\n", "UTF-8"),
    ],
)
def test_a_file_that_is_no_capture_is_an_error(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        list(BinanceFormat().read(path, SourceContext()))
    assert "x.gz" in caught.value.message
    assert caught.value.remedy


def test_a_truncated_capture_is_an_error(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "x.gz", sound_capture())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="whole gzip"):
        list(BinanceFormat().read(path, SourceContext()))


def test_files_are_put_in_order_by_their_first_time(tmp_path: Path) -> None:
    source = BinanceFormat()
    packed = write_capture(tmp_path / "x.gz", sound_capture())
    plain = write_capture(tmp_path / "x.txt", sound_capture())
    assert source.order_hint_ns(packed) == source.order_hint_ns(plain) == T0 + 1005 * MS
    assert source.order_hint_ns(write_capture(tmp_path / "e.gz", ["nothing"])) == 0
    assert source.order_hint_ns(tmp_path / "missing") == 0


@pytest.mark.captures
@pytest.mark.parametrize(
    ("name", "depth", "quotes", "trades"),
    [
        ("usdm/btcusdt_20240808.gz", 445_521, 66_089, 21_313),
        ("spot/btcusdt_20240808.gz", 126_090, 28_040, 9_757),
        ("cm/btcusd_perp_20240808.gz", 298_013, 19_136, 2_286),
    ],
)
def test_captures_are_typed_whole(
    captures: Path, name: str, depth: int, quotes: int, trades: int
) -> None:
    source, context = BinanceFormat(), SourceContext()
    parsed = source.parse(pl.concat(source.read(captures / "binance" / name, context)), context)
    found = (parsed.depth.height, parsed.quotes.height, parsed.trades.height)
    assert found == (depth, quotes, trades)
    assert parsed.rejects.is_empty()
    assert parsed.depth["is_snapshot"].sum() == 2000
