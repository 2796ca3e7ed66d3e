"""Market maker protection: how much of a book's quotes has been filled within a moving window.

We count fills when word of them reaches us. A fill at the instant ``t`` stands in every window
that ends before ``t + window``.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.risk.records import book_limits_of, limits_of, ring_of, uses_of
from framework.venue.world import W


@kernel
def forget_old(world: I64Array, k: int, b: int) -> None:
    """Take out of the ring what has left the window."""
    use = uses_of(world, k)[b]
    ring = ring_of(world, k, b)
    remembered = limits_of(world).remembered
    oldest_ns = world[W.NOW_NS] - book_limits_of(world)[b].window_ns
    while use.n_fills > 0 and ring[2 * use.head] <= oldest_ns:
        use.filled -= ring[2 * use.head + 1]
        use.head = (use.head + 1) % remembered
        use.n_fills -= 1


@kernel
def note_fill(world: I64Array, k: int, b: int, lots: int) -> bool:
    """Note a fill of a quote; true where the window now holds as many as it may."""
    cold()
    limits = book_limits_of(world)[b]
    forget_old(world, k, b)
    use = uses_of(world, k)[b]
    ring = ring_of(world, k, b)
    remembered = limits_of(world).remembered
    if use.n_fills == remembered:  # beyond every limit already: the oldest makes room
        use.filled -= ring[2 * use.head + 1]
        use.head = (use.head + 1) % remembered
        use.n_fills -= 1
    place = (use.head + use.n_fills) % remembered
    ring[2 * place] = world[W.NOW_NS]
    ring[2 * place + 1] = lots
    use.n_fills += 1
    use.filled += lots
    return use.n_fills >= limits.max_fills


@kernel
def protects(world: I64Array, k: int, b: int, lots: int) -> bool:
    """True where so many lots more may not be quoted in a book now."""
    cold()
    limits = book_limits_of(world)[b]
    use = uses_of(world, k)[b]
    forget_old(world, k, b)
    if world[W.NOW_NS] < use.paused_ns or use.n_fills >= limits.max_fills:
        return True
    return use.filled + use.quoted + lots > limits.max_lots


@kernel
def is_paused(world: I64Array, k: int, b: int) -> bool:
    """True while protection keeps quotes out of a book after too many fills."""
    return world[W.NOW_NS] < uses_of(world, k)[b].paused_ns
