"""What was traded, as whole numbers: orders and executions, wherever they come from.

Prices are counted in half ticks, so that a mid is a whole number: bid plus ask in ticks. A column
in half ticks ends in ``_hticks``; a cost, a price difference times a quantity, is counted in half
tick · lot and ends in ``_htl``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.core.instrument import Instrument
from framework.engine.money import unit_value

ORDER_SCHEMA: Final = pl.Schema(
    {
        "order_id": pl.String,
        "book": pl.Int32,
        "side": pl.Int8,
        "order_type": pl.String,
        "strategy": pl.String,
        "decided_ns": pl.Int64,
        "arrived_ns": pl.Int64,
        "ended_ns": pl.Int64,
        "filled_lots": pl.Int64,
        "unfilled_lots": pl.Int64,
        "decision_hticks": pl.Int64,
        "arrival_hticks": pl.Int64,
        "touch_hticks": pl.Int64,
        "touch_lots": pl.Int64,
        "end_hticks": pl.Int64,
    }
)
"""One row per order. ``decision_hticks``, ``arrival_hticks`` and ``end_hticks`` are mids when the
order was decided, reached the venue and ended; ``touch_hticks`` is the best price it could have
taken on arrival and ``touch_lots`` what was displayed there. ``arrived_ns`` is null where it never
arrived, ``ended_ns`` where it was open at the end of the data, mids where a side was empty."""

EXECUTION_SCHEMA: Final = pl.Schema(
    {
        "order_id": pl.String,
        "book": pl.Int32,
        "side": pl.Int8,
        "ts_ns": pl.Int64,
        "px_hticks": pl.Int64,
        "qty_lots": pl.Int64,
        "liquidity": pl.String,
        "fee_micro": pl.Int64,
        "fill_hticks": pl.Int64,
    }
)
"""One row per execution. ``liquidity`` is ``"maker"``, ``"taker"`` or ``"unknown"``; ``fee_micro``
is in millionths of a cash unit, positive is paid; ``fill_hticks`` is the mid it met, null where a
side was empty."""

MICRO: Final = 1_000_000
_ROOM: Final = 2**62  # of an int64, with a factor of two left for a sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """Orders and executions to be analysed.

    Parameters
    ----------
    source
        ``"backtest"`` or ``"desk"``.
    key
        What identifies the trading: a journal's hash, or one of a desk's rows.
    instruments
        What ``book`` counts, and what ticks and lots are.
    orders
        `ORDER_SCHEMA`.
    executions
        `EXECUTION_SCHEMA`, in order of time.
    is_priced
        True where mids of orders and executions are known already; otherwise they are looked up
        in the quotes.
    """

    source: str
    key: str
    instruments: tuple[Instrument, ...]
    orders: pl.DataFrame
    executions: pl.DataFrame
    is_priced: bool

    def __post_init__(self) -> None:
        assert self.orders.schema == ORDER_SCHEMA, self.orders.schema
        assert self.executions.schema == EXECUTION_SCHEMA, self.executions.schema


def check_room(frame: pl.DataFrame, prices: Sequence[str], lots: pl.Expr, what: str) -> None:
    """Refuse prices and quantities whose product would not fit int64.

    Raises
    ------
    DataError
        Where costs could not be counted exactly.
    """
    largest = frame.select(
        pl.max_horizontal(*(pl.col(name).abs().max() for name in prices)).alias("price"),
        lots.abs().max().alias("lots"),
    ).row(0)
    if None not in largest and 2 * int(largest[0]) * int(largest[1]) >= _ROOM:
        raise DataError(
            f"{what}: a cost of {largest[1]} lots at {largest[0]} half ticks would not fit into "
            "64 bits",
            remedy="give the instrument a tick and a lot nearer to what is traded",
        )


def per_book(books: pl.Expr, values: Sequence[float]) -> pl.Expr:
    """Look a value up by the number of the book."""
    return books.replace_strict(list(range(len(values))), list(values), return_dtype=pl.Float64)


def names(instruments: Sequence[Instrument]) -> list[pl.Expr]:
    """Spell the venue and the symbol of ``book``, and the currency costs are told in."""
    books = list(range(len(instruments)))
    told = {
        "venue": [i.venue for i in instruments],
        "symbol": [i.symbol for i in instruments],
    }
    return [
        pl.col("book").replace_strict(books, values, return_dtype=pl.String).alias(name)
        for name, values in told.items()
    ]


def notional(instruments: Sequence[Instrument], price_hticks: str, lots: pl.Expr) -> pl.Expr:
    """Worth of a quantity in quote currency; an inverse contract's is its face value."""
    units = [0.0 if i.inverse else float(unit_value(i) / 2) for i in instruments]
    faces = [float(i.lot * i.contract_size) if i.inverse else 0.0 for i in instruments]
    linear = pl.col(price_hticks).cast(pl.Float64) * per_book(pl.col("book"), units)
    return (linear + per_book(pl.col("book"), faces)) * lots.cast(pl.Float64)


def fees(instruments: Sequence[Instrument], price_hticks: str) -> pl.Expr:
    """Fees in quote currency; those of an inverse contract at the price given."""
    units = [float(unit_value(i) / MICRO) for i in instruments]
    ticks = [float(Fraction(i.tick) / 2) if i.inverse else 0.0 for i in instruments]
    coins = pl.col("fee_micro").cast(pl.Float64) * per_book(pl.col("book"), units)
    tick = per_book(pl.col("book"), ticks)
    return coins * pl.when(tick > 0).then(pl.col(price_hticks) * tick).otherwise(1.0)
