"""Silver rows of one stream → gold rows: integers, two clocks, one order.

**Order.** Depth, quotes and orders keep the order their venue numbered them in (a source without
numbers: the order of its received clock); a time that runs backwards inside that order is lifted
to the latest time before it, and counted. Trades stand by their own time. ``seq`` is the venue's
number in order-by-order data, whose one numbering covers everything; elsewhere it is the received
time in nanoseconds before correction, raised by as little as makes it increase from message to
message. It depends on the messages alone, not on how files were listed or cut.

**Source of the book.** Orders, else depth, else quotes: BEST rows are written only for a stream
that has nothing better. Quotes beside depth stay in silver, as the truth to verify against.

**Clocks.** The received clock is corrected by the venue's ``clock_offset_ns``. An event that was
still received before it happened is an input error, and the message says which offset would do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from framework.catalog.venue import VenueConfig
from framework.core.errors import DataError
from framework.core.events import I64Array
from framework.lake.blocks import (
    NO_TIME,
    Blocks,
    concatenated,
    depth_blocks,
    order_blocks,
    quote_blocks,
    trade_blocks,
)
from framework.lake.formats.base import Parsed
from framework.lake.ledger import StreamState
from framework.lake.units import Units

_RANK: Final = {"": 0, "quotes": 1, "depth": 2, "orders": 3}


@dataclass(slots=True, kw_only=True)
class GoldRows:
    """Gold rows of one stream and one file.

    Attributes
    ----------
    rows
        Columns of `GOLD_SCHEMA`, sorted by ``(ts_exch_ns, seq)``.
    state
        Where the stream stands after them.
    backwards
        Messages whose clock ran backwards.
    """

    rows: pl.DataFrame
    state: StreamState
    backwards: int


def build_gold(
    silver: Parsed, checked: pl.DataFrame, units: Units, venue: VenueConfig, state: StreamState
) -> GoldRows:
    """Build one stream's gold rows from one file.

    Parameters
    ----------
    silver
        The stream's typed rows in order of arrival; depth is taken from `checked` instead.
    checked
        Depth as `framework.lake.sequence.check_sequence` returned it.
    units
        Ticks, lots and clock offset.
    venue
        Policies and feed latency.
    state
        Where the stream stood before.

    Raises
    ------
    DataError
        Where an event is received before it happens, or the stream's gold rows so far are made of
        another source.
    """
    instrument = units.instrument
    source = _source(silver, checked, state, instrument.name)
    book = [depth_blocks(checked, instrument)]
    backwards = 0
    if source == "orders":
        book.append(order_blocks(silver.orders, instrument))
    if source == "quotes":
        quotes, backwards = in_order_of_arrival(silver.quotes)
        book.append(quote_blocks(quotes, instrument, venue.policies.crossed))
    trades = trade_blocks(silver.trades, instrument)
    for blocks in (*book, trades):
        _correct_clocks(blocks, units, venue.latency.feed_ns)
    floor_ns = _floor_ns(book, state)
    backwards += int((np.diff(trades.received_ns) < 0).sum())
    backwards += sum(_lift(blocks, floor_ns) for blocks in book)
    messages = concatenated([*book, trades])
    arrival_ns = messages.received_ns - units.clock_offset_ns
    seq = messages.sequence if source == "orders" else _arrival_numbers(messages, arrival_ns, state)
    if seq.size:
        state = replace(
            state,
            last_received_ns=_latest(state.last_received_ns, arrival_ns),
            last_exchange_ns=_latest(
                state.last_exchange_ns, np.concatenate([blocks.exchange_ns for blocks in book])
            ),
            last_seq=_latest(state.last_seq, seq),
        )
    rows = _sorted_rows(messages, seq, units)
    return GoldRows(rows=rows, state=replace(state, source=source), backwards=backwards)


def in_order_of_arrival(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Sort rows without numbers by their received clock; count the steps that ran backwards."""
    clock = pl.coalesce("received_timestamp_ns", "exchange_timestamp_ns")
    steps = rows.select((clock.diff() < 0).sum()).item()
    return (rows.sort(clock, maintain_order=True) if steps else rows), steps


def smallest_offset_ns(silver: Parsed) -> int | None:
    """Return the least clock offset by which nothing is received before it happens.

    Negative where the received clock could be set back. None where no row has both clocks.
    """
    frames = (silver.depth, silver.quotes, silver.trades, silver.orders)
    latest = [
        frame.select(
            (pl.col("exchange_timestamp_ns") - pl.col("received_timestamp_ns")).max()
        ).item()
        for frame in frames
    ]
    return max((ns for ns in latest if ns is not None), default=None)


