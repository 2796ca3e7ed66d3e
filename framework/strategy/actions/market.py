"""The market and the signals as a compiled strategy reads them; see `Context`."""

from __future__ import annotations

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.book.ladder import level_lots, next_level
from framework.book.levels import read_levels
from framework.book.window import halves_of
from framework.core.events import NO_PRICE, I64Array
from framework.venue.depth import scratch_of, stored_levels
from framework.venue.feed import known_books
from framework.venue.records import SIGNAL_DTYPE, Status, View
from framework.venue.world import (
    W,
    streams_of,
    view_of,
)

_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_V_BID_LOTS, _V_ASK_LOTS = int(View.BID_LOTS), int(View.ASK_LOTS)
_V_TRADE_PX, _V_TRADE_LOTS = int(View.TRADE_PX), int(View.TRADE_LOTS)
_V_TRADE_SIDE, _V_VALID, _V_TS_RECV = int(View.TRADE_SIDE), int(View.VALID), int(View.TS_RECV)
_REFUSED = int(Status.REFUSED)


@kernel
def ctx_now_ns(world: I64Array) -> int:
    return world[W.NOW_NS]


@kernel
def ctx_n_books(world: I64Array) -> int:
    return world[W.N_BOOKS]


@kernel
def ctx_has_quote(world: I64Array, book: int) -> bool:
    return (
        view_of(world, _V_VALID)[book] != 0
        and view_of(world, _V_BID)[book] != NO_PRICE
        and view_of(world, _V_ASK)[book] != NO_PRICE
    )


@kernel
def ctx_bid_ticks(world: I64Array, book: int) -> int:
    return view_of(world, _V_BID)[book]


@kernel
def ctx_ask_ticks(world: I64Array, book: int) -> int:
    return view_of(world, _V_ASK)[book]


@kernel
def ctx_bid_lots(world: I64Array, book: int) -> int:
    return view_of(world, _V_BID_LOTS)[book]


@kernel
def ctx_ask_lots(world: I64Array, book: int) -> int:
    return view_of(world, _V_ASK_LOTS)[book]


@kernel
def ctx_tick(world: I64Array, book: int) -> float:
    return streams_of(world)[book].tick


@kernel
def ctx_lot(world: I64Array, book: int) -> float:
    return streams_of(world)[book].lot_quantity


@kernel
def ctx_maker_fee_bps(world: I64Array, book: int) -> float:
    return streams_of(world)[book].maker_bps


@kernel
def ctx_taker_fee_bps(world: I64Array, book: int) -> float:
    return streams_of(world)[book].taker_bps


@kernel
def ctx_trade_px_ticks(world: I64Array, book: int) -> int:
    return view_of(world, _V_TRADE_PX)[book]


@kernel
def ctx_trade_lots(world: I64Array, book: int) -> int:
    return view_of(world, _V_TRADE_LOTS)[book]


@kernel
def ctx_trade_side(world: I64Array, book: int) -> int:
    return view_of(world, _V_TRADE_SIDE)[book]


@kernel
def ctx_quote_age_ns(world: I64Array, book: int) -> int:
    return world[W.NOW_NS] - view_of(world, _V_TS_RECV)[book]


@kernel
def ctx_depth_lots(world: I64Array, book: int, side: int, limit_ticks: int) -> int:
    cold()
    total = 0
    if world[W.STORE]:
        prices, lots = scratch_of(world, 0), scratch_of(world, 1)
        for i in range(stored_levels(world, book, side, prices, lots)):
            total += lots[i] if side * (prices[i] - limit_ticks) >= 0 else 0
        return total
    ladders = known_books(world)
    h = 2 * book + (side < 0)
    z = halves_of(ladders)[h].best
    while z != NO_PRICE and z >= side * limit_ticks:
        total += level_lots(ladders, h, z)
        z = next_level(ladders, h, z)
    return total


@kernel
def ctx_level_ticks(world: I64Array, book: int, side: int, n: int) -> int:
    cold()
    if world[W.STORE]:
        prices, lots = scratch_of(world, 0), scratch_of(world, 1)
        levels = stored_levels(world, book, side, prices, lots)
        return prices[n] if 0 <= n < levels else NO_PRICE
    ladders = known_books(world)
    h = 2 * book + (side < 0)
    z = halves_of(ladders)[h].best
    for _ in range(n):
        if z == NO_PRICE:
            break
        z = next_level(ladders, h, z)
    return z if z == NO_PRICE else side * z


@kernel
def ctx_level_lots(world: I64Array, book: int, side: int, px_ticks: int) -> int:
    if world[W.STORE]:
        prices, lots = scratch_of(world, 0), scratch_of(world, 1)
        for i in range(stored_levels(world, book, side, prices, lots)):
            if prices[i] == px_ticks:
                return lots[i]
        return 0
    return level_lots(known_books(world), 2 * book + (side < 0), side * px_ticks)


@kernel
def ctx_levels(
    world: I64Array, book: int, side: int, px_ticks: I64Array, qty_lots: I64Array
) -> int:
    cold()
    if world[W.STORE]:
        return stored_levels(world, book, side, px_ticks, qty_lots)
    return read_levels(known_books(world), book, side, px_ticks, qty_lots)


@kernel
def _signal_now(world: I64Array, signal: int) -> int:
    """Bring a signal up to now; its row that holds, -1 before the first."""
    cold()
    if not 0 <= signal < world[W.N_SIGNALS]:
        world[W.STATUS] = _REFUSED
        return -1
    record = array_at(world[W.SIGNALS], world[W.N_SIGNALS], SIGNAL_DTYPE)[signal]
    available_ns = array_at(record.available, record.rows, np.int64)
    row = record.now
    while row + 1 < record.rows and available_ns[row + 1] <= world[W.NOW_NS]:
        row += 1
    record.now = row
    return row


@kernel
def ctx_signal_value(world: I64Array, signal: int) -> float:
    row = _signal_now(world, signal)
    if row < 0:
        return np.nan
    record = array_at(world[W.SIGNALS], world[W.N_SIGNALS], SIGNAL_DTYPE)[signal]
    return array_at(record.value, record.rows, np.float64)[row]


@kernel
def ctx_signal_age_ns(world: I64Array, signal: int) -> int:
    row = _signal_now(world, signal)
    if row < 0:
        return -1
    record = array_at(world[W.SIGNALS], world[W.N_SIGNALS], SIGNAL_DTYPE)[signal]
    return world[W.NOW_NS] - array_at(record.valid, record.rows, np.int64)[row]
