"""Kernels that keep a venue's order queues and write the rows that say so.

A level is a doubly linked list of orders, first come first. Levels stand in a ring by price, so
that joining, leaving and finding one take constant time. A side never loses its last order: what
would take it is not done.
"""

from __future__ import annotations

import math
from typing import Final

from framework._jit import cold, kernel
from framework.core.events import EventFlag, EventKind, I64Array
from framework.synthetic.draws import normal
from framework.synthetic.planted.state import (
    MAX_LIVE,
    NOBODY,
    WINDOW,
    Agent,
)
from framework.synthetic.planted.world import (
    common_of,
    episodes_of,
    free_of,
    levels_of,
    live_of,
    nodes_of,
    random_of,
    rows_of,
    truth_of,
    venues_of,
)

_MASK: Final = WINDOW - 1
_ADD: Final = int(EventKind.ORDER_ADD)
_REDUCE: Final = int(EventKind.ORDER_REDUCE)
_DELETE: Final = int(EventKind.ORDER_DELETE)
_EXECUTE: Final = int(EventKind.ORDER_EXECUTE)
_CLEAR: Final = int(EventKind.CLEAR)
_GAP: Final = int(EventKind.GAP)
_LAST: Final = int(EventFlag.LAST)
_SNAPSHOT: Final = int(EventFlag.SNAPSHOT)
_VENUE: Final = int(Agent.VENUE)


@kernel
def begin_message(w: I64Array, v: int, agent: int, episode: int) -> None:
    """Number the venue's next message and draw when it reaches us, after those before it."""
    venue = venues_of(w)[v]
    venue.seq += 1
    venue.message_agent = agent
    venue.message_episode = episode
    latency = venue.feed_median_ns * math.exp(venue.feed_sigma * normal(random_of(w)))
    arrival = common_of(w)[0].now_ns + int(latency * venue.congestion)
    if arrival > venue.recv_ns:
        venue.recv_ns = arrival


@kernel
def write_row(
    w: I64Array, v: int, kind: int, side: int, px_ticks: int, lots: int, order: int
) -> None:
    """Append one row of the current message, unless the message is lost."""
    venue = venues_of(w)[v]
    if venue.is_lost:
        return
    common = common_of(w)[0]
    row = rows_of(w)[common.used]
    row.ts_exch_ns = common.now_ns
    row.ts_recv_ns = venue.recv_ns
    row.seq = venue.seq
    row.px_ticks = px_ticks
    row.qty_lots = lots
    row.order_id = order
    row.venue = v
    row.kind = kind
    row.side = side
    row.flags = 0
    common.used += 1


@kernel
def end_message(w: I64Array, v: int) -> None:
    """Flag the message's last row and note in the truth who sent it."""
    common = common_of(w)[0]
    venue = venues_of(w)[v]
    if venue.is_lost:
        venue.n_lost += 1
    else:
        rows_of(w)[common.used - 1].flags |= _LAST
    truth = truth_of(w)[common.used_truth]
    truth.ts_exch_ns = common.now_ns
    truth.seq = venue.seq
    truth.price_ticks = common.price_ticks
    truth.episode = venue.message_episode
    truth.venue = v
    truth.agent = venue.message_agent
    truth.is_lost = venue.is_lost
    common.used_truth += 1


@kernel
def best_ticks(w: I64Array, v: int, side: int) -> int:
    """Best price of a side."""
    return venues_of(w)[v].bid_ticks if side > 0 else venues_of(w)[v].ask_ticks


@kernel
def n_orders(w: I64Array, v: int, side: int) -> int:
    """Resting orders of a side."""
    return venues_of(w)[v].n_bids if side > 0 else venues_of(w)[v].n_asks


