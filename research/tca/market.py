"""Best prices and trades that trading is measured against, read chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from framework.core.costs import DAY_NS
from framework.core.errors import DataError
from framework.core.events import EventKind
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from research.crossed.quotes import stream_ticks

TICK_QUOTES: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "bid_ticks": pl.Int64,
        "bid_lots": pl.Int64,
        "ask_ticks": pl.Int64,
        "ask_lots": pl.Int64,
    }
)
"""Best prices of one book by exchange time; a side without a quote is null."""

TICK_TRADES: Final = pl.Schema(
    {"ts_ns": pl.Int64, "px_ticks": pl.Int64, "qty_lots": pl.Int64, "side": pl.Int8}
)
"""Trades of one book by exchange time; ``side`` is the aggressor's, 0 where unknown."""

CHUNK_ROWS: Final = 1 << 22
_CLOCKED: Final = (
    *("exchange", "symbol", "sequence"),
    *("exchange_timestamp_ns", "received_timestamp_ns"),
)
_QUOTED: Final = ("bid_price", "bid_volume", "ask_price", "ask_volume")
_TRADED: Final = ("price", "volume", "side")
_BATCH_ROWS: Final = 1 << 18
_TRADES: Final = (int(EventKind.TRADE), int(EventKind.HIDDEN_TRADE), int(EventKind.ORDER_EXECUTE))
_RESTING: Final = (int(EventKind.HIDDEN_TRADE), int(EventKind.ORDER_EXECUTE))

