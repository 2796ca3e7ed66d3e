"""The simulated exchange: what happens to a trial's orders at a venue.

What fills a resting order: a trade through its price; a trade at its price that outlasts the
estimated queue ahead; the opposite best price reaching its price. Never more than the trade or the
arriving quantity that caused it. What a marketable order takes: the displayed levels it meets, best
first, less what the trial has taken from them before.
"""

from __future__ import annotations

from enum import IntEnum

from framework._jit import cold, kernel
from framework.book.ladder import books_of, halves_of, level_lots, next_level
from framework.core.events import NO_PRICE, I64Array
from framework.core.orders import (
    JournalEvent,
    Liquidity,
    OrderType,
    Reason,
    TimeInForce,
    TraceEvent,
)
from framework.venue.consumed import consume, consumed_lots, limit_consumed
from framework.venue.costs import count_volume, fee_rate_ppb, impact_ticks
from framework.venue.fees import fee_micro, notional, too_large
from framework.venue.journal import journal_at, journal_row, trace_row
from framework.venue.latency import response_ns
from framework.venue.mail import send
from framework.venue.queue import front_after_depth
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
)


class ExchangeModel(IntEnum):
    """How much of an order the venue fills at once."""

    PARTIAL_FILLS = 0
    """As much as the trade, the crossing quantity or the displayed depth allows."""
    NO_PARTIAL_FILLS = 1
    """All of it or nothing, as if every order were small."""


_ACCEPTED, _REJECTED = int(JournalEvent.ACCEPTED), int(JournalEvent.REJECTED)
_FILLED, _EXPIRED = int(JournalEvent.FILLED), int(JournalEvent.EXPIRED)
_CANCELLED, _CANCEL_REJECTED = int(JournalEvent.CANCELLED), int(JournalEvent.CANCEL_REJECTED)
_REPLACED, _REPLACE_REJECTED = int(JournalEvent.REPLACED), int(JournalEvent.REPLACE_REJECTED)
_FILL_EXCLUDED = int(JournalEvent.FILL_EXCLUDED)
_MAKER, _TAKER = int(Liquidity.MAKER), int(Liquidity.TAKER)
_MARKET = int(OrderType.MARKET)
_IOC, _FOK, _POST_ONLY = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.POST_ONLY)
_NONE, _WOULD_TAKE = int(Reason.NONE), int(Reason.WOULD_TAKE)
_NOT_FILLABLE, _NO_SUCH_ORDER = int(Reason.NOT_FILLABLE), int(Reason.NO_SUCH_ORDER)
_BOOK_INVALID, _NO_LIQUIDITY = int(Reason.BOOK_INVALID), int(Reason.NO_LIQUIDITY)
_LIVE, _OVER = int(VenueState.LIVE), int(VenueState.OVER)
_RUNNING, _OVERFLOW = int(Status.DONE), int(Status.OVERFLOW)
_T_QUEUED, _T_LEVEL = int(TraceEvent.QUEUED), int(TraceEvent.LEVEL)
_T_TRADE, _T_CROSSED = int(TraceEvent.TRADE), int(TraceEvent.CROSSED)
_WHOLE = int(ExchangeModel.NO_PARTIAL_FILLS)


@kernel
def respond(world: I64Array, k: int, o: int, ts_ns: int, event: int, z: int, lots: int) -> None:
    """Send word of an order event back to the trial."""
    cold()
    order = orders_of(world, k)[o]
    order.in_flight += 1
    arrival_ns = ts_ns + response_ns(world, k, order.book, ts_ns)
    send(world, k, 1, arrival_ns, event, order.id, z, lots, order.leaves)


@kernel
def _report(world: I64Array, k: int, o: int, ts_ns: int, event: int, reason: int) -> None:
    cold()
    journal_row(world, k, o, ts_ns, event, reason, True)
    respond(world, k, o, ts_ns, event, orders_of(world, k)[o].z, 0)


