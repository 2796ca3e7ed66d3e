"""What a defensive overlay spares: a strategy and its undefended twin on planted markets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from framework.signals import Signal
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

SETTINGS: Final = {
    "interval_ns": 50 * NS_PER_MS,
    "half_spread_ticks": 1.0,
    "skew_ticks": 0.5,
    "size": 5,
    "max_position": 50,
}
PLAIN: Final = MidpointQuoting(**SETTINGS)
DEFENDED: Final = DefensiveMidpoint(**SETTINGS)
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
        By seed and twin: spread captured, lost to informed flow and to adverse selection in
        tick · lots, lots filled, and profit.
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
        market = PlantedMarket(
            minutes,
            seed,
            instruments=planted_instruments(1),
            model=PlantedModel(volatility_ticks=volatility_ticks),
        )
        with tempfile.TemporaryDirectory(prefix="crossbook") as folder:
            found = PlantedRun(Path(folder), market)
            rows += found.costs({"plain": plain, "defended": defended})
        if on_market:
            on_market(seed + 1)
    markets = pl.DataFrame(rows)
    twins = ("plain", "defended")
    lost, captured = pairs(markets, twins, "lost"), pairs(markets, twins, "captured")
    share = lost.sum(0) / captured.sum(0)
    low, high = share_interval(lost, captured)
    return Defence(markets, float(share[0]), float(share[1]), low, high)


class PlantedRun:
    """A planted market of one venue, half a millisecond away, and what quoting in it costs.

    Parameters
    ----------
    folder
        Of its lake.
    market
        Not iterated over yet.
    start_ns
        When strategies wake; at the beginning where None.
    """

    def __init__(self, folder: Path, market: PlantedMarket, start_ns: int | None = None) -> None:
        write_planted_market(folder, market)
        self.seed = market.seed
        (self.stream,) = open_streams(folder, "planted")
        self.messages = Lake(folder).scan(TableName("reference", "planted_messages")).collect()
        self._streams = [_away(s) for s in open_streams(folder, "planted", start=start_ns)]
        self._mids = mids_of([self.stream])

    def costs(
        self, strategies: Mapping[str, Strategy], signals: Sequence[Signal] = ()
    ) -> Iterator[dict[str, object]]:
        """Run strategies by name in one replay; yield what each one's fills captured and cost."""
        config = BacktestConfig(compiled=True, signals=tuple(signals))
        results = run_trials(list(strategies.values()), self._streams, config)
        for name, result in zip(strategies, results, strict=True):
            cost = flow_cost(result, self.messages, self._mids)
            yield {
                "seed": self.seed,
                "twin": name,
                "captured": cost.captured,
                "lost": cost.lost,
                "adverse": cost.adverse,
                "lots": cost.lots,
                "informed_lots": cost.informed_lots,
                "net_pnl": float(result.equity["net_pnl"][-1]),
            }


def _away(stream: GoldStream) -> GoldStream:
    item = replace(stream.instrument, order_entry_ns=ONE_WAY_NS, response_ns=ONE_WAY_NS)
    return replace(stream, instrument=item)


def pairs(markets: pl.DataFrame, twins: Sequence[str], column: str) -> F64Array:
    """Return a column of two twins side by side, shape ``(n_seeds, 2)``."""
    found = [markets.filter(pl.col("twin") == twin)[column] for twin in twins]
    return np.stack([twin.to_numpy() for twin in found], axis=1)


def share_interval(cost: F64Array, captured: F64Array) -> tuple[float, float]:
    """Give the interval of 95 % of the difference of shares, markets drawn again in pairs.

    Parameters
    ----------
    cost, captured
        Of both twins, shape ``(n_seeds, 2)``; a share is the cost of all markets per captured.
    """
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(cost), (RESAMPLES, len(cost)))
    shares = cost[drawn].sum(1) / captured[drawn].sum(1)
    low, high = np.quantile(shares[:, 0] - shares[:, 1], [0.025, 0.975])
    return float(low), float(high)
