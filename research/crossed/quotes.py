"""Best prices over time, in units of price and quantity, from gold rows of any kind.

Depth, order-by-order and top-of-book rows all go through the same ladder that backtests use, so
what is counted here is what a strategy would have seen. A book that is invalid (from a gap until
the next snapshot has ended) has no quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import polars as pl

from framework.book.ladder import Ladders
from framework.core.errors import DataError
from framework.core.events import NO_PRICE, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.lake.rebuild import rebuild
from framework.replay.stream import GoldStream

QUOTE_SCHEMA: Final = pl.Schema(
    {
        "stream": pl.String,
        "ts_exch_ns": pl.Int64,
        "ts_recv_ns": pl.Int64,
        "bid": pl.Float64,
        "bid_quantity": pl.Float64,
        "ask": pl.Float64,
        "ask_quantity": pl.Float64,
    }
)
"""One row per message that changed the best prices or their sizes. ``stream`` is
`Instrument.name`; a side without a quote is null."""

_BATCH_ROWS: Final = 1 << 18


def top_of_book(gold: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Return the best prices over time of every stream in gold rows.

    Parameters
    ----------
    gold
        `GOLD_SCHEMA` rows, each stream's in replay order.
    instruments
        What the integers of each stream mean.

    Returns
    -------
    pl.DataFrame
        `QUOTE_SCHEMA`, stream after stream, each in replay order.

    Raises
    ------
    DataError
        Where a stream's instrument is not given.
    """
    named = {(item.venue, item.symbol): item for item in instruments}
    found = [pl.DataFrame(schema=QUOTE_SCHEMA)]
    for stream in gold.partition_by("venue", "symbol", maintain_order=True):
        key = (str(stream["venue"][0]), str(stream["symbol"][0]))
        if key not in named:
            raise DataError(
                f"every stream needs an instrument, {key[0]}:{key[1]} has none",
                remedy="pass its instrument, or filter its rows out",
            )
        found.append(_changes([stream], named[key]))
    return pl.concat(found)


def stream_quotes(streams: Iterable[GoldStream]) -> pl.DataFrame:
    """Return the best prices over time of stored streams, read in batches; see `top_of_book`."""
    found = [pl.DataFrame(schema=QUOTE_SCHEMA)]
    for stream in streams:
        batches = (pl.DataFrame(pl.from_arrow(batch)) for batch in stream.batches(_BATCH_ROWS))
        quotes = _changes(batches, stream.instrument)
        if stream.start_ns is not None:
            # The stream begins earlier, with what the book needs to be right at its start.
            clocks = pl.col("ts_exch_ns", "ts_recv_ns")
            quotes = quotes.with_columns(clocks.clip(lower_bound=stream.start_ns))
        found.append(quotes)
    return pl.concat(found)


def stream_ticks(stream: GoldStream) -> Iterator[pl.DataFrame]:
    """Yield the best prices after each message of a stored stream, in ticks and lots, in batches.

    Columns: ``ts_exch_ns``, ``ts_recv_ns``, ``bid_ticks``, ``bid_lots``, ``ask_ticks``,
    ``ask_lots``; a side without a quote is null.
    """
    ladders = Ladders(1)
    for batch in stream.batches(_BATCH_ROWS):
        frame = pl.DataFrame(pl.from_arrow(batch))
        if frame.height:
            yield _message_ends(rebuild(frame, ladders))


def _changes(batches: Iterable[pl.DataFrame], instrument: Instrument) -> pl.DataFrame:
    """Replay one stream's batches through one ladder and keep the changes of its best prices."""
    ladders = Ladders(1)
    kept = [_message_ends(rebuild(batch, ladders)) for batch in batches if batch.height]
    if not kept:
        return pl.DataFrame(schema=QUOTE_SCHEMA)
    sides = ("bid_ticks", "bid_lots", "ask_ticks", "ask_lots")
    ends = pl.concat(kept)
    ends = ends.filter(
        pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in sides)
    )
    return ends.select(
        stream=pl.lit(instrument.name),
        ts_exch_ns="ts_exch_ns",
        ts_recv_ns="ts_recv_ns",
        bid=_exact(ends["bid_ticks"], instrument.tick),
        bid_quantity=_exact(ends["bid_lots"], instrument.lot),
        ask=_exact(ends["ask_ticks"], instrument.tick),
        ask_quantity=_exact(ends["ask_lots"], instrument.lot),
    )


def _message_ends(rebuilt: pl.DataFrame) -> pl.DataFrame:
    """Keep what the book shows after each message, null where it shows nothing to trust."""
    is_gap = pl.col("kind") == int(EventKind.GAP)
    has_bid = pl.col("is_valid") & ~is_gap & (pl.col("bid_ticks") != NO_PRICE)
    has_ask = pl.col("is_valid") & ~is_gap & (pl.col("ask_ticks") != NO_PRICE)
    return rebuilt.filter(is_gap | (pl.col("flags") & int(EventFlag.LAST) != 0)).select(
        "ts_exch_ns",
        "ts_recv_ns",
        pl.when(has_bid).then("bid_ticks"),
        pl.when(has_bid).then("bid_lots"),
        pl.when(has_ask).then("ask_ticks"),
        pl.when(has_ask).then("ask_lots"),
    )


def _exact(steps: pl.Series, step: Decimal) -> pl.Series:
    """Multiply steps by their size, rounding once, so that equal prices are equal floats."""
    numerator, denominator = step.as_integer_ratio()
    # NumPy divides; Polars would multiply by the rounded reciprocal of a constant.
    values = (steps * numerator).cast(pl.Float64).to_numpy() / denominator
    return pl.Series(values).fill_nan(None)
