"""Other futures: the same market up to what was known at one wake-up, another one after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl

from framework.core.events import EventKind
from framework.core.links import LatencyKind
from framework.replay.stream import GoldStream
from framework.venue.world import FOREVER

_MORE_LOTS: Final = 7
_EVERY_BOOK: Final = 1 << 30


class Future(StrEnum):
    """What becomes of the events that were not known yet."""

    REMOVED = "removed"
    """They are gone, but for the last of each stream, which keeps the clock going."""
    MIRRORED = "mirrored"
    """Prices move the other way, bids are asks, quantities are larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A wake-up, and what was known in it.

    Parameters
    ----------
    wake
        Number of the wake-up.
    now_ns
        Its instant; `FOREVER` alters nothing.
    book
        Events that reach us at this very instant were known up to this book: at one instant the
        market reaches us book after book. None where all of them were, as at a timer.
    """

    wake: int
    now_ns: int
    book: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How a stream's events become known.

    Parameters
    ----------
    book
        Number of the stream.
    feed_ns
        Added to the recorded received time.
    response_ns
        Least time after which an answer from the venue may tell of an event there.
    """

    book: int
    feed_ns: int
    response_ns: int


def clock_of(stream: GoldStream, book: int) -> Clock:
    """Return a stream's clock; a drawn response may come at once."""
    item = stream.instrument
    constant = item.response_model.kind == LatencyKind.CONSTANT
    return Clock(book=book, feed_ns=stream.feed_ns, response_ns=item.response_ns if constant else 0)


def altered(
    rows: pl.DataFrame, cut: Cut, future: Future, clocks: Mapping[tuple[str, str], Clock]
) -> pl.DataFrame:
    """Give a gold table another future.

    An event is unknown where it has not reached us and no answer can have told of it: where
    received time is later than the wake-up (at its very instant: in a later book), and exchange
    time plus the response's latency is later, too. Such events are part of the other future even
    where they have happened by then; those that name orders are removed, so that queues stay sound.

    Parameters
    ----------
    rows
        Gold rows, sorted by time within each stream.
    cut
        What was known.
    future
        What becomes of the rest.
    clocks
        By venue and symbol; a stream that is not replayed is cut by its received time.
    """
    parts = [
        _stream(
            own,
            cut,
            future,
            clocks.get(
                (str(venue), str(symbol)), Clock(book=_EVERY_BOOK, feed_ns=0, response_ns=0)
            ),
        )
        for (venue, symbol), own in rows.group_by(["venue", "symbol"], maintain_order=True)
    ]
    return pl.concat(parts)


def _stream(rows: pl.DataFrame, cut: Cut, future: Future, clock: Clock) -> pl.DataFrame:
    received = pl.col("ts_recv_ns") + clock.feed_ns
    if cut.now_ns == FOREVER:
        return rows
    late = received > cut.now_ns
    if cut.book is not None and clock.book > cut.book:
        late = received >= cut.now_ns
    unknown = late & (pl.col("ts_exch_ns") + clock.response_ns > cut.now_ns)
    to_come = pl.col("ts_exch_ns") > cut.now_ns
    is_last = pl.int_range(pl.len()) == pl.len() - 1
    if future is Future.REMOVED:
        return _mirrored(rows.filter(~unknown | (is_last & to_come)), unknown, cut)
    names_orders = (pl.col("kind") >= int(EventKind.ORDER_ADD)) & (
        pl.col("kind") <= int(EventKind.ORDER_EXECUTE)
    )
    return _mirrored(rows.filter(~unknown | to_come | ~names_orders), unknown, cut)


def _mirrored(rows: pl.DataFrame, unknown: pl.Expr, cut: Cut) -> pl.DataFrame:
    priced = rows.filter(~unknown & (pl.col("px_ticks") > 0))
    around = int(priced["px_ticks"][-1]) if priced.height else 0
    px, lots = pl.col("px_ticks"), pl.col("qty_lots")
    return rows.with_columns(
        pl.when(unknown & (px > 0))
        .then((2 * around - px).clip(lower_bound=1))
        .otherwise(px)
        .alias("px_ticks"),
        pl.when(unknown).then(-pl.col("side")).otherwise(pl.col("side")).alias("side"),
        pl.when(unknown & (lots > 0)).then(lots + _MORE_LOTS).otherwise(lots).alias("qty_lots"),
    )
