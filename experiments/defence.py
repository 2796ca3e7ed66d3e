"""What a defensive overlay spares: a strategy and its undefended twin on planted markets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_MS
from framework.core.events import F64Array
from framework.engine import BacktestConfig, run_trials
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream, open_streams
from framework.strategy import Strategy
from framework.synthetic.planted import (
    PlantedMarket,
    PlantedModel,
    planted_instruments,
    write_planted_market,
)
from research.quoting.informed import flow_cost, mids_of
from strategies.defensive import DefensiveMidpoint
from strategies.midpoint_quoting import MidpointQuoting

_SETTINGS: Final = {
    "interval_ns": 50 * NS_PER_MS,
    "half_spread_ticks": 1.0,
    "skew_ticks": 0.5,
    "size": 5,
    "max_position": 50,
}
PLAIN: Final = MidpointQuoting(**_SETTINGS)
DEFENDED: Final = DefensiveMidpoint(**_SETTINGS)
VOLATILITY_TICKS: Final = 1.5
"""Two and a half times the planted market's own: informed traders find more left behind."""
ONE_WAY_NS: Final = NS_PER_MS // 2
RESAMPLES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Defence:
    """How the twins fared.

    Attributes
    ----------
    markets
        By seed and twin: spread captured and lost to informed flow in tick · lots, lots filled, and
        profit.
    plain, defended
        Loss to informed flow per unit of spread captured, over all markets.
    low, high
        Interval of 95 % of the difference ``plain - defended``, markets resampled in pairs.
    """

    markets: pl.DataFrame
    plain: float
    defended: float
    low: float
    high: float


def compare_twins(
    seeds: int,
    minutes: float,
    *,
    volatility_ticks: float = VOLATILITY_TICKS,
    plain: Strategy = PLAIN,
    defended: Strategy = DEFENDED,
    on_market: Callable[[int], None] | None = None,
) -> Defence:
    """Run both twins on planted markets of one venue, half a millisecond away.

    Parameters
    ----------
    seeds, minutes
        Markets, from seed 0 on, and the span of each.
    volatility_ticks
        Of the efficient price over a second, at its median.
    on_market
        Called with the number of markets done.
    """
    rows: list[dict[str, object]] = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory(prefix="crossbook") as folder:
            rows += _one_market(Path(folder), seed, minutes, volatility_ticks, (plain, defended))
        if on_market:
            on_market(seed + 1)
    markets = pl.DataFrame(rows)
    lost, captured = _pairs(markets, "lost"), _pairs(markets, "captured")
    share = lost.sum(0) / captured.sum(0)
    low, high = _interval(lost, captured)
    return Defence(markets, float(share[0]), float(share[1]), low, high)


def _one_market(
    folder: Path, seed: int, minutes: float, volatility_ticks: float, twins: Sequence[Strategy]
) -> Iterator[dict[str, object]]:
    market = PlantedMarket(
        minutes,
        seed,
        instruments=planted_instruments(1),
        model=PlantedModel(volatility_ticks=volatility_ticks),
    )
    write_planted_market(folder, market)
    messages = Lake(folder).scan(TableName("reference", "planted_messages")).collect()
    streams = [_away(stream) for stream in open_streams(folder, "planted")]
    mids = mids_of(streams)
    results = run_trials(twins, streams, BacktestConfig(compiled=True))
    for twin, result in zip(("plain", "defended"), results, strict=True):
        cost = flow_cost(result, messages, mids)
        yield {
            "seed": seed,
            "twin": twin,
            "captured": cost.captured,
            "lost": cost.lost,
            "lots": cost.lots,
            "informed_lots": cost.informed_lots,
            "net_pnl": float(result.equity["net_pnl"][-1]),
        }


def _away(stream: GoldStream) -> GoldStream:
    item = replace(stream.instrument, order_entry_ns=ONE_WAY_NS, response_ns=ONE_WAY_NS)
    return replace(stream, instrument=item)


def _pairs(markets: pl.DataFrame, column: str) -> F64Array:
    """Column of both twins, plain first, shape ``(n_seeds, 2)``."""
    twins = [markets.filter(pl.col("twin") == twin)[column] for twin in ("plain", "defended")]
    return np.stack([twin.to_numpy() for twin in twins], axis=1)


def _interval(lost: F64Array, captured: F64Array) -> tuple[float, float]:
    """Percentile interval of the difference of shares, markets drawn again with replacement."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(lost), (RESAMPLES, len(lost)))
    shares = lost[drawn].sum(1) / captured[drawn].sum(1)
    low, high = np.quantile(shares[:, 0] - shares[:, 1], [0.025, 0.975])
    return float(low), float(high)
