"""From the lags of a run's store to the records that kernels draw them from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_S
from framework.core.instrument import Instrument
from framework.core.links import LatencyKind
from framework.state.lag import Lag, StoreLink, lag_seed
from framework.venue.store import LAG_DTYPE
from framework.venue.store_arrays import StoreArrays

_NEVER_YET: Final = -(2**63)
_MAX_SIGMAS: Final = 6.0  # one draw in a billion lies beyond


def store_arrays(
    instruments: Sequence[Instrument],
    link: StoreLink,
    seed: int,
    n_trials: int,
    *,
    watched: bool,
) -> StoreArrays:
    """Make the store of a run.

    Parameters
    ----------
    instruments
        The streams; each has a feed handler of its own, which is a client of the store.
    link
        The lags of every client.
    seed
        Of the run. Every trial draws alike, and alone as in company.
    watched
        True where what the store tells wakes a trial.
    """
    rows = [_record(link.write, seed, item.name, "write") for item in instruments]
    rows.append(_record(link.notify, seed, "strategy:quotes", "notify"))
    own = [
        _record(link.read, seed, "strategy", "read"),
        _record(link.write, seed, "orders", "write"),
        _record(link.notify, seed, "strategy:orders", "notify"),
    ]
    lags = np.array(rows + own * n_trials, LAG_DTYPE)
    return StoreArrays(
        lags, len(instruments), n_trials, kept_ns=_longest_ns(link.read), watched=watched
    )


def _record(lag: Lag, seed: int, client: str, direction: str) -> tuple[float, ...]:
    drawn = lag_seed(seed, client, direction)
    # No lag stays none, drawn or not.
    kind = LatencyKind.CONSTANT if lag.is_none else lag.model.kind
    return (lag.ns, kind, lag.model.spread, drawn, 0, _NEVER_YET)


def _longest_ns(lag: Lag) -> int:
    """How old a read may reasonably be."""
    if lag.model.kind == LatencyKind.CONSTANT:
        return lag.ns
    if lag.model.kind == LatencyKind.FROM_DATA:
        return max(lag.ns, NS_PER_S)
    return math.ceil(lag.ns * math.exp(_MAX_SIGMAS * lag.model.sigma))
