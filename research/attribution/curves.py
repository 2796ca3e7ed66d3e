"""Markout curves: what a fill was worth some time later, makers against takers."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from framework.core.events import NO_PRICE, F64Array, I64Array
from framework.core.orders import Liquidity
from research.attribution.marks import Marks

CURVE_SCHEMA: Final = pl.Schema(
    {
        "liquidity": pl.String,
        "horizon": pl.String,
        "fills": pl.Int64,
        "markout_bps": pl.Float64,
        "error_bps": pl.Float64,
    }
)
"""``markout_bps`` is the mean over fills, weighted by quantity; ``error_bps`` its standard error,
null for a single fill."""

AT_FILL: Final = "0"
"""Name of the horizon that is the fill itself."""


def markout_curves(marks: Marks) -> pl.DataFrame:
    """Average ``side · (mid − price) / price · 10 000`` over fills, at the fill and later.

    A maker's curve begins with the half spread captured and falls by adverse selection; where the
    data had ended, a fill is left out of that horizon.

    Returns
    -------
    pl.DataFrame
        `CURVE_SCHEMA`: maker's horizons, then taker's, each rising.
    """
    liquidity = marks.fills["liquidity"].to_numpy()
    rows = []
    for word, kind in (("maker", Liquidity.MAKER), ("taker", Liquidity.TAKER)):
        chosen = liquidity == int(kind)
        for name, twice_mid in {AT_FILL: marks.at_fill, **marks.later}.items():
            known = chosen & (twice_mid != NO_PRICE)
            if known.any():
                mean, error = _mean(_markout_bps(marks.fills, twice_mid, known), marks, known)
                rows.append((word, name, int(known.sum()), mean, error))
    return pl.DataFrame(rows, schema=CURVE_SCHEMA, orient="row")


def _markout_bps(fills: pl.DataFrame, twice_mid: I64Array, known: np.ndarray) -> F64Array:
    px, side = (fills[name].to_numpy()[known].astype(np.float64) for name in ("px_ticks", "side"))
    gain: F64Array = side * (twice_mid[known] - 2.0 * px) / (2.0 * px) * 10_000
    return gain


def _mean(values: F64Array, marks: Marks, known: np.ndarray) -> tuple[float, float | None]:
    weights = marks.fills["qty_lots"].to_numpy()[known].astype(np.float64)
    weights /= weights.sum()
    mean = float(weights @ values)
    if values.size < 2:
        return mean, None
    return mean, float(np.sqrt((weights**2) @ (values - mean) ** 2))
