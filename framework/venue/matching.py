"""The simulated exchange: what the market does to a trial's resting orders.

What fills a resting order: a trade through its price; a trade at its price that outlasts the
estimated queue ahead; the opposite best price reaching its price. Never more than the trade or the
arriving quantity that caused it. A hidden order stands behind all that is displayed at its price.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from framework._jit import cold, kernel, leading_zeros
from framework.book.ladder import level_lots
from framework.book.queue_l3 import NOBODY
from framework.book.window import books_of
from framework.core.events import NO_PRICE, I64Array
from framework.core.orders import JournalEvent, Liquidity, Reason, TraceEvent
from framework.venue.consumed import consume, consumed_lots, limit_consumed
from framework.venue.costs import count_volume, fee_rate_ppb
from framework.venue.fees import fee_micro, notional, too_large
from framework.venue.iceberg import refresh
from framework.venue.journal import journal_at, journal_row, trace_row
from framework.venue.latency import response_ns
from framework.venue.mail import send
from framework.venue.order_states import STEP_OF_EVENT, OrderStep, move
from framework.venue.place import exact_front, is_behind
from framework.venue.queue import QueueModel, front_after_depth
from framework.venue.records import Status, VenueState
from framework.venue.resting import rest, unrest
from framework.venue.world import (
    W,
    accounts_of,
    ladders_at_venue,
    live_of,
    n_live_of,
    orders_of,
    own_best_of,
    streams_of,
    trials_of,
    watchers_of,
)


class ExchangeModel(IntEnum):
    """How much of an order the venue fills at once."""

    PARTIAL_FILLS = 0
    """As much as the trade, the crossing quantity or the displayed depth allows."""
    NO_PARTIAL_FILLS = 1
    """All of it or nothing, as if every order were small."""


_FILLED, _CANCELLED = int(JournalEvent.FILLED), int(JournalEvent.CANCELLED)
_FILL_EXCLUDED = int(JournalEvent.FILL_EXCLUDED)
_FILL_PART, _FILL_ALL = int(OrderStep.FILL_PART), int(OrderStep.FILL_ALL)
_REST = int(OrderStep.REST)
_MAKER = int(Liquidity.MAKER)
_NONE, _BOOK_INVALID = int(Reason.NONE), int(Reason.BOOK_INVALID)
_LIVE, _WAITING = int(VenueState.LIVE), int(VenueState.WAITING)
_OVERFLOW = int(Status.OVERFLOW)
_T_QUEUED, _T_LEVEL = int(TraceEvent.QUEUED), int(TraceEvent.LEVEL)
_T_TRADE, _T_CROSSED = int(TraceEvent.TRADE), int(TraceEvent.CROSSED)
_WHOLE = int(ExchangeModel.NO_PARTIAL_FILLS)
_L3_EXACT = int(QueueModel.L3_EXACT)


@kernel
def respond(world: I64Array, k: int, o: int, ts_ns: int, event: int, z: int, lots: int) -> None:
    """Send word of an order event back to the trial."""
    cold()
    order = orders_of(world, k)[o]
    order.in_flight += 1
    arrival_ns = ts_ns + response_ns(world, k, order.book, ts_ns)
    send(world, k, 1, arrival_ns, event, order.id, z, lots, order.leaves)


@kernel
def report(world: I64Array, k: int, o: int, ts_ns: int, event: int, reason: int) -> None:
    """Let an order event happen: the order's step, its row in the journal, word to the trial."""
    cold()
    step = STEP_OF_EVENT[event]
    if step >= 0 and not move(world, k, o, step):
        return
    journal_row(world, k, o, ts_ns, event, reason, True)
    respond(world, k, o, ts_ns, event, orders_of(world, k)[o].z, 0)


