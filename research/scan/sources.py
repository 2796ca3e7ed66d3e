"""Best prices pair by pair, from gold streams or from a table of best prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from research.crossed import QUOTE_SCHEMA, stream_quotes

_CHUNK_ROWS: Final = 2_000_000
"""Best prices read at once; a pair is never cut, so one pair's rows may be more."""


class QuoteSource(Protocol):
    """Where a scan takes best prices from."""

    def pairs(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield each pair's name and its quotes of all venues, ``stream`` being the venue."""
        ...

    def described(self) -> dict[str, object]:
        """Name the tables and their versions."""
        ...


@dataclass(frozen=True, slots=True)
class GoldQuotes:
    """Best prices of gold streams, from the books that backtests use.

    Parameters
    ----------
    streams
        Streams; those of one asset (one symbol, where the catalog names no asset) are compared.
    """

    streams: Sequence[GoldStream]

    def pairs(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield pair by pair, one pair's quotes in memory at a time."""
        grouped: defaultdict[str, list[GoldStream]] = defaultdict(list)
        for stream in self.streams:
            grouped[_pair_name(stream)].append(stream)
        for pair in sorted(grouped):
            parts = [
                stream_quotes([stream]).with_columns(stream=pl.lit(_label(stream, grouped[pair])))
                for stream in grouped[pair]
            ]
            yield pair, pl.concat(parts)

    def described(self) -> dict[str, object]:
        """Name the tables and their versions."""
        return {f"gold/{stream.table}": stream.version for stream in self.streams}


@dataclass(frozen=True, slots=True)
class TableQuotes:
    """Best prices as a silver table tells them.

    Parameters
    ----------
    lake, table
        Rows of `framework.lake.formats.base.QUOTE_SCHEMA`, one symbol being one pair. Cluster the
        table by symbol (`Lake.compact`), or every chunk reads all of it.
    version
        Delta version.
    chunk_rows
        Rows read at once.
    """

    lake: Lake
    table: TableName
    version: int
    chunk_rows: int = _CHUNK_ROWS

    def pairs(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield pair by pair, at most about `chunk_rows` rows in memory at a time."""
        rows = self.lake.scan(self.table, self.version)
        counts = rows.group_by("symbol").len().collect(engine="streaming").sort("symbol")
        for symbols in _chunks(counts, self.chunk_rows):
            chunk = as_quotes(rows.filter(pl.col("symbol").is_in(symbols)))
            parts = chunk.collect().partition_by("pair", include_key=False, as_dict=True)
            for (pair,), quotes in sorted(parts.items()):
                yield str(pair), quotes

    def described(self) -> dict[str, object]:
        """Name the table and its version."""
        return {str(self.table): self.version}


def as_quotes(silver: pl.LazyFrame) -> pl.LazyFrame:
    """Turn silver best prices into `QUOTE_SCHEMA` rows with their ``pair``, in order of time."""
    quotes = silver.select(
        pair="symbol",
        stream="exchange",
        ts_exch_ns=pl.coalesce("exchange_timestamp_ns", "received_timestamp_ns"),
        ts_recv_ns="received_timestamp_ns",
        bid="bid_price",
        bid_quantity="bid_volume",
        ask="ask_price",
        ask_quantity="ask_volume",
        sequence="sequence",
    )
    order = ["pair", "stream", "ts_exch_ns", "sequence", "ts_recv_ns"]
    return quotes.sort(order, maintain_order=True).select("pair", *QUOTE_SCHEMA.names())


def _chunks(counts: pl.DataFrame, chunk_rows: int) -> Iterator[list[str]]:
    chunk: list[str] = []
    total = 0
    for symbol, rows in counts.iter_rows():
        if chunk and total + rows > chunk_rows:
            yield chunk
            chunk, total = [], 0
        chunk.append(symbol)
        total += rows
    if chunk:
        yield chunk


def _pair_name(stream: GoldStream) -> str:
    return stream.instrument.asset or stream.instrument.symbol


def _label(stream: GoldStream, alike: Sequence[GoldStream]) -> str:
    """Name a stream by its venue, with the symbol where the venue has several of the asset."""
    venue = stream.instrument.venue
    several = sum(other.instrument.venue == venue for other in alike) > 1
    return stream.instrument.name if several else venue
