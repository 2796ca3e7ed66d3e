"""The best levels of a book as arrays, best first."""

from __future__ import annotations

from framework._jit import kernel
from framework.book.ladder import best_price, level_lots, next_level
from framework.core.events import NO_PRICE, I64Array


@kernel
def read_levels(
    ladders: I64Array, b: int, side: int, px_ticks: I64Array, qty_lots: I64Array
) -> int:
    """Write a side's best levels into arrays as long as wanted; return how many there are."""
    px_ticks[:] = 0
    qty_lots[:] = 0
    best = best_price(ladders, b, side)
    if best == NO_PRICE:
        return 0
    h = 2 * b + (1 if side < 0 else 0)
    z = side * best
    n = 0
    while n < px_ticks.size and z != NO_PRICE:
        px_ticks[n] = side * z
        qty_lots[n] = level_lots(ladders, h, z)
        n += 1
        z = next_level(ladders, h, z)
    return n
