"""Headline figures of one trial."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent


def summarise(
    instruments: Sequence[Instrument],
    journal: pa.Table,
    fills: pl.DataFrame,
    equity: pl.DataFrame,
    events: int,
    counters: dict[str, int],
) -> dict[str, object]:
    """Reduce a trial to its headline figures; see `Result.summary`."""
    sent = count_events(journal, JournalEvent.SUBMITTED)
    orders = counters.get("orders", sent)
    filled_orders = fills["order_id"].n_unique()
    final = equity.group_by("venue", "symbol", maintain_order=True).last()
    currencies = {(i.venue, i.symbol): i.currency for i in instruments}
    totals: dict[str, dict[str, float]] = {}
    positions: dict[str, dict[str, float]] = {i.venue: {} for i in instruments}
    for row in final.iter_rows(named=True):
        stream = (row["venue"], row["symbol"])
        money = totals.setdefault(
            currencies[stream], {"fees": 0.0, "carry": 0.0, "gross": 0.0, "net": 0.0}
        )
        money["fees"] += row["fees"]
        money["carry"] += row["carry"]
        money["gross"] += row["gross_pnl"] or 0.0
        money["net"] += row["net_pnl"] or 0.0
        positions[row["venue"]][row["symbol"]] = row["position"]
    single = next(iter(totals.values())) if len(totals) == 1 else None
    return {
        "events": events,
        "orders": orders,
        "fills": fills.height,
        "fees": single["fees"] if single else None,
        "carry": single["carry"] if single else None,
        "gross_pnl": single["gross"] if single else None,
        "pnl": single["net"] if single else None,
        "currency": next(iter(totals)) if single else None,
        "pnl_by_currency": {currency: money["net"] for currency, money in totals.items()},
        "fees_by_currency": {currency: money["fees"] for currency, money in totals.items()},
        "positions": positions,
        "fill_ratio": filled_orders / orders if orders else 0.0,
        "maker_fills": fills.filter(pl.col("liquidity") == "maker").height,
        "rejected": count_events(journal, JournalEvent.REJECTED) if sent == orders else None,
        "excluded_fills": count_events(journal, JournalEvent.FILL_EXCLUDED),
    }


def count_events(journal: pa.Table, event: JournalEvent) -> int:
    """Count the journal's rows of one event."""
    return int(pc.sum(pc.equal(journal["event"], int(event))).as_py() or 0)
