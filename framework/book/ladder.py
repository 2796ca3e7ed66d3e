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

from framework._jit import array_at, cold, hot, kernel, leading_zeros
from framework.core.events import NO_PRICE, EventFlag, EventKind, I64Array, Records, Words

WINDOW: Final = 1 << 14
"""Levels in a half's window. 16,384 ticks are 163 USD of BTC at a tick of 0.01 on either side."""
_WORDS: Final = WINDOW >> 6
_SUMMARIES: Final = _WORDS >> 6
_HEADROOM: Final = WINDOW >> 2  # ticks left above the best after a move

HALF_DTYPE: Final = np.dtype(
    [("base", np.int64), ("best", np.int64), ("in_window", np.int64), ("n_far", np.int64)]
)
"""State of a half: ``best`` is the highest ``z`` with quantity, `NO_PRICE` where there is none."""

BOOK_DTYPE: Final = np.dtype([("valid", np.int64), ("halted", np.int64), ("gaps", np.int64)])
"""State of a book: not ``valid`` from a gap until the next snapshot has ended."""

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
        self._word = np.zeros(halves * _WORDS, np.uint64)
        self._summary = np.zeros(halves * _SUMMARIES, np.uint64)
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
def halves_of(ladders: I64Array) -> Records:
    """Records of `HALF_DTYPE`, one a half."""
    return array_at(ladders[0], ladders[7], HALF_DTYPE)


@kernel
def books_of(ladders: I64Array) -> Records:
    """Records of `BOOK_DTYPE`, one a book."""
    return array_at(ladders[1], ladders[7] >> 1, BOOK_DTYPE)


@kernel
def _window(ladders: I64Array, h: int) -> I64Array:
    return array_at(ladders[2] + 8 * h * WINDOW, WINDOW, np.int64)


@kernel
def windows_of(ladders: I64Array) -> I64Array:
    """Every half's window, one after the other."""
    return array_at(ladders[2], ladders[7] * WINDOW, np.int64)


@kernel
def _words(ladders: I64Array, h: int) -> Words:
    return array_at(ladders[3] + 8 * h * _WORDS, _WORDS, np.uint64)


@kernel
def _summaries(ladders: I64Array, h: int) -> Words:
    return array_at(ladders[4] + 8 * h * _SUMMARIES, _SUMMARIES, np.uint64)


@kernel
def _far_prices(ladders: I64Array, h: int) -> I64Array:
    return array_at(ladders[5] + 8 * h * ladders[8], ladders[8], np.int64)


@kernel
def _far_quantities(ladders: I64Array, h: int) -> I64Array:
    return array_at(ladders[6] + 8 * h * ladders[8], ladders[8], np.int64)


@kernel
def _occupy(ladders: I64Array, h: int, i: int) -> None:
    w = i >> 6
    _words(ladders, h)[w] |= np.uint64(1) << np.uint64(i & 63)
    _summaries(ladders, h)[w >> 6] |= np.uint64(1) << np.uint64(w & 63)


@kernel
def _vacate(ladders: I64Array, h: int, i: int) -> None:
    w = i >> 6
    words = _words(ladders, h)
    left = words[w] & ~(np.uint64(1) << np.uint64(i & 63))
    words[w] = left
    if left == np.uint64(0):
        _summaries(ladders, h)[w >> 6] &= ~(np.uint64(1) << np.uint64(w & 63))


@kernel
def _highest_in_window(ladders: I64Array, h: int, below: int) -> int:
    """Index of the highest occupied level under index ``below``, -1 where there is none."""
    if below <= 0:
        return -1
    i = below - 1
    w = i >> 6
    words = _words(ladders, h)
    found = words[w] & (~np.uint64(0) >> np.uint64(63 - (i & 63)))
    if found != np.uint64(0):
        return (w << 6) + 63 - leading_zeros(found)
    s = w >> 6
    summaries = _summaries(ladders, h)
    over = summaries[s]
    over &= (np.uint64(1) << np.uint64(w & 63)) - np.uint64(1)
    while over == np.uint64(0):
        s -= 1
        if s < 0:
            return -1
        over = summaries[s]
    w = (s << 6) + 63 - leading_zeros(over)
    return (w << 6) + 63 - leading_zeros(words[w])


