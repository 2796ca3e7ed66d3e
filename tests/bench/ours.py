"""Crossbook at work, in a process of its own, asked through `serving`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, Result, run_trials
from framework.replay import Market, hold_market
from framework.replay.market import read_market
from framework.strategy import Strategy
from tests.bench.clock import Clock
from tests.bench.serving import serve
from tests.bench.strategies import ListQuotes, QuoteBothSides, TakeCrosses, WatchBest
from tests.bench.stream import Stream

STRATEGIES: Final[dict[str, type[Strategy]]] = {
    "quote_both_sides": QuoteBothSides,
    "take_crosses": TakeCrosses,
    "watch_best": WatchBest,
    "list_quotes": ListQuotes,
}
FILL: Final = ("ts_ns", "book", "side", "px_ticks", "qty_lots")


def config(compiled: bool, journal: str) -> BacktestConfig:
    """The models under which hftbacktest simulates the same: orders do not see each other."""
    return BacktestConfig(
        queue_model="power",
        queue_power=3.0,
        exchange_model="no_partial_fills",
        self_trade="allow",
        compiled=compiled,
        journal=journal,
    )


def run(request: dict[str, Any]) -> tuple[list[Result], Clock]:
    """Run all parameter sets in one replay; the results, and the time from first to last.

    Everything counts: reading gold from Delta, merging, simulating, journals and their hashes;
    only where the request says ``held`` has the merged market been brought into memory before.
    """
    streams = opened(request["folder"], request["rows"]).gold()
    market = held(request["folder"], request["rows"]) if request.get("held") else streams
    trials = [STRATEGIES[request["strategy"]](**one) for one in request["sets"]]
    with Clock() as clock:
        results = run_trials(
            trials, market, config(request["compiled"], request.get("journal", "all"))
        )
    return results, clock


def opened(folder: str, rows: int) -> Stream:
    """Find the market of so many rows."""
    return Stream(Path(folder), rows)


@cache
def held(folder: str, rows: int) -> Market:
    """Bring a market into memory."""
    return hold_market(opened(folder, rows).gold())


def simulate(request: dict[str, Any]) -> dict[str, Any]:
    """Run all parameter sets; the time it took, and what came of it."""
    results, clock = run(request)
    return {
        **clock.answer(),
        "events": results[0].events,
        "orders": sum(result.counters["orders"] for result in results),
        "fills": sum(result.counters["fills"] for result in results),
        "journal_rows": sum(result.journal.num_rows for result in results),
        "journal_mb": round(sum(result.journal.nbytes for result in results) / 1e6, 1),
    }


def fills(request: dict[str, Any]) -> dict[str, Any]:
    """Run all parameter sets and store their fills."""
    for k, result in enumerate(run(request)[0]):
        journal = pl.DataFrame(pl.from_arrow(result.journal))
        found = journal.filter(pl.col("event") == JournalEvent.FILLED)
        rows = found.select(pl.col(name).cast(pl.Int64) for name in FILL).to_numpy()
        np.save(f"{request['out']}.{k}.npy", rows)
    return {}


def watch(request: dict[str, Any]) -> dict[str, Any]:
    """Run the watching class; the time it took, and how often it was woken."""
    _, clock = run({**request, "strategy": "watch_best", "sets": [{}], "compiled": False})
    seen = WatchBest.latest
    return {**clock.answer(), "calls": seen.changes, "crosses": seen.crosses}


def list_quotes(request: dict[str, Any]) -> dict[str, Any]:
    """Write the quotes at which a best price changed, for peers that replay only those."""
    run({**request, "strategy": "list_quotes", "sets": [{}], "compiled": False})
    table = pa.Table.from_pylist(ListQuotes.latest.rows)
    with pa.OSFile(request["out"], "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    return {}


def read(request: dict[str, Any]) -> dict[str, Any]:
    """Read the market from Delta and merge it, as a run does before it simulates anything."""
    streams = opened(request["folder"], request["rows"]).gold()
    with Clock() as clock:
        rows = sum(chunk.tape.ts_exch_ns.size - chunk.first_event for chunk in read_market(streams))
    return {**clock.answer(), "rows": rows}


if __name__ == "__main__":
    serve(
        {
            "simulate": simulate,
            "fills": fills,
            "watch": watch,
            "list_quotes": list_quotes,
            "read": read,
        }
    )
