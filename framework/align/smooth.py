"""Moving averages and range statistics on Polars."""

from __future__ import annotations

import polars as pl

from framework.align.keys import complete, in_order, require_columns, within
from framework.align.specs import Smooth


def smooth(rows: pl.DataFrame, spec: Smooth) -> pl.DataFrame:
    """Add moving statistics; see `Aligner.smooth` and `Smooth`.

    Examples
    --------
    >>> prices = pl.DataFrame({"ts": [0, 5, 20], "seq": [1, 2, 3], "price": [10.0, 20.0, 40.0]})
    >>> spec = Smooth(ema_alpha=0.5, range_ns=10, ts="ts", sequence="seq")
    >>> smooth(prices, spec)["ema"].to_list()
    [10.0, 15.0, 27.5]
    >>> smooth(prices, spec)["range_mean"].to_list()
    [10.0, 15.0, 40.0]
    """
    needed = [*spec.by, spec.ts, spec.sequence, spec.price]
    needed += [spec.volume] if spec.vwma_rows else []
    require_columns(rows.columns, needed, "rows")
    rows = in_order(
        complete(rows, [*spec.by, spec.ts, spec.price]), spec.by, spec.ts, spec.sequence
    )
    added = {}
    price = pl.col(spec.price).cast(pl.Float64)
    if spec.ema_alpha is not None:
        added["ema"] = price.ewm_mean(alpha=spec.ema_alpha, adjust=False)
    if spec.vwma_rows is not None:
        volume = pl.col(spec.volume).cast(pl.Float64).fill_null(0)
        value = (price * volume).rolling_sum(spec.vwma_rows, min_samples=1)
        total = volume.rolling_sum(spec.vwma_rows, min_samples=1)
        added["vwma"] = value / pl.when(total != 0).then(total)
    if spec.range_ns is not None:
        added |= _range(price, spec)
    return rows.with_columns(within(value, spec.by).alias(name) for name, value in added.items())


def _range(price: pl.Expr, spec: Smooth) -> dict[str, pl.Expr]:
    window = f"{spec.range_ns}i"
    return {
        "range_count": (price * 0 + 1).rolling_sum_by(spec.ts, window).cast(pl.Int64),
        "range_sum": price.rolling_sum_by(spec.ts, window),
        "range_mean": price.rolling_mean_by(spec.ts, window),
        "range_min": price.rolling_min_by(spec.ts, window),
        "range_max": price.rolling_max_by(spec.ts, window),
        "range_std": price.rolling_std_by(spec.ts, window),
    }
