"""The store of a run: who reads it, what of it they need, and the lags of its clients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from framework.core.clock import NS_PER_S
from framework.core.errors import StrategyError
from framework.core.instrument import Instrument
from framework.core.links import LatencyKind
from framework.engine.config import BacktestConfig
from framework.engine.fan import QUOTE_WAKES
from framework.state.lag import Lag, StoreLink, lag_seed
from framework.strategy.base import STORE, Strategy
from framework.strategy.store_reads import DEPTH_READS, names_read
from framework.venue.records import WakeKind
from framework.venue.store import LAG_DTYPE
from framework.venue.store_arrays import StoreArrays, StoreNeeds

_NEVER_YET: Final = -(2**63)
_MAX_SIGMAS: Final = 6.0  # one draw in a billion lies beyond
_STORE_WAKES: Final = {WakeKind.WALL: "OnWall", WakeKind.ICEBERG: "OnIceberg"}


def view_of(strategy: Strategy, config: BacktestConfig) -> str:
    """Return what a strategy reads of the market: what the run says, else what its class does."""
    return config.view or strategy.view


def make_store(
    strategies: Sequence[Strategy], instruments: Sequence[Instrument], config: BacktestConfig
) -> StoreArrays | None:
    """Make the store that strategies of one view read; None where they see the market directly.

    Raises
    ------
    StrategyError
        Where a strategy without a store waits for what only the store tells.
    """
    if view_of(strategies[0], config) != STORE:
        for strategy in strategies:
            for kind, name in _STORE_WAKES.items():
                if strategy.wake_mask() >> kind & 1:
                    raise StrategyError(
                        f"{type(strategy).__name__} asks for {name}, of which the state store "
                        "tells, but sees the market directly",
                        remedy='write view = "store" in the class, or view: store in the spec',
                    )
        return None
    mask = 0
    for strategy in strategies:
        mask |= strategy.wake_mask()
    walls = bool(mask >> WakeKind.WALL & 1)
    reads_depth = any(names_read(type(one)) & DEPTH_READS for one in strategies)
    needs = StoreNeeds(
        quotes_watched=bool(mask & QUOTE_WAKES),
        refills_watched=bool(mask >> WakeKind.ICEBERG & 1),
        depth=walls or reads_depth,
        depth_watched=walls,
        bucket_ns=config.store_bucket_ns,
        kept_ns=_longest_ns(config.store.read),
    )
    lags = _lag_records(instruments, config.store, config.seed, len(strategies))
    return StoreArrays(lags, len(instruments), len(strategies), needs)


def _lag_records(
    instruments: Sequence[Instrument], link: StoreLink, seed: int, n_trials: int
) -> np.ndarray:
    """Lay out the lags of every client; each stream's feed handler is one, and so is each trial.

    Every trial draws alike, and alone as in company.
    """
    rows = [_record(link.write, seed, item.name, "write") for item in instruments]
    rows.append(_record(link.notify, seed, "strategy:quotes", "notify"))
    rows.append(_record(link.notify, seed, "strategy:depth", "notify"))
    own = [
        _record(link.read, seed, "strategy", "read"),
        _record(link.write, seed, "orders", "write"),
        _record(link.notify, seed, "strategy:orders", "notify"),
    ]
    return np.array(rows + own * n_trials, LAG_DTYPE)


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
