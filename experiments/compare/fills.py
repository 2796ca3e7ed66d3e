"""Fills that one run has and another has not."""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.engine.result import Result

_KEY: Final = ("ts_ns", "venue", "symbol", "side", "price", "quantity", "liquidity")
"""What makes two fills the same; order ids are left out, for another order may come first."""


def fills_that_differ(base: Result, other: Result) -> pl.DataFrame:
    """List the fills that only one of two runs has, by time.

    Returns
    -------
    pl.DataFrame
        ``in_base``, then when, where, side, price, quantity, liquidity and order id. Of fills that
        are alike in all of these but the id, as many are listed as one run has more.
    """
    ours, theirs = _numbered(base.fills), _numbered(other.fills)
    key = [*_KEY, "again"]
    only_ours = ours.join(theirs, on=key, how="anti").with_columns(in_base=pl.lit(True))
    only_theirs = theirs.join(ours, on=key, how="anti").with_columns(in_base=pl.lit(False))
    both = pl.concat([only_ours, only_theirs]).sort("ts_ns", "in_base", maintain_order=True)
    return both.select("in_base", *_KEY, "order_id")


def _numbered(fills: pl.DataFrame) -> pl.DataFrame:
    """Number fills that look alike, so that two of them are not taken for one."""
    again = pl.int_range(pl.len()).over(_KEY).alias("again")
    return fills.select(*_KEY, "order_id").with_columns(again)
