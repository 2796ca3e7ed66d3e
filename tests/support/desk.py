"""A desk's tables and quotes, written by hand in prices of a cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from framework.core.instrument import Instrument
from framework.lake.desk import DESK_EXECUTION_SCHEMA, DESK_ORDER_SCHEMA
from research.tca.market import TICK_QUOTES

STOCK = Instrument(
    venue="v", symbol="S", tick=Decimal("0.01"), lot=Decimal(1), asset="S", currency="USD"
)


def quotes(*rows: tuple[int, float, float], size: int = 1_000) -> pl.DataFrame:
    """Write quotes as ``(ts_ns, bid, ask)``."""
    made = [
        {
            "ts_ns": ts_ns,
            "bid_ticks": STOCK.ticks(round(bid, 2)),
            "bid_lots": size,
            "ask_ticks": STOCK.ticks(round(ask, 2)),
            "ask_lots": size,
        }
        for ts_ns, bid, ask in rows
    ]
    return pl.DataFrame(made, schema=TICK_QUOTES)


def order(
    order_id: str, side: int, volume: float, *clocks: int | None, **more: object
) -> dict[str, object]:
    """Write an order with the instants of its decision, arrival and end."""
    decided, arrived, ended = clocks
    return {
        "exchange": "v",
        "symbol": "S",
        "order_id": order_id,
        "side": side,
        "order_type": "limit",
        "strategy": "desk",
        "volume": volume,
        "decision_timestamp_ns": decided,
        "arrival_timestamp_ns": arrived,
        "end_timestamp_ns": ended,
    } | more


def execution(
    order_id: str, side: int, ts_ns: int, price: float, volume: float, **more: object
) -> dict[str, object]:
    """Write an execution; its id is its time."""
    return {
        "exchange": "v",
        "symbol": "S",
        "execution_id": str(ts_ns),
        "order_id": order_id,
        "side": side,
        "exchange_timestamp_ns": ts_ns,
        "price": price,
        "volume": volume,
        "liquidity": "taker",
        "fee": 0.0,
    } | more


def orders(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Make the table of orders."""
    return pl.DataFrame(rows, schema=DESK_ORDER_SCHEMA)


def executions(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Make the table of executions."""
    return pl.DataFrame(rows, schema=DESK_EXECUTION_SCHEMA)
