"""The arrays behind the store that strategies read."""

from __future__ import annotations

from typing import Final

import numpy as np

from framework.core.events import NO_PRICE, I64Array
from framework.venue.records import View
from framework.venue.store import LAG_DTYPE, STORED_DTYPE, S, Written

FIRST_ROWS: Final = 1 << 12
"""Rows of a stream to begin with; they double where more must be kept."""


def empty_view(*shape: int) -> I64Array:
    """Make a view, or several, of books of which nothing is known: ``(…, rows, n_books)``."""
    view = np.zeros((*shape[:-1], len(View), shape[-1]), np.int64)
    view[..., [View.BID, View.ASK, View.TRADE_PX], :] = NO_PRICE
    view[..., View.VALID, :] = 1
    return view


class StoreArrays:
    """Owns what `framework.venue.store` works on.

    Parameters
    ----------
    lags
        `LAG_DTYPE`, in the order that it tells.
    n_books, n_trials
        Streams, and trials that read them.
    kept_ns
        How long a row must be kept after the one that follows it was committed.
    watched
        True where what the store tells wakes a trial.
    rows
        Rows of a stream to begin with, a power of two.

    Attributes
    ----------
    handle
        The store's own numbers, which kernels reach through the world.
    views
        What each trial sees, shape ``(n_trials, rows, n_books)``.
    told
        What wake-ups have told of.
    """

    def __init__(
        self,
        lags: np.ndarray,
        n_books: int,
        n_trials: int,
        *,
        kept_ns: int,
        watched: bool,
        rows: int = FIRST_ROWS,
    ) -> None:
        assert lags.dtype == LAG_DTYPE
        self.handle: I64Array = np.zeros(S.SIZE, np.int64)
        self.views = empty_view(n_trials, n_books)
        self.told = empty_view(n_books)
        self._lags = lags
        self._ring = np.zeros((n_books, rows, Written.WIDTH), np.int64)
        self._streams = np.zeros(n_books, STORED_DTYPE)
        self._seen = np.full((n_trials, n_books), -1, np.int64)
        own = lags[n_books + 1 :]
        per_trial = own.reshape(n_trials, -1)[:, 1:] if n_trials else own
        takes_time = (per_trial["ns"] > 0) | (per_trial["kind"] != 0)
        self.handle[S.DIRECT_ORDERS] = not takes_time.any()
        self.handle[S.KEPT_NS] = kept_ns
        self.handle[S.WATCHED] = watched
        self._publish()

    def _publish(self) -> None:
        self.handle[S.ROWS] = self._ring.shape[1]
        arrays = {
            S.RING: self._ring,
            S.STREAMS: self._streams,
            S.LAGS: self._lags,
            S.SEEN: self._seen,
            S.VIEWS: self.views,
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
