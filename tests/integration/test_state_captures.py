"""On real captures the feed handlers write the quotes that the books show."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.core.instrument import Instrument
from framework.replay import GoldStream, open_streams
from framework.state.desk import BUCKET_NS, DepthBucket, Heartbeat, Quote
from framework.state.feed import issued_writes, store_rows
from research.crossed import stream_quotes

pytestmark = [pytest.mark.captures]


def _ingested(lake: Path, *arguments: str | Path) -> None:
    done = CliRunner().invoke(main, ["ingest", *map(str, arguments), "--lake", str(lake), "--json"])
    assert done.exit_code == 0, json.loads(done.stdout)


def _written(streams: list[GoldStream]) -> list[Quote | DepthBucket | Heartbeat]:
    instruments = [stream.instrument for stream in streams]
    return [one for _, one in issued_writes(store_rows(streams), instruments)]


def _shown(stream: GoldStream) -> list[tuple[object, ...]]:
    item: Instrument = stream.instrument
    quotes = stream_quotes([stream])
    # The first row of a stream may show no quote at all, which is what the store begins with.
    quotes = quotes.filter(pl.col("bid").is_not_null().or_(pl.col("ask").is_not_null()).cum_max())
    return [
        (
            row["ts_exch_ns"],
            row["ts_recv_ns"],
            None if row["bid"] is None else item.ticks(row["bid"]),
            None if row["ask"] is None else item.ticks(row["ask"]),
            0 if row["bid"] is None else item.lots(row["bid_quantity"]),
            0 if row["ask"] is None else item.lots(row["ask_quantity"]),
        )
        for row in quotes.to_dicts()
    ]


def _compare(streams: list[GoldStream]) -> None:
    written = _written(streams)
    for stream in streams:
        item = stream.instrument
        mine = [one for one in written if (one.venue, one.symbol) == (item.venue, item.symbol)]
        quotes = [one for one in mine if isinstance(one, Quote)]
        assert [
            (
                *(one.valid_ns, one.received_ns, one.bid_px_ticks, one.ask_px_ticks),
                *(one.bid_lots, one.ask_lots),
            )
            for one in quotes
        ] == _shown(stream)
        assert len(quotes) > 1_000
        buckets = [one for one in mine if isinstance(one, DepthBucket)]
        starts = [one.bucket_ns for one in buckets]
        assert starts == sorted(set(starts))
        assert all(start % BUCKET_NS == 0 for start in starts)
        assert sum(one.n_events for one in buckets) == sum(stream.files()["rows"].to_pylist())
        # A bucket's first level is the last quote before its end.
        newest = dict.fromkeys(starts)
        for quote in quotes:
            newest[quote.received_ns // BUCKET_NS * BUCKET_NS] = quote  # type: ignore[assignment]
        for bucket in buckets:
            last: Quote | None = newest[bucket.bucket_ns]  # type: ignore[assignment]
            if last is not None:
                assert (bucket.bids[0][0] if bucket.bids else None) == last.bid_px_ticks
                assert (bucket.asks[0][0] if bucket.asks else None) == last.ask_px_ticks


def test_quotes_of_two_real_fx_venues(captures: Path, tmp_path: Path) -> None:
    for venue in ("fxcm", "oanda"):
        source = captures / "fx" / venue / "20140501_quote.zip"
        _ingested(tmp_path, "fx", source, "--table", f"fx_{venue}", "--venue", venue)
    streams = [
        stream
        for venue in ("fxcm", "oanda")
        for stream in open_streams(tmp_path, f"fx_{venue}", venue=venue)
    ]
    _compare(streams)


def test_depth_of_a_real_exchange(captures: Path, tmp_path: Path) -> None:
    source = captures / "binance" / "cm"
    _ingested(
        tmp_path,
        *("binance", *sorted(source.glob("*20240808*.gz"))),
        *("--table", "cm", "--venue", "binance_cm"),
    )
    _compare(open_streams(tmp_path, "cm"))
