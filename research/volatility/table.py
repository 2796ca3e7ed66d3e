"""What models learn from: one row a bar, features known at its end, and what came next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.core.events import F64Array, I64Array
from research.volatility.exogenous import with_news
from research.volatility.ranges import garman_klass, parkinson, rogers_satchell

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
_BPS: Final = 1e4
_CHUNK_BARS: Final = 4_096
_DAYS_FOR_CLOCK: Final = 3
_LAGS: Final = (1, 2, 3, 4)
_WINDOWS: Final = (5, 22, 66)
_FEWEST: Final = 22  # bars before the first row; a longer mean begins with as many


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
    if bars.height <= _FEWEST:
        raise DataError(
            f"a volatility table needs more than {_FEWEST} open bars, there are "
            f"{bars.height} of {settings.horizon_ns / NS_PER_S:g} s",
            remedy="take a longer period or a shorter horizon",
        )
    table = _lagged(bars).drop_nulls("log_rv_22")
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


def _lagged(bars: pl.DataFrame) -> pl.DataFrame:
    rv = pl.col("rv_bps2")
    day = 2.0 * math.pi * (pl.col("ts_ns") % _DAY_NS) / _DAY_NS
    # Within a day or two, the time of day would only number the bars.
    is_long = bars["ts_ns"][-1] - bars["ts_ns"][0] >= _DAYS_FOR_CLOCK * _DAY_NS
    lagged = bars.with_columns(
        rv.log().alias("log_rv"),
        *(
            rv.rolling_mean(n, min_samples=min(n, _FEWEST)).log().alias(f"log_rv_{n}")
            for n in _WINDOWS
        ),
        *(rv.log().shift(n).alias(f"log_rv_lag_{n}") for n in _LAGS),
        pl.col("return_bps").abs().alias("abs_return_bps"),
    )
    if is_long:
        lagged = lagged.with_columns(day_sin=day.sin(), day_cos=day.cos())
    return lagged


def _bars(quotes: pl.DataFrame, settings: BarSettings) -> pl.DataFrame:
    """Measure the open bars, aligned to whole multiples of the horizon."""
    ts_ns = quotes["ts_ns"].to_numpy()
    mid = quotes["mid_ticks"].to_numpy()
    horizon_ns = settings.horizon_ns
    first = -(-int(ts_ns[0]) // horizon_ns)
    ends_ns = np.arange(first + 1, int(ts_ns[-1]) // horizon_ns + 1, dtype=np.int64) * horizon_ns
    last = np.searchsorted(ts_ns, ends_ns, side="right") - 1
    age_ns = ends_ns - ts_ns[last]
    ends_ns = ends_ns[age_ns <= max(settings.closed_ns, horizon_ns)]
    log_mid = _BPS * np.log(mid)
    floor = (_BPS * 0.5 / mid) ** 2
    frames = [
        _measured(quotes, ts_ns, log_mid, floor, ends_ns[i : i + _CHUNK_BARS], settings)
        for i in range(0, ends_ns.size, _CHUNK_BARS)
    ]
    return pl.concat(frames) if frames else pl.DataFrame()


def _measured(
    quotes: pl.DataFrame,
    ts_ns: I64Array,
    log_mid: F64Array,
    floor: F64Array,
    ends_ns: I64Array,
    settings: BarSettings,
) -> pl.DataFrame:
    points, step = settings.points, settings.step
    offsets = np.arange(-points, 1) * settings.horizon_ns // points
    place = np.searchsorted(ts_ns, ends_ns[:, None] + offsets, side="right") - 1
    prices = log_mid[place]
    at, before = place[:, -1], place[:, 0]
    least = floor[at]
    sparse = prices[:, step:] - prices[:, :-step]
    rv = np.mean(sparse**2, axis=1) * points / step
    down = np.mean(np.minimum(sparse, 0.0) ** 2, axis=1) * points / step
    neighbours = np.abs(sparse[:, step:] * sparse[:, :-step])
    bipower = np.mean(neighbours, axis=1) * points / step * math.pi / 2.0
    dense = np.concatenate([[0.0], np.cumsum(np.diff(log_mid) ** 2)])
    ohlc = (prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, -1])
    ticks = quotes["mid_ticks"].to_numpy()[at]
    deviation = quotes["mid_deviation_ticks"].to_numpy()[at] / ticks * _BPS
    spread = np.maximum(quotes["spread_pct"].to_numpy()[at] * 100.0, 0.0)
    root = np.sqrt(least)
    return pl.DataFrame(
        {
            "ts_ns": ends_ns,
            "rv_bps2": np.maximum(rv, least),
            "log_tick_rv": np.log(np.maximum(dense[at] - dense[before], 0.0) + least),
            "log_bipower": np.log(bipower + least),
            "log_down": np.log(down + least),
            "log_parkinson": np.log(parkinson(ohlc[1], ohlc[2]) + least),
            "log_garman_klass": np.log(np.maximum(garman_klass(*ohlc), 0.0) + least),
            "log_rogers_satchell": np.log(np.maximum(rogers_satchell(*ohlc), 0.0) + least),
            "log_deviation": np.log(deviation + root),
            "log_spread": np.log(spread + root),
            "log_quotes": np.log1p(at - before),
            "return_bps": prices[:, -1] - prices[:, 0],
        }
    )
