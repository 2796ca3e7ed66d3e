"""Silver rows of one stream as blocks of gold rows, one block per message.

Prices and quantities are whole ticks and lots here; order and sequence numbers come later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from framework.catalog.venue import CrossedPolicy
from framework.core.errors import DataError
from framework.core.events import (
    ASK,
    BID,
    NO_PRICE,
    EventFlag,
    EventKind,
    F64Array,
    I8Array,
    I64Array,
)
from framework.core.instrument import Instrument
from framework.lake.sequence import Status

NO_TIME = np.iinfo(np.int64).min
"""Marks a time the source does not tell."""


@dataclass(slots=True, kw_only=True)
class Blocks:
    """Gold rows grouped by message.

    Attributes
    ----------
    kind, side, flags, px_ticks, qty_lots, order_id : shape (n_rows,)
        Columns of the rows.
    n_rows : shape (n_messages,)
        Rows of each message, in order.
    exchange_ns, received_ns : shape (n_messages,)
        Clocks as the source gives them, `NO_TIME` where it does not.
    sequence : shape (n_messages,)
        The venue's own number, 0 where there is none.
    source_row : shape (n_messages,)
        Where the message stands in its file.
    arrival_row : shape (n_messages,)
        The same, but of the snapshot for a diff that had to wait for one.
    """

    kind: I8Array
    side: I8Array
    flags: I8Array
    px_ticks: I64Array
    qty_lots: I64Array
    order_id: I64Array
    n_rows: I64Array
    exchange_ns: I64Array
    received_ns: I64Array
    sequence: I64Array
    source_row: I64Array
    arrival_row: I64Array


def depth_blocks(checked: pl.DataFrame, instrument: Instrument) -> Blocks:
    """Turn sequence-checked depth into level changes.

    Parameters
    ----------
    checked
        What `framework.lake.sequence.check_sequence` returned for one stream. Messages that build
        nothing are left out; a snapshot begins with CLEAR; a GAP row stands before a message that
        follows a jump.
    """
    idle = [Status.BEFORE_SNAPSHOT.value, Status.DUPLICATE.value]
    rows = checked.filter(~pl.col("status").is_in(idle))
    message = rows["message"].to_numpy()
    is_first = np.ones(message.size, np.bool_)
    is_first[1:] = message[1:] != message[:-1]
    start = np.flatnonzero(is_first)
    heads = rows[start]
    is_snapshot = (heads["status"] == Status.SNAPSHOT.value).to_numpy()
    is_gap = (heads["status"] == Status.GAP.value).to_numpy()
    has_level = rows["price"].is_not_null().to_numpy()
    owner = np.cumsum(is_first) - 1
    n_levels = np.bincount(owner, weights=has_level, minlength=start.size).astype(np.int64)
    n_extra = is_gap.astype(np.int64) + is_snapshot
    n_rows = n_levels + n_extra
    first = np.cumsum(n_rows) - n_rows
    levels = rows.filter(pl.col("price").is_not_null())
    owner = owner[has_level]
    place = first[owner] + n_extra[owner] + _count_within(n_levels)

    total = int(n_rows.sum())
    kind = np.full(total, EventKind.DEPTH, np.int8)
    side = np.zeros(total, np.int8)
    flags = np.zeros(total, np.int8)
    px_ticks = np.zeros(total, np.int64)
    qty_lots = np.zeros(total, np.int64)
    kind[first[is_gap]] = EventKind.GAP
    kind[(first + is_gap)[is_snapshot]] = EventKind.CLEAR
    side[place] = np.where(levels["is_bid"].to_numpy(), BID, ASK)
    px_ticks[place] = instrument.to_ticks(levels["price"].to_numpy())[0]
    qty_lots[place] = instrument.to_lots(levels["volume"].to_numpy())[0]
    flags[np.repeat(is_snapshot, n_rows)] = EventFlag.SNAPSHOT
    some = n_rows > 0
    flags[(first + n_rows - 1)[some]] |= EventFlag.LAST
    return Blocks(
        kind=kind,
        side=side,
        flags=flags,
        px_ticks=px_ticks,
        qty_lots=qty_lots,
        order_id=np.zeros(total, np.int64),
        n_rows=n_rows,
        exchange_ns=_times(heads["exchange_timestamp_ns"]),
        received_ns=_times(heads["available_timestamp_ns"]),
        sequence=_integers(heads["sequence"]),
        source_row=heads["source_row"].to_numpy(),
        arrival_row=np.maximum.accumulate(heads["source_row"].to_numpy()),
    )


def trade_blocks(trades: pl.DataFrame, instrument: Instrument) -> Blocks:
    """Turn trades into one row each; the side of a hidden one is the resting order's."""
    is_hidden = trades["is_hidden"].fill_null(False).to_numpy()
    side = trades["side"].fill_null(0).to_numpy()
    return _single_rows(
        trades,
        kind=np.where(is_hidden, EventKind.HIDDEN_TRADE, EventKind.TRADE).astype(np.int8),
        side=np.where(is_hidden, -side, side).astype(np.int8),
        px_ticks=instrument.to_ticks(trades["price"].to_numpy())[0],
        qty_lots=instrument.to_lots(trades["volume"].to_numpy())[0],
        order_id=np.zeros(trades.height, np.int64),
    )


