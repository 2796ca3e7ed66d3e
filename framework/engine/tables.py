"""Tables derived from a journal and its samples: fills, marked equity and headline figures.

Sums are whole numbers until the last step. For a linear contract cash and position are counted in
tick · lot, and ``2 · cash + position · (bid + ask)`` is twice the gross profit exactly; one
division by exact whole numbers then gives the money. An inverse contract is worth its base asset,
``quantity · contract_size / price``, and gains ``cash − position · scale / mid`` units of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import polars as pl
import pyarrow as pa

from framework.core.events import NO_PRICE
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity
from framework.engine.money import inverse_scale, unit_value

MICRO: Final = 1_000_000
FILL_SCHEMA: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "venue": pl.String,
        "symbol": pl.String,
        "order_id": pl.Int64,
        "side": pl.Int8,
        "price": pl.Float64,
        "quantity": pl.Float64,
        "liquidity": pl.String,
        "fee": pl.Float64,
        "arrival_mid": pl.Float64,
        "slippage_bps": pl.Float64,
        "queue_ahead": pl.Float64,
        "position": pl.Float64,
    }
)
EQUITY_SCHEMA: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "venue": pl.String,
        "symbol": pl.String,
        "mid": pl.Float64,
        "spread": pl.Float64,
        "position": pl.Float64,
        "gross_pnl": pl.Float64,
        "fees": pl.Float64,
        "carry": pl.Float64,
        "net_pnl": pl.Float64,
    }
)


def fills_table(instruments: Sequence[Instrument], journal: pa.Table) -> pl.DataFrame:
    """Pick the fills out of a journal and price them in the venue's units.

    ``arrival_mid`` is the mid of the venue's best prices when the order reached it (its ACCEPTED
    row), null where a side was empty then; ``slippage_bps`` is
    ``side · (price − arrival_mid) / arrival_mid · 10 000``, so that a cost is positive.

    Returns
    -------
    shape (n_fills,), `FILL_SCHEMA`, in the journal's order
    """
    rows = _frame(journal)
    arrivals = (
        rows.filter(pl.col("event") == JournalEvent.ACCEPTED)
        .unique("order_id", keep="first", maintain_order=True)
        .select("order_id", _twice_mid().alias("arrival_twice"))
    )
    fills = (
        rows.filter(pl.col("event") == JournalEvent.FILLED)
        .with_columns(
            (pl.col("side").cast(pl.Int64) * pl.col("qty_lots"))
            .cum_sum()
            .over("book")
            .alias("position_lots")
        )
        .join(arrivals, on="order_id", how="left", maintain_order="left")
    )
    px, twice = pl.col("px_ticks"), pl.col("arrival_twice")
    return fills.with_columns(_names(instruments)).select(
        "ts_ns",
        "venue",
        "symbol",
        "order_id",
        "side",
        _per_book(instruments, px, [Fraction(i.tick) for i in instruments]).alias("price"),
        _lots(instruments, "qty_lots").alias("quantity"),
        pl.when(pl.col("liquidity") == Liquidity.MAKER)
        .then(pl.lit("maker"))
        .otherwise(pl.lit("taker"))
        .alias("liquidity"),
        _per_book(
            instruments, pl.col("fee_micro"), [unit_value(i) / MICRO for i in instruments]
        ).alias("fee"),
        _per_book(instruments, twice, [Fraction(i.tick) / 2 for i in instruments]).alias(
            "arrival_mid"
        ),
        (pl.col("side") * (2 * px - twice) * 10_000 / twice).alias("slippage_bps"),
        _lots(instruments, "queue_ahead_lots").alias("queue_ahead"),
        _lots(instruments, "position_lots").alias("position"),
    )


def equity_table(instruments: Sequence[Instrument], samples: pl.DataFrame) -> pl.DataFrame:
    """Mark every sample to the mid of its book.

    Where a side of the book is empty the last known mid is carried forward; before the first one
    there is nothing to mark with, and a position held then has no profit (null).

    Returns
    -------
    shape (n_samples,), `EQUITY_SCHEMA`, in the samples' order
    """
    marked = samples.with_columns(
        _twice_mid().forward_fill().over("book").alias("twice_mid"),
        pl.when(_both_sides()).then(pl.col("ask_ticks") - pl.col("bid_ticks")).alias("wide"),
    )
    position, twice_mid = pl.col("position_lots"), pl.col("twice_mid")
    scale = _whole(instruments, [inverse_scale(i) for i in instruments])
    cash = 2 * pl.col("cash_units")
    linear = cash + pl.when(position == 0).then(0).otherwise(position * twice_mid)
    inverse = cash + pl.when(position == 0).then(0.0).otherwise(
        -4.0 * position * scale / twice_mid  # as a float: position · scale may pass int64
    )
    twice_gross = pl.when(scale == 0).then(linear.cast(pl.Float64)).otherwise(inverse)
    units = [unit_value(i) for i in instruments]
    half_tick = [Fraction(i.tick) / 2 for i in instruments]
    return (
        marked.with_columns(_names(instruments))
        .select(
            "ts_ns",
            "venue",
            "symbol",
            _per_book(instruments, twice_mid, half_tick).alias("mid"),
            _per_book(instruments, pl.col("wide"), [Fraction(i.tick) for i in instruments]).alias(
                "spread"
            ),
            _lots(instruments, "position_lots").alias("position"),
            _per_book(instruments, twice_gross, [unit / 2 for unit in units]).alias("gross_pnl"),
            _per_book(instruments, pl.col("fee_micro"), [unit / MICRO for unit in units]).alias(
                "fees"
            ),
            _per_book(
                instruments,
                pl.col("carry_micro").fill_null(0),
                [unit / MICRO for unit in units],
            ).alias("carry"),
        )
        .with_columns((pl.col("gross_pnl") - pl.col("fees") - pl.col("carry")).alias("net_pnl"))
    )


def _frame(journal: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(journal)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _both_sides() -> pl.Expr:
    return (pl.col("bid_ticks") != NO_PRICE) & (pl.col("ask_ticks") != NO_PRICE)


def _twice_mid() -> pl.Expr:
    return pl.when(_both_sides()).then(pl.col("bid_ticks") + pl.col("ask_ticks"))


def _names(instruments: Sequence[Instrument]) -> list[pl.Expr]:
    books = list(range(len(instruments)))
    return [
        pl.col("book")
        .replace_strict(books, [getattr(i, field) for i in instruments], return_dtype=pl.String)
        .alias(field)
        for field in ("venue", "symbol")
    ]


def _lots(instruments: Sequence[Instrument], column: str) -> pl.Expr:
    return _per_book(instruments, pl.col(column), [Fraction(i.lot) for i in instruments])


def _whole(instruments: Sequence[Instrument], values: Sequence[int]) -> pl.Expr:
    books = list(range(len(instruments)))
    return pl.col("book").replace_strict(books, list(values), return_dtype=pl.Int64)


def _per_book(
    instruments: Sequence[Instrument], value: pl.Expr, factors: Sequence[Fraction]
) -> pl.Expr:
    # numerator · value is a whole number below 2**53, so the division is the only rounding.
    books = list(range(len(instruments)))
    tops, bottoms = (
        pl.col("book").replace_strict(books, whole, return_dtype=pl.Float64)
        for whole in (
            [float(f.numerator) for f in factors],
            [float(f.denominator) for f in factors],
        )
    )
    return value * tops / bottoms
