"""Price ladders: the displayed quantity of every level, with the best price at hand.

A book is two *halves*, bids at row ``2 * book`` and asks at ``2 * book + 1``. A half keys its
levels by the signed price ``z = side * px_ticks``, so that on either side a better price is a
larger ``z`` and one path serves both; bids and asks cross exactly when ``z_bid + z_ask >= 0``.

Levels near the touch stand in a window, an array indexed by ``z - base`` under a two-stage bitmap
that finds the best and the next level without scanning. Levels below the window (worse prices)
wait in a sorted list. No level ever stands above the window: a better price moves it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from framework._jit import cold, hot, kernel
from framework.book.window import (
    BOOK_DTYPE,
    HALF_DTYPE,
    SUMMARIES,
    WINDOW,
    WORDS,
    books_of,
    far_prices,
    far_quantities,
    halves_of,
    highest_in_window,
    occupy,
    summaries_of,
    vacate,
    window_of,
    windows_of,
    words_of,
)
from framework.core.events import NO_PRICE, EventFlag, EventKind, I64Array, Records

_HEADROOM: Final = WINDOW >> 2  # ticks left above the best after a move

OK: Final = 0
FAR_FULL: Final = 1

_DEPTH = int(EventKind.DEPTH)
_CLEAR = int(EventKind.CLEAR)
_BEST = int(EventKind.BEST)
_GAP = int(EventKind.GAP)
_ADD = int(EventKind.ORDER_ADD)
_EXECUTE = int(EventKind.ORDER_EXECUTE)
_STATUS = int(EventKind.STATUS)
_SNAPSHOT = int(EventFlag.SNAPSHOT)
_LAST = int(EventFlag.LAST)


class Ladders:
    """All books' halves, in arrays that kernels reach through one array of addresses.

    An array argument is seven words on every call between kernels; passing all of these made
    calls cost more than the work, so kernels take `handle` alone.

    Parameters
    ----------
    n_books
        Number of books.
    far_levels
        Room for levels outside a window; `grow_far` doubles it.
    """

    def __init__(self, n_books: int, *, far_levels: int = 4096) -> None:
        halves = 2 * n_books
        self.half = np.zeros(halves, HALF_DTYPE)
        self.half["best"] = NO_PRICE
        self.book = np.zeros(n_books, BOOK_DTYPE)
        self.book["valid"] = 1
        self._qty_lots = np.zeros(halves * WINDOW, np.int64)
        self._word = np.zeros(halves * WORDS, np.uint64)
        self._summary = np.zeros(halves * SUMMARIES, np.uint64)
        self._far_z = np.zeros((halves, far_levels), np.int64)
        self._far_lots = np.zeros((halves, far_levels), np.int64)
        self.handle: I64Array = np.zeros(9, np.int64)
        self._publish()

    def grow_far(self) -> None:
        """Double the room for far levels, keeping everything else."""
        self._far_z = np.concatenate([self._far_z, np.zeros_like(self._far_z)], axis=1)
        self._far_lots = np.concatenate([self._far_lots, np.zeros_like(self._far_lots)], axis=1)
        self._publish()

    def copy_from(self, other: Ladders) -> None:
        """Become equal to other ladders of the same books and the same room."""
        self.book[...] = other.book
        _copy_halves(self.handle, other.handle)

    def _arrays(self) -> list[np.ndarray]:
        near = [self.half, self.book, self._qty_lots, self._word, self._summary]
        return [*near, self._far_z, self._far_lots]

    def _publish(self) -> None:
        self.handle[:7] = [array.ctypes.data for array in self._arrays()]
        self.handle[7] = self.half.size
        self.handle[8] = self._far_z.shape[1]


@kernel
def _rebase(ladders: I64Array, h: int, base: int) -> int:
    """Put the window at another base; what falls out goes far, what is far comes in."""
    cold()
    half = halves_of(ladders)[h]
    shift = base - half.base
    qty = window_of(ladders, h)
    far_z = far_prices(ladders, h)
    far_lots = far_quantities(ladders, h)
    if shift > 0 and half.n_far + half.in_window > far_z.size:
        return FAR_FULL
    words_of(ladders, h)[:] = np.uint64(0)
    summaries_of(ladders, h)[:] = np.uint64(0)
    # Towards the side the levels come from, so that no level is overwritten before it has moved.
    step = 1 if shift > 0 else -1
    i = 0 if shift > 0 else WINDOW - 1
    for _ in range(WINDOW):
        lots = qty[i]
        if lots:
            qty[i] = 0
            to = i - shift
            if to < 0:
                far_z[half.n_far] = half.base + i
                far_lots[half.n_far] = lots
                half.n_far += 1
                half.in_window -= 1
            else:
                qty[to] = lots
                occupy(ladders, h, to)
        i += step
    half.base = base
    while half.n_far and far_z[half.n_far - 1] >= base:
        half.n_far -= 1
        to = far_z[half.n_far] - base
        qty[to] = far_lots[half.n_far]
        occupy(ladders, h, to)
        half.in_window += 1
    return OK


@kernel
def _set_far(ladders: I64Array, h: int, z: int, lots: int) -> int:
    cold()
    half = halves_of(ladders)[h]
    far_z = far_prices(ladders, h)
    far_lots = far_quantities(ladders, h)
    n = half.n_far
    k = np.searchsorted(far_z[:n], z)
    if k < n and far_z[k] == z:
        old = far_lots[k]
        if lots:
            far_lots[k] = lots
        else:
            for i in range(k, n - 1):
                far_z[i] = far_z[i + 1]
                far_lots[i] = far_lots[i + 1]
            half.n_far = n - 1
        return old
    if lots == 0:
        return 0
    if n == far_z.size:
        return -1
    for i in range(n, k, -1):
        far_z[i] = far_z[i - 1]
        far_lots[i] = far_lots[i - 1]
    far_z[k] = z
    far_lots[k] = lots
    half.n_far = n + 1
    return 0


@kernel
def _set_elsewhere(ladders: I64Array, h: int, z: int, lots: int) -> int:
    """`set_level` where the half is empty or the level lies outside the window."""
    cold()
    half = halves_of(ladders)[h]
    if half.best == NO_PRICE:
        if lots == 0:
            return 0
        half.base = z - (WINDOW - _HEADROOM)
    elif z < half.base:
        return _set_far(ladders, h, z, lots)
    else:
        if lots == 0:
            return 0
        if _rebase(ladders, h, z - (WINDOW - _HEADROOM)) != OK:
            return -1
    window_of(ladders, h)[z - half.base] = lots
    occupy(ladders, h, z - half.base)
    half.in_window += 1
    half.best = z
    return 0


@kernel
def change_level(
    ladders: I64Array, halves: Records, windows: I64Array, h: int, z: int, lots: int
) -> int:
    """`set_level` for a loop that has `halves_of` and `windows_of` at hand."""
    hot()
    half = halves[h]
    best = half.best
    i = z - half.base
    if best == NO_PRICE or i < 0 or i >= WINDOW:
        return _set_elsewhere(ladders, h, z, lots)
    old = windows[h * WINDOW + i]
    windows[h * WINDOW + i] = lots
    if lots:
        if old == 0:
            occupy(ladders, h, i)
            half.in_window += 1
            if z > best:
                half.best = z
    elif old:
        vacate(ladders, h, i)
        half.in_window -= 1
        if z == best:
            _drop_best(ladders, h, i)
    return old


@kernel
def set_level(ladders: I64Array, h: int, z: int, lots: int) -> int:
    """Show ``lots`` at signed price ``z``; return what stood there, -1 where far levels are full.

    Where -1 is returned nothing has changed: grow the far lists and apply the event again.
    """
    cold()
    return change_level(ladders, halves_of(ladders), windows_of(ladders), h, z, lots)


@kernel
def _drop_best(ladders: I64Array, h: int, i: int) -> None:
    """Find the best again after the level at index ``i``, the best so far, has gone."""
    cold()
    half = halves_of(ladders)[h]
    top = highest_in_window(ladders, h, i)
    if half.n_far and top < _HEADROOM:
        # The touch has drifted to the window's end: bring the far levels back in. The room they
        # leave is at least what the move needs, so it cannot fail.
        best = half.base + top if top >= 0 else far_prices(ladders, h)[half.n_far - 1]
        _rebase(ladders, h, best - (WINDOW - _HEADROOM))
        half.best = best
    else:
        half.best = half.base + top if top >= 0 else NO_PRICE


@kernel
def clear_half(ladders: I64Array, h: int) -> None:
    """Remove every level of a half."""
    cold()
    half = halves_of(ladders)[h]
    i = highest_in_window(ladders, h, WINDOW)
    while i >= 0:
        window_of(ladders, h)[i] = 0
        i = highest_in_window(ladders, h, i)
    words_of(ladders, h)[:] = np.uint64(0)
    summaries_of(ladders, h)[:] = np.uint64(0)
    half.best = NO_PRICE
    half.in_window = 0
    half.n_far = 0


@kernel
def _copy_halves(ladders: I64Array, others: I64Array) -> None:
    """Make every half equal to another one, at a cost that goes by the levels there are."""
    for h in range(ladders[7]):
        clear_half(ladders, h)
        mine, theirs = halves_of(ladders)[h], halves_of(others)[h]
        window, other = window_of(ladders, h), window_of(others, h)
        i = highest_in_window(others, h, WINDOW)
        while i >= 0:
            window[i] = other[i]
            i = highest_in_window(others, h, i)
        words_of(ladders, h)[:] = words_of(others, h)
        summaries_of(ladders, h)[:] = summaries_of(others, h)
        for k in range(theirs.n_far):
            far_prices(ladders, h)[k] = far_prices(others, h)[k]
            far_quantities(ladders, h)[k] = far_quantities(others, h)[k]
        mine.base = theirs.base
        mine.best = theirs.best
        mine.in_window = theirs.in_window
        mine.n_far = theirs.n_far


@kernel
def level_lots(ladders: I64Array, h: int, z: int) -> int:
    """Quantity displayed at signed price ``z``."""
    half = halves_of(ladders)[h]
    if half.best == NO_PRICE or z > half.best:
        return 0
    i = z - half.base
    if i >= 0:
        return window_of(ladders, h)[i]
    n = half.n_far
    far_z = far_prices(ladders, h)[:n]
    k = np.searchsorted(far_z, z)
    if k < n and far_z[k] == z:
        return far_quantities(ladders, h)[k]
    return 0


@kernel
def next_level(ladders: I64Array, h: int, z: int) -> int:
    """Signed price of the best level strictly worse than ``z``, `NO_PRICE` where there is none."""
    half = halves_of(ladders)[h]
    if half.best == NO_PRICE:
        return NO_PRICE
    if z > half.best:
        return half.best
    i = highest_in_window(ladders, h, z - half.base)
    if i >= 0:
        return half.base + i
    far_z = far_prices(ladders, h)[: half.n_far]
    k = np.searchsorted(far_z, z) - 1
    return far_z[k] if k >= 0 else NO_PRICE


@kernel
def best_price(ladders: I64Array, b: int, side: int) -> int:
    """Best price of a side in ticks, `NO_PRICE` where it is empty."""
    z = halves_of(ladders)[2 * b + (side < 0)].best
    return z if z == NO_PRICE else side * z


@kernel
def best_lots(ladders: I64Array, b: int, side: int) -> int:
    """Quantity displayed at a side's best price, 0 where it is empty."""
    h = 2 * b + (side < 0)
    half = halves_of(ladders)[h]
    return 0 if half.best == NO_PRICE else window_of(ladders, h)[half.best - half.base]


