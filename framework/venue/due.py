"""Whose turn it is: when each trial next has something to do, and the earliest of all.

The earliest instant and the trial to begin with are kept at hand. Trials do not touch each other,
so which of those due at one instant goes first cannot be seen in a result; going round saves
looking through all of them after every step.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.core.events import I64Array
from framework.venue.world import FOREVER, W


class Due(IntEnum):
    """What may be due, one line of the world's ``due`` each."""

    REQUEST = 0
    RESPONSE = 1
    TIMER = 2
    RISK = 3


_NEXT, _TURN = int(W.NEXT_REQUEST_NS), int(W.TURN_REQUEST)


@kernel
def due_of(world: I64Array, line: int) -> I64Array:
    """When each trial next has something of a kind to do, `FOREVER` where it has not."""
    n = world[W.N_TRIALS]
    return array_at(world[W.DUE] + 8 * n * line, n, np.int64)


@kernel
def set_due(world: I64Array, line: int, k: int, ts_ns: int) -> None:
    """Note when a trial next has something to do."""
    due = due_of(world, line)
    before = due[k]
    due[k] = ts_ns
    if ts_ns <= world[_NEXT + line]:
        world[_NEXT + line] = ts_ns
    elif before == world[_NEXT + line]:
        _find_next(world, line, k)


@kernel
def _find_next(world: I64Array, line: int, k: int) -> None:
    """Find the earliest instant again after trial ``k``, which was due then, has moved on."""
    cold()
    due = due_of(world, line)
    now_ns = world[_NEXT + line]
    for later in range(k + 1, due.size):
        if due[later] == now_ns:
            world[_TURN + line] = later
            return
    earliest_ns = FOREVER
    for other in range(due.size):
        earliest_ns = min(earliest_ns, due[other])
    world[_NEXT + line] = earliest_ns
    world[_TURN + line] = 0


@kernel
def whose_turn(world: I64Array, line: int) -> int:
    """A trial that has something to do at the earliest instant."""
    due = due_of(world, line)
    now_ns = world[_NEXT + line]
    k = world[_TURN + line]
    while due[k] != now_ns:
        k = k + 1 if k + 1 < due.size else 0
    world[_TURN + line] = k
    return k