@kernel
def fill(
    world: I64Array,
    k: int,
    o: int,
    ts_ns: int,
    z: int,
    lots: int,
    liquidity: int,
    queue_ahead: float,
) -> None:
    """Trade ``lots`` of an order at signed price ``z`` of its own side."""
    cold()
    order = orders_of(world, k)[o]
    stream = streams_of(world)[order.book]
    account = accounts_of(world, k)[order.book]
    px_ticks = order.side * z
    value = notional(stream.inverse_scale, px_ticks, lots)
    rate_ppb = fee_rate_ppb(world, k, order.book, ts_ns, liquidity)
    fee = fee_micro(value, rate_ppb)
    fee += lots * (stream.maker_lot_micro if liquidity == _MAKER else stream.taker_lot_micro)
    count_volume(world, k, order.book, ts_ns, value, lots)
    # An inverse contract pays in the base asset, so its cash moves the other way.
    direction = -order.side if stream.inverse_scale == 0 else order.side
    account.position += order.side * lots
    account.cash += direction * value
    account.fee_micro += fee
    scale = stream.inverse_scale
    if too_large(scale, px_ticks, lots, rate_ppb, account.cash, account.fee_micro):
        world[W.STATUS] = _OVERFLOW
    account.fills += 1
    account.volume += lots
    trials_of(world)[k].fills += 1
    order.leaves -= lots
    move(world, k, o, _FILL_PART if order.leaves else _FILL_ALL)
    i = journal_row(world, k, o, ts_ns, _FILLED, _NONE, True)
    row = journal_at(world, i)
    row.liquidity = liquidity
    row.px_ticks = px_ticks
    row.qty_lots = lots
    row.queue_ahead_lots = queue_ahead
    row.fee_micro = fee
    respond(world, k, o, ts_ns, _FILLED, z, lots)


@kernel
def _exclude(world: I64Array, k: int, o: int, h: int, ts_ns: int, lots: int) -> None:
    """Count a fill that the invalid book only suggests, and end the order whose fate is unknown."""
    cold()
    trials_of(world)[k].excluded += 1
    i = journal_row(world, k, o, ts_ns, _FILL_EXCLUDED, _BOOK_INVALID, True)
    journal_at(world, i).qty_lots = lots
    unrest(world, k, o, h)
    report(world, k, o, ts_ns, _CANCELLED, _BOOK_INVALID)


@kernel
def fill_resting(
    world: I64Array, k: int, o: int, h: int, ts_ns: int, available: int, queue_ahead: float
) -> int:
    """Fill a live order with up to ``available`` lots; return the lots filled."""
    cold()
    order = orders_of(world, k)[o]
    whole = streams_of(world)[order.book].exchange_model == _WHOLE
    lots = order.leaves if whole else min(order.leaves, available)
    if not books_of(ladders_at_venue(world))[order.book].valid:
        _exclude(world, k, o, h, ts_ns, lots)
        return 0
    fill(world, k, o, ts_ns, order.z, lots, _MAKER, queue_ahead)
    order.shown -= lots
    if order.leaves == 0:
        unrest(world, k, o, h)
    return lots


@kernel
def leave(world: I64Array, k: int, o: int) -> None:
    """Take an order from where it rests or waits, so that it can end."""
    cold()
    order = orders_of(world, k)[o]
    if order.venue_state == _LIVE:
        unrest(world, k, o, 2 * order.book + (order.side < 0))
    elif order.venue_state == _WAITING:
        world[W.N_STOPS] -= 1


@kernel
def settle(world: I64Array, k: int, o: int, ts_ns: int) -> None:
    """Let what is left of an arrived order rest, last in its queue."""
    cold()
    order = orders_of(world, k)[o]
    h = 2 * order.book + (order.side < 0)
    order.level = level_lots(ladders_at_venue(world), h, order.z)
    order.front = float(order.level)
    order.traded = 0.0
    order.shown = min(order.peak, order.leaves)
    if move(world, k, o, _REST):
        rest(world, k, o, h)
        if order.id == world[W.TRACE_ID]:
            trace_row(world, k, o, ts_ns, _T_QUEUED, order.z, order.leaves)


@kernel
def on_level(world: I64Array, h: int, ts_ns: int, z: int, before: int, now: int) -> None:
    """Tell all who watch a level its size: ``before`` and ``now``, which may be equal."""
    cold()
    watchers = watchers_of(world, h, z)
    for word in range(watchers.size):
        left = watchers[word]
        while left != np.uint64(0):
            bit = 63 - leading_zeros(left)
            left ^= np.uint64(1) << np.uint64(bit)
            _tell_level(world, 64 * word + bit, h, ts_ns, z, before, now)