def _source(silver: Parsed, checked: pl.DataFrame, state: StreamState, name: str) -> str:
    """Decide what the stream's book is made of; what has been decided stays."""
    found = ""
    if not silver.orders.is_empty():
        found = "orders"
    elif not checked.is_empty():
        found = "depth"
    elif not silver.quotes.is_empty():
        found = "quotes"
    if state.source and _RANK[found] > _RANK[state.source]:
        raise DataError(
            f"{name}: the gold rows so far show {state.source}, this file brings {found}: one "
            "book cannot be made of both",
            remedy=f"ingest {found} first, or under another --table",
        )
    return state.source or found


def _correct_clocks(blocks: Blocks, units: Units, feed_ns: int | None) -> None:
    """Fill in clocks that the source does not have, correct the received one, compare them."""
    exchange, received = blocks.exchange_ns, blocks.received_ns
    has_exchange, has_received = exchange != NO_TIME, received != NO_TIME
    received[has_received] += units.clock_offset_ns
    if feed_ns is not None:
        received[has_exchange] = exchange[has_exchange] + feed_ns
    blank = ~has_received & has_exchange
    received[blank] = exchange[blank]
    # An event without an exchange time happened before the next one did, and before we heard of it.
    later = np.where(has_exchange, exchange, np.iinfo(np.int64).max)[::-1]
    following = np.minimum.accumulate(later)[::-1]
    exchange[~has_exchange] = np.minimum(following, received)[~has_exchange]
    early = received < exchange
    if early.any():
        at = int(np.argmax(exchange - received))
        first = int(np.argmax(early))
        needed_ns = units.clock_offset_ns + int(exchange[at] - received[at])
        raise DataError(
            f"{units.instrument.name}: nothing is received before it happens, row "
            f"{blocks.source_row[first]} is, by {exchange[first] - received[first]} ns (clock "
            f"offset {units.clock_offset_ns} ns); {int(early.sum())} messages are early",
            remedy=f"set the venue's clock_offset in the catalog to {needed_ns}ns or more, or "
            "pass --infer-clock-offset",
        )


def _floor_ns(book: list[Blocks], state: StreamState) -> int | None:
    """Return the exchange time that earlier files reached, where this file continues them."""
    first = [int(blocks.received_ns.min()) for blocks in book if blocks.received_ns.size]
    if state.last_received_ns is None or not first or min(first) < state.last_received_ns:
        return None
    return state.last_exchange_ns


def _lift(blocks: Blocks, floor_ns: int | None) -> int:
    """Raise times that run backwards in the venue's order; return how many messages had any."""
    if blocks.exchange_ns.size == 0:
        return 0
    exchange = np.maximum.accumulate(blocks.exchange_ns)
    if floor_ns is not None:
        exchange = np.maximum(exchange, floor_ns)
    received = np.maximum.accumulate(np.maximum(blocks.received_ns, exchange))
    lifted = (exchange != blocks.exchange_ns) | (received != blocks.received_ns)
    blocks.exchange_ns, blocks.received_ns = exchange, received
    return int(lifted.sum())


def _arrival_numbers(messages: Blocks, arrival_ns: I64Array, state: StreamState) -> I64Array:
    """Number messages by arrival: the received time, raised so that it increases strictly."""
    order = np.lexsort((messages.arrival_row, arrival_ns))
    count = np.arange(order.size)
    numbers = arrival_ns[order] - count
    last_ns = state.last_received_ns
    if order.size and state.last_seq is not None and last_ns is not None and numbers[0] >= last_ns:
        numbers[0] = max(numbers[0], state.last_seq + 1)
    numbers = np.maximum.accumulate(numbers) + count
    seq = np.empty_like(numbers)
    seq[order] = numbers
    return seq


def _latest(known: int | None, times: I64Array) -> int | None:
    if times.size == 0:
        return known
    latest = int(times.max())
    return latest if known is None else max(known, latest)


def _sorted_rows(messages: Blocks, seq: I64Array, units: Units) -> pl.DataFrame:
    order = np.lexsort((seq, messages.exchange_ns))
    counts = messages.n_rows[order]
    start = (np.cumsum(messages.n_rows) - messages.n_rows)[order]
    row = np.arange(counts.sum()) + np.repeat(start - np.cumsum(counts) + counts, counts)
    instrument = units.instrument
    return pl.DataFrame(
        {
            "venue": pl.repeat(instrument.venue, row.size, dtype=pl.String, eager=True),
            "symbol": pl.repeat(instrument.symbol, row.size, dtype=pl.String, eager=True),
            "ts_exch_ns": np.repeat(messages.exchange_ns[order], counts),
            "ts_recv_ns": np.repeat(messages.received_ns[order], counts),
            "seq": np.repeat(seq[order], counts),
            "kind": messages.kind[row],
            "side": messages.side[row],
            "flags": messages.flags[row],
            "px_ticks": messages.px_ticks[row],
            "qty_lots": messages.qty_lots[row],
            "order_id": messages.order_id[row],
        }
    )
