"""What only a context that reads the state store can tell, as kernels; see `Context`."""

from __future__ import annotations

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.core.events import NO_PRICE, I64Array
from framework.venue.depth import LEVELS, Depth, bucket_before, bucket_value
from framework.venue.records import Status, View
from framework.venue.store import S, Written, known_at, place_of, ring_of, store_of, stored_of
from framework.venue.world import W

_RECORDED, _FIRST = int(Written.RECORDED_NS), int(Written.VIEW)
_BID, _ASK, _TS_EXCH = int(View.BID), int(View.ASK), int(View.TS_EXCH)
_LOTS = int(View.BID_LOTS) - _BID
_START, _BIDS = int(Depth.START_NS), int(Depth.BIDS)
_REFUSED = int(Status.REFUSED)


@kernel
def _seen(world: I64Array, book: int) -> int:
    """Number of the row that the trial which is awake sees, −1 where it sees none."""
    if world[W.STORE] == 0:
        world[W.STATUS] = _REFUSED
        return -1
    n = world[W.N_BOOKS]
    numbers = array_at(store_of(world)[S.SEEN] + 8 * n * world[W.WAKE_TRIAL], n, np.int64)
    return int(numbers[book])


@kernel
def _row_at(world: I64Array, book: int, ts_ns: int, by_valid: bool) -> int:
    """Number of the row that was seen, or was true, at an instant; −1 where none is kept."""
    cold()
    number = _seen(world, book)
    if number < 0:
        return -1
    if not by_valid:
        return min(number, known_at(world, book, ts_ns))
    ring = ring_of(world)
    oldest = max(0, stored_of(world)[book].end - store_of(world)[S.ROWS])
    while number >= oldest:
        if ring[place_of(world, book, number) + _FIRST + _TS_EXCH] <= ts_ns:
            return number
        number -= 1
    return -1


@kernel
def ctx_quote_recorded_ns(world: I64Array, book: int) -> int:
    number = _seen(world, book)
    if number < 0:
        return 0
    return int(ring_of(world)[place_of(world, book, number) + _RECORDED])


@kernel
def ctx_quote_ticks_at(
    world: I64Array, book: int, side: int, ts_ns: int, by_valid: bool = False
) -> int:
    number = _row_at(world, book, ts_ns, by_valid)
    if number < 0:
        return NO_PRICE
    at = place_of(world, book, number) + _FIRST + (_BID if side > 0 else _ASK)
    return int(ring_of(world)[at])


@kernel
def ctx_quote_lots_at(
    world: I64Array, book: int, side: int, ts_ns: int, by_valid: bool = False
) -> int:
    number = _row_at(world, book, ts_ns, by_valid)
    if number < 0:
        return 0
    at = place_of(world, book, number) + _FIRST + (_BID if side > 0 else _ASK) + _LOTS
    return int(ring_of(world)[at])


@kernel
def _bucket(world: I64Array, book: int, back: int) -> int:
    if world[W.STORE] == 0:
        world[W.STATUS] = _REFUSED
        return -1
    return bucket_before(world, book, back)


@kernel
def _bucket_level(world: I64Array, book: int, side: int, level: int, back: int, lots: bool) -> int:
    at = _bucket(world, book, back)
    if at < 0 or not 0 <= level < LEVELS:
        return 0
    half = 0 if side > 0 else 2 * LEVELS
    return bucket_value(world, at, _BIDS + half + level + (LEVELS if lots else 0))


@kernel
def ctx_bucket_ns(world: I64Array, book: int, back: int = 0) -> int:
    at = _bucket(world, book, back)
    return bucket_value(world, at, _START) if at >= 0 else 0


@kernel
def ctx_bucket_ticks(world: I64Array, book: int, side: int, level: int, back: int = 0) -> int:
    if _bucket_level(world, book, side, level, back, True) == 0:
        return NO_PRICE
    return _bucket_level(world, book, side, level, back, False)


@kernel
def ctx_bucket_lots(world: I64Array, book: int, side: int, level: int, back: int = 0) -> int:
    return _bucket_level(world, book, side, level, back, True)
