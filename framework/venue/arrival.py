"""A trial's requests reach a venue: new orders, cancels, replaces, and the end of a lifetime."""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.book.window import books_of, halves_of
from framework.core.events import NO_PRICE, I64Array
from framework.core.orders import JournalEvent, OrderType, Reason, TimeInForce
from framework.venue.journal import latest_row
from framework.venue.mail import send
from framework.venue.matching import leave, report, settle
from framework.venue.order_states import OrderStep, move
from framework.venue.pegs import pegged_price
from framework.venue.records import Request, VenueState
from framework.venue.resting import unrest
from framework.venue.self_trade import meets_own
from framework.venue.taking import take, takes_any_price
from framework.venue.world import W, ladders_at_venue, orders_of

_ACCEPTED, _REJECTED = int(JournalEvent.ACCEPTED), int(JournalEvent.REJECTED)
_CANCELLED, _CANCEL_REJECTED = int(JournalEvent.CANCELLED), int(JournalEvent.CANCEL_REJECTED)
_REPLACED, _REPLACE_REJECTED = int(JournalEvent.REPLACED), int(JournalEvent.REPLACE_REJECTED)
_EXPIRED, _EXPIRE = int(JournalEvent.EXPIRED), int(Request.EXPIRE)
_STOP, _STOP_LIMIT = int(OrderType.STOP), int(OrderType.STOP_LIMIT)
_MIDPOINT, _GTD = int(OrderType.MIDPOINT), int(TimeInForce.GTD)
_IOC, _FOK, _POST_ONLY = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.POST_ONLY)
_NONE, _WOULD_TAKE = int(Reason.NONE), int(Reason.WOULD_TAKE)
_NOT_FILLABLE, _NO_SUCH_ORDER = int(Reason.NOT_FILLABLE), int(Reason.NO_SUCH_ORDER)
_BOOK_INVALID, _NO_LIQUIDITY = int(Reason.BOOK_INVALID), int(Reason.NO_LIQUIDITY)
_EXPIRY_REACHED, _NO_MID = int(Reason.EXPIRY_REACHED), int(Reason.NO_MID)
_NOT_REPLACEABLE = int(Reason.NOT_REPLACEABLE)
_LIVE, _WAITING = int(VenueState.LIVE), int(VenueState.WAITING)
_ARRIVED = int(VenueState.ARRIVED)
_WAIT, _REQUEUE = int(OrderStep.WAIT), int(OrderStep.REQUEUE)


@kernel
def _marketable(world: I64Array, k: int, o: int, z: int) -> bool:
    """True where an order at signed price ``z`` meets the book, or another of the trial's own."""
    order = orders_of(world, k)[o]
    other = (2 * order.book + (order.side < 0)) ^ 1
    market = takes_any_price(order)
    best = halves_of(ladders_at_venue(world))[other].best
    if best != NO_PRICE and (market or z + best >= 0):
        return True
    return meets_own(world, k, other, z, market)


@kernel
def _refusal(world: I64Array, k: int, o: int, ts_ns: int) -> int:
    """Why a venue refuses a new order; 0 where it does not."""
    order = orders_of(world, k)[o]
    if not books_of(ladders_at_venue(world))[order.book].valid:
        return _BOOK_INVALID
    if order.tif == _GTD and order.expires_ns <= ts_ns:
        return _EXPIRY_REACHED
    if order.order_type == _MIDPOINT:
        order.z = pegged_price(world, k, o)
        return _NO_MID if order.z == NO_PRICE else _NONE
    if order.tif == _POST_ONLY and _marketable(world, k, o, order.z):
        return _WOULD_TAKE
    return _NONE


@kernel
def arrive_new(world: I64Array, k: int, o: int, ts_ns: int) -> None:
    """A new order reaches its venue."""
    cold()
    order = orders_of(world, k)[o]
    asked_z = order.z
    reason = _refusal(world, k, o, ts_ns)
    if reason != _NONE:
        order.z = asked_z
        report(world, k, o, ts_ns, _REJECTED, reason)
        return
    report(world, k, o, ts_ns, _ACCEPTED, _NONE)
    if order.tif == _GTD:
        send(world, k, 0, order.expires_ns, _EXPIRE, order.id, 0, 0, 0)
    if order.order_type == _STOP or order.order_type == _STOP_LIMIT:
        latest_row(world).px_ticks = order.side * order.stop_z
        if move(world, k, o, _WAIT):
            world[W.N_STOPS] += 1
        return
    match(world, k, o, ts_ns)


@kernel
def match(world: I64Array, k: int, o: int, ts_ns: int) -> None:
    """Let an arrived order take what it may; the rest of it rests, or ends."""
    cold()
    order = orders_of(world, k)[o]
    other = (2 * order.book + (order.side < 0)) ^ 1
    if _marketable(world, k, o, order.z):
        take(world, k, o, other, ts_ns)
    if order.venue_state != _ARRIVED:
        return
    if takes_any_price(order) or order.tif == _IOC or order.tif == _FOK:
        empty = halves_of(ladders_at_venue(world))[other].best == NO_PRICE
        report(world, k, o, ts_ns, _EXPIRED, _NO_LIQUIDITY if empty else _NOT_FILLABLE)
        return
    settle(world, k, o, ts_ns)


@kernel
def arrive_cancel(world: I64Array, k: int, o: int, ts_ns: int) -> None:
    """A cancel reaches the venue."""
    cold()
    order = orders_of(world, k)[o]
    if order.venue_state != _LIVE and order.venue_state != _WAITING:
        report(world, k, o, ts_ns, _CANCEL_REJECTED, _NO_SUCH_ORDER)
        return
    leave(world, k, o)
    report(world, k, o, ts_ns, _CANCELLED, _NONE)


@kernel
def arrive_expiry(world: I64Array, k: int, o: int, ts_ns: int) -> None:
    """A live or waiting order has reached the end of its lifetime."""
    cold()
    leave(world, k, o)
    report(world, k, o, ts_ns, _EXPIRED, _EXPIRY_REACHED)


@kernel
def _replace_refusal(world: I64Array, k: int, o: int, z: int) -> int:
    order = orders_of(world, k)[o]
    if order.venue_state == _WAITING:
        return _NOT_REPLACEABLE
    if order.venue_state != _LIVE:
        return _NO_SUCH_ORDER
    if not books_of(ladders_at_venue(world))[order.book].valid:
        return _BOOK_INVALID
    if order.order_type == _MIDPOINT:
        return _NOT_REPLACEABLE
    if order.tif == _POST_ONLY and _marketable(world, k, o, z):
        return _WOULD_TAKE
    return _NONE


@kernel
def arrive_replace(world: I64Array, k: int, o: int, ts_ns: int, z: int, lots: int) -> None:
    """A replace reaches the venue: ``lots`` is the new remaining quantity.

    Priority is kept only where the price stays and the quantity does not grow.
    """
    cold()
    order = orders_of(world, k)[o]
    reason = _replace_refusal(world, k, o, z)
    if reason != _NONE:
        report(world, k, o, ts_ns, _REPLACE_REJECTED, reason)
        return
    if z == order.z and lots <= order.leaves:
        order.leaves = lots
        order.shown = min(order.shown, lots)
        report(world, k, o, ts_ns, _REPLACED, _NONE)
        return
    unrest(world, k, o, 2 * order.book + (order.side < 0))
    order.z = z
    order.leaves = lots
    report(world, k, o, ts_ns, _REPLACED, _NONE)
    if move(world, k, o, _REQUEUE):
        match(world, k, o, ts_ns)