@kernel
def level_lots(w: I64Array, v: int, side: int, px_ticks: int) -> int:
    """Lots displayed at a price."""
    level = levels_of(w, v, (1 - side) // 2)[px_ticks & _MASK]
    return level.lots if level.first != NOBODY and level.px_ticks == px_ticks else 0


@kernel
def _set_best(w: I64Array, v: int, side: int, px_ticks: int) -> None:
    if side > 0:
        venues_of(w)[v].bid_ticks = px_ticks
    else:
        venues_of(w)[v].ask_ticks = px_ticks


@kernel
def _find_best(w: I64Array, v: int, side: int) -> None:
    """Look for the best level after the best has gone."""
    cold()
    px_ticks = best_ticks(w, v, side)
    for _ in range(WINDOW // 4):
        px_ticks -= side
        if level_lots(w, v, side, px_ticks) > 0:
            _set_best(w, v, side, px_ticks)
            return
    found = False
    for k in range(venues_of(w)[v].n_live):
        node = nodes_of(w, v)[live_of(w, v)[k]]
        if node.side == side and (not found or side * (node.px_ticks - px_ticks) > 0):
            px_ticks = node.px_ticks
            found = True
    _set_best(w, v, side, px_ticks)


@kernel
def join(w: I64Array, v: int, side: int, px_ticks: int, lots: int, hidden: int) -> int:
    """Put an order of the current message's sender at the end of a queue; return its node.

    Returns
    -------
    int
        `NOBODY` where it would cross its own book or there is no room: nothing happens then.
    """
    venue = venues_of(w)[v]
    if n_orders(w, v, -side) and side * (px_ticks - best_ticks(w, v, -side)) >= 0:
        return NOBODY
    level = levels_of(w, v, (1 - side) // 2)[px_ticks & _MASK]
    is_taken = level.first != NOBODY and level.px_ticks != px_ticks
    if venue.n_free == 0 or is_taken or lots <= 0:
        return NOBODY
    venue.n_free -= 1
    n = free_of(w, v)[venue.n_free]
    node = nodes_of(w, v)[n]
    node.id = common_of(w)[0].order_id
    common_of(w)[0].order_id += 1
    node.px_ticks, node.lots, node.side, node.hidden = px_ticks, lots, side, hidden
    node.agent, node.episode = venue.message_agent, venue.message_episode
    node.before, node.after, node.place = level.last, NOBODY, venue.n_live
    if level.first == NOBODY:
        level.px_ticks, level.lots, level.first = px_ticks, 0, n
    else:
        nodes_of(w, v)[level.last].after = n
    level.last = n
    level.lots += lots
    live_of(w, v)[venue.n_live] = n
    venue.n_live += 1
    is_better = n_orders(w, v, side) == 0 or side * (px_ticks - best_ticks(w, v, side)) > 0
    if side > 0:
        venue.n_bids += 1
    else:
        venue.n_asks += 1
    if is_better:
        _set_best(w, v, side, px_ticks)
    write_row(w, v, _ADD, side, px_ticks, lots, node.id)
    return n


@kernel
def _leave(w: I64Array, v: int, n: int) -> None:
    """Take an order out of its queue."""
    venue = venues_of(w)[v]
    node = nodes_of(w, v)[n]
    side = node.side
    level = levels_of(w, v, (1 - side) // 2)[node.px_ticks & _MASK]
    level.lots -= node.lots
    if node.before == NOBODY:
        level.first = node.after
    else:
        nodes_of(w, v)[node.before].after = node.after
    if node.after == NOBODY:
        level.last = node.before
    else:
        nodes_of(w, v)[node.after].before = node.before
    venue.n_live -= 1
    moved = live_of(w, v)[venue.n_live]
    live_of(w, v)[node.place] = moved
    nodes_of(w, v)[moved].place = node.place
    free_of(w, v)[venue.n_free] = n
    venue.n_free += 1
    if side > 0:
        venue.n_bids -= 1
    else:
        venue.n_asks -= 1
    node.id = 0
    if level.first == NOBODY and node.px_ticks == best_ticks(w, v, side):
        _find_best(w, v, side)


@kernel
def cancel(w: I64Array, v: int, n: int) -> None:
    """Delete an order, as a message of its own; a side's last order stays."""
    node = nodes_of(w, v)[n]
    if n_orders(w, v, node.side) <= 1:
        return
    begin_message(w, v, node.agent, node.episode)
    write_row(w, v, _DELETE, node.side, node.px_ticks, node.lots, node.id)
    end_message(w, v)
    _leave(w, v, n)


@kernel
def reduce(w: I64Array, v: int, n: int, lots: int) -> None:
    """Cancel part of an order, which keeps its place."""
    node = nodes_of(w, v)[n]
    begin_message(w, v, node.agent, node.episode)
    node.lots -= lots
    levels_of(w, v, (1 - node.side) // 2)[node.px_ticks & _MASK].lots -= lots
    write_row(w, v, _REDUCE, node.side, node.px_ticks, lots, node.id)
    end_message(w, v)


@kernel
def execute(w: I64Array, v: int, side: int, lots: int, limit_ticks: int) -> int:
    """Execute a market order of the current message against a side; return its lots executed.

    It stops at ``limit_ticks``, before the side's last order, and where an iceberg shows no more:
    that one is left in the venue's ``refill…`` fields.
    """
    venue = venues_of(w)[v]
    leaves = lots
    while leaves > 0 and n_orders(w, v, side) > 1:
        px_ticks = best_ticks(w, v, side)
        if side * (px_ticks - limit_ticks) < 0:
            break
        level = levels_of(w, v, (1 - side) // 2)[px_ticks & _MASK]
        n = level.first
        node = nodes_of(w, v)[n]
        filled = min(leaves, node.lots)
        write_row(w, v, _EXECUTE, side, px_ticks, filled, node.id)
        leaves -= filled
        if node.episode != NOBODY:
            episodes_of(w)[node.episode].count += filled
        if filled < node.lots:
            node.lots -= filled
            level.lots -= filled
            continue
        if node.hidden > 0:
            venue.refill_lots = node.hidden
            venue.refill_episode = node.episode
            venue.refill_ticks = px_ticks
        _leave(w, v, n)
        if venue.refill_lots > 0:
            break
    return lots - leaves


@kernel
def write_snapshot(w: I64Array, v: int) -> None:
    """Write every resting order, level by level, each in the order of its queue."""
    cold()
    begin_message(w, v, _VENUE, NOBODY)
    write_row(w, v, _CLEAR, 0, 0, 0, 0)
    rows_of(w)[common_of(w)[0].used - 1].flags = _SNAPSHOT
    for k in range(2):
        side = 1 - 2 * k
        left = n_orders(w, v, side)
        px_ticks = best_ticks(w, v, side)
        while left > 0:
            level = levels_of(w, v, k)[px_ticks & _MASK]
            n = level.first if level.px_ticks == px_ticks else NOBODY
            while n != NOBODY:
                node = nodes_of(w, v)[n]
                write_row(w, v, _ADD, side, px_ticks, node.lots, node.id)
                rows_of(w)[common_of(w)[0].used - 1].flags = _SNAPSHOT
                n = node.after
                left -= 1
            px_ticks -= side
    end_message(w, v)


@kernel
def write_gap(w: I64Array, v: int) -> None:
    """Say that messages were lost."""
    begin_message(w, v, _VENUE, NOBODY)
    write_row(w, v, _GAP, 0, 0, 0, 0)
    end_message(w, v)


LONGEST: Final = 2 * MAX_LIVE + 64
"""Rows that one instant may need: every order pulled, and as many written."""
