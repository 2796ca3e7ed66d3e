"""Measure the report of a run with more than a million fills: its size, and the time it takes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from experiments.report import report
from framework.engine import BacktestConfig, run_backtest
from framework.replay import open_streams
from framework.strategy import Context, OnTimer, Strategy
from framework.synthetic import write_demo_market

_EVENTS = 1_000_000


class Churns(Strategy):
    """Buy and sell one lot in turn, five hundred times a second."""

    side: int = 1
    wakes = (OnTimer("2ms"),)

    def on_timer(self, ctx: Context) -> None:
        """Trade the other way round than before."""
        self.side = -self.side
        ctx.market(0, self.side, 1)


def main() -> None:
    """Print fills, seconds and bytes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_demo_market(root / "lake", rows=_EVENTS)
        streams = open_streams(root / "lake", "demo")
        result = run_backtest(Churns(), streams, BacktestConfig(compiled=True))
        started = time.process_time()
        path = report(result, streams, root / "report.html")
        seconds = time.process_time() - started
        print(f"{'fills':<24} {result.fills.height:>12,}")
        print(f"{'report written in':<24} {seconds:>12.1f} s of processor time")
        print(f"{'its size':<24} {path.stat().st_size:>12,} bytes")


if __name__ == "__main__":
    main()
