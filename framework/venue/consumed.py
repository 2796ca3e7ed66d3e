"""Liquidity a trial has taken from displayed levels: it is not handed out twice.

Replayed data does not know that we traded: the level we took still shows its full size. A trial
therefore remembers what it took, and sees the level that much smaller. The memory shrinks with the
level itself (quantity that has left the data cannot be taken again) and is lost when the level
empties; only size that the data shows newly added becomes available.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.venue.records import Status
from framework.venue.resting import unwatch, watch
from framework.venue.world import W, consumed_of, trials_of

_FULL = int(Status.CONSUMED_FULL)


@kernel
def consumed_lots(world: I64Array, k: int, h: int, z: int) -> int:
    """Lots of a level that the trial has already taken."""
    cold()
    memory = consumed_of(world, k)
    for i in range(trials_of(world)[k].n_consumed):
        if memory[i].z == z and memory[i].h == h:
            return memory[i].lots
    return 0


@kernel
def consume(world: I64Array, k: int, h: int, z: int, lots: int) -> None:
    """Remember that the trial took ``lots`` from a level."""
    cold()
    memory = consumed_of(world, k)
    trial = trials_of(world)[k]
    for i in range(trial.n_consumed):
        if memory[i].z == z and memory[i].h == h:
            memory[i].lots += lots
            return
    n = trial.n_consumed
    if n == memory.size:
        world[W.STATUS] = _FULL
        return
    memory[n].h = h
    memory[n].z = z
    memory[n].lots = lots
    trial.n_consumed = n + 1
    watch(world, k, h, z)


@kernel
def limit_consumed(world: I64Array, k: int, h: int, z: int, lots: int) -> None:
    """Forget what exceeds a level's new size; ``lots`` 0 forgets the level."""
    cold()
    memory = consumed_of(world, k)
    trial = trials_of(world)[k]
    for i in range(trial.n_consumed):
        if memory[i].z == z and memory[i].h == h:
            if lots < memory[i].lots:
                memory[i].lots = lots
            if lots == 0:
                _forget(world, k, i)
            return


@kernel
def forget_half(world: I64Array, k: int, h: int) -> None:
    """Forget all of a half, when a snapshot replaces it."""
    cold()
    memory = consumed_of(world, k)
    i = trials_of(world)[k].n_consumed - 1
    while i >= 0:
        if memory[i].h == h:
            _forget(world, k, i)
        i -= 1


@kernel
def _forget(world: I64Array, k: int, i: int) -> None:
    memory = consumed_of(world, k)
    trial = trials_of(world)[k]
    h, z = memory[i].h, memory[i].z
    trial.n_consumed -= 1
    memory[i] = memory[trial.n_consumed]
    unwatch(world, k, h, z)
