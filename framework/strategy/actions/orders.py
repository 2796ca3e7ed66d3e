"""A compiled strategy's own orders and what it may ask of them; see `Context`."""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array, Record
from framework.core.orders import OrderType, TimeInForce
from framework.venue.records import LocalState, Request, Status
from framework.venue.slots import claim
from framework.venue.world import (
    W,
    accounts_of,
    open_of,
    orders_of,
    outbox_of,
    trials_of,
)

_MARKET, _LIMIT = int(OrderType.MARKET), int(OrderType.LIMIT)
_GTC, _IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
_POST_ONLY, _GTD = int(TimeInForce.POST_ONLY), int(TimeInForce.GTD)
_STOP, _STOP_LIMIT = int(OrderType.STOP), int(OrderType.STOP_LIMIT)
_HIDDEN, _ICEBERG = int(OrderType.HIDDEN), int(OrderType.ICEBERG)
_MIDPOINT = int(OrderType.MIDPOINT)
_NEW, _CANCEL, _REPLACE = int(Request.NEW), int(Request.CANCEL), int(Request.REPLACE)
_FREE = int(LocalState.FREE)
_REFUSED = int(Status.REFUSED)


@kernel
def ctx_position_lots(world: I64Array, book: int) -> int:
    return accounts_of(world, world[W.WAKE_TRIAL])[book].known_position


@kernel
def ctx_n_orders(world: I64Array) -> int:
    return trials_of(world)[world[W.WAKE_TRIAL]].n_open


@kernel
def ctx_order_at(world: I64Array, n: int) -> int:
    return open_of(world, world[W.WAKE_TRIAL])[n]


@kernel
def _order(world: I64Array, order: int) -> Record:
    return orders_of(world, world[W.WAKE_TRIAL])[order & (world[W.SLOTS] - 1)]


@kernel
def ctx_order_book(world: I64Array, order: int) -> int:
    return _order(world, order).book


@kernel
def ctx_order_side(world: I64Array, order: int) -> int:
    return _order(world, order).side


@kernel
def ctx_order_px_ticks(world: I64Array, order: int) -> int:
    return _order(world, order).side * _order(world, order).local_z


@kernel
def ctx_order_leaves_lots(world: I64Array, order: int) -> int:
    return _order(world, order).local_leaves


@kernel
def ctx_is_open(world: I64Array, order: int) -> bool:
    return _order(world, order).id == order and _order(world, order).local_state != _FREE


@kernel
def _out(world: I64Array, request: int, order: int, px_ticks: int, lots: int) -> int:
    """Write a request into the outbox; its index, or -1 where the outbox is full."""
    n = world[W.N_OUTBOX]
    if n == world[W.MAIL_SLOTS]:
        world[W.STATUS] = _REFUSED
        return -1
    box = outbox_of(world)[n]
    box.request = request
    box.id = order
    box.book = 0
    box.side = 0
    box.order_type = 0
    box.tif = 0
    box.px = px_ticks
    box.lots = lots
    world[W.N_OUTBOX] = n + 1
    return n


@kernel
def _new(
    world: I64Array, book: int, side: int, lots: int, px_ticks: int, order_type: int, tif: int
) -> int:
    cold()
    k = world[W.WAKE_TRIAL]
    if not 0 <= book < world[W.N_BOOKS] or abs(side) != 1:
        world[W.STATUS] = _REFUSED
        return -1
    order_id = claim(world, k, book, side, px_ticks, lots)
    if order_id < 0:
        world[W.STATUS] = _REFUSED
        return -1
    n = _out(world, _NEW, order_id, px_ticks, lots)
    if n >= 0:
        box = outbox_of(world)[n]
        box.book = book
        box.side = side
        box.order_type = order_type
        box.tif = tif
    return order_id


@kernel
def ctx_buy(world: I64Array, book: int, lots: int, px_ticks: int, post_only: bool = False) -> int:
    return _new(world, book, 1, lots, px_ticks, _LIMIT, _POST_ONLY if post_only else _GTC)


