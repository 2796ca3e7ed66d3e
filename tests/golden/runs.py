"""The golden runs: a small seeded market and both shipped strategies.

Their journal hashes stand in ``journals.json``. Nothing changes them but

    python -m tests.golden.runs "why the journals had to change"
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from framework.core.instrument import Instrument
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.engine.result import Result
from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from framework.strategy import Strategy
from framework.synthetic import write_demo_market
from framework.synthetic.two_venue import demo_instruments
from strategies.crossed_arbitrage import CrossedArbitrage
from strategies.midpoint_quoting import MidpointQuoting

ROWS, SEED = 30_000, 11
STORED = Path(__file__).with_name("journals.json")
STRATEGIES: dict[str, Strategy] = {
    "crossed_arbitrage": CrossedArbitrage(min_edge_bps=0.1, max_position=50),
    "midpoint_quoting": MidpointQuoting(size=2, half_spread_ticks=2.0),
}


def golden_run(name: str, root: Path) -> Result:
    """Run one of the strategies over the market, stored below `root`."""
    version = write_demo_market(root, rows=ROWS, seed=SEED)
    location = Lake(root).uri(TableName("gold", "demo"))
    streams = [
        GoldStream(location=location, table="demo", version=version, instrument=_slow(item))
        for item in demo_instruments()
    ]
    config = BacktestConfig(queue_model="power", sample_interval_ns=1_000_000_000)
    return run_backtest(STRATEGIES[name], streams, config)


def _slow(item: Instrument) -> Instrument:
    """Fixed latencies, so that a change of the demo's own does not look like the engine's."""
    return replace(item, order_entry_ns=2_000_000, response_ns=1_000_000)


def update(reason: str) -> None:
    """Write the hashes anew, with the reason for it."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name in STRATEGIES:
            result = golden_run(name, Path(folder))
            figures = {"rows": result.journal.num_rows, "fills": result.counters["fills"]}
            found[name] = {"journal_hash": result.journal_hash, **figures}
    STORED.write_text(json.dumps({"reason": reason, "journals": found}, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit('usage: python -m tests.golden.runs "why the journals had to change"')
    update(sys.argv[1].strip())
