"""Slots of orders: where a new one is kept, and the id it gets by that."""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.venue.records import LocalState
from framework.venue.world import W, open_of, orders_of, trials_of

_FREE, _PENDING = int(LocalState.FREE), int(LocalState.PENDING)


@kernel
def claim(world: I64Array, k: int, book: int, side: int, px_ticks: int, lots: int) -> int:
    """Give a new order a slot and note what its owner may ask of it; its id, -1 without a slot.

    The slot's last order has left its marks: what can be asked of this one is set at once.
    """
    cold()
    slots = world[W.SLOTS]
    trial = trials_of(world)[k]
    orders = orders_of(world, k)
    order_id = trial.next_id
    tried = 0
    while tried < slots:
        slot = orders[order_id & (slots - 1)]
        if slot.local_state == _FREE and slot.in_flight == 0:
            break
        order_id += 1
        tried += 1
    if tried == slots:
        return -1
    trial.next_id = order_id + 1
    order = orders[order_id & (slots - 1)]
    order.id = order_id
    order.book = book
    order.side = side
    order.local_state = _PENDING
    order.local_z = side * px_ticks
    order.local_leaves = lots
    order.cancel_sent = 0
    open_of(world, k)[trial.n_open] = order_id
    trial.n_open += 1
    return order_id
