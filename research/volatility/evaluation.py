"""Forecasts out of sample, by a purged walk forward, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.core.events import F64Array
from research.validation import Span, walk_forward
from research.volatility.comparison import Comparison, confidence_set, diebold_mariano
from research.volatility.conformal import REGIMES, Conformal, regimes
from research.volatility.forecast import Forecast
from research.volatility.losses import crps, pinball, qlike, squared
from research.volatility.models.base import VolatilityModel
from research.volatility.table import TARGET, known_rows

REFERENCE: Final = "har"
"""The model that others are tested against."""
_CALIBRATION: Final = 0.25  # latest share of what is learnt from, kept back for the intervals

OnFold = Callable[[str, int, int], None]
"""Called with a model's name, folds done and folds in all."""


@dataclass(frozen=True)
class Evaluation:
    """Forecasts of several models for the same instants.

    Attributes
    ----------
    rows
        One a model and instant: ``model``, ``ts_ns``, ``fold``, ``regime``, ``outcome_bps2``,
        ``mean_bps2``, the bounds of the conformal interval ``low_bps2`` and ``high_bps2``,
        ``is_within`` them and ``is_within_quantiles``, and the losses ``qlike``, ``mse``,
        ``pinball``, ``crps``.
    """

    rows: pl.DataFrame

    def losses(self, loss: str = "qlike") -> dict[str, F64Array]:
        """Return each model's losses in order of time."""
        return {
            str(name): part.sort("ts_ns")[loss].to_numpy()
            for (name,), part in self.rows.group_by("model", maintain_order=True)
        }

    def against_reference(self, loss: str = "qlike") -> dict[str, Comparison]:
        """Test every other model against the reference; empty where that was not evaluated."""
        losses = self.losses(loss)
        if REFERENCE not in losses:
            return {}
        own = losses.pop(REFERENCE)
        return {name: diebold_mariano(other, own) for name, other in losses.items()}

    def summary(self) -> pl.DataFrame:
        """Average losses and coverage, test against HAR, and the confidence set; best first.

        ``coverage_low`` and ``coverage_high`` hold the coverage that lies behind the share seen,
        with 95 % confidence.
        """
        means = self.rows.group_by("model", maintain_order=True).agg(
            pl.len().alias("n"),
            pl.col("qlike", "mse", "pinball", "crps").mean(),
            coverage=pl.col("is_within").mean(),
            quantile_coverage=pl.col("is_within_quantiles").mean(),
        )
        means = _with_doubt(means)
        tests = self.against_reference()
        means = means.with_columns(
            dm_gain=pl.Series([_of(tests, m, "gain") for m in means["model"]], dtype=pl.Float64),
            dm_p=pl.Series([_of(tests, m, "p_value") for m in means["model"]], dtype=pl.Float64),
        )
        losses = self.losses()
        if len(losses) > 1:
            kept = confidence_set(losses).select("model", mcs_p="p_value", in_set="is_kept")
            means = means.join(kept, on="model", maintain_order="left")
        return means.sort("qlike")

    def coverage_by_regime(self) -> pl.DataFrame:
        """Return the share of outcomes within the 90 % interval, by model and regime.

        ``coverage_low`` and ``coverage_high`` as in `summary`.
        """
        return _with_doubt(
            self.rows.group_by("model", "regime", maintain_order=True)
            .agg(pl.len().alias("n"), coverage=pl.col("is_within").mean())
            .sort("model", pl.col("regime").cast(pl.Enum(REGIMES)))
        )


def evaluate(
    table: pl.DataFrame,
    models: Mapping[str, Callable[[], VolatilityModel]],
    horizon_ns: int,
    *,
    folds: int = 3,
    train_folds: int = 2,
    conformal: Conformal | None = None,
    on_fold: OnFold | None = None,
) -> Evaluation:
    """Learn on the past, forecast what comes next, move on.

    Each fold learns from everything before it less one horizon, the latest quarter of which is kept
    back to set the intervals (again a horizon apart), so no outcome that is learnt from reaches
    into what is tested on.

    Parameters
    ----------
    table
        As `volatility_table` makes it.
    models
        What makes a fresh model, by name.
    horizon_ns
        Of the table.
    folds, train_folds
        The period is cut into their sum; the last `folds` are tested on.

    Raises
    ------
    DataError
        Where a fold has too few rows.
    """
    conformal = conformal or Conformal()
    rows = known_rows(table)
    if rows.is_empty():
        raise DataError(
            "an evaluation needs bars whose outcome is known, the table has none",
            remedy="take a longer period or a shorter horizon",
        )
    span = Span(int(rows["ts_ns"][0]), int(rows["ts_ns"][-1]) + 1)
    splits = walk_forward(
        span, folds=folds, anchored=True, purge=horizon_ns, train_folds=train_folds
    )
    found = []
    for name, make in models.items():
        for fold, split in enumerate(splits):
            learnt = pl.concat(
                table.filter(pl.col("ts_ns").is_between(s.start_ns, s.end_ns, closed="left"))
                for s in split.train
            )
            test = split.test[0]
            tested = rows.filter(
                pl.col("ts_ns").is_between(test.start_ns, test.end_ns, closed="left")
            )
            if tested.height:  # none where the market was closed, over a weekend
                rows_of = _tested(name, fold, make(), table, learnt, tested, horizon_ns, conformal)
                found.append(rows_of)
            if on_fold is not None:
                on_fold(name, fold + 1, folds)
    if not found:
        raise DataError(
            f"an evaluation needs bars in one of its {folds} folds at least, they have none",
            remedy="take a longer period or fewer folds",
        )
    return Evaluation(pl.concat(found))


