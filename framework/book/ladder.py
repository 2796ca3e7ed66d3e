"""Price ladders: the displayed quantity of every level, with the best price at hand.

A book is two *halves*, bids at row ``2 * book`` and asks at ``2 * book + 1``. A half keys its
levels by the signed price ``z = side * px_ticks``, so that on either side a better price is a
larger ``z`` and one path serves both; bids and asks cross exactly when ``z_bid + z_ask >= 0``.

Levels near the touch stand in a window, an array indexed by ``z - base`` under a two-stage bitmap
that finds the best and the next level without scanning. Levels below the window (worse prices)
wait in a sorted list. No level ever stands above the window: a better price moves it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from framework._jit import kernel, leading_zeros
from framework.core.events import NO_PRICE, EventFlag, EventKind, I64Array

WINDOW: Final = 1 << 14
"""Levels in a half's window. 16,384 ticks are 163 USD of BTC at a tick of 0.01 on either side."""
_WORDS: Final = WINDOW >> 6
_SUMMARIES: Final = _WORDS >> 6
_HEADROOM: Final = WINDOW >> 2  # ticks left above the best after a move

HALF_DTYPE: Final = np.dtype(
    [("base", np.int64), ("best", np.int64), ("in_window", np.int64), ("n_far", np.int64)]
)
"""State of a half: ``best`` is the highest ``z`` with quantity, `NO_PRICE` where there is none."""

BOOK_DTYPE: Final = np.dtype(
    [("valid", np.int64), ("halted", np.int64), ("gaps", np.int64)]
)
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


class Ladders(NamedTuple):
    """All books' halves as flat arrays; half ``h`` owns row ``h`` of each."""

    half: np.ndarray
    """`HALF_DTYPE`, shape ``(2 * n_books,)``."""
    book: np.ndarray
    """`BOOK_DTYPE`, shape ``(n_books,)``."""
    qty_lots: I64Array
    """Window quantities, shape ``(2 * n_books, WINDOW)``."""
    word: np.ndarray
    """Occupied levels, 64 a word, uint64 of shape ``(2 * n_books, WINDOW / 64)``."""
    summary: np.ndarray
    """Occupied words, uint64 of shape ``(2 * n_books, WINDOW / 4096)``."""
    far_z: I64Array
    """Signed prices below the window, ascending, shape ``(2 * n_books, far_levels)``."""
    far_lots: I64Array
    """Their quantities."""


def new_ladders(n_books: int, *, far_levels: int = 4096) -> Ladders:
    """Make empty books.

    Parameters
    ----------
    n_books
        Number of books.
    far_levels
        Room for levels outside the window; see `grow_far`.
    """
    halves = 2 * n_books
    half = np.zeros(halves, HALF_DTYPE)
    half["best"] = NO_PRICE
    book = np.zeros(n_books, BOOK_DTYPE)
    book["valid"] = 1
    return Ladders(
        half=half,
        book=book,
        qty_lots=np.zeros((halves, WINDOW), np.int64),
        word=np.zeros((halves, _WORDS), np.uint64),
        summary=np.zeros((halves, _SUMMARIES), np.uint64),
        far_z=np.zeros((halves, far_levels), np.int64),
        far_lots=np.zeros((halves, far_levels), np.int64),
    )


def grow_far(ladders: Ladders) -> Ladders:
    """Double the room for far levels, keeping everything else."""
    return ladders._replace(
        far_z=np.concatenate([ladders.far_z, np.zeros_like(ladders.far_z)], axis=1),
        far_lots=np.concatenate([ladders.far_lots, np.zeros_like(ladders.far_lots)], axis=1),
    )


@kernel
def _occupy(ladders, h, i):
    w = i >> 6
    ladders.word[h, w] |= np.uint64(1) << np.uint64(i & 63)
    ladders.summary[h, w >> 6] |= np.uint64(1) << np.uint64(w & 63)


@kernel
def _vacate(ladders, h, i):
    w = i >> 6
    left = ladders.word[h, w] & ~(np.uint64(1) << np.uint64(i & 63))
    ladders.word[h, w] = left
    if left == np.uint64(0):
        ladders.summary[h, w >> 6] &= ~(np.uint64(1) << np.uint64(w & 63))


@kernel
def _highest_in_window(ladders, h, below):
    """Index of the highest occupied level under index ``below``, -1 where there is none."""
    if below <= 0:
        return -1
    i = below - 1
    w = i >> 6
    found = ladders.word[h, w] & (~np.uint64(0) >> np.uint64(63 - (i & 63)))
    if found != np.uint64(0):
        return (w << 6) + 63 - leading_zeros(found)
    s = w >> 6
    over = ladders.summary[h, s]
    over &= (np.uint64(1) << np.uint64(w & 63)) - np.uint64(1)
    while over == np.uint64(0):
        s -= 1
        if s < 0:
            return -1
        over = ladders.summary[h, s]
    w = (s << 6) + 63 - leading_zeros(over)
    return (w << 6) + 63 - leading_zeros(ladders.word[h, w])


