"""Print how fast features are updated and planted markets generated, in processor time.

With ``--realism`` print instead how like a capture planted markets of several seeds are.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from framework.features import (
    Deviation,
    Ema,
    FeatureSettings,
    OrderFlowImbalance,
    RecoverySpeed,
    TimeEma,
    Vwap,
    Vwma,
    feature_frame,
)
from framework.synthetic.planted import (
    Deriver,
    Level,
    PlantedMarket,
    generate_planted,
    write_planted_market,
)
from framework.synthetic.planted.realism import BANDS, compare, market_statistics

ROUNDS = 5
ROWS = 1_000_000
MINUTES = 40.0


def median_s(work: Callable[[], object]) -> float:
    """Time some work a few times, after it has been compiled; processor time, not wall time."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def features() -> None:
    rng = np.random.default_rng(1)
    ts_ns = np.cumsum(rng.integers(0, 3_000_000, ROWS))
    value = rng.normal(1e4, 1.0, ROWS)
    ticks, lots = rng.integers(95, 105, ROWS), rng.integers(1, 1_000, ROWS)
    works: dict[str, Callable[[], object]] = {
        "ema": lambda: Ema(span=20).over(value),
        "time_ema": lambda: TimeEma(tau_ns=1e9).over(ts_ns, value),
        "deviation": lambda: Deviation().over(ts_ns, value),
        "vwap": lambda: Vwap().over(ticks, lots),
        "vwma_100": lambda: Vwma(n_trades=100).over(ticks, lots),
        "vwma_10000": lambda: Vwma(n_trades=10_000).over(ticks, lots),
        "order_flow": lambda: OrderFlowImbalance().over(ticks, lots, ticks + 10, lots),
        "recovery": lambda: RecoverySpeed().over(ts_ns, lots),
    }
    print(f"{'feature':12} {'ns/update':>10}")
    for name, work in works.items():
        print(f"{name:12} {median_s(work) / ROWS * 1e9:10.1f}")


def planted() -> None:
    def run() -> list[pa.Table]:
        pieces = list(PlantedMarket(MINUTES, 7))
        return [piece.gold["ash:PLT"] for piece in pieces]

    rows = 0
    for piece in PlantedMarket(MINUTES, 7):
        rows += sum(table.num_rows for table in piece.gold.values())
    seconds = median_s(run)
    print(f"\n{'planted market':24} {'rows':>10} {'M rows/s':>9}")
    print(f"{'gold, truth, crosses':24} {rows:10,} {rows / seconds / 1e6:9.2f}")
    orders = pa.concat_tables(run()).combine_chunks()
    for level in (Level.DEPTH, Level.QUOTES):
        seconds = median_s(lambda level=level: Deriver(level)(orders))  # type: ignore[misc]
        name = f"derive {level.name.lower()}"
        print(f"{name:24} {orders.num_rows:10,} {orders.num_rows / seconds / 1e6:9.2f}")
    for depth in (5, 20):
        settings = FeatureSettings(depth=depth)
        seconds = median_s(lambda settings=settings: feature_frame(orders, settings))  # type: ignore[misc]
        name = f"feature_frame, depth {depth}"
        print(f"{name:24} {orders.num_rows:10,} {orders.num_rows / seconds / 1e6:9.2f}")
    with tempfile.TemporaryDirectory() as root:
        start = time.process_time()
        write_planted_market(Path(root) / "lake", PlantedMarket(MINUTES, 7))
        seconds = time.process_time() - start
    print(f"{'written to Delta':24} {rows:10,} {rows / seconds / 1e6:9.2f}")


def realism() -> None:
    failed: Counter[str] = Counter()
    held = []
    for seed in range(20):
        table = generate_planted(10, seed).gold["ash:PLT"]
        found = compare(market_statistics([pl.DataFrame(pl.from_arrow(table))]))
        held.append(int(found["holds"].sum()))
        failed.update(found.filter(~pl.col("holds"))["statistic"])
        if seed == 7:
            for name, *numbers, holds in found.iter_rows():
                written = " | ".join(f"{number:.4g}" for number in numbers)
                print(f"| {name} | {written} | {'yes' if holds else 'no'} |")
    print(f"statistics that hold, of {len(BANDS)}: {sorted(held)}")
    print(f"seeds of {len(held)} in which one does not: {dict(failed.most_common())}")


if __name__ == "__main__":
    if "--realism" in sys.argv:
        realism()
    else:
        features()
        planted()