@kernel
def ctx_sell(world: I64Array, book: int, lots: int, px_ticks: int, post_only: bool = False) -> int:
    return _new(world, book, -1, lots, px_ticks, _LIMIT, _POST_ONLY if post_only else _GTC)


@kernel
def _with(world: I64Array, order: int, stop_ticks: int, expires_ns: int, peak: int) -> int:
    """Add to the request just written what only some types of order have."""
    if order >= 0 and world[W.N_OUTBOX] > 0:
        box = outbox_of(world)[world[W.N_OUTBOX] - 1]
        box.stop_px = stop_ticks
        box.expires_ns = expires_ns
        box.peak = peak
    return order


@kernel
def ctx_submit(
    world: I64Array,
    book: int,
    side: int,
    lots: int,
    px_ticks: int,
    time_in_force: int = _GTC,
    expires_ns: int = 0,
    hidden: bool = False,
    peak_lots: int = 0,
) -> int:
    if hidden and peak_lots:
        world[W.STATUS] = _REFUSED
        return -1
    kind = _LIMIT
    if hidden:
        kind = _HIDDEN
    elif peak_lots:
        kind = _ICEBERG
    tif = _GTD if expires_ns and time_in_force == _GTC else time_in_force
    order = _new(world, book, side, lots, px_ticks, kind, tif)
    return _with(world, order, 0, expires_ns, peak_lots)


@kernel
def ctx_stop(
    world: I64Array,
    book: int,
    side: int,
    lots: int,
    stop_ticks: int,
    limit_ticks: int | None = None,
    expires_ns: int = 0,
) -> int:
    tif = _GTD if expires_ns else _GTC
    if limit_ticks is None:
        order = _new(world, book, side, lots, 0, _STOP, tif)
    else:
        order = _new(world, book, side, lots, limit_ticks, _STOP_LIMIT, tif)
    return _with(world, order, stop_ticks, expires_ns, 0)


@kernel
def ctx_peg_mid(
    world: I64Array,
    book: int,
    side: int,
    lots: int,
    limit_ticks: int | None = None,
    expires_ns: int = 0,
) -> int:
    tif = _GTD if expires_ns else _GTC
    if limit_ticks is None:
        order = _new(world, book, side, lots, 0, _MIDPOINT, tif)
    else:
        order = _new(world, book, side, lots, limit_ticks, _MIDPOINT, tif)
    return _with(world, order, 0, expires_ns, 0)


@kernel
def ctx_take(world: I64Array, book: int, side: int, lots: int, limit_ticks: int) -> int:
    return _new(world, book, side, lots, limit_ticks, _LIMIT, _IOC)


@kernel
def ctx_market(world: I64Array, book: int, side: int, lots: int) -> int:
    return _new(world, book, side, lots, 0, _MARKET, _IOC)


@kernel
def ctx_cancel(world: I64Array, order: int) -> None:
    if ctx_is_open(world, order) and _order(world, order).cancel_sent == 0:
        _order(world, order).cancel_sent = 1
        _out(world, _CANCEL, order, 0, 0)


@kernel
def ctx_cancel_all(world: I64Array, book: int = -1) -> None:
    for n in range(ctx_n_orders(world)):
        order = ctx_order_at(world, n)
        if book < 0 or ctx_order_book(world, order) == book:
            ctx_cancel(world, order)


@kernel
def ctx_replace(world: I64Array, order: int, px_ticks: int, lots: int) -> None:
    if lots <= 0:
        world[W.STATUS] = _REFUSED
    elif ctx_is_open(world, order):
        _out(world, _REPLACE, order, px_ticks, lots)


@kernel
def ctx_wake_at(world: I64Array, ts_ns: int) -> None:
    if ts_ns <= world[W.NOW_NS]:
        world[W.STATUS] = _REFUSED
    else:
        trials_of(world)[world[W.WAKE_TRIAL]].alarm_ns = ts_ns


@kernel
def ctx_end_trial(world: I64Array) -> None:
    trials_of(world)[world[W.WAKE_TRIAL]].ending = 1
