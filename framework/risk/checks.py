"""What a request must pass before it leaves us: the first limit it would break refuses it."""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array, Record
from framework.core.orders import OrderType, Reason
from framework.risk.exposure import (
    has_mid,
    known_mid,
    takes_at_once,
    worst_net_steps,
    worst_notional,
    worst_position,
    worth,
)
from framework.risk.protection import protects
from framework.risk.records import book_limits_of, limits_of, trial_use_of
from framework.venue.records import View
from framework.venue.store import heard_ns
from framework.venue.world import FOREVER, W, feed_of, orders_of

_MARKET, _STOP = int(OrderType.MARKET), int(OrderType.STOP)
_MIDPOINT = int(OrderType.MIDPOINT)
_NONE, _STOPPED = int(Reason.NONE), int(Reason.RISK_STOPPED)
_STALE, _PROTECTION = int(Reason.RISK_STALE), int(Reason.RISK_PROTECTION)
_ORDER_SIZE, _ORDER_NOTIONAL = int(Reason.RISK_ORDER_SIZE), int(Reason.RISK_ORDER_NOTIONAL)
_COLLAR, _SPREAD = int(Reason.RISK_COLLAR), int(Reason.RISK_SPREAD)
_POSITION, _NET = int(Reason.RISK_POSITION), int(Reason.RISK_NET)
_NOTIONAL, _OPEN_ORDERS = int(Reason.RISK_NOTIONAL), int(Reason.RISK_OPEN_ORDERS)
_RATE, _NO_MARK = int(Reason.RISK_RATE), int(Reason.RISK_NO_MARK)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_INF = float("inf")


@kernel
def last_heard_ns(world: I64Array, b: int) -> int:
    """When the latest message of a book's venue that is known reached us."""
    limits = book_limits_of(world)
    latest_ns = 0
    for other in range(limits.size):
        if limits[other].venue == limits[b].venue:
            latest_ns = max(latest_ns, heard_ns(world, other))
    return latest_ns


@kernel
def is_stale(world: I64Array, b: int) -> bool:
    """True where a book's venue has not been heard of for too long."""
    allowed_ns = limits_of(world).stale_ns
    return allowed_ns != FOREVER and world[W.NOW_NS] - last_heard_ns(world, b) > allowed_ns


@kernel
def _outside_collar(limits: Record, order_type: int, px_ticks: int, mid: float) -> bool:
    """True where a limit price is too far from the mid; orders without one have no such price."""
    if order_type in (_MARKET, _STOP) or (order_type == _MIDPOINT and px_ticks == 0):
        return False
    return abs(float(px_ticks) - mid) > limits.collar * abs(mid)


@kernel
def _spread_too_wide(world: I64Array, limits: Record, b: int) -> bool:
    if limits.max_spread == _INF:
        return False
    if not has_mid(world, b):
        return True
    bid, ask = feed_of(world, _V_BID)[b], feed_of(world, _V_ASK)[b]
    return float(ask - bid) > limits.max_spread * 0.5 * float(bid + ask)


@kernel
def _order_refusal(
    world: I64Array, k: int, b: int, order_type: int, px_ticks: int, lots: int
) -> int:
    """Why an order is refused for what it is by itself."""
    limits = book_limits_of(world)[b]
    if lots > limits.max_order:
        return _ORDER_SIZE
    if limits.max_order_notional == _INF and limits.collar == _INF:
        return _NONE
    if not has_mid(world, b):
        return _NO_MARK
    mid = known_mid(world, k, b)
    if worth(limits, float(lots), abs(mid)) > limits.max_order_notional:
        return _ORDER_NOTIONAL
    if limits.collar != _INF and _outside_collar(limits, order_type, px_ticks, mid):
        return _COLLAR
    return _NONE


@kernel
def _exposure_refusal(world: I64Array, k: int, b: int, side: int, lots: int) -> int:
    """Why an order is refused for what it could add to."""
    limits = book_limits_of(world)[b]
    if worst_position(world, k, b, side) + lots > limits.max_position:
        return _POSITION
    if limits.max_net != FOREVER:
        net = worst_net_steps(world, k, b, side) + limits.steps * lots
        if net > limits.max_net:
            return _NET
    if limits_of(world).max_notional != _INF:
        notional = worst_notional(world, k, b, side, lots)
        if notional == _INF:
            return _NO_MARK
        if notional > limits_of(world).max_notional:
            return _NOTIONAL
    return _NONE


@kernel
def take_token(world: I64Array, k: int) -> bool:
    """Take the right to send one message; false where there is none, and it is owed."""
    limits = limits_of(world)
    if limits.rate == _INF:
        return True
    use = trial_use_of(world, k)
    waited_ns = float(world[W.NOW_NS] - use.tokens_ns)
    tokens = min(limits.burst, use.tokens + waited_ns * limits.rate)
    has_one = tokens >= 1.0
    use.tokens = tokens - 1.0 if has_one else tokens
    use.tokens_ns = world[W.NOW_NS]
    return has_one


@kernel
def owe_token(world: I64Array, k: int) -> None:
    """Count a message that leaves in any case."""
    if not take_token(world, k):
        trial_use_of(world, k).tokens -= 1.0


@kernel
def _refusal(
    world: I64Array, k: int, b: int, side: int, order_type: int, tif: int, px_ticks: int, lots: int
) -> int:
    if trial_use_of(world, k).stopped:
        return _STOPPED
    at_once = takes_at_once(order_type, tif)
    reduces = worst_position(world, k, b, side) + lots <= 0
    if is_stale(world, b) and not (reduces and at_once):
        return _STALE
    if not at_once and protects(world, k, b, lots):
        return _PROTECTION
    reason = _order_refusal(world, k, b, order_type, px_ticks, lots)
    if reason != _NONE:
        return reason
    if not reduces and _spread_too_wide(world, book_limits_of(world)[b], b):
        return _SPREAD
    return _exposure_refusal(world, k, b, side, lots)


@kernel
def refuse_new(world: I64Array, k: int, o: int, px_ticks: int) -> int:
    """Why a new order may not leave; 0 where it may, which takes a message's token."""
    cold()
    order = orders_of(world, k)[o]
    reason = _refusal(
        world, k, order.book, order.side, order.order_type, order.tif, px_ticks, order.lots
    )
    if reason != _NONE:
        return reason
    if trial_use_of(world, k).n_orders >= limits_of(world).max_open:
        return _OPEN_ORDERS
    return _NONE if take_token(world, k) else _RATE


@kernel
def refuse_replace(world: I64Array, k: int, o: int, px_ticks: int, lots: int) -> int:
    """Why a replace may not leave; 0 where it may, which takes a message's token."""
    cold()
    order = orders_of(world, k)[o]
    reason = _refusal(world, k, order.book, order.side, order.order_type, order.tif, px_ticks, lots)
    if reason != _NONE:
        return reason
    return _NONE if take_token(world, k) else _RATE
