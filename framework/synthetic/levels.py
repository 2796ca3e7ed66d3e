"""Kernels that change a venue's displayed levels and write the rows that say so.

A side always shows its full number of levels: where one disappears the next deeper one comes into
view, where one appears the deepest goes out of it, and the rows say both.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from framework._jit import kernel
from framework.core.events import EventFlag, EventKind
from framework.synthetic.draws import RandomState, normal, uniform
from framework.synthetic.market import Market, RecordArray, Whole

# NumPy integers, since numba would compile every kernel anew for each Python constant it is given.
_DEPTH: Final = np.int64(EventKind.DEPTH)
_TRADE: Final = np.int64(EventKind.TRADE)
_NONE: Final = np.int64(0)
BEST: Final = np.int64(0)
"""Index of a side's best level."""

_LAST: Final = int(EventFlag.LAST)

_MEAN_LOG_LOTS: Final = 2.3  # of an order: a median of 10 lots, a mean of 17
_SIGMA_LOG_LOTS: Final = 1.0
_ROUND_SHARE: Final = 0.3  # people like multiples of ten
_MAX_ORDER_LOTS: Final = 5_000
_GAP_SHARE: Final = 0.08  # of deep levels that leave a tick free


@kernel
def draw_order_lots(rng: RandomState) -> int:
    """Draw the size of one order."""
    lots = int(math.exp(_MEAN_LOG_LOTS + _SIGMA_LOG_LOTS * normal(rng)))
    if uniform(rng) < _ROUND_SHARE:
        lots = (lots + 9) // 10 * 10
    return min(max(lots, 1), _MAX_ORDER_LOTS)


@kernel
def draw_level_lots(rng: RandomState, level: Whole) -> Whole:
    """Draw the total of a level that comes into view; deeper levels hold more, up to a hump."""
    return draw_order_lots(rng) * (2 + min(level, 4))


@kernel
def begin_message(market: Market, venue: int) -> None:
    """Give the venue's next message its sequence number."""
    market.venues[venue]["seq"] += 1


@kernel
def write_row(
    rows: RecordArray,
    market: Market,
    venue: int,
    kind: Whole,
    side: Whole,
    px_ticks: Whole,
    qty_lots: Whole,
) -> None:
    """Append one row of the current message."""
    at = market.common[0]["used"]
    rows[at]["ts_exch_ns"] = market.common[0]["now_ns"]
    rows[at]["ts_recv_ns"] = market.venues[venue]["recv_ns"]
    rows[at]["seq"] = market.venues[venue]["seq"]
    rows[at]["kind"] = kind
    rows[at]["side"] = side
    rows[at]["flags"] = 0
    rows[at]["px_ticks"] = px_ticks
    rows[at]["qty_lots"] = qty_lots
    rows[at]["venue"] = venue
    market.common[0]["used"] = at + 1


@kernel
def end_message(rows: RecordArray, market: Market) -> None:
    """Flag the latest row as its message's last."""
    rows["flags"][market.common[0]["used"] - 1] |= _LAST


@kernel
def set_level(
    rows: RecordArray, market: Market, venue: int, side: Whole, level: Whole, qty_lots: Whole
) -> None:
    """Change what a level shows, to more than nothing."""
    k = (1 - side) // 2
    market.qty_lots[venue, k, level] = qty_lots
    px_ticks = market.px_ticks[venue, k, level]
    write_row(rows, market, venue, _DEPTH, side, px_ticks, qty_lots)


@kernel
def remove_level(
    rows: RecordArray, market: Market, venue: int, side: Whole, level: Whole, rng: RandomState
) -> None:
    """Take a level away and bring the next deeper one into view."""
    px = market.px_ticks[venue, (1 - side) // 2]
    qty = market.qty_lots[venue, (1 - side) // 2]
    write_row(rows, market, venue, _DEPTH, side, px[level], _NONE)
    deepest = px.shape[0] - 1
    new_px = px[deepest] - side
    if uniform(rng) < _GAP_SHARE:
        new_px -= side
    for i in range(level, deepest):
        px[i] = px[i + 1]
        qty[i] = qty[i + 1]
    px[deepest] = new_px
    qty[deepest] = draw_level_lots(rng, deepest)
    write_row(rows, market, venue, _DEPTH, side, new_px, qty[deepest])


@kernel
def add_at(
    rows: RecordArray, market: Market, venue: int, side: Whole, px_ticks: Whole, qty_lots: Whole
) -> None:
    """Add an order at a price; one deeper than all displayed levels joins the deepest."""
    px = market.px_ticks[venue, (1 - side) // 2]
    qty = market.qty_lots[venue, (1 - side) // 2]
    deepest = px.shape[0] - 1
    level = 0
    while level < deepest and side * (px[level] - px_ticks) > 0:
        level += 1
    if side * (px[level] - px_ticks) >= 0:
        set_level(rows, market, venue, side, level, qty[level] + qty_lots)
        return
    write_row(rows, market, venue, _DEPTH, side, px[deepest], _NONE)
    for i in range(deepest, level, -1):
        px[i] = px[i - 1]
        qty[i] = qty[i - 1]
    px[level] = px_ticks
    qty[level] = qty_lots
    write_row(rows, market, venue, _DEPTH, side, px_ticks, qty_lots)


@kernel
def take(
    rows: RecordArray,
    market: Market,
    venue: int,
    aggressor: Whole,
    qty_lots: Whole,
    rng: RandomState,
) -> None:
    """Execute a market order: a message of trades, then one of the levels they reduced.

    It leaves the deepest displayed level alone; what is left of the order then is cancelled.
    """
    side = -aggressor
    px = market.px_ticks[venue, (1 - side) // 2]
    qty = market.qty_lots[venue, (1 - side) // 2]
    begin_message(market, venue)
    emptied = 0
    leaves = qty_lots
    while leaves >= qty[emptied] and emptied < px.shape[0] - 2:
        write_row(rows, market, venue, _TRADE, aggressor, px[emptied], qty[emptied])
        leaves -= qty[emptied]
        emptied += 1
    leaves = min(leaves, qty[emptied] - 1)
    if leaves > 0:
        write_row(rows, market, venue, _TRADE, aggressor, px[emptied], leaves)
    end_message(rows, market)
    begin_message(market, venue)
    for _ in range(emptied):
        remove_level(rows, market, venue, side, BEST, rng)
    if leaves > 0:
        set_level(rows, market, venue, side, BEST, qty[BEST] - leaves)
    end_message(rows, market)