@kernel
def _rebase(ladders: I64Array, h: int, base: int) -> int:
    """Put the window at another base; what falls out goes far, what is far comes in."""
    cold()
    half = halves_of(ladders)[h]
    shift = base - half.base
    qty = _window(ladders, h)
    far_z = _far_prices(ladders, h)
    far_lots = _far_quantities(ladders, h)
    if shift > 0 and half.n_far + half.in_window > far_z.size:
        return FAR_FULL
    _words(ladders, h)[:] = np.uint64(0)
    _summaries(ladders, h)[:] = np.uint64(0)
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
                _occupy(ladders, h, to)
        i += step
    half.base = base
    while half.n_far and far_z[half.n_far - 1] >= base:
        half.n_far -= 1
        to = far_z[half.n_far] - base
        qty[to] = far_lots[half.n_far]
        _occupy(ladders, h, to)
        half.in_window += 1
    return OK


@kernel
def _set_far(ladders: I64Array, h: int, z: int, lots: int) -> int:
    cold()
    half = halves_of(ladders)[h]
    far_z = _far_prices(ladders, h)
    far_lots = _far_quantities(ladders, h)
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
    _window(ladders, h)[z - half.base] = lots
    _occupy(ladders, h, z - half.base)
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
            _occupy(ladders, h, i)
            half.in_window += 1
            if z > best:
                half.best = z
    elif old:
        _vacate(ladders, h, i)
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
    top = _highest_in_window(ladders, h, i)
    if half.n_far and top < _HEADROOM:
        # The touch has drifted to the window's end: bring the far levels back in. The room they
        # leave is at least what the move needs, so it cannot fail.
        best = half.base + top if top >= 0 else _far_prices(ladders, h)[half.n_far - 1]
        _rebase(ladders, h, best - (WINDOW - _HEADROOM))
        half.best = best
    else:
        half.best = half.base + top if top >= 0 else NO_PRICE


@kernel
def clear_half(ladders: I64Array, h: int) -> None:
    """Remove every level of a half."""
    cold()
    half = halves_of(ladders)[h]
    i = _highest_in_window(ladders, h, WINDOW)
    while i >= 0:
        _window(ladders, h)[i] = 0
        i = _highest_in_window(ladders, h, i)
    _words(ladders, h)[:] = np.uint64(0)
    _summaries(ladders, h)[:] = np.uint64(0)
    half.best = NO_PRICE
    half.in_window = 0
    half.n_far = 0


@kernel
def _copy_halves(ladders: I64Array, others: I64Array) -> None:
    """Make every half equal to another one, at a cost that goes by the levels there are."""
    for h in range(ladders[7]):
        clear_half(ladders, h)
        mine, theirs = halves_of(ladders)[h], halves_of(others)[h]
        window, other = _window(ladders, h), _window(others, h)
        i = _highest_in_window(others, h, WINDOW)
        while i >= 0:
            window[i] = other[i]
            i = _highest_in_window(others, h, i)
        _words(ladders, h)[:] = _words(others, h)
        _summaries(ladders, h)[:] = _summaries(others, h)
        for k in range(theirs.n_far):
            _far_prices(ladders, h)[k] = _far_prices(others, h)[k]
            _far_quantities(ladders, h)[k] = _far_quantities(others, h)[k]
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
        return _window(ladders, h)[i]
    n = half.n_far
    far_z = _far_prices(ladders, h)[:n]
    k = np.searchsorted(far_z, z)
    if k < n and far_z[k] == z:
        return _far_quantities(ladders, h)[k]
    return 0


@kernel
def next_level(ladders: I64Array, h: int, z: int) -> int:
    """Signed price of the best level strictly worse than ``z``, `NO_PRICE` where there is none."""
    half = halves_of(ladders)[h]
    if half.best == NO_PRICE:
        return NO_PRICE
    if z > half.best:
        return half.best
    i = _highest_in_window(ladders, h, z - half.base)
    if i >= 0:
        return half.base + i
    far_z = _far_prices(ladders, h)[: half.n_far]
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
    return 0 if half.best == NO_PRICE else _window(ladders, h)[half.best - half.base]


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