def split_for_intervals(learnt: pl.DataFrame, horizon_ns: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keep the latest quarter back, a horizon apart from what is trained on.

    Raises
    ------
    DataError
        Where nothing is left.
    """
    cut = learnt.height - int(_CALIBRATION * learnt.height)
    if cut < 1 or cut == learnt.height:
        raise DataError(
            f"a model needs more bars to learn from, there are {learnt.height}",
            remedy="take a longer period, a shorter horizon or fewer folds",
        )
    border_ns = int(learnt["ts_ns"][cut])
    return learnt.filter(pl.col("ts_ns") + horizon_ns <= border_ns), known_rows(learnt[cut:])


def forecast_rows(model: VolatilityModel, table: pl.DataFrame, rows: pl.DataFrame) -> Forecast:
    """Forecast some rows of a table; what stands before them is there to look back at."""
    last_ns = int(rows["ts_ns"][-1])
    made = model.forecast(table.filter(pl.col("ts_ns") <= last_ns))
    place = np.searchsorted(made.ts_ns, rows["ts_ns"].to_numpy())
    return Forecast(made.ts_ns[place], made.mean_bps2[place], made.quantiles_bps2[place])


def _tested(
    name: str,
    fold: int,
    model: VolatilityModel,
    table: pl.DataFrame,
    learnt: pl.DataFrame,
    tested: pl.DataFrame,
    horizon_ns: int,
    conformal: Conformal,
) -> pl.DataFrame:
    trained, kept_back = split_for_intervals(learnt, horizon_ns)
    model.fit(trained)
    borders = trained["log_rv_22"].to_numpy()
    made = forecast_rows(model, table, tested)
    outcome = tested[TARGET].to_numpy()
    regime = regimes(tested["log_rv_22"].to_numpy(), borders)
    seen = (
        forecast_rows(model, table, kept_back),
        kept_back[TARGET].to_numpy(),
        regimes(kept_back["log_rv_22"].to_numpy(), borders),
    )
    low, high = conformal.intervals(seen, (made, outcome, regime), horizon_ns)
    inner_low, inner_high = made.interval()
    return pl.DataFrame(
        {
            "model": [name] * tested.height,
            "ts_ns": made.ts_ns,
            "fold": [fold] * tested.height,
            "regime": [REGIMES[place] for place in regime],
            "outcome_bps2": outcome,
            "mean_bps2": made.mean_bps2,
            "low_bps2": low,
            "high_bps2": high,
            "is_within": (outcome >= low) & (outcome <= high),
            "is_within_quantiles": (outcome >= inner_low) & (outcome <= inner_high),
            "qlike": qlike(outcome, made.mean_bps2),
            "mse": squared(outcome, made.mean_bps2),
            "pinball": pinball(outcome, made.quantiles_bps2),
            "crps": crps(outcome, made.quantiles_bps2),
        }
    )


def _with_doubt(shares: pl.DataFrame) -> pl.DataFrame:
    """Put beside each share how far chance may have moved it.

    References
    ----------
    Clopper, C. and Pearson, E. S. (1934), "The Use of Confidence or Fiducial Limits Illustrated in
    the Case of the Binomial", Biometrika 26(4).
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    found = [
        binomtest(round(share * n), n).proportion_ci()
        for n, share in shares.select("n", "coverage").iter_rows()
    ]
    return shares.with_columns(
        coverage_low=pl.Series([interval.low for interval in found], dtype=pl.Float64),
        coverage_high=pl.Series([interval.high for interval in found], dtype=pl.Float64),
    )


def _of(tests: Mapping[str, Comparison], model: str, field: str) -> float | None:
    return float(getattr(tests[model], field)) if model in tests else None
