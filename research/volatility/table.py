"""What models learn from: one row a bar, features known at its end, and what came next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.features.variance_bars import BAR_COLUMNS, BARS_TO_BEGIN, VarianceBars
from research.volatility.exogenous import with_news

TARGET: Final = "target_bps2"
"""Variance of the next bar in bps²; null where it is not known."""
HAR_COLUMNS: Final = ("log_rv", "log_rv_5", "log_rv_22")
"""Logarithms of the mean variance of the latest 1, 5 and 22 bars."""
_RISK: Final = (
    *HAR_COLUMNS,
    *("log_rv_66", "log_rv_lag_1", "log_rv_lag_2", "log_rv_lag_3", "log_rv_lag_4"),
    *("log_tick_rv", "log_bipower", "log_parkinson", "log_garman_klass", "log_rogers_satchell"),
    *("log_deviation", "log_quotes", "abs_return_bps", "log_spread", "log_down"),
)
_OTHER: Final = ("return_bps", "day_sin", "day_cos")
_RISK_PREFIXES: Final = ("news_", "risk_")
_NOT_FEATURES: Final = ("ts_ns", "rv_bps2", "return_bps2", TARGET, "regime")

_DAY_NS: Final = 86_400 * NS_PER_S
_DAYS_FOR_CLOCK: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BarSettings:
    """How bars are measured.

    Parameters
    ----------
    horizon_ns
        Length of a bar, and of what is forecast.
    points
        Mids looked at in each bar, evenly in time.
    step
        Points from one mid to the next of a sparse grid; see `subsampled_variance`.
    closed_ns
        The market is closed where the latest quote is older than this, or than the bar is long.
        Such bars are left out: lags count open bars only.
    """

    horizon_ns: int
    points: int = 120
    step: int = 6
    closed_ns: int = 300 * NS_PER_S

    def __post_init__(self) -> None:
        if self.horizon_ns < 1 or not 2 <= 2 * self.step <= self.points:
            raise DataError(
                "bars need a positive horizon and at least two steps of points, got "
                f"horizon_ns={self.horizon_ns}, points={self.points}, step={self.step}",
                remedy="give for example horizon_ns=10_000_000_000, points=120, step=6",
            )


def volatility_table(
    quotes: pl.DataFrame, settings: BarSettings, *, news: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Measure bars and put beside each what was known at its end.

    Parameters
    ----------
    quotes
        `READING_SCHEMA`.
    news
        Headlines with ``available_ns`` and ``intensity``, where there are any.

    Returns
    -------
    pl.DataFrame
        ``ts_ns``, the end of the bar and the instant of the forecast; ``rv_bps2``, the variance of
        the bar, of which less than one smallest move of the mid counts as that; the features;
        and `TARGET`.

    Raises
    ------
    DataError
        Where there are 22 bars or fewer.
    """
    bars = _bars(quotes, settings)
    if bars.height <= BARS_TO_BEGIN:
        raise DataError(
            f"a volatility table needs more than {BARS_TO_BEGIN} open bars, there are "
            f"{bars.height} of {settings.horizon_ns / NS_PER_S:g} s",
            remedy="take a longer period or a shorter horizon",
        )
    table = bars[BARS_TO_BEGIN - 1 :]
    if news is not None:
        table = with_news(table, news)
    is_next = pl.col("ts_ns").shift(-1) == pl.col("ts_ns") + settings.horizon_ns
    return table.with_columns(pl.when(is_next).then(pl.col("rv_bps2").shift(-1)).alias(TARGET))


def feature_names(table: pl.DataFrame) -> list[str]:
    """Name the columns a model may look at; those that are absent are not missed."""
    named = [name for name in (*_RISK, *_OTHER) if name in table.columns]
    return named + [c for c in table.columns if c not in (*named, *_NOT_FEATURES)]


def is_risk(name: str) -> bool:
    """Tell whether more of a feature can only mean more risk."""
    return name in _RISK or name.startswith(_RISK_PREFIXES)


def known_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows whose outcome is known."""
    return table.drop_nulls(TARGET)


def _bars(quotes: pl.DataFrame, settings: BarSettings) -> pl.DataFrame:
    """Measure the open bars, aligned to whole multiples of the horizon."""
    bars = VarianceBars(settings.horizon_ns, settings.points, settings.step, settings.closed_ns)
    names = ("ts_ns", "mid_ticks", "spread_pct", "mid_deviation_ticks")
    ends_ns, rows = bars.over(*(quotes[name].to_numpy() for name in names))
    # Within a day or two, the time of day would only number the bars.
    is_long = ends_ns.size > 0 and ends_ns[-1] - ends_ns[0] >= _DAYS_FOR_CLOCK * _DAY_NS
    kept = [name for name in BAR_COLUMNS if is_long or not name.startswith("day_")]
    columns = {name: rows[:, BAR_COLUMNS.index(name)] for name in kept}
    return pl.DataFrame({"ts_ns": ends_ns} | columns)
