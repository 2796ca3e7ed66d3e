"""Against reality's sign: whoever is filled passively and late is filled when the market turns.

A simulator whose passive fills gain after the fact hands out fills that no venue would give.

References
----------
Albers, J. et al. (2025), "The market maker's dilemma: navigating the fill probability vs. post-fill
returns trade-off", arXiv:2502.18625.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from framework.catalog import load_catalog
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.engine import BacktestConfig, run_backtest
from framework.lake.formats.binance import BinanceFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake
from framework.replay import GoldStream, open_streams
from framework.strategy import Strategy
from research.tca import analyse, from_journal, gold_market
from strategies.midpoint_quoting import MidpointQuoting

pytestmark = [pytest.mark.captures, pytest.mark.slow]
CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"
ONE_WAY_NS = 10 * NS_PER_MS

# The usual spread is one tick, so half a tick from the mid joins the best bid and ask.
JOIN_THE_BEST = MidpointQuoting(half_spread_ticks=0.5, skew_ticks=0.0, size=1, max_position=100_000)


@pytest.fixture(scope="module")
def streams(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    folder = tmp_path_factory.mktemp("lake")
    source = captures / "binance" / "usdm"
    report = ingest(Lake(folder), "binance_usdm", BinanceFormat(), [source], load_catalog(CATALOG))
    assert not report.failures
    return [
        replace(
            stream,
            instrument=replace(
                stream.instrument, order_entry_ns=ONE_WAY_NS, response_ns=ONE_WAY_NS
            ),
        )
        for stream in open_streams(folder, "binance_usdm")
    ]


def _markouts(strategy: Strategy, streams: list[GoldStream], queue: str) -> pl.Series:
    """Markouts of all passive fills after a second, in basis points."""
    result = run_backtest(strategy, streams, BacktestConfig(queue_model=queue))
    trading = from_journal(
        result.journal,
        result.instruments,
        journal_hash=result.journal_hash,
        strategy=result.strategy,
    )
    market = gold_market(streams, result.instruments)
    fills = analyse(trading, market, horizons_ns={"1s": NS_PER_S}).fills
    return fills.filter(pl.col("liquidity") == "maker")["markout_1s_bps"].drop_nulls()


@pytest.mark.parametrize("queue", ["risk_averse", "power"])
def test_passive_fills_lose_after_a_second(streams: list[GoldStream], queue: str) -> None:
    found = _markouts(JOIN_THE_BEST, streams, queue)
    mean, error = float(found.mean()), float(found.std()) / math.sqrt(found.len())
    print(f"{queue}: {found.len()} fills, markout {mean:.3f} ± {error:.3f} bp after 1 s")
    assert found.len() >= 100
    assert mean < 0.0
    assert mean + 3 * error < 0.0  # not by chance
