"""Where a resting order stands among the orders that the data names: no estimate.

An order joins behind everybody at its level: it keeps the stamp that the next to join there gets.
Whoever has a smaller stamp is ahead, whoever has that stamp or a larger one is behind.
"""

from __future__ import annotations

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.book.queue_l3 import (
    HANDLE_WORDS,
    clear_queue,
    follow,
    has_room,
    lots_ahead,
    next_stamp,
    stamp_behind,
)
from framework.core.events import I64Array
from framework.venue.queue import QueueModel
from framework.venue.world import W, live_of, n_live_of, orders_of, streams_of

_L3_EXACT = int(QueueModel.L3_EXACT)
_BY_QUANTITY = -1  # a snapshot is being told: until it ends, the place is the quantity ahead


@kernel
def queues_of(world: I64Array) -> I64Array:
    """Queues by order id of all books that have them."""
    return array_at(world[W.QUEUES], HANDLE_WORDS, np.int64)


@kernel
def is_exact(world: I64Array, b: int) -> bool:
    """True where a book's queues are followed by order id."""
    return streams_of(world)[b].queue_model == _L3_EXACT


@kernel
def queues_have_room(world: I64Array) -> bool:
    """True where one more event can be followed."""
    cold()
    return has_room(queues_of(world))


@kernel
def follow_queue(world: I64Array, h: int, kind: int, z: int, lots: int, order_id: int) -> int:
    """Apply an event to its queue; return the stamp of whom it was about."""
    cold()
    return follow(queues_of(world), h, kind, z, lots, order_id)


@kernel
def stand_last(world: I64Array, k: int, o: int, h: int) -> None:
    """Put a resting order behind everybody at its level."""
    cold()
    order = orders_of(world, k)[o]
    order.joined = next_stamp(queues_of(world))
    order.front = float(lots_ahead(queues_of(world), h, order.z, order.joined))


@kernel
def exact_front(world: I64Array, k: int, o: int, h: int) -> float:
    """Lots ahead of a resting order."""
    cold()
    order = orders_of(world, k)[o]
    if order.joined == _BY_QUANTITY:
        return order.front
    return float(lots_ahead(queues_of(world), h, order.z, order.joined))


@kernel
def is_behind(world: I64Array, k: int, o: int, stamp: int) -> bool:
    """True where whoever has a stamp stands behind a resting order, or nobody stands ahead."""
    order = orders_of(world, k)[o]
    if order.front <= 0.0:
        return True
    # All that is displayed stands before a hidden order, whenever it joined.
    return order.hidden == 0 and order.joined != _BY_QUANTITY and stamp >= order.joined


@kernel
def clear_places(world: I64Array, h: int, in_snapshot: bool) -> None:
    """Empty a half's queues; until the snapshot has ended our orders keep their quantity ahead."""
    cold()
    clear_queue(queues_of(world), h)
    for k in range(world[W.N_TRIALS]):
        live = live_of(world, k, h)
        for i in range(n_live_of(world, k)[h]):
            order = orders_of(world, k)[live[i]]
            if in_snapshot:
                order.joined = _BY_QUANTITY
            else:
                order.front = 0.0


@kernel
def take_places(world: I64Array, b: int) -> None:
    """Put our orders back among those of a snapshot that has ended.

    As much stands ahead as before, rounded up to whole orders, and never more than there is.
    """
    cold()
    queues = queues_of(world)
    for h in range(2 * b, 2 * b + 2):
        for k in range(world[W.N_TRIALS]):
            live = live_of(world, k, h)
            for i in range(n_live_of(world, k)[h]):
                order = orders_of(world, k)[live[i]]
                if order.joined == _BY_QUANTITY:
                    order.joined = stamp_behind(queues, h, order.z, int(order.front))
                    order.front = float(lots_ahead(queues, h, order.z, order.joined))
