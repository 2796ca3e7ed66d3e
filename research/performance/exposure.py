"""What an account holds over time, in currency."""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from framework.engine.result import Result
from research.performance.returns import single_currency


def exposure(result: Result, currency: str | None = None) -> pl.DataFrame:
    """Value the positions at every sample, marked to mid.

    Columns: ts_ns, gross (Σ|value| over the books) and net (Σ over assets of the absolute sum over
    their books, so that long at one venue and short at the next hold nothing). A linear contract is
    worth ``quantity · contract_size · mid``, an inverse one ``quantity · contract_size / mid``.

    Raises
    ------
    SpecError
        As `single_currency` does.
    """
    wanted = single_currency(result, currency)
    books = pl.DataFrame(
        {
            "venue": [i.venue for i in result.instruments],
            "symbol": [i.symbol for i in result.instruments],
            "asset": [i.asset or i.symbol for i in result.instruments],
            "currency": [i.currency for i in result.instruments],
            "inverse": [i.inverse for i in result.instruments],
            "size": [float(Fraction(i.contract_size)) for i in result.instruments],
        }
    ).filter(pl.col("currency") == wanted)
    held = result.equity.join(books, on=["venue", "symbol"], maintain_order="left")
    per_unit = pl.when("inverse").then(1.0 / pl.col("mid")).otherwise(pl.col("mid"))
    value = (pl.col("position") * pl.col("size") * per_unit).fill_null(0.0)
    by_asset = (
        held.with_columns(value.alias("value"))
        .group_by("ts_ns", "asset", maintain_order=True)
        .agg(pl.col("value").abs().sum().alias("gross"), pl.col("value").sum().abs().alias("net"))
    )
    return by_asset.group_by("ts_ns", maintain_order=True).agg(pl.col("gross", "net").sum())
