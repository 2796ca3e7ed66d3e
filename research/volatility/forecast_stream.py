"""A model's forecasts as a stream: out of sample, each with the instant from which it may be used.

A model knows everything up to the last outcome it learnt from. A forecast for an instant before
that would come from the future, whatever stream it is about, so such rows are left out.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import format_ns
from framework.core.errors import DataError
from framework.signals import FORECAST_SCHEMA
from framework.signals.link import WrittenAndTold
from framework.state.lag import Lag, StoreLink
from research.volatility.models import VolatilityModel
from research.volatility.table import TARGET

_UNRELATED: Final = -(2**63)
_TRIALS: Final = 21
_TO_LOOK_BACK: Final = 200  # rows that a live model would keep


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastOrigin:
    """Where forecasts come from.

    Attributes
    ----------
    model, version
        Which model; version 0 was never registered.
    learnt_until_ns
        When the last outcome it learnt from was known; None where the market forecast has nothing
        to do with the one learnt from, as two generated ones.
    """

    model: str
    version: int
    learnt_until_ns: int | None

    def series(self, table: str, stream: str) -> str:
        """Name what they are called in a forecast table.

        >>> ForecastOrigin(model="har", version=2, learnt_until_ns=0).series("fx", "oanda:EURUSD")
        'har-2-fx-oanda:EURUSD'
        """
        return re.sub(r"[^\w.:\-]", "_", f"{self.model}-{self.version}-{table}-{stream}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastStream:
    """Forecasts, and what is known of them.

    Attributes
    ----------
    rows
        `FORECAST_SCHEMA`, by ``ts_ns``.
    left_out
        Rows of the table that the model may have learnt from.
    coverage
        Share of the outcomes known that fell into the 90 % interval; nan where none is known.
    """

    rows: pl.DataFrame
    left_out: int
    coverage: float


def forecast_frame(
    model: VolatilityModel,
    table: pl.DataFrame,
    origin: ForecastOrigin,
    *,
    source: tuple[str, str],
    horizon_ns: int,
    latency: Lag | None = None,
    seed: int = 0,
) -> ForecastStream:
    """Forecast every bar of a volatility table that the model cannot have learnt from.

    Parameters
    ----------
    model
        Fitted.
    table
        As `volatility_table` makes it of the stream.
    origin
        Which model, and what it knows.
    source
        Gold table and stream (``venue:symbol``) that the table was made of.
    horizon_ns
        Of the table.
    latency
        What the model takes for a forecast; forecasts do not overtake each other.
    seed
        Of a drawn latency.

    Raises
    ------
    DataError
        Where the model has learnt from everything there is.
    """
    border_ns = _UNRELATED if origin.learnt_until_ns is None else origin.learnt_until_ns
    # What came before may be looked back at: it was known then.
    is_free = (table["ts_ns"] >= border_ns).to_numpy()
    if not is_free.any():
        last_ns = int(table["ts_ns"][-1])
        raise DataError(
            f"{origin.model} must forecast what it has not learnt from: it knows everything until "
            f"{format_ns(border_ns)[:19]}, {'/'.join(source)} ends at {format_ns(last_ns)[:19]}",
            remedy="train it on an earlier period, or forecast a later one; say unrelated of a "
            "generated market that has nothing to do with the one learnt from",
        )
    made = model.forecast(table)
    series = origin.series(*source)
    told = WrittenAndTold(StoreLink(), seed=seed, client=series, inference=latency)
    low, high = made.interval()
    ts_ns = made.ts_ns[is_free]
    rows = pl.DataFrame(
        {
            "series": [series] * ts_ns.size,
            "model": [origin.model] * ts_ns.size,
            "model_version": [origin.version] * ts_ns.size,
            "stream": [source[1]] * ts_ns.size,
            "horizon_ns": [horizon_ns] * ts_ns.size,
            "ts_ns": ts_ns,
            "available_ns": told.over(ts_ns),
            "mean_bps2": made.mean_bps2[is_free],
            "low_bps2": low[is_free],
            "high_bps2": high[is_free],
        },
        schema=FORECAST_SCHEMA,
    )
    outcome = table[TARGET].to_numpy()
    known = is_free & np.isfinite(outcome)
    within = (outcome[known] >= low[known]) & (outcome[known] <= high[known])
    coverage = float(np.mean(within)) if within.size else float("nan")
    return ForecastStream(rows=rows, left_out=int((~is_free).sum()), coverage=coverage)


def measured_latency_ns(model: VolatilityModel, table: pl.DataFrame) -> int:
    """Time one forecast on this machine: the median of some, made as a live model makes them.

    A wall time: good for a suggestion, never part of a result.
    """
    rows = table.tail(_TO_LOOK_BACK)
    taken = []
    for _ in range(_TRIALS):
        begun_ns = time.perf_counter_ns()
        model.forecast(rows)
        taken.append(time.perf_counter_ns() - begun_ns)
    return int(np.median(taken))
