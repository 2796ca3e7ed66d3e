"""The book as it stands at an instant, and what it costs to go through it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from framework.book.ladder import Ladders, best_price, level_lots, next_level
from framework.book.window import books_of
from framework.core.events import NO_PRICE, I64Array
from framework.core.instrument import Instrument
from framework.lake.rebuild import rebuild
from framework.replay.stream import GoldStream

MAX_LEVELS: Final = 10_000
_BATCH_ROWS: Final = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class BookNow:
    """One book at one instant.

    Parameters
    ----------
    instrument
        What ticks and lots are.
    ts_ns
        Exchange time of the last event that made it.
    bids, asks
        ``(px_ticks, qty_lots)`` of every level, best first.
    is_valid
        False between a gap and the next snapshot.
    """

    instrument: Instrument
    ts_ns: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    is_valid: bool

    @property
    def mid_hticks(self) -> int | None:
        """The mid in half ticks; None where a side is empty."""
        if not (self.bids and self.asks):
            return None
        return self.bids[0][0] + self.asks[0][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What taking a quantity at once costs.

    Parameters
    ----------
    taken_lots
        As much of it as is displayed.
    levels
        Price levels gone through, the last perhaps in part.
    average_ticks, worst_ticks
        Average and last price; None where nothing is displayed.
    cost_bps
        Average price against the mid; None without a mid.
    """

    taken_lots: int
    levels: int
    average_ticks: float | None
    worst_ticks: int | None
    cost_bps: float | None


def book_now(stream: GoldStream, at_ns: int | None = None) -> BookNow:
    """Build a stored stream's book as it stood at an instant; at the end of the data where None."""
    last_ns = max(stream.files()["last_ns"].to_pylist())
    until_ns = last_ns if at_ns is None else min(at_ns, last_ns)
    cut = replace(stream, start_ns=until_ns, end_ns=until_ns + 1)
    ladders, seen_ns = Ladders(1), until_ns
    for batch in cut.batches(_BATCH_ROWS):
        frame = pl.DataFrame(pl.from_arrow(batch))
        if frame.height:
            rebuild(frame, ladders)
            seen_ns = int(frame["ts_exch_ns"][-1])
    return BookNow(
        instrument=stream.instrument,
        ts_ns=seen_ns,
        bids=_levels(ladders.handle, 1),
        asks=_levels(ladders.handle, -1),
        is_valid=bool(books_of(ladders.handle)["valid"][0]),
    )


def sweep(book: BookNow, side: int, lots: int) -> Sweep:
    """Go through the book level by level for a quantity.

    Parameters
    ----------
    side
        +1 to buy, from the asks up; −1 to sell, from the bids down.

    Examples
    --------
    >>> from framework.synthetic import demo_instruments
    >>> book = BookNow(instrument=demo_instruments()[0], ts_ns=0, is_valid=True,
    ...                bids=((9_999, 5),), asks=((10_001, 20), (10_004, 40)))
    >>> found = sweep(book, 1, 30)
    >>> found.levels, found.average_ticks, round(found.cost_bps, 9)
    (2, 10002.0, 2.0)
    """
    left, paid, gone, worst = lots, 0, 0, None
    for px_ticks, qty_lots in book.asks if side > 0 else book.bids:
        if left <= 0:
            break
        taken = min(left, qty_lots)
        paid += taken * px_ticks
        left -= taken
        gone += 1
        worst = px_ticks
    taken_lots = lots - left
    average = paid / taken_lots if taken_lots else None
    mid = book.mid_hticks
    cost = None
    if average is not None and mid:
        cost = side * (2 * average - mid) / mid * 10_000
    return Sweep(
        taken_lots=taken_lots,
        levels=gone,
        average_ticks=average,
        worst_ticks=worst,
        cost_bps=cost,
    )


def _levels(ladders: I64Array, side: int) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    best = best_price(ladders, 0, side)
    if best == NO_PRICE:
        return ()
    half, z = int(side < 0), side * best
    while z != NO_PRICE and len(found) < MAX_LEVELS:
        found.append((int(side * z), int(level_lots(ladders, half, z))))
        z = next_level(ladders, half, z)
    return tuple(found)
