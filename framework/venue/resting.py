"""A trial's live orders at a venue in price-time priority, and who cares about which price."""

from __future__ import annotations

import numpy as np

from framework._jit import cold, kernel
from framework.core.events import NO_PRICE, I64Array
from framework.core.orders import OrderType
from framework.venue.place import is_exact, stand_last
from framework.venue.world import (
    INTEREST,
    W,
    consumed_of,
    interests_of,
    live_of,
    n_live_of,
    orders_of,
    own_best_of,
    own_top_of,
    trials_of,
    watchers_of,
)

_MIDPOINT = int(OrderType.MIDPOINT)


@kernel
def rest(world: I64Array, k: int, o: int, h: int) -> None:
    """Add an order to a half's live orders, behind all that are as good.

    At one price an order that is displayed stands before those that are hidden.
    """
    cold()
    orders = orders_of(world, k)
    live = live_of(world, k, h)
    counts = n_live_of(world, k)
    z, hidden = orders[o].z, orders[o].hidden
    n = counts[h]
    i = n
    while i > 0:
        before = orders[live[i - 1]]
        if before.z > z or (before.z == z and before.hidden <= hidden):
            break
        live[i] = live[i - 1]
        i -= 1
    live[i] = o
    if i > 0 and orders[live[i - 1]].z == z:
        # A level that has gone from view shows nothing ahead, but our earlier order is.
        orders[o].front = max(orders[o].front, orders[live[i - 1]].front)
    for j in range(i + 1, n + 1):
        behind = orders[live[j]]
        if behind.z != z:
            break
        behind.front = max(behind.front, orders[o].front)  # hidden, so it waits for us as well
    counts[h] = n + 1
    world[W.N_PEGS] += orders[o].order_type == _MIDPOINT
    _set_own_best(world, k, h, orders[live[0]].z)
    if is_exact(world, h >> 1):
        stand_last(world, k, o, h)
    watch(world, k, h, z)


@kernel
def unrest(world: I64Array, k: int, o: int, h: int) -> None:
    """Take an order out of a half's live orders."""
    cold()
    orders = orders_of(world, k)
    live = live_of(world, k, h)
    counts = n_live_of(world, k)
    n = counts[h]
    i = 0
    while live[i] != o:
        i += 1
    for j in range(i, n - 1):
        live[j] = live[j + 1]
    counts[h] = n - 1
    world[W.N_PEGS] -= orders[o].order_type == _MIDPOINT
    _set_own_best(world, k, h, orders[live[0]].z if n > 1 else NO_PRICE)
    unwatch(world, k, h, orders[o].z)


@kernel
def _set_own_best(world: I64Array, k: int, h: int, z: int) -> None:
    best, top = own_best_of(world, h), own_top_of(world)
    before = best[k]
    best[k] = z
    if z >= top[h]:
        top[h] = z
    elif before == top[h]:
        highest = NO_PRICE
        for other in range(best.size):
            highest = max(highest, best[other])
        top[h] = highest


@kernel
def watch(world: I64Array, k: int, h: int, z: int) -> None:
    """Count one more reason for a trial to look at events of a price."""
    interests_of(world, h)[z & (INTEREST - 1)] += 1
    watchers_of(world, h, z)[k >> 6] |= np.uint64(1) << np.uint64(k & 63)


@kernel
def unwatch(world: I64Array, k: int, h: int, z: int) -> None:
    """Count one reason fewer; the order or memory that was the reason is gone already."""
    interests_of(world, h)[z & (INTEREST - 1)] -= 1
    live = live_of(world, k, h)
    for i in range(n_live_of(world, k)[h]):
        if (orders_of(world, k)[live[i]].z ^ z) & (INTEREST - 1) == 0:
            return
    memory = consumed_of(world, k)
    for i in range(trials_of(world)[k].n_consumed):
        if memory[i].h == h and (memory[i].z ^ z) & (INTEREST - 1) == 0:
            return
    watchers_of(world, h, z)[k >> 6] &= ~(np.uint64(1) << np.uint64(k & 63))


@kernel
def watched(world: I64Array, h: int, z: int) -> bool:
    """False where no trial can care about a price (true may be a neighbour in its bucket)."""
    return interests_of(world, h)[z & (INTEREST - 1)] != 0


@kernel
def any_own_at_or_above(world: I64Array, h: int, z: int) -> bool:
    """True where some trial has a live order at signed price ``z`` or better."""
    return own_top_of(world)[h] >= z
