"""Indices into a strategy's memory, checked: outside of it lies somebody else's."""

from __future__ import annotations

from framework._jit import kernel
from framework.core.events import I64Array
from framework.venue.records import Status
from framework.venue.world import W

_REFUSED = int(Status.REFUSED)


@kernel
def memory_place(world: I64Array, index: int, n: int) -> int:
    """Return where an index points among `n`, as Python counts; refuse one that points outside."""
    place = index + n if index < 0 else index
    if not 0 <= place < n:
        world[W.STATUS] = _REFUSED
        return 0
    return place
