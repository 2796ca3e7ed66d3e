"""What an arriving order takes: the displayed levels it meets, best first.

Of each level what the trial has taken before is gone. Where an order of its own stands in the way,
the self-trade rule decides.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.book.ladder import level_lots, next_level
from framework.book.window import halves_of
from framework.core.events import NO_PRICE, I64Array, Record
from framework.core.orders import Liquidity, OrderType, SelfTrade, TimeInForce
from framework.venue.consumed import consume, consumed_lots
from framework.venue.costs import impact_ticks
from framework.venue.matching import ExchangeModel, fill
from framework.venue.records import Status, VenueState
from framework.venue.self_trade import give_way, meets_own, own_ahead
from framework.venue.world import W, ladders_at_venue, orders_of, own_best_of, streams_of

_MARKET, _STOP = int(OrderType.MARKET), int(OrderType.STOP)
_FOK, _TAKER = int(TimeInForce.FOK), int(Liquidity.TAKER)
_WHOLE, _OLDEST = int(ExchangeModel.NO_PARTIAL_FILLS), int(SelfTrade.CANCEL_OLDEST)
_RUNNING, _ARRIVED = int(Status.DONE), int(VenueState.ARRIVED)


@kernel
def takes_any_price(order: Record) -> bool:
    """True for orders without a limit."""
    return order.order_type == _MARKET or order.order_type == _STOP


@kernel
def _first_level(world: I64Array, other: int) -> int:
    """Best level of a half; not one that the trade in hand has swept and the data still shows."""
    best = halves_of(ladders_at_venue(world))[other].best
    return min(best, world[W.SWEPT_Z]) if world[W.SWEPT_HALF] == other + 1 else best


@kernel
def _left_of(world: I64Array, k: int, other: int, z: int) -> int:
    """Displayed lots of a level that the trial may still take."""
    lots = level_lots(ladders_at_venue(world), other, z) - consumed_lots(world, k, other, z)
    if world[W.SWEPT_HALF] == other + 1 and world[W.SWEPT_Z] == z:
        lots -= world[W.SWEPT_LOTS]
    return max(0, lots)


@kernel
def _takeable(world: I64Array, k: int, o: int, other: int) -> int:
    """Displayed lots an arriving order may take, up to what it needs."""
    cold()
    order = orders_of(world, k)[o]
    market = takes_any_price(order)
    until_z, ahead = NO_PRICE, 0
    goes_on = streams_of(world)[order.book].self_trade == _OLDEST
    if not goes_on and meets_own(world, k, other, order.z, market):
        until_z, ahead = own_best_of(world, other)[k], own_ahead(world, k, other)
    total = 0
    z = _first_level(world, other)
    while z != NO_PRICE and total < order.leaves and z >= until_z:
        if not market and order.z + z < 0:
            break
        lots = _left_of(world, k, other, z)
        total += min(lots, ahead) if z == until_z else lots
        z = next_level(ladders_at_venue(world), other, z)
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
    return worse if takes_any_price(order) else min(worse, order.z)


@kernel
def _walk(
    world: I64Array, k: int, o: int, other: int, ts_ns: int, until_z: int, ahead: int
) -> None:
    """Fill an order from levels down to ``until_z``, and from ``ahead`` lots of that one."""
    cold()
    order = orders_of(world, k)[o]
    market = takes_any_price(order)
    z = _first_level(world, other)
    while z != NO_PRICE and order.leaves > 0 and z >= until_z and world[W.STATUS] == _RUNNING:
        if not market and order.z + z < 0:
            break
        lots = min(_left_of(world, k, other, z), order.leaves)
        if z == until_z:
            lots = min(lots, ahead)
        if lots > 0:
            fill(world, k, o, ts_ns, _taking_z(world, k, o, ts_ns, -z, lots), lots, _TAKER, 0.0)
            consume(world, k, other, z, lots)
        z = next_level(ladders_at_venue(world), other, z)


@kernel
def take(world: I64Array, k: int, o: int, other: int, ts_ns: int) -> None:
    """Fill an arrived order from the half ``other``, as far as it may be filled."""
    cold()
    order = orders_of(world, k)[o]
    market = takes_any_price(order)
    whole = order.tif == _FOK or streams_of(world)[order.book].exchange_model == _WHOLE
    may_fill = not whole or _takeable(world, k, o, other) >= order.leaves
    if order.tif == _FOK and not may_fill:
        return
    while order.venue_state == _ARRIVED and world[W.STATUS] == _RUNNING:
        blocked = meets_own(world, k, other, order.z, market)
        if may_fill and blocked:
            until_z = own_best_of(world, other)[k]
            _walk(world, k, o, other, ts_ns, until_z, own_ahead(world, k, other))
        elif may_fill:
            _walk(world, k, o, other, ts_ns, NO_PRICE, 0)
        if not blocked or order.venue_state != _ARRIVED:
            return
        give_way(world, k, o, other, ts_ns)