@kernel
def _rebase(ladders, h, base):
    """Put the window at another base; what falls out goes far, what is far comes in."""
    half = ladders.half[h]
    shift = base - half.base
    qty = ladders.qty_lots[h]
    if shift > 0 and half.n_far + half.in_window > ladders.far_z.shape[1]:
        return FAR_FULL
    ladders.word[h, :] = np.uint64(0)
    ladders.summary[h, :] = np.uint64(0)
    # Towards the side the levels come from, so that no level is overwritten before it has moved.
    step = 1 if shift > 0 else -1
    i = 0 if shift > 0 else WINDOW - 1
    for _ in range(WINDOW):
        lots = qty[i]
        if lots:
            qty[i] = 0
            to = i - shift
            if to < 0:
                ladders.far_z[h, half.n_far] = half.base + i
                ladders.far_lots[h, half.n_far] = lots
                half.n_far += 1
                half.in_window -= 1
            else:
                qty[to] = lots
                _occupy(ladders, h, to)
        i += step
    half.base = base
    while half.n_far and ladders.far_z[h, half.n_far - 1] >= base:
        half.n_far -= 1
        to = ladders.far_z[h, half.n_far] - base
        qty[to] = ladders.far_lots[h, half.n_far]
        _occupy(ladders, h, to)
        half.in_window += 1
    return OK


@kernel
def _set_far(ladders, h, z, lots):
    half = ladders.half[h]
    far_z = ladders.far_z[h]
    far_lots = ladders.far_lots[h]
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
def set_level(ladders, h, z, lots):
    """Show ``lots`` at signed price ``z``; return what stood there, -1 where far levels are full.

    Where -1 is returned nothing has changed: grow the far lists and apply the event again.
    """
    half = ladders.half[h]
    if half.best == NO_PRICE:
        if lots == 0:
            return 0
        half.base = z - (WINDOW - _HEADROOM)
    i = z - half.base
    if i < 0:
        return _set_far(ladders, h, z, lots)
    if i >= WINDOW:
        if lots == 0:
            return 0
        if _rebase(ladders, h, z - (WINDOW - _HEADROOM)) != OK:
            return -1
        i = z - half.base
    old = ladders.qty_lots[h, i]
    ladders.qty_lots[h, i] = lots
    if lots:
        if old == 0:
            _occupy(ladders, h, i)
            half.in_window += 1
            if z > half.best:
                half.best = z
    elif old:
        _vacate(ladders, h, i)
        half.in_window -= 1
        if z == half.best:
            _drop_best(ladders, h, i)
    return old


@kernel
def _drop_best(ladders, h, i):
    """Find the best again after the level at index ``i``, the best so far, has gone."""
    half = ladders.half[h]
    top = _highest_in_window(ladders, h, i)
    if half.n_far and top < _HEADROOM:
        # The touch has drifted to the window's end: bring the far levels back in. The room they
        # leave is at least what the move needs, so it cannot fail.
        best = half.base + top if top >= 0 else ladders.far_z[h, half.n_far - 1]
        _rebase(ladders, h, best - (WINDOW - _HEADROOM))
        half.best = best
    else:
        half.best = half.base + top if top >= 0 else NO_PRICE


@kernel
def clear_half(ladders, h):
    """Remove every level of a half."""
    half = ladders.half[h]
    i = _highest_in_window(ladders, h, WINDOW)
    while i >= 0:
        ladders.qty_lots[h, i] = 0
        i = _highest_in_window(ladders, h, i)
    ladders.word[h, :] = np.uint64(0)
    ladders.summary[h, :] = np.uint64(0)
    half.best = NO_PRICE
    half.in_window = 0
    half.n_far = 0


@kernel
def level_lots(ladders, h, z):
    """Quantity displayed at signed price ``z``."""
    half = ladders.half[h]
    if half.best == NO_PRICE or z > half.best:
        return 0
    i = z - half.base
    if i >= 0:
        return ladders.qty_lots[h, i]
    n = half.n_far
    k = np.searchsorted(ladders.far_z[h, :n], z)
    if k < n and ladders.far_z[h, k] == z:
        return ladders.far_lots[h, k]
    return 0


@kernel
def next_level(ladders, h, z):
    """Signed price of the best level strictly worse than ``z``, `NO_PRICE` where there is none."""
    half = ladders.half[h]
    if half.best == NO_PRICE:
        return NO_PRICE
    if z > half.best:
        return half.best
    i = _highest_in_window(ladders, h, z - half.base)
    if i >= 0:
        return half.base + i
    k = np.searchsorted(ladders.far_z[h, : half.n_far], z) - 1
    return ladders.far_z[h, k] if k >= 0 else NO_PRICE


@kernel
def best_price(ladders, b, side):
    """Best price of a side in ticks, `NO_PRICE` where it is empty."""
    z = ladders.half[2 * b + (side < 0)].best
    return z if z == NO_PRICE else side * z


@kernel
def best_lots(ladders, b, side):
    """Quantity displayed at a side's best price, 0 where it is empty."""
    h = 2 * b + (side < 0)
    z = ladders.half[h].best
    return 0 if z == NO_PRICE else ladders.qty_lots[h, z - ladders.half[h].base]


@kernel
def mark_validity(ladders, b, kind, flags):
    """Keep a book's validity and trading state up to date with one event."""
    book = ladders.book[b]
    if kind == _GAP:
        book.valid = 0
        book.gaps += 1
    elif flags & _SNAPSHOT:
        book.valid = 1 if flags & _LAST else 0


@kernel
def apply(ladders, b, kind, side, px_ticks, lots, flags):
    """Apply one event to a book; return the level's quantity before it, -1 where far is full."""
    h = 2 * b + (side < 0)
    z = side * px_ticks
    old = 0
    if kind == _DEPTH:
        old = set_level(ladders, h, z, lots)
    elif kind == _BEST:
        if ladders.half[h].best != z or lots == 0:
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
        ladders.book[b].halted = 1 - lots
    if kind == _GAP or flags & _SNAPSHOT:
        mark_validity(ladders, b, kind, flags)
    return old