@kernel
def _fill(
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
    _report(world, k, o, ts_ns, _CANCELLED, _BOOK_INVALID)


@kernel
def _fill_resting(
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
    _fill(world, k, o, ts_ns, order.z, lots, _MAKER, queue_ahead)
    if order.leaves == 0:
        unrest(world, k, o, h)
    return lots


@kernel
def on_level(world: I64Array, h: int, ts_ns: int, z: int, before: int, now: int) -> None:
    """Tell every trial the size of a watched level: ``before`` and ``now``, which may be equal."""
    cold()
    stream = streams_of(world)[h >> 1]
    for k in range(world[W.N_TRIALS]):
        limit_consumed(world, k, h, z, now)
        if own_best_of(world, h)[k] < z:
            continue
        orders = orders_of(world, k)
        live = live_of(world, k, h)
        for i in range(n_live_of(world, k)[h]):
            order = orders[live[i]]
            if order.z < z:
                break
            if order.z == z:
                order.front = front_after_depth(
                    stream.queue_model,
                    stream.queue_power,
                    stream.lot_quantity,
                    order.front,
                    order.traded,
                    before,
                    now,
                )
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
            filled = _fill_resting(world, k, o, other, ts_ns, left, 0.0)
            left -= filled
            if filled:
                consume(world, k, h, z, filled)
            if orders_of(world, k)[o].venue_state == _LIVE:
                i += 1


@kernel
def on_trade(world: I64Array, h: int, ts_ns: int, z: int, lots: int) -> None:
    """Let a trade at signed price ``z`` of the resting half ``h`` meet live orders there."""
    cold()
    best = own_best_of(world, h)
    for k in range(world[W.N_TRIALS]):
        if best[k] < z or best[k] == NO_PRICE:
            continue
        left = lots  # what our own orders, first in priority, have not had
        live = live_of(world, k, h)
        i = 0
        while i < n_live_of(world, k)[h]:
            o = live[i]
            order = orders_of(world, k)[o]
            if order.z < z:
                break
            if order.z == z:
                ahead = order.front
                order.front -= left
                order.traded += lots
                # Lots are whole: the queue is used up once half a lot of ours has traded.
                reached = int(0.5 - order.front)
                order.front = max(order.front, 0.0)
                if order.id == world[W.TRACE_ID]:
                    trace_row(world, k, o, ts_ns, _T_TRADE, z, lots)
                if left > 0 and reached > 0:
                    left -= _fill_resting(world, k, o, h, ts_ns, min(left, reached), ahead)
            elif left > 0:
                if order.id == world[W.TRACE_ID]:
                    trace_row(world, k, o, ts_ns, _T_TRADE, z, lots)
                left -= _fill_resting(world, k, o, h, ts_ns, left, 0.0)
            left = max(left, 0)  # a venue that fills no part of an order may give more
            if order.venue_state == _LIVE:
                i += 1


@kernel
def _takeable(world: I64Array, k: int, o: int, other: int) -> int:
    """Displayed lots an arriving order may take, up to what it needs."""
    cold()
    order = orders_of(world, k)[o]
    ladders = ladders_at_venue(world)
    total = 0
    z = halves_of(ladders)[other].best
    while z != NO_PRICE and total < order.leaves:
        if order.order_type != _MARKET and order.z + z < 0:
            break
        total += max(0, level_lots(ladders, other, z) - consumed_lots(world, k, other, z))
        z = next_level(ladders, other, z)
    return total


@kernel
def _taking_z(world: I64Array, k: int, o: int, ts_ns: int, z: int, lots: int) -> int:
    """Signed price of taking a level: our own impact makes it worse, at most up to our limit."""
    cold()
    order = orders_of(world, k)[o]
    if streams_of(world)[order.book].impact_kind == 0:
        return z
    side, taken = order.side, max(0, order.lots - order.leaves)
    worse = z + impact_ticks(world, k, order.book, ts_ns, side, side * z, taken, lots)
    return worse if order.order_type == _MARKET else min(worse, order.z)


@kernel
def _take(world: I64Array, k: int, o: int, other: int, ts_ns: int) -> None:
    """Walk the displayed levels of the half ``other`` with an order that has arrived."""
    cold()
    order = orders_of(world, k)[o]
    ladders = ladders_at_venue(world)
    whole = order.tif == _FOK or streams_of(world)[order.book].exchange_model == _WHOLE
    if whole and _takeable(world, k, o, other) < order.leaves:
        return
    z = halves_of(ladders)[other].best
    while z != NO_PRICE and order.leaves > 0 and world[W.STATUS] == _RUNNING:
        if order.order_type != _MARKET and order.z + z < 0:
            break
        shown = level_lots(ladders, other, z) - consumed_lots(world, k, other, z)
        lots = min(shown, order.leaves)
        if lots > 0:
            _fill(world, k, o, ts_ns, _taking_z(world, k, o, ts_ns, -z, lots), lots, _TAKER, 0.0)
            consume(world, k, other, z, lots)
        z = next_level(ladders, other, z)


@kernel
def _queue_up(world: I64Array, k: int, o: int, h: int, ts_ns: int) -> None:
    """Put an order at the end of its level's queue."""
    cold()
    order = orders_of(world, k)[o]
    order.front = float(level_lots(ladders_at_venue(world), h, order.z))
    order.traded = 0.0
    rest(world, k, o, h)
    if order.id == world[W.TRACE_ID]:
        trace_row(world, k, o, ts_ns, _T_QUEUED, order.z, order.leaves)


@kernel
def arrive_new(world: I64Array, k: int, o: int, ts_ns: int) -> None:
    """A new order reaches its venue."""
    cold()
    order = orders_of(world, k)[o]
    h = 2 * order.book + (order.side < 0)
    other = h ^ 1
    ladders = ladders_at_venue(world)
    best = halves_of(ladders)[other].best
    market = order.order_type == _MARKET
    marketable = best != NO_PRICE and (market or order.z + best >= 0)
    order.venue_state = _OVER
    if not books_of(ladders)[order.book].valid:
        _report(world, k, o, ts_ns, _REJECTED, _BOOK_INVALID)
        return
    if order.tif == _POST_ONLY and marketable:
        _report(world, k, o, ts_ns, _REJECTED, _WOULD_TAKE)
        return
    _report(world, k, o, ts_ns, _ACCEPTED, _NONE)
    if marketable:
        _take(world, k, o, other, ts_ns)
    if order.leaves == 0:
        return
    if market or order.tif == _IOC or order.tif == _FOK:
        reason = _NO_LIQUIDITY if best == NO_PRICE else _NOT_FILLABLE
        _report(world, k, o, ts_ns, _EXPIRED, reason)
        return
    _queue_up(world, k, o, h, ts_ns)


@kernel
def arrive_cancel(world: I64Array, k: int, o: int, ts_ns: int) -> None:
    """A cancel reaches the venue."""
    cold()
    order = orders_of(world, k)[o]
    if order.venue_state != _LIVE:
        _report(world, k, o, ts_ns, _CANCEL_REJECTED, _NO_SUCH_ORDER)
        return
    unrest(world, k, o, 2 * order.book + (order.side < 0))
    _report(world, k, o, ts_ns, _CANCELLED, _NONE)


@kernel
def arrive_replace(world: I64Array, k: int, o: int, ts_ns: int, z: int, lots: int) -> None:
    """A replace reaches the venue: ``lots`` is the new remaining quantity.

    Priority is kept only where the price stays and the quantity does not grow.
    """
    cold()
    order = orders_of(world, k)[o]
    h = 2 * order.book + (order.side < 0)
    ladders = ladders_at_venue(world)
    best = halves_of(ladders)[h ^ 1].best
    if order.venue_state != _LIVE:
        _report(world, k, o, ts_ns, _REPLACE_REJECTED, _NO_SUCH_ORDER)
        return
    if not books_of(ladders)[order.book].valid:
        _report(world, k, o, ts_ns, _REPLACE_REJECTED, _BOOK_INVALID)
        return
    marketable = best != NO_PRICE and z + best >= 0
    if marketable and order.tif == _POST_ONLY:
        _report(world, k, o, ts_ns, _REPLACE_REJECTED, _WOULD_TAKE)
        return
    if z == order.z and lots <= order.leaves:
        order.leaves = lots
        _report(world, k, o, ts_ns, _REPLACED, _NONE)
        return
    unrest(world, k, o, h)
    order.z = z
    order.leaves = lots
    _report(world, k, o, ts_ns, _REPLACED, _NONE)
    if marketable:
        _take(world, k, o, h ^ 1, ts_ns)
    if order.leaves > 0:
        _queue_up(world, k, o, h, ts_ns)
