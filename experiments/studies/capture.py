"""Run a spec of an arbitrage strategy and hold what it took against what could be taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from experiments.run import backtest_config
from experiments.sources import open_signals, open_sources, with_assumptions
from experiments.spec import Spec
from experiments.spec.load import Plan
from framework.catalog import Catalog
from framework.core.errors import SpecError
from framework.engine import Result, run_backtest
from framework.lake.store import Lake
from framework.replay import GoldStream
from framework.strategy import Strategy
from framework.strategy.base import fresh_copy
from research.crossed import (
    attempts,
    capture,
    episodes,
    observed_crosses,
    planted_crosses,
    stream_quotes,
)
from research.crossed.episodes import Clock

_FEED_SHARE: Final = 0.99
"""Of the messages' feed latencies, how many are taken for usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One run against one market.

    Parameters
    ----------
    market
        The planted market's name, or what the crosses were observed on.
    result
        The run.
    crosses
        `research.crossed.capture.CAPTURE_SCHEMA`.
    attempts
        `research.crossed.attempts.ATTEMPT_SCHEMA`.
    reach_ns
        How long a cross had to last to be within reach.
    """

    market: str
    result: Result
    crosses: pl.DataFrame
    attempts: pl.DataFrame
    reach_ns: int


def run_capture(plan: Plan, lake: Lake, catalog: Catalog, *, markets: int = 1) -> list[Captured]:
    """Run a plan's first run, on further seeds of its planted market where wanted.

    Of a planted market the truth is known; elsewhere what could be observed as it happened stands
    for it. A cross is within reach where it outlives the feed, the strategy's ``min_age_ns`` and
    order entry, and its net edge is above ``min_edge_bps`` times ``alpha``.

    Raises
    ------
    SpecError
        Where several markets are wanted and the spec plants none, or more than one.
    """
    run = plan.runs[0]
    if markets > 1 and len(run.spec.planted) != 1:
        raise SpecError(
            f"{markets} markets need a spec that plants exactly one, "
            f"it plants {len(run.spec.planted)}",
            remedy="describe it under planted, or leave --markets out",
        )
    specs = [_reseeded(run.spec, number) if number else run.spec for number in range(markets)]
    return [_captured(spec, run.strategy, lake, catalog) for spec in specs]


def _reseeded(spec: Spec, number: int) -> Spec:
    """Let a spec read another seed of its planted market, as a dataset of its own."""
    ((name, market),) = spec.planted.items()
    other = f"{name}_{market.seed + number}"
    data = tuple(
        replace(entry, table=other + entry.table.removeprefix(name))
        if entry.table.removesuffix("_depth").removesuffix("_quotes") == name
        else entry
        for entry in spec.data
    )
    seed = market.seed + number
    return replace(spec, data=data, planted={other: replace(market, seed=seed)})


def _captured(spec: Spec, strategy: Strategy, lake: Lake, catalog: Catalog) -> Captured:
    streams = with_assumptions(open_sources(spec, lake, catalog), spec)
    instruments = [stream.instrument for stream in streams]
    quotes = stream_quotes(streams)
    if len(spec.planted) == 1:
        market = next(iter(spec.planted))
        crosses = planted_crosses(lake, market, instruments)
    else:
        market = " + ".join(sorted({stream.table for stream in streams}))
        crosses = observed_crosses(episodes(quotes, clock=Clock.RECEIVED), instruments)
    strategy = fresh_copy(strategy)
    result = run_backtest(
        strategy, streams, backtest_config(spec, open_signals(spec, lake, catalog))
    )
    reach_ns = _reach_ns(strategy, streams, quotes, is_known=not spec.planted)
    tried = attempts(result)
    found = capture(
        crosses, tried, reach_ns=reach_ns, min_edge_bps=_number(strategy, "min_edge_bps", "alpha")
    )
    return Captured(market=market, result=result, crosses=found, attempts=tried, reach_ns=reach_ns)


def _reach_ns(
    strategy: Strategy, streams: Sequence[GoldStream], quotes: pl.DataFrame, *, is_known: bool
) -> int:
    """What passes from a cross until an order can be there; no feed where it counts from known."""
    entry_ns = max(stream.instrument.order_entry_ns for stream in streams)
    feed_ns = 0
    if not is_known:
        delays = (quotes["ts_recv_ns"] - quotes["ts_exch_ns"]).to_numpy()
        feed_ns = int(np.quantile(delays, _FEED_SHARE)) + max(s.feed_ns for s in streams)
    return entry_ns + feed_ns + int(_number(strategy, "min_age_ns"))


def _number(strategy: Strategy, *names: str) -> float:
    """Multiply a strategy's parameters, 0 where it has the first one not."""
    values = strategy.parameters()
    if names[0] not in values:
        return 0.0
    return float(np.prod([float(values.get(name, 1.0)) for name in names]))
