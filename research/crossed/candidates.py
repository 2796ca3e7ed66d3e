"""Which streams cross at all: found for all of them in one pass, before any two are compared.

Of n streams n · (n − 1) pairs could cross and few do. An instant can only be crossed where the
highest bid of all is above the lowest ask of all, so pairs are compared at such instants only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from framework.core.events import F64Array, I64Array

_BLOCK: Final = 1 << 17
"""Instants looked at at once; bounds memory, not the result."""


class Quotes(NamedTuple):
    """One stream, one entry per instant, shape (n,); NaN where a side has no quote."""

    name: str
    ts_ns: I64Array
    bid: F64Array
    bid_quantity: F64Array
    ask: F64Array
    ask_quantity: F64Array


def crossing_pairs(streams: Sequence[Quotes]) -> list[tuple[int, int]]:
    """List the pairs of streams, by their places, of which one ever bids more than the other asks.

    Parameters
    ----------
    streams
        Streams of one asset, in one unit of price.

    Returns
    -------
    list of (int, int)
        The lower place first, in ascending order.
    """
    filled = [stream for stream in streams if stream.ts_ns.size]
    if len(filled) < 2:
        return []
    ts_ns = np.unique(np.concatenate([stream.ts_ns for stream in filled]))
    found: set[tuple[int, int]] = set()
    for start in range(0, ts_ns.size, _BLOCK):
        found |= _pairs_within(streams, ts_ns[start : start + _BLOCK])
    return sorted(found)


def _pairs_within(streams: Sequence[Quotes], ts_ns: I64Array) -> set[tuple[int, int]]:
    bids = np.full((len(streams), ts_ns.size), -np.inf)
    asks = np.full((len(streams), ts_ns.size), np.inf)
    for place, stream in enumerate(streams):
        at = _standing(stream.ts_ns, ts_ns)
        known = at >= 0
        bids[place, known] = np.nan_to_num(stream.bid[at[known]], nan=-np.inf)
        asks[place, known] = np.nan_to_num(stream.ask[at[known]], nan=np.inf)
    crossed = bids.max(axis=0) > asks.min(axis=0)
    bids, asks = bids[:, crossed], asks[:, crossed]
    found = set()
    for sell in range(len(streams)):
        buys = np.flatnonzero((bids[sell] > asks).any(axis=1))
        found |= {(min(sell, int(buy)), max(sell, int(buy))) for buy in buys if buy != sell}
    return found


def _standing(own_ns: I64Array, ts_ns: I64Array) -> I64Array:
    """Return the place of the stream's quote that stands at each instant; −1 before the first."""
    at = np.zeros(ts_ns.size, np.int64)
    first, stop = np.searchsorted(own_ns, (ts_ns[0], ts_ns[-1] + 1))
    at[0] = first
    inside = np.searchsorted(ts_ns, own_ns[first:stop])
    at[inside] = np.arange(first, stop) + 1
    return np.maximum.accumulate(at) - 1
