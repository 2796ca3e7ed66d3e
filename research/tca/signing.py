"""Who started a trade, told from prices alone.

References
----------
Lee, C. and Ready, M. (1991), "Inferring trade direction from intraday data", Journal of Finance
46(2). Their five seconds of quote delay belong to hand-kept tapes; here the quote is the last one
before the trade.
"""

from __future__ import annotations

import polars as pl


def tick_rule(px_ticks: pl.Series) -> pl.Series:
    """Sign trades by the last change of price: +1 after a rise, −1 after a fall.

    Returns
    -------
    int8, 0 before the first change of price

    Examples
    --------
    >>> tick_rule(pl.Series([10, 11, 11, 10])).to_list()
    [0, 1, 1, -1]
    """
    change = px_ticks.diff().fill_null(0).sign().cast(pl.Int8)
    moved = pl.select(pl.when(change != 0).then(change)).to_series()
    return moved.forward_fill().fill_null(0).alias("tick_rule")


def lee_ready(px_ticks: pl.Series, mid_hticks: pl.Series) -> pl.Series:
    """Sign trades above the mid +1 and below it −1; at the mid, by the tick rule.

    Parameters
    ----------
    px_ticks
        Prices of one book's trades, in order.
    mid_hticks
        The mid before each, in half ticks; null where there was none.

    Examples
    --------
    >>> lee_ready(pl.Series([10, 12, 11]), pl.Series([22, 22, 22])).to_list()
    [-1, 1, -1]
    """
    above = (2 * px_ticks - mid_hticks).sign().fill_null(0).cast(pl.Int8)
    ticked = tick_rule(px_ticks)
    return (
        pl.select(pl.when(above != 0).then(above).otherwise(ticked)).to_series().alias("lee_ready")
    )


def accuracy(signs: pl.Series, known: pl.Series) -> float | None:
    """Share of the trades whose side is known that were signed right; an unsigned one is not.

    >>> accuracy(pl.Series([1, -1, 0, 1]), pl.Series([1, 1, 1, 0]))
    0.3333333333333333
    """
    has_side = known != 0
    total = int(has_side.sum())
    return int(((signs == known) & has_side).sum()) / total if total else None