Chunks = Iterator[pl.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Quotes and trades by book.

    Parameters
    ----------
    described
        What is read, for records.
    quotes
        Gives a book's `TICK_QUOTES` in order of time, chunk by chunk.
    trades
        Gives a book's `TICK_TRADES` likewise; None where there are none.
    """

    described: str
    quotes: Callable[[int], Chunks]
    trades: Callable[[int], Chunks] | None = None


def gold_market(streams: Sequence[GoldStream], instruments: Sequence[Instrument]) -> Market:
    """Read a backtest's own streams: the books its strategy traded against.

    Raises
    ------
    DataError
        Where an instrument has no stream, or its stream counts in other units.
    """
    named = {stream.instrument.name: stream for stream in streams}
    for item in instruments:
        found = named.get(item.name)
        if found is None:
            raise DataError(
                f"every book traded needs its quotes, {item.name} has none",
                remedy=f"name its table too; there is {', '.join(sorted(named)) or 'nothing'}",
            )
        theirs, ours = (found.instrument.tick, found.instrument.lot), (item.tick, item.lot)
        if theirs != ours:
            raise DataError(
                f"{item.name}: trading counts in a tick and a lot of {ours[0]} and {ours[1]}, "
                f"its quotes in {theirs[0]} and {theirs[1]}",
                remedy="take the version of the table that the run has read",
            )
    ordered = [named[item.name] for item in instruments]
    return Market(
        described=", ".join(sorted({f"gold/{s.table} v{s.version}" for s in ordered})),
        quotes=lambda book: _gold_quotes(ordered[book]),
        trades=lambda book: _gold_trades(ordered[book]),
    )


def frame_market(
    quotes: Sequence[pl.DataFrame],
    trades: Sequence[pl.DataFrame] = (),
    chunk_rows: int = CHUNK_ROWS,
) -> Market:
    """Take frames in memory, one a book."""
    return Market(
        described="frames",
        quotes=lambda book: quotes[book].iter_slices(chunk_rows),
        trades=(lambda book: trades[book].iter_slices(chunk_rows)) if trades else None,
    )


def hold_quotes(market: Market, books: int) -> Market:
    """Read the quotes of some books once and keep them, for trading analysed again and again."""
    blank = pl.DataFrame(schema=TICK_QUOTES)
    held = [pl.concat([blank, *market.quotes(book)]) for book in range(books)]
    return replace(market, quotes=lambda book: held[book].iter_slices(CHUNK_ROWS))


def table_market(
    lake: Lake,
    instruments: Sequence[Instrument],
    quotes: str,
    trades: str | None = None,
    *,
    version: int | None = None,
) -> Market:
    """Read silver tables of best prices and trades.

    Parameters
    ----------
    lake, quotes, trades
        Names of silver tables that obey `framework.lake.formats.base`.
    version
        Delta version of the quotes; the latest where None.

    Raises
    ------
    DataError
        Where there is no such table, or it lacks a column.
    """
    told, described = _pinned(lake, quotes, _QUOTED, version)
    made = None
    if trades is not None:
        made, name = _pinned(lake, trades, _TRADED)
        described += f", {name}"
    return Market(
        described=described,
        quotes=lambda book: _table_quotes(told, instruments[book]),
        trades=None if made is None else lambda book: _table_trades(made, instruments[book]),
    )


def _pinned(
    lake: Lake, name: str, columns: Sequence[str], version: int | None = None
) -> tuple[pl.LazyFrame, str]:
    table = TableName("silver", name.removeprefix("silver/"))
    pinned = lake.open(table, version).version()
    rows = lake.scan(table, pinned)
    missing = [column for column in (*_CLOCKED, *columns) if column not in rows.collect_schema()]
    if missing:
        raise DataError(
            f"{table} must hold {', '.join((*_CLOCKED, *columns))}, it lacks {', '.join(missing)}",
            remedy="name a table of best prices with --quotes, one of trades with --trades",
        )
    return rows, f"{table} v{pinned}"


def _gold_quotes(stream: GoldStream) -> Chunks:
    start_ns = stream.start_ns
    for ends in stream_ticks(stream):
        chunk = ends.select(pl.col("ts_exch_ns").alias("ts_ns"), *TICK_QUOTES.names()[1:])
        if start_ns is not None:
            chunk = chunk.with_columns(pl.col("ts_ns").clip(lower_bound=start_ns))
        yield chunk


def _gold_trades(stream: GoldStream) -> Chunks:
    columns = ("ts_exch_ns", "kind", "side", "px_ticks", "qty_lots")
    for batch in stream.batches(_BATCH_ROWS, columns):
        rows = pl.DataFrame(pl.from_arrow(batch)).filter(pl.col("kind").is_in(_TRADES))
        if stream.start_ns is not None:
            rows = rows.filter(pl.col("ts_exch_ns") >= stream.start_ns)
        # Of an executed order the side is the resting one's.
        aggressor = pl.when(pl.col("kind").is_in(_RESTING)).then(-pl.col("side")).otherwise("side")
        yield (
            rows.select("ts_exch_ns", "px_ticks", "qty_lots", aggressor.cast(pl.Int8))
            .rename({"ts_exch_ns": "ts_ns"})
            .select(TICK_TRADES.names())
        )


def _periods(rows: pl.LazyFrame, instrument: Instrument) -> Iterator[pl.LazyFrame]:
    """Cut one instrument's rows into spells of whole days with about `CHUNK_ROWS` rows each."""
    mine = rows.filter(
        pl.col("exchange") == instrument.venue, pl.col("symbol") == instrument.symbol
    ).with_columns(ts_ns=pl.coalesce("exchange_timestamp_ns", "received_timestamp_ns"))
    day = pl.col("ts_ns") // DAY_NS
    counts = mine.group_by(day.alias("day")).len().drop_nulls("day").collect(engine="streaming")
    first, held = None, 0
    for number, count in counts.sort("day").iter_rows():
        if first is not None and held + count > CHUNK_ROWS:
            yield mine.filter(pl.col("ts_ns").is_between(first, number * DAY_NS, closed="left"))
            first, held = None, 0
        first = number * DAY_NS if first is None else first
        held += count
    if first is not None:
        yield mine.filter(pl.col("ts_ns") >= first)


def _in_order(period: pl.LazyFrame, *columns: str) -> pl.DataFrame:
    rows = period.select("ts_ns", "sequence", *columns).collect()
    ts, sequence = pl.col("ts_ns"), pl.col("sequence")
    # Looking costs less than sorting, and sorting by time less than by both.
    if not rows["ts_ns"].is_sorted():
        rows = rows.sort("ts_ns", maintain_order=True)
    if rows.select(((ts == ts.shift()) & (sequence < sequence.shift())).any()).item():
        rows = rows.sort("ts_ns", "sequence", maintain_order=True)
    return rows.drop("sequence")


def _table_quotes(rows: pl.LazyFrame, instrument: Instrument) -> Chunks:
    for period in _periods(rows, instrument):
        chunk = _in_order(period, *_QUOTED)
        yield chunk.select(
            "ts_ns",
            bid_ticks=steps(chunk["bid_price"], instrument, "tick"),
            bid_lots=steps(chunk["bid_volume"], instrument, "lot", rounded=True),
            ask_ticks=steps(chunk["ask_price"], instrument, "tick"),
            ask_lots=steps(chunk["ask_volume"], instrument, "lot", rounded=True),
        )


def _table_trades(rows: pl.LazyFrame, instrument: Instrument) -> Chunks:
    for period in _periods(rows, instrument):
        chunk = _in_order(period, *_TRADED)
        yield chunk.select(
            "ts_ns",
            px_ticks=steps(chunk["price"], instrument, "tick"),
            qty_lots=steps(chunk["volume"], instrument, "lot", rounded=True),
            side=pl.col("side").cast(pl.Int8),
        )


def steps(
    values: pl.Series, instrument: Instrument, grid: str, *, rounded: bool = False
) -> pl.Series:
    """Count values in ticks or lots; a null stays one.

    Raises
    ------
    DataError
        Where a value is not a multiple of the grid and is not to be rounded.
    """
    plain = values.cast(pl.Float64).fill_null(0.0).to_numpy()
    whole, off = instrument.to_ticks(plain) if grid == "tick" else instrument.to_lots(plain)
    if not rounded and off.any():
        step = instrument.tick if grid == "tick" else instrument.lot
        raise DataError(
            f"{instrument.name}: {values.name} must be a multiple of the {grid} {step}, row "
            f"{int(off.argmax())} is {plain[off.argmax()]}",
            remedy=f"correct the {grid} in the catalog",
        )
    made = pl.Series(whole)
    return pl.select(pl.when(values.is_not_null()).then(made)).to_series()
