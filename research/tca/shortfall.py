r"""Implementation shortfall and its parts, order by order.

An order of :math:`Q` lots is decided at mid :math:`D`, reaches the venue at mid :math:`A`, trades
:math:`F = \sum q_i` at prices :math:`p_i` and ends at mid :math:`E` with :math:`U = Q - F`
unfilled. Against the paper portfolio, which had all of it at :math:`D`, it loses

.. math:: s\,[Q (E - D)] - s\,[F E - \sum p_i q_i]
    = \underbrace{s F (A - D)}_{delay} + \underbrace{s (\sum p_i q_i - F A)}_{execution}
    + \underbrace{s U (E - D)}_{opportunity}

and pays fees on top. Both sides are counted separately, and must agree to the last half tick · lot.

References
----------
Perold, A. (1988), "The implementation shortfall: Paper versus reality", Journal of Portfolio
Management 14(3); Wagner, W. and Edwards, M. (1993), "Best execution", Financial Analysts Journal
49(1), for the split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from framework.core.instrument import Instrument
from research.tca.fills import BPS
from research.tca.identity import assert_equal
from research.tca.trading import check_room, fees, names, notional

PARTS: Final = ("delay", "execution", "opportunity")
BENCHMARKS: Final = ("arrival", "vwap", "twap", "close")
_LOTS: Final = pl.col("filled_lots") + pl.col("unfilled_lots")


def shortfall(
    orders: pl.DataFrame, fills: pl.DataFrame, instruments: Sequence[Instrument]
) -> pl.DataFrame:
    """Split every order's shortfall and compare its price with the benchmarks.

    Parameters
    ----------
    orders
        As `research.tca.measure.Measured` has them.
    fills
        As `fill_costs` gives them.
    instruments
        What books and units are.

    Raises
    ------
    IdentityError
        Where the parts do not add up to paper less real, executions do not add up to what the
        order says was filled, or their slippage to its execution part.
    """
    sums = fills.group_by("order_id", maintain_order=True).agg(
        paid_htl=(pl.col("px_hticks") * pl.col("qty_lots")).sum(),
        executed_lots=pl.col("qty_lots").sum(),
        fee_micro=pl.col("fee_micro").sum(),
        slippage_htl=pl.when(pl.col("slippage_htl").null_count() == 0).then(
            pl.col("slippage_htl").sum()
        ),
        is_taker=(pl.col("liquidity") != "maker").all(),
        liquidity=pl.when(pl.col("liquidity").n_unique() == 1)
        .then(pl.col("liquidity").first())
        .otherwise(pl.lit("mixed")),
        executions=pl.len().cast(pl.Int64),
        last_ns=pl.col("ts_ns").max(),
    )
    counted = pl.col("paid_htl", "executed_lots", "fee_micro", "executions").fill_null(0)
    whole = orders.join(sums, on="order_id", how="left", maintain_order="left").with_columns(
        counted
    )
    check_room(whole, ["decision_hticks", "end_hticks", "arrival_hticks"], _LOTS, "orders")
    assert_equal(
        whole, pl.col("executed_lots"), pl.col("filled_lots"), "the sum of its executions = filled"
    )
    return _relative(_parts(whole), instruments)


def _parts(whole: pl.DataFrame) -> pl.DataFrame:
    side = pl.col("side").cast(pl.Int64)
    decision, arrival = pl.col("decision_hticks"), pl.col("arrival_hticks")
    filled, unfilled = pl.col("filled_lots"), pl.col("unfilled_lots")
    # What there is none of costs nothing, whatever the mid was.
    end = pl.when(unfilled > 0).then("end_hticks").otherwise(decision)
    mid = pl.when(filled > 0).then(arrival).otherwise(decision)
    parts = whole.with_columns(
        delay_htl=side * filled * (mid - decision),
        execution_htl=side * (pl.col("paid_htl") - filled * mid),
        opportunity_htl=side * unfilled * (end - decision),
        paper_htl=side * (filled + unfilled) * (end - decision),
        real_htl=side * (filled * end - pl.col("paid_htl")),
    )
    total = pl.sum_horizontal(*(pl.col(f"{p}_htl") for p in PARTS), ignore_nulls=False)
    lost = pl.col("paper_htl") - pl.col("real_htl")
    assert_equal(parts, total, lost, "delay + execution + opportunity = paper - real")
    assert_equal(
        parts.filter(pl.col("filled_lots") > 0),
        pl.col("execution_htl"),
        pl.col("slippage_htl"),
        "the execution part = the sum of its executions' slippage",
    )
    return parts.with_columns(shortfall_htl=total).drop("paper_htl", "real_htl", "executed_lots")


def _relative(parts: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    decided = pl.col("decision_hticks").cast(pl.Float64) * _LOTS
    paid = pl.when(pl.col("filled_lots") > 0).then(pl.col("paid_htl") / pl.col("filled_lots"))
    valued = parts.with_columns(names(instruments)).with_columns(
        notional(instruments, "decision_hticks", _LOTS).alias("notional"),
        fees(instruments, "decision_hticks").alias("fee"),
        paid_hticks=paid,
    )
    costs = [
        pl.when(decided > 0).then(pl.col(f"{part}_htl") * float(BPS) / decided).alias(f"{part}_bps")
        for part in PARTS
    ]
    against = [_against(pl.col(f"{name}_hticks")).alias(f"{name}_bps") for name in BENCHMARKS]
    beyond = pl.col("side") * (pl.col("paid_hticks") - pl.col("touch_hticks"))
    return valued.with_columns(
        *costs,
        *against,
        (pl.col("fee") / pl.col("notional") * BPS).alias("fees_bps"),
        (beyond / pl.col("arrival_hticks") * BPS).alias("beyond_touch_bps"),
    ).with_columns(
        shortfall_bps=pl.sum_horizontal(
            *(pl.col(f"{part}_bps") for part in (*PARTS, "fees")), ignore_nulls=False
        )
    )


def _against(benchmark: pl.Expr) -> pl.Expr:
    """Give the price paid against a benchmark in basis points of it; positive is a cost."""
    return pl.when(benchmark > 0).then(
        pl.col("side") * (pl.col("paid_hticks") - benchmark) / benchmark * BPS
    )