@kernel
def _tell_level(world: I64Array, k: int, h: int, ts_ns: int, z: int, before: int, now: int) -> None:
    """Tell one trial the size of a level."""
    stream = streams_of(world)[h >> 1]
    if trials_of(world)[k].n_consumed:
        limit_consumed(world, k, h, z, now)
    if own_best_of(world, h)[k] < z:
        return
    orders = orders_of(world, k)
    live = live_of(world, k, h)
    for i in range(n_live_of(world, k)[h]):
        order = orders[live[i]]
        if order.z < z:
            return
        if order.z != z:
            continue
        if order.hidden:
            order.front = float(now)  # all that is displayed stands before it, whenever it came
        elif stream.queue_model == _L3_EXACT:
            order.front = exact_front(world, k, live[i], h)
        else:
            order.front = front_after_depth(
                stream.queue_model,
                stream.queue_power,
                stream.lot_quantity,
                order.front,
                order.traded,
                before,
                now,
            )
        order.level = now
        order.traded = 0.0
        if order.id == world[W.TRACE_ID]:
            trace_row(world, k, live[i], ts_ns, _T_LEVEL, z, now)


@kernel
def on_crossing(world: I64Array, h: int, ts_ns: int, z: int, lots: int) -> None:
    """Fill live orders that the level ``z`` of half ``h``, grown to ``lots``, has come to meet.

    They stand in the opposite half at signed prices of ``-z`` or better.
    """
    cold()
    other = h ^ 1
    best = own_best_of(world, other)
    for k in range(world[W.N_TRIALS]):
        if best[k] < -z or best[k] == NO_PRICE:
            continue
        left = lots - consumed_lots(world, k, h, z)
        live = live_of(world, k, other)
        i = 0
        while i < n_live_of(world, k)[other] and left > 0:
            o = live[i]
            if orders_of(world, k)[o].z < -z:
                break
            if orders_of(world, k)[o].id == world[W.TRACE_ID]:
                trace_row(world, k, o, ts_ns, _T_CROSSED, -z, lots)
            filled = fill_resting(world, k, o, other, ts_ns, left, 0.0)
            left -= filled
            if filled:
                consume(world, k, h, z, filled)
                refresh(world, k, o, other, ts_ns, 0)
            if orders_of(world, k)[o].venue_state == _LIVE:
                i += 1


@kernel
def on_trade(
    world: I64Array, h: int, ts_ns: int, z: int, lots: int, dark: bool, stamp: int
) -> None:
    """Let a trade at signed price ``z`` of the resting half ``h`` meet live orders there.

    A ``dark`` one filled a hidden order at ``z``, which may have stood before our hidden ones.
    ``stamp`` says whom it filled where the data names its orders.
    """
    cold()
    exact = streams_of(world)[h >> 1].queue_model == _L3_EXACT
    best = own_best_of(world, h)
    for k in range(world[W.N_TRIALS]):
        if best[k] < z or best[k] == NO_PRICE:
            continue
        left = lots  # what our own orders, first in priority, have not had
        live = live_of(world, k, h)
        first_again, again = -1, False  # icebergs that this trade has brought to the queue's end
        i = 0
        while i < n_live_of(world, k)[h]:
            o = live[i]
            order = orders_of(world, k)[o]
            if order.z < z or (dark and order.z == z and order.hidden):
                break
            again = again or o == first_again
            filled = 0
            if order.z == z:
                ahead = order.front
                order.traded += lots
                if exact:  # had ours been there, it had come before whoever stands behind it
                    turn = is_behind(world, k, o, stamp)
                    # An iceberg that has gone to the end stands behind the order executed here,
                    # which is at least as large as the execution.
                    reached = left if turn and (not again or stamp == NOBODY) else 0
                else:
                    order.front -= left
                    # Lots are whole: the queue is used up once half a lot of ours has traded.
                    reached = int(0.5 - order.front)
                    order.front = max(order.front, 0.0)
                if order.id == world[W.TRACE_ID]:
                    trace_row(world, k, o, ts_ns, _T_TRADE, z, lots)
                if left > 0 and reached > 0:
                    available = min(left, reached)
                    if order.peak > 0 and not again:
                        available = min(available, order.shown)
                    filled = fill_resting(world, k, o, h, ts_ns, available, ahead)
            elif left > 0:
                if order.id == world[W.TRACE_ID]:
                    trace_row(world, k, o, ts_ns, _T_TRADE, z, lots)
                filled = fill_resting(world, k, o, h, ts_ns, left, 0.0)
            left = max(left - filled, 0)  # a venue that fills no part of an order may give more
            if order.venue_state != _LIVE:
                continue
            if filled > 0 and refresh(world, k, o, h, ts_ns, lots if order.z == z else 0):
                if first_again < 0:
                    first_again = o
            else:
                i += 1
