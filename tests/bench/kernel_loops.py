"""Loops that call one kernel once an event, so that its cost can be told from Python's."""

from __future__ import annotations

from framework._jit import kernel
from framework.book.ladder import apply, best_lots, best_price, next_level
from framework.core.events import F64Array, I8Array, I32Array, I64Array
from framework.venue.fees import fee_micro, notional
from framework.venue.latency import drawn_ns
from framework.venue.queue import front_after_depth


@kernel
def change_books(
    ladders: I64Array,
    book: I32Array,
    kind: I8Array,
    side: I8Array,
    px_ticks: I64Array,
    lots: I64Array,
    flags: I8Array,
) -> int:
    """Apply every event to its book."""
    total = 0
    for i in range(book.size):
        total += apply(
            ladders, int(book[i]), int(kind[i]), int(side[i]), px_ticks[i], lots[i], int(flags[i])
        )
    return total


@kernel
def look_at_best(ladders: I64Array, times: int) -> int:
    """Read the best price and quantity of both sides of a book."""
    total = 0
    for i in range(times):
        b = i & 1
        total += best_price(ladders, b, 1) + best_lots(ladders, b, 1)
        total += best_price(ladders, b, -1) + best_lots(ladders, b, -1)
    return total


@kernel
def walk_levels(ladders: I64Array, times: int, levels: int) -> int:
    """Step from the best bid down, level by level."""
    total = 0
    for i in range(times):
        b = i & 1
        z = best_price(ladders, b, 1)
        for _ in range(levels - 1):
            z = next_level(ladders, 2 * b, z)
        total += z
    return total


@kernel
def move_queue(model: int, power: float, front: F64Array, before: I64Array, now: I64Array) -> float:
    """Update the estimate of what is ahead after a change of the level."""
    total = 0.0
    for i in range(front.size):
        total += front_after_depth(model, power, 1.0, front[i], 0.0, before[i], now[i])
    return total


@kernel
def charge(px_ticks: I64Array, lots: I64Array) -> int:
    """Work out the fee of a fill."""
    total = 0
    for i in range(px_ticks.size):
        total += fee_micro(notional(0, px_ticks[i], lots[i]), 50_000)
    return total


@kernel
def draw_latencies(times: int) -> int:
    """Draw a log-normal latency."""
    total = 0
    for i in range(times):
        total += drawn_ns(500_000, 0.4, 7, i)
    return total
