"""Bars of book snapshots on Polars."""

from __future__ import annotations

import polars as pl

from framework.align.keys import complete, in_order, require_columns, widened, within
from framework.align.specs import DepthBars

DEPTH_BAR_COLUMNS = (
    *("bar", "last_ns", "snapshots", "bid", "ask", "bid_volume", "ask_volume", "imbalance"),
)
"""What a depth bar says, after its keys."""


def depth_bars(snapshots: pl.DataFrame, spec: DepthBars) -> pl.DataFrame:
    """Make bars of book snapshots; see `Aligner.depth_bars`.

    Examples
    --------
    >>> book = pl.DataFrame(
    ...     {"ts": [1, 1, 7, 7], "seq": [1, 1, 2, 2], "side": [1, -1, 1, -1],
    ...      "level": [1, 1, 1, 1], "p": [10, 11, 10, 12], "q": [5, 5, 3, 1]}
    ... )
    >>> spec = DepthBars(size=10, ts="ts", sequence="seq", price="p", volume="q")
    >>> depth_bars(book, spec).select("snapshots", "bid", "ask", "imbalance").rows()
    [(2, 10, 12, 0.5)]
    """
    needed = [
        *(*spec.by, spec.ts, spec.sequence, spec.side, spec.level, spec.price, spec.volume),
    ]
    require_columns(snapshots.columns, needed, "snapshots")
    rows = complete(snapshots, needed)
    rows = in_order(rows, (*spec.by, spec.ts, spec.sequence, spec.side), spec.level, None)
    rows = rows.select(
        *spec.by,
        bar=(pl.col(spec.ts) // spec.size) * spec.size,
        __ts=pl.col(spec.ts),
        __seq=pl.col(spec.sequence),
        __side=pl.col(spec.side),
        __price=widened(spec.price, rows.schema[spec.price]),
        __volume=widened(spec.volume, rows.schema[spec.volume]),
    )
    bar = [*spec.by, "bar"]
    is_last = within(pl.struct("__ts", "__seq").rank("dense"), bar)
    rows = rows.with_columns(__rank=is_last.cast(pl.Int64))
    rows = rows.with_columns(snapshots=within(pl.col("__rank").max(), bar))
    last = rows.filter(pl.col("__rank") == pl.col("snapshots"))
    made = last.group_by(*bar, maintain_order=True).agg(
        last_ns=pl.col("__ts").first(),
        snapshots=pl.col("snapshots").first(),
        bid=_of(1, "__price").max(),
        ask=_of(-1, "__price").min(),
        bid_volume=_volume(1),
        ask_volume=_volume(-1),
    )
    bid, ask = pl.col("bid_volume"), pl.col("ask_volume")
    total = pl.when(bid + ask != 0).then(bid + ask)
    return made.with_columns(imbalance=(bid - ask) / total).select(*spec.by, *DEPTH_BAR_COLUMNS)


def _of(side: int, column: str) -> pl.Expr:
    return pl.when(pl.col("__side") * side > 0).then(column)


def _volume(side: int) -> pl.Expr:
    volume = pl.col("__volume")
    own = pl.when(pl.col("__side") * side > 0).then(volume).otherwise(volume * 0)
    return own.cum_sum().last()
