"""What the risk room asks for itself: cancels, and market orders that close a position.

It writes them into the outbox like a strategy, with the reason; nobody checks them.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.core.orders import JournalEvent, OrderType, TimeInForce
from framework.venue.journal import blank_row, journal_at
from framework.venue.records import LocalState, Request, View
from framework.venue.slots import claim
from framework.venue.world import (
    W,
    accounts_of,
    feed_of,
    open_of,
    orders_of,
    outbox_of,
    trials_of,
)

_CANCEL, _NEW = int(Request.CANCEL), int(Request.NEW)
_MARKET, _IOC = int(OrderType.MARKET), int(TimeInForce.IOC)
_STOP, _STOP_LIMIT = int(OrderType.STOP), int(OrderType.STOP_LIMIT)
_BREACH, _FREE = int(JournalEvent.RISK_BREACH), int(LocalState.FREE)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)


@kernel
def _ask(world: I64Array, request: int, order_id: int, reason: int) -> int:
    """Write a request; the index of its record."""
    n = world[W.N_OUTBOX]
    box = outbox_of(world)[n]
    box.request = request
    box.id = order_id
    box.reason = reason
    box.book = 0
    box.side = 0
    box.order_type = 0
    box.tif = 0
    box.px = 0
    box.lots = 0
    world[W.N_OUTBOX] = n + 1
    return n


@kernel
def tell_breach(world: I64Array, k: int, b: int, reason: int, lots: int) -> None:
    """Write down that a limit was met which concerns more than one order."""
    cold()
    row = journal_at(world, blank_row(world, k, world[W.NOW_NS], _BREACH, b))
    row.reason = reason
    row.qty_lots = lots
    row.bid_ticks = feed_of(world, _V_BID)[b]
    row.ask_ticks = feed_of(world, _V_ASK)[b]


@kernel
def ask_cancel(world: I64Array, k: int, o: int, reason: int) -> bool:
    """Ask for the cancellation of an order that we believe to be alive, once."""
    order = orders_of(world, k)[o]
    if order.local_state == _FREE or order.cancel_sent:
        return False
    order.cancel_sent = 1
    _ask(world, _CANCEL, order.id, reason)
    return True


@kernel
def ask_cancels(world: I64Array, k: int, b: int, reason: int, stops_too: bool) -> int:
    """Ask for the cancellation of all orders of a book (-1: of all books); how many."""
    cold()
    open_ids = open_of(world, k)
    asked = 0
    for i in range(trials_of(world)[k].n_open):
        o = open_ids[i] & (world[W.SLOTS] - 1)
        order = orders_of(world, k)[o]
        waits = order.order_type == _STOP or order.order_type == _STOP_LIMIT
        if (b < 0 or order.book == b) and (stops_too or not waits):
            asked += ask_cancel(world, k, o, reason)
    return asked


@kernel
def _any_open(world: I64Array, k: int, b: int) -> bool:
    open_ids = open_of(world, k)
    for i in range(trials_of(world)[k].n_open):
        if orders_of(world, k)[open_ids[i] & (world[W.SLOTS] - 1)].book == b:
            return True
    return False


@kernel
def ask_to_close(world: I64Array, k: int, reason: int) -> None:
    """Ask for market orders that close what is held where nothing is open any more."""
    cold()
    accounts = accounts_of(world, k)
    for b in range(accounts.size):
        position = accounts[b].known_position
        if position == 0 or _any_open(world, k, b):
            continue
        side = -1 if position > 0 else 1
        order_id = claim(world, k, b, side, 0, abs(position))
        if order_id < 0:
            return  # no slot is free: words of ended orders are still on their way
        box = outbox_of(world)[_ask(world, _NEW, order_id, reason)]
        box.book = b
        box.side = side
        box.order_type = _MARKET
        box.tif = _IOC
        box.lots = abs(position)
