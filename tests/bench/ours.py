"""Crossbook at work, in a process of its own, asked through `serving`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, Result, run_trials
from framework.strategy import Strategy
from tests.bench.serving import serve
from tests.bench.strategies import QuoteBothSides, TakeCrosses, WatchBest
from tests.bench.stream import Stream

STRATEGIES: Final[dict[str, type[Strategy]]] = {
    "quote_both_sides": QuoteBothSides,
    "take_crosses": TakeCrosses,
    "watch_best": WatchBest,
}
FILL: Final = ("ts_ns", "book", "side", "px_ticks", "qty_lots")


def config(compiled: bool) -> BacktestConfig:
    """The models under which hftbacktest simulates the same: orders do not see each other."""
    return BacktestConfig(
        queue_model="power",
        queue_power=3.0,
        exchange_model="no_partial_fills",
        self_trade="allow",
        compiled=compiled,
    )


def run(request: dict[str, Any]) -> tuple[list[Result], float]:
    """Run all parameter sets in one replay; the results, and the seconds from first to last.

    Everything counts: reading gold from Delta, merging, simulating, journals and their hashes.
    """
    streams = Stream(Path(request["folder"]), request["rows"]).gold()
    trials = [STRATEGIES[request["strategy"]](**one) for one in request["sets"]]
    began = time.perf_counter()
    results = run_trials(trials, streams, config(request["compiled"]))
    return results, time.perf_counter() - began


def simulate(request: dict[str, Any]) -> dict[str, Any]:
    """Run all parameter sets; seconds, and what came of it."""
    results, seconds = run(request)
    return {
        "seconds": seconds,
        "events": results[0].events,
        "orders": sum(result.counters["orders"] for result in results),
        "fills": sum(result.counters["fills"] for result in results),
    }


def fills(request: dict[str, Any]) -> dict[str, Any]:
    """Run all parameter sets and store their fills."""
    for k, result in enumerate(run(request)[0]):
        journal = pl.DataFrame(pl.from_arrow(result.journal))
        found = journal.filter(pl.col("event") == JournalEvent.FILLED)
        rows = found.select(pl.col(name).cast(pl.Int64) for name in FILL).to_numpy()
        np.save(f"{request['out']}.{k}.npy", rows)
    return {}


if __name__ == "__main__":
    serve({"simulate": simulate, "fills": fills})