@kernel
def mark_validity(ladders: I64Array, b: int, kind: int, flags: int) -> None:
    """Keep a book's validity and trading state up to date with one event."""
    book = books_of(ladders)[b]
    if kind == _GAP:
        book.valid = 0
        book.gaps += 1
    elif flags & _SNAPSHOT and flags & _LAST:
        book.valid = 1


@kernel
def apply(
    ladders: I64Array, b: int, kind: int, side: int, px_ticks: int, lots: int, flags: int
) -> int:
    """Apply one event to a book; return the level's quantity before it, -1 where far is full."""
    h = 2 * b + (side < 0)
    z = side * px_ticks
    old = 0
    if kind == _DEPTH:
        old = set_level(ladders, h, z, lots)
    elif kind == _BEST:
        if halves_of(ladders)[h].best != z or lots == 0:
            clear_half(ladders, h)
        if lots:
            old = set_level(ladders, h, z, lots)
    elif kind == _CLEAR:
        if side >= 0:
            clear_half(ladders, 2 * b)
        if side <= 0:
            clear_half(ladders, 2 * b + 1)
    elif _ADD <= kind <= _EXECUTE:
        old = level_lots(ladders, h, z)
        now = old + lots if kind == _ADD else max(0, old - lots)
        if set_level(ladders, h, z, now) < 0:
            return -1
    elif kind == _STATUS:
        books_of(ladders)[b].halted = 1 - lots
    if kind == _GAP or flags & _SNAPSHOT:
        mark_validity(ladders, b, kind, flags)
    return old
