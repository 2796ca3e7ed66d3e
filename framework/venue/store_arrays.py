"""The arrays behind the store that strategies read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from framework.core.events import NO_PRICE, I64Array
from framework.core.links import LatencyKind
from framework.venue.depth import LEVELS, Depth
from framework.venue.records import View
from framework.venue.store import LAG_DTYPE, STORED_DTYPE, S, TrialLag, Written
from framework.venue.told import REFILL_DTYPE
from framework.venue.world import FOREVER

FIRST_ROWS: Final = 1 << 12
"""Rows of a stream to begin with; they double where more must be kept."""
DEPTH_ROWS: Final = 1 << 12
"""Depth documents that are kept of a stream; older ones cannot be read any more."""


def empty_view(*shape: int) -> I64Array:
    """Make a view, or several, of books of which nothing is known: ``(…, rows, n_books)``."""
    view = np.zeros((*shape[:-1], len(View), shape[-1]), np.int64)
    view[..., [View.BID, View.ASK, View.TRADE_PX], :] = NO_PRICE
    view[..., View.VALID, :] = 1
    return view


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreNeeds:
    """What is needed of a store.

    Parameters
    ----------
    quotes_watched
        True where a trial is woken by changes at the top of a book.
    refills_watched
        True where a trial is woken by levels that refill.
    depth, depth_watched
        True where depth documents are read or waited for, and where a trial is woken by them.
    bucket_ns
        Span of a depth document; 0 for one after every message.
    kept_ns
        How long a row must be kept after the one that follows it was committed.
    """

    quotes_watched: bool
    refills_watched: bool
    depth: bool
    depth_watched: bool
    bucket_ns: int
    kept_ns: int


class StoreArrays:
    """Owns what `framework.venue.store` works on.

    Parameters
    ----------
    lags
        `LAG_DTYPE`, in the order that it tells.
    n_books, n_trials
        Streams, and trials that read them.
    needs
        What they need.

    Attributes
    ----------
    handle
        The store's own numbers, which kernels reach through the world.
    views
        What each trial sees, shape ``(n_trials, rows, n_books)``.
    told
        What wake-ups have told of.
    """

    def __init__(self, lags: np.ndarray, n_books: int, n_trials: int, needs: StoreNeeds) -> None:
        assert lags.dtype == LAG_DTYPE
        self.handle: I64Array = np.zeros(S.SIZE, np.int64)
        self.views = empty_view(n_trials, n_books)
        self.told = empty_view(n_books)
        self._lags = lags
        self._ring = np.zeros((n_books, FIRST_ROWS, Written.WIDTH), np.int64)
        self._streams = np.zeros(n_books, STORED_DTYPE)
        self._streams["bucket_ns"] = -1
        self._seen = np.full((n_trials, n_books), -1, np.int64)
        self._as_of = np.full((n_trials, n_books), np.iinfo(np.int64).min, np.int64)
        depth_rows = DEPTH_ROWS if needs.depth else 1
        self._depths = np.zeros((n_books, depth_rows, Depth.WIDTH), np.int64)
        self._scratch = np.zeros((2, LEVELS + 1), np.int64)
        self._refills = np.zeros(2 * n_books, REFILL_DTYPE)
        order_lags = lags[n_books + 2 :].reshape(n_trials, len(TrialLag))[:, TrialLag.ORDER_WRITE :]
        takes_time = (order_lags["ns"] > 0) | (order_lags["kind"] != LatencyKind.CONSTANT)
        self.handle[S.DIRECT_ORDERS] = not takes_time.any()
        self.handle[S.KEPT_NS] = needs.kept_ns
        self.handle[S.WATCHED] = needs.quotes_watched
        self.handle[S.REFILLS_WATCHED] = needs.refills_watched
        self.handle[S.DEPTH] = needs.depth
        self.handle[S.DEPTH_WATCHED] = needs.depth_watched
        self.handle[S.BUCKET_NS] = needs.bucket_ns
        self.handle[S.DEPTH_ROWS] = depth_rows
        self.handle[[S.NEXT_QUOTE_NS, S.NEXT_DEPTH_NS, S.NEXT_END_NS]] = FOREVER
        self._publish()

    @property
    def has_depth(self) -> bool:
        """True where depth documents are written."""
        return bool(self.handle[S.DEPTH])

    def _publish(self) -> None:
        self.handle[S.ROWS] = self._ring.shape[1]
        arrays = {
            S.RING: self._ring,
            S.STREAMS: self._streams,
            S.LAGS: self._lags,
            S.SEEN: self._seen,
            S.VIEWS: self.views,
            S.AS_OF: self._as_of,
            S.DEPTHS: self._depths,
            S.SCRATCH: self._scratch,
            S.REFILLS: self._refills,
        }
        for place, array in arrays.items():
            self.handle[place] = array.ctypes.data

    def grow(self) -> None:
        """Double the rows that are kept of each stream."""
        old = self._ring
        size = old.shape[1]
        self._ring = np.zeros((old.shape[0], 2 * size, Written.WIDTH), np.int64)
        for b, end in enumerate(self._streams["end"]):
            numbers = np.arange(max(0, end - size), end)
            self._ring[b, numbers % (2 * size)] = old[b, numbers % size]
        self._publish()
