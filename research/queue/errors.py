"""How far queue models were from the exact place, over all shadow orders."""

from __future__ import annotations

import polars as pl

from framework.core.clock import NS_PER_S


def model_errors(shadows: pl.DataFrame, estimates: pl.DataFrame) -> pl.DataFrame:
    """Sum up every model's errors.

    Parameters
    ----------
    shadows
        One row a shadow, see `QueueCalibration.shadows`.
    estimates
        One row a shadow and model: error sums and when the model thought it at the front.

    Returns
    -------
    errors
        One row a model, the least `mae_lots` first. Errors are estimate minus truth:

        ``bias_lots``, ``mae_lots``
            of the quantity ahead, the mean over the time that shadows waited behind others;
        ``event_bias_lots``, ``event_mae_lots``
            the same, the mean over the events that moved a shadow's level;
        ``mae_share``
            the sum of absolute errors over time as a share of the quantity first ahead;
        ``early``, ``late``
            shares of the shadows that the model thought at the front before, or after, they were;
        ``front_bias_s``, ``front_mae_s``, ``front_median_s``
            of the time to the front in seconds: mean, mean absolute and median absolute error.

        The last five rows count only shadows that were seen to the end.
    """
    waited = pl.coalesce("front_ns", "last_ns") - pl.col("start_ns")
    numbered = shadows.with_row_index("shadow").select(
        pl.col("shadow").cast(pl.Int64),
        "events",
        "censored",
        waited_ns=waited,
        first_lot_ns=pl.col("ahead0_lots") * waited,
        true_ns="front_ns",
    )
    rows = estimates.join(numbered, on="shadow")
    off = ((pl.col("front_ns") - pl.col("true_ns")) / NS_PER_S).filter(~pl.col("censored"))
    total_ns, events = pl.col("waited_ns").sum(), pl.col("events").sum()
    return (
        rows.group_by("model", maintain_order=True)
        .agg(
            bias_lots=pl.col("bias_lot_ns").sum() / total_ns,
            mae_lots=pl.col("error_lot_ns").sum() / total_ns,
            event_bias_lots=pl.col("bias_lots").sum() / events,
            event_mae_lots=pl.col("error_lots").sum() / events,
            mae_share=pl.col("error_lot_ns").sum() / pl.col("first_lot_ns").sum(),
            early=(off < 0).mean(),
            late=(off > 0).mean(),
            front_bias_s=off.mean(),
            front_mae_s=off.abs().mean(),
            front_median_s=off.abs().median(),
        )
        .sort("mae_lots", maintain_order=True)
    )
