"""Work many parent orders with a spec's strategy and measure each against its arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from experiments.run import backtest_config
from experiments.sources import open_signals, open_sources, with_assumptions
from experiments.spec.load import Plan, PlannedRun
from framework.catalog import Catalog
from framework.core.errors import SpecError
from framework.engine import run_trials
from framework.lake.store import Lake
from framework.replay import GoldStream
from framework.strategy import Strategy
from research.crossed import stream_quotes
from research.shortfall import shortfall

_NEEDED: Final = ("side", "parent_lots", "arrives_after_ns", "horizon_ns")

ORDER_SCHEMA: Final = pl.Schema(
    {
        "variant": pl.String,
        "arrival_ns": pl.Int64,
        "side": pl.Int64,
        "filled_share": pl.Float64,
        "orders": pl.Int64,
        "duration_s": pl.Float64,
        "slippage_bps": pl.Float64,
        "fees_bps": pl.Float64,
        "opportunity_bps": pl.Float64,
        "total_bps": pl.Float64,
    }
)
"""One row a parent order; see `research.shortfall.Shortfall`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parent:
    run: PlannedRun
    strategy: Strategy
    side: int
    arrival_ns: int
    horizon_ns: int


def work_orders(plan: Plan, lake: Lake, catalog: Catalog, *, arrivals: int) -> pl.DataFrame:
    """Work a buy and a sell order at each of several arrivals, with every variant of a plan.

    Arrivals are spread evenly over the data, from the spec's own on, so that each horizon ends in
    it. A variant's orders share one replay and do not know of each other.

    Returns
    -------
    shape (n_variants * arrivals * 2,), `ORDER_SCHEMA`

    Raises
    ------
    SpecError
        Where the strategy does not work parent orders, the variants differ in more than its
        parameters, or the data are too short for one horizon.
    """
    first = plan.runs[0]
    lacking = [name for name in _NEEDED if name not in type(first.strategy).declared]
    if lacking:
        raise SpecError(
            f"a strategy that works parent orders has {', '.join(_NEEDED)}, "
            f"{type(first.strategy).__name__} lacks {', '.join(lacking)}",
            remedy="name strategies.smart_router:SmartRouter, or one with these parameters",
        )
    streams = with_assumptions(open_sources(first.spec, lake, catalog), first.spec)
    start_ns = min(stream.files()["first_ns"][0].as_py() for stream in streams)
    start_ns = max([start_ns, *(s.start_ns for s in streams if s.start_ns is not None)])
    parents = [parent for run in plan.runs for parent in _parents(run, streams, start_ns, arrivals)]
    config = backtest_config(first.spec, open_signals(first.spec, lake, catalog))
    results = run_trials([parent.strategy for parent in parents], streams, config)
    quotes = stream_quotes(streams)
    lot = max(float(stream.instrument.lot) for stream in streams)
    rows = []
    for parent, result in zip(parents, results, strict=True):
        measured = shortfall(
            result,
            quotes,
            side=parent.side,
            quantity=_whole(parent.strategy, "parent_lots") * lot,
            arrival_ns=parent.arrival_ns,
            end_ns=parent.arrival_ns + parent.horizon_ns,
        )
        name = ", ".join(f"{k.rpartition('.')[2]} {v}" for k, v in parent.run.varied.items())
        values = [getattr(measured, name) for name in ORDER_SCHEMA.names()[3:]]
        rows.append((name or "as written", parent.arrival_ns, parent.side, *values))
    return pl.DataFrame(rows, schema=ORDER_SCHEMA, orient="row")


def summary(orders: pl.DataFrame) -> pl.DataFrame:
    """Average the orders of each variant.

    ``total_error`` is the standard error of the mean over arrivals, buy and sell of one arrival
    taken together: what the market did meanwhile cancels between them.
    """
    measures = ORDER_SCHEMA.names()[3:]
    pairs = orders.group_by("variant", "arrival_ns", maintain_order=True).agg(
        pl.col(*measures).mean()
    )
    return pairs.group_by("variant", maintain_order=True).agg(
        pl.len().alias("arrivals"),
        pl.col(*measures).mean(),
        (pl.col("total_bps").std() / pl.len().sqrt()).alias("total_error"),
    )


def _parents(
    run: PlannedRun, streams: Sequence[GoldStream], start_ns: int, arrivals: int
) -> list[_Parent]:
    after_ns = _whole(run.strategy, "arrives_after_ns")
    horizon_ns = _whole(run.strategy, "horizon_ns")
    end_ns = max(max(stream.files()["last_ns"].to_pylist()) for stream in streams)
    end_ns = min([end_ns, *(s.end_ns for s in streams if s.end_ns is not None)])
    # A tenth of the horizon for what is swept at its end.
    room_ns = end_ns - horizon_ns * 11 // 10 - start_ns - after_ns
    if room_ns < 0:
        raise SpecError(
            f"an order must arrive {horizon_ns / 1e9:g} s before the data end, they last "
            f"{(end_ns - start_ns) / 1e9:g} s and it arrives after {after_ns / 1e9:g} s",
            remedy="shorten horizon_ns or arrives_after_ns, or read more data",
        )
    found = []
    for extra_ns in np.linspace(0, room_ns, arrivals).astype(np.int64).tolist():
        for side in (1, -1):
            changes = {"side": side, "arrives_after_ns": after_ns + extra_ns}
            strategy = type(run.strategy)(**(run.strategy.parameters() | changes))
            arrival_ns = start_ns + after_ns + extra_ns
            found.append(
                _Parent(
                    run=run,
                    strategy=strategy,
                    side=side,
                    arrival_ns=arrival_ns,
                    horizon_ns=horizon_ns,
                )
            )
    return found


def _whole(strategy: Strategy, name: str) -> int:
    return int(strategy.parameters()[name])
