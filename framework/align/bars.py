"""Bars of trades on Polars, by time, number, volume or value.

Sums of floats depend on the order of addition, and Polars' own sum adds in blocks. Here they are
running sums, which add one by one in the order of the trades: an order any engine can keep.
"""

from __future__ import annotations

import polars as pl

from framework.align.keys import complete, in_order, require_columns, widened, within
from framework.align.specs import BarKind, Bars


def bars(trades: pl.DataFrame, spec: Bars) -> pl.DataFrame:
    """Make bars of trades; see `Aligner.bars`.

    Examples
    --------
    >>> trades = pl.DataFrame(
    ...     {"ts": [0, 5, 10], "seq": [1, 2, 3], "p": [10, 12, 11], "q": [1, 3, 2], "s": [1, -1, 1]}
    ... )
    >>> spec = Bars(size=10, ts="ts", sequence="seq", price="p", volume="q", side="s")
    >>> bars(trades, spec).select("bar", "open", "close", "vwap", "imbalance").rows()
    [(0, 10, 12, 11.5, -0.5), (10, 11, 11, 11.0, 1.0)]
    """
    needed = [*spec.by, spec.ts, spec.sequence, spec.price, spec.volume, spec.side]
    require_columns(trades.columns, needed, "trades")
    rows = complete(trades, [*spec.by, spec.ts, spec.price, spec.volume])
    rows = in_order(rows, spec.by, spec.ts, spec.sequence)
    rows = rows.select(
        *spec.by,
        __ts=pl.col(spec.ts).cast(pl.Int64),
        __price=widened(spec.price, rows.schema[spec.price]),
        __volume=widened(spec.volume, rows.schema[spec.volume]),
        __side=pl.col(spec.side),
    ).with_columns(__value=pl.col("__price") * pl.col("__volume"))
    rows = rows.with_columns(bar=_bar(rows, spec))
    made = rows.group_by(*spec.by, "bar", maintain_order=True).agg(
        first_ns=pl.col("__ts").first(),
        last_ns=pl.col("__ts").last(),
        open=pl.col("__price").first(),
        high=pl.col("__price").max(),
        low=pl.col("__price").min(),
        close=pl.col("__price").last(),
        trades=pl.len().cast(pl.Int64),
        volume=_sum(pl.col("__volume")),
        notional=_sum(pl.col("__value")),
        buy_volume=_sum(_of_side(1)),
        sell_volume=_sum(_of_side(-1)),
    )
    volume = pl.when(pl.col("volume") != 0).then("volume")
    return made.with_columns(
        vwap=pl.col("notional") / volume,
        imbalance=(pl.col("buy_volume") - pl.col("sell_volume")) / volume,
    ).select(*spec.by, *BAR_COLUMNS)


BAR_COLUMNS = (
    *("bar", "first_ns", "last_ns", "open", "high", "low", "close", "trades", "volume"),
    *("notional", "vwap", "buy_volume", "sell_volume", "imbalance"),
)
"""What a bar says, after its keys."""


def _bar(rows: pl.DataFrame, spec: Bars) -> pl.Expr:
    if spec.kind == BarKind.TIME:
        return (pl.col("__ts") // int(spec.size)) * int(spec.size)
    if spec.kind == BarKind.TICK:
        return within(pl.int_range(pl.len(), dtype=pl.Int64) // int(spec.size), spec.by)
    filling = "__volume" if spec.kind == BarKind.VOLUME else "__value"
    total = pl.col(filling).cum_sum().shift(1, fill_value=0)
    before = within(total, spec.by)
    if rows.schema[filling].is_integer() and isinstance(spec.size, int):
        return before // spec.size
    # By a column: a constant divisor would be turned into a rounded reciprocal.
    size = pl.lit(float(spec.size)) + pl.col(filling) * 0.0
    return (before / size).floor().cast(pl.Int64)


def _sum(values: pl.Expr) -> pl.Expr:
    return values.cum_sum().last()


def _of_side(sign: int) -> pl.Expr:
    volume = pl.col("__volume")
    return pl.when(pl.col("__side") * sign > 0).then(volume).otherwise(volume * 0)
