"""Are forecasts still as good, as centred and as sure of themselves as in validation?"""

from __future__ import annotations

import math
from typing import Final

import polars as pl

from framework.core.events import F64Array
from research.drift.baseline import Baseline, Level
from research.drift.finding import Finding, Limits
from research.drift.serial import error_of_mean
from research.volatility import TARGET, Forecast, known_rows, qlike

PROMISED: Final = 0.9
"""Share of outcomes that a model's interval is to hold."""
FORECASTS: Final = "forecasts"
"""Name of forecasts that have no other."""
_UNKNOWN: Final = Level(mean=math.nan, error=math.nan)
_CENTRED: Final = Level(mean=1.0, error=0.0)


def forecast_errors(made: Forecast, table: pl.DataFrame) -> pl.DataFrame:
    """Put forecasts beside what came; see `with_outcomes`."""
    low, high = made.interval()
    rows = pl.DataFrame(
        {"ts_ns": made.ts_ns, "mean_bps2": made.mean_bps2, "low_bps2": low, "high_bps2": high}
    )
    return with_outcomes(rows, table)


def with_outcomes(forecasts: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Put forecasts beside what came; bars whose outcome is not known are left out.

    Parameters
    ----------
    forecasts
        ``ts_ns``, ``mean_bps2``, ``low_bps2`` and ``high_bps2``.
    table
        As `research.volatility.volatility_table` makes it of the same stream and horizon.

    Returns
    -------
    pl.DataFrame
        Those, ``outcome_bps2``, ``qlike``, ``ratio`` (outcome over forecast) and ``is_within``.
    """
    outcomes = known_rows(table).select("ts_ns", outcome_bps2=TARGET)
    both = forecasts.join(outcomes, on="ts_ns", how="inner", maintain_order="left")
    outcome, mean = both["outcome_bps2"].to_numpy(), both["mean_bps2"].to_numpy()
    return both.with_columns(
        qlike=qlike(outcome, mean),
        ratio=outcome / mean,
        is_within=pl.col("outcome_bps2").is_between("low_bps2", "high_bps2"),
    )


def calibration(
    then: Baseline | None, rows: pl.DataFrame, limits: Limits, of: str = FORECASTS
) -> list[Finding]:
    """Test loss, bias and coverage of forecasts.

    Loss and bias are held against validation, whose own error counts; coverage against the 90 % it
    promises. Where no validation is known, the loss is told and not tested, and the bias held
    against 1.

    Parameters
    ----------
    rows
        As `with_outcomes` gives them.
    of
        Name of the forecasts.
    """
    return [
        _loss(then, rows, limits, of),
        _bias(then, rows, limits, of),
        _coverage(then, rows, limits, of),
    ]


def kupiec(misses: int, n: int, share: float, spread: float = 1.0) -> float:
    r"""Return the p-value of Kupiec's test that misses come with probability `share`.

    Parameters
    ----------
    spread
        How much wider than independent misses theirs scatter, as a ratio of variances: misses that
        come in runs are fewer than they look.

    References
    ----------
    Kupiec, P. (1995), "Techniques for Verifying the Accuracy of Risk Measurement Models", Journal
    of Derivatives 3(2). McCullagh, P. and Nelder, J. (1989), "Generalized Linear Models", chapter
    4.5, for the division by the spread.

    Examples
    --------
    Kupiec's table: of 255 days at 1 %, 7 losses or more are too many at 5 %, 6 are not.

    >>> kupiec(7, 255, 0.01) < 0.05 < kupiec(6, 255, 0.01)
    True
    """
    from scipy.special import xlogy  # type: ignore[import-untyped]
    from scipy.stats import chi2  # type: ignore[import-untyped]

    seen = misses / n
    gain = xlogy(misses, seen / share) + xlogy(n - misses, (1.0 - seen) / (1.0 - share))
    return float(chi2.sf(2.0 * max(float(gain), 0.0) / spread, 1))


def _loss(then: Baseline | None, rows: pl.DataFrame, limits: Limits, of: str) -> Finding:
    level = _UNKNOWN if then is None else then.qlike
    values = rows["qlike"].to_numpy()
    now, error = float(values.mean()), error_of_mean(values)
    z = (now - level.mean) / math.hypot(error, level.error)
    return Finding(
        test="qlike",
        of=of,
        was=level.mean,
        now=now,
        effect=now / level.mean,
        limit=limits.qlike,
        p=_beyond(z),
        n=values.size,
        low=now - 1.96 * error,
        high=now + 1.96 * error,
    )


def _bias(then: Baseline | None, rows: pl.DataFrame, limits: Limits, of: str) -> Finding:
    level = _CENTRED if then is None else then.ratio
    values = rows["ratio"].to_numpy()
    now, error = float(values.mean()), error_of_mean(values)
    # The model's own level is as uncertain as that of those validated.
    z = (now - level.mean) / math.hypot(error, level.error, level.error)
    return Finding(
        test="bias",
        of=of,
        was=level.mean,
        now=now,
        effect=max(now / level.mean, level.mean / now),
        limit=limits.bias,
        p=min(2.0 * _beyond(abs(z)), 1.0),
        n=values.size,
        low=now - 1.96 * error,
        high=now + 1.96 * error,
    )


def _coverage(then: Baseline | None, rows: pl.DataFrame, limits: Limits, of: str) -> Finding:
    within = rows["is_within"].cast(pl.Float64).to_numpy()
    now, error = float(within.mean()), error_of_mean(within)
    # The interval's ends are those of a sample themselves.
    learnt = math.inf if then is None else then.rows
    spread = _spread(within) * (1.0 + within.size / learnt)
    return Finding(
        test="coverage",
        of=of,
        was=PROMISED,
        now=now,
        effect=abs(now - PROMISED),
        limit=limits.coverage,
        p=kupiec(round(within.size * (1.0 - now)), within.size, 1.0 - PROMISED, spread),
        n=within.size,
        low=max(now - 1.96 * error, 0.0),
        high=min(now + 1.96 * error, 1.0),
    )


def _spread(within: F64Array) -> float:
    """Say how much wider than independent hits these scatter; 1 at least."""
    alone = float(within.var()) / within.size
    return max(error_of_mean(within) ** 2 / alone, 1.0) if alone else 1.0


def _beyond(z: float) -> float:
    from scipy.stats import norm

    return float(norm.sf(z))