def order_blocks(orders: pl.DataFrame, instrument: Instrument) -> Blocks:
    """Turn order messages into one row each."""
    return _single_rows(
        orders,
        kind=orders["action"].to_numpy(),
        side=orders["side"].fill_null(0).to_numpy(),
        px_ticks=instrument.to_ticks(orders["price"].fill_null(0.0).to_numpy())[0],
        qty_lots=instrument.to_lots(orders["volume"].fill_null(0.0).to_numpy())[0],
        order_id=_integers(orders["order_id"]),
    )


def quote_blocks(quotes: pl.DataFrame, instrument: Instrument, crossed: CrossedPolicy) -> Blocks:
    """Turn top-of-book quotes into a row per side.

    Parameters
    ----------
    crossed
        What becomes of quotes whose bid is above their ask.

    Raises
    ------
    DataError
        Where quotes carry no size and the catalog assumes none.
    """
    is_crossed = quotes["bid_price"] > quotes["ask_price"]
    is_crossed = is_crossed.fill_null(False)
    if crossed == CrossedPolicy.DROP:
        quotes = quotes.filter(~is_crossed)
        is_crossed = is_crossed.clear(quotes.height).fill_null(False)
    empty = is_crossed.to_numpy() & (crossed == CrossedPolicy.INVALIDATE)
    px_ticks = np.empty((quotes.height, 2), np.int64)
    qty_lots = np.empty((quotes.height, 2), np.int64)
    for column, name in enumerate(("bid", "ask")):
        price = quotes[f"{name}_price"]
        absent = price.is_null().to_numpy() | empty
        lots = _quoted_lots(quotes[f"{name}_volume"], price, instrument)
        ticks = instrument.to_ticks(_filled(price))[0]
        qty_lots[:, column] = np.where(absent, 0, lots)
        px_ticks[:, column] = np.where(absent, NO_PRICE, ticks)
    shape = (quotes.height, 2)
    return Blocks(
        kind=np.full(2 * quotes.height, EventKind.BEST, np.int8),
        side=np.broadcast_to(np.array([BID, ASK], np.int8), shape).ravel(),
        flags=np.broadcast_to(np.array([0, EventFlag.LAST], np.int8), shape).ravel(),
        px_ticks=px_ticks.ravel(),
        qty_lots=qty_lots.ravel(),
        order_id=np.zeros(2 * quotes.height, np.int64),
        n_rows=np.full(quotes.height, 2, np.int64),
        exchange_ns=_times(quotes["exchange_timestamp_ns"]),
        received_ns=_times(quotes["received_timestamp_ns"]),
        sequence=_integers(quotes["sequence"]),
        source_row=quotes["source_row"].to_numpy(),
        arrival_row=quotes["source_row"].to_numpy(),
    )


def _quoted_lots(volume: pl.Series, price: pl.Series, instrument: Instrument) -> I64Array:
    lots = instrument.to_lots(_filled(volume))[0]
    sizeless = (volume.is_null() & price.is_not_null()).to_numpy()
    if sizeless.any() and instrument.quote_lots <= 0:
        raise DataError(
            f"{instrument.name}: quotes must have a size, found some without",
            remedy="set the instrument's quote_size in the catalog, the size to assume",
        )
    return np.where(sizeless, instrument.quote_lots, lots)


def _single_rows(
    rows: pl.DataFrame,
    *,
    kind: I8Array,
    side: I8Array,
    px_ticks: I64Array,
    qty_lots: I64Array,
    order_id: I64Array,
) -> Blocks:
    n = rows.height
    return Blocks(
        kind=kind,
        side=side,
        flags=np.full(n, EventFlag.LAST, np.int8),
        px_ticks=px_ticks,
        qty_lots=qty_lots,
        order_id=order_id,
        n_rows=np.ones(n, np.int64),
        exchange_ns=_times(rows["exchange_timestamp_ns"]),
        received_ns=_times(rows["received_timestamp_ns"]),
        sequence=_integers(rows["sequence"]),
        source_row=rows["source_row"].to_numpy(),
        arrival_row=rows["source_row"].to_numpy(),
    )


def _count_within(counts: I64Array) -> I64Array:
    """Number the members of each group: counts 2, 3 give 0, 1, 0, 1, 2."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _times(series: pl.Series) -> I64Array:
    return series.fill_null(NO_TIME).to_numpy().copy()


def _integers(series: pl.Series) -> I64Array:
    return series.fill_null(0).to_numpy()


def _filled(series: pl.Series) -> F64Array:
    return series.fill_null(0.0).to_numpy()


def concatenated(blocks: list[Blocks]) -> Blocks:
    """Put the messages of several kinds one after the other."""
    joined: dict[str, NDArray[np.int64]] = {
        name: np.concatenate([getattr(block, name) for block in blocks])
        for name in Blocks.__slots__
    }
    return Blocks(**joined)  # type: ignore[arg-type]
