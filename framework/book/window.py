"""Memory of a price ladder's halves: windows under their bitmaps, and lists of far levels.

Kernels reach all of it through one array of addresses, the `handle` of `Ladders`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from framework._jit import array_at, kernel, leading_zeros
from framework.core.events import I64Array, Records, Words

WINDOW: Final = 1 << 14
"""Levels in a half's window. 16,384 ticks are 163 USD of BTC at a tick of 0.01 on either side."""
WORDS: Final = WINDOW >> 6
SUMMARIES: Final = WORDS >> 6

HALF_DTYPE: Final = np.dtype(
    [("base", np.int64), ("best", np.int64), ("in_window", np.int64), ("n_far", np.int64)]
)
"""State of a half: ``best`` is the highest ``z`` with quantity, `NO_PRICE` where there is none."""

BOOK_DTYPE: Final = np.dtype([("valid", np.int64), ("halted", np.int64), ("gaps", np.int64)])
"""State of a book: not ``valid`` from a gap until the next snapshot has ended."""


@kernel
def halves_of(ladders: I64Array) -> Records:
    """Records of `HALF_DTYPE`, one a half."""
    return array_at(ladders[0], ladders[7], HALF_DTYPE)


@kernel
def books_of(ladders: I64Array) -> Records:
    """Records of `BOOK_DTYPE`, one a book."""
    return array_at(ladders[1], ladders[7] >> 1, BOOK_DTYPE)


@kernel
def window_of(ladders: I64Array, h: int) -> I64Array:
    """Quantities of a half's window, by index."""
    return array_at(ladders[2] + 8 * h * WINDOW, WINDOW, np.int64)


@kernel
def windows_of(ladders: I64Array) -> I64Array:
    """Every half's window, one after the other."""
    return array_at(ladders[2], ladders[7] * WINDOW, np.int64)


@kernel
def words_of(ladders: I64Array, h: int) -> Words:
    """Bits of a window's levels, 64 a word."""
    return array_at(ladders[3] + 8 * h * WORDS, WORDS, np.uint64)


@kernel
def summaries_of(ladders: I64Array, h: int) -> Words:
    """Bits of a half's words that are not zero."""
    return array_at(ladders[4] + 8 * h * SUMMARIES, SUMMARIES, np.uint64)


@kernel
def far_prices(ladders: I64Array, h: int) -> I64Array:
    """Signed prices of a half's far levels, ascending."""
    return array_at(ladders[5] + 8 * h * ladders[8], ladders[8], np.int64)


@kernel
def far_quantities(ladders: I64Array, h: int) -> I64Array:
    """Quantities of a half's far levels."""
    return array_at(ladders[6] + 8 * h * ladders[8], ladders[8], np.int64)


@kernel
def occupy(ladders: I64Array, h: int, i: int) -> None:
    """Mark a level of the window as taken."""
    w = i >> 6
    words_of(ladders, h)[w] |= np.uint64(1) << np.uint64(i & 63)
    summaries_of(ladders, h)[w >> 6] |= np.uint64(1) << np.uint64(w & 63)


@kernel
def vacate(ladders: I64Array, h: int, i: int) -> None:
    """Mark a level of the window as empty."""
    w = i >> 6
    words = words_of(ladders, h)
    left = words[w] & ~(np.uint64(1) << np.uint64(i & 63))
    words[w] = left
    if left == np.uint64(0):
        summaries_of(ladders, h)[w >> 6] &= ~(np.uint64(1) << np.uint64(w & 63))


@kernel
def highest_in_window(ladders: I64Array, h: int, below: int) -> int:
    """Index of the highest occupied level under index ``below``, -1 where there is none."""
    if below <= 0:
        return -1
    i = below - 1
    w = i >> 6
    words = words_of(ladders, h)
    found = words[w] & (~np.uint64(0) >> np.uint64(63 - (i & 63)))
    if found != np.uint64(0):
        return (w << 6) + 63 - leading_zeros(found)
    s = w >> 6
    summaries = summaries_of(ladders, h)
    over = summaries[s]
    over &= (np.uint64(1) << np.uint64(w & 63)) - np.uint64(1)
    while over == np.uint64(0):
        s -= 1
        if s < 0:
            return -1
        over = summaries[s]
    w = (s << 6) + 63 - leading_zeros(over)
    return (w << 6) + 63 - leading_zeros(words[w])
