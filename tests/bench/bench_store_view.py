"""Measure the store view against the direct view: the same strategies, rows per second."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from framework.core.clock import NS_PER_MS
from framework.engine import BacktestConfig, run_backtest
from framework.replay import hold_market
from framework.state import Lag, StoreLink
from framework.strategy import Strategy
from tests.bench.ours import config
from tests.bench.strategies import QuoteBothSides, TakeCrosses
from tests.bench.stream import Stream

_ROWS: Final = 1_000_000
_ROUNDS: Final = 7
_LAG = StoreLink(write=Lag(ns=5 * NS_PER_MS), notify=Lag(ns=NS_PER_MS), read=Lag(ns=NS_PER_MS))


def main() -> None:
    """Print rates and ratios; views take turns, so a busy machine slows all of them."""
    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(Path(folder), _ROWS)
        stream.write()
        market = hold_market(stream.gold())
        rows = stream.exact_rows()
        start_ns = stream.start_ns(100 * NS_PER_MS)
        direct = config(compiled=True, journal="all")
        views: dict[str, BacktestConfig] = {
            "direct": replace(direct, view="direct"),
            "store, no lags": replace(direct, view="store"),
            "store, 5 + 1 + 1 ms": replace(direct, view="store", store=_LAG),
        }
        strategies: dict[str, Strategy] = {
            "market making on a timer": QuoteBothSides(start_ns=start_ns),
            "arbitrage on best prices": TakeCrosses(start_ns=start_ns),
        }
        print(f"{'strategy':<26} {'view':<20} {'rows/s':>12} {'to direct':>10}")
        for name, strategy in strategies.items():
            seconds: dict[str, list[float]] = {view: [] for view in views}
            for _ in range(_ROUNDS + 1):
                for view, one in views.items():
                    started = time.process_time()
                    run_backtest(strategy, market, one)
                    seconds[view].append(time.process_time() - started)
            # The first round compiles.
            took = {view: statistics.median(found[1:]) for view, found in seconds.items()}
            for view, median in took.items():
                rate, ratio = rows / median, took["direct"] / median
                print(f"{name:<26} {view:<20} {rate:>12,.0f} {ratio:>9.2f}x")


if __name__ == "__main__":
    main()
