"""A model's forecasts as signals: the mean and both ends of the 90 % interval, each by name."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import ClassVar, Final

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.lake.store import Lake, TableName
from framework.signals.held import HeldSignal
from framework.signals.link import WrittenAndTold
from framework.signals.stored import SIGNAL_SCHEMA, StoredSignal
from framework.state.lag import Lag, StoreLink

FORECAST_SCHEMA: Final = pl.Schema(
    {
        "series": pl.String,
        "model": pl.String,
        "model_version": pl.Int64,
        "stream": pl.String,
        "horizon_ns": pl.Int64,
        "ts_ns": pl.Int64,
        "available_ns": pl.Int64,
        "mean_bps2": pl.Float64,
        "low_bps2": pl.Float64,
        "high_bps2": pl.Float64,
    }
)
"""One forecast of variance a row, in basis points squared over the horizon. ``series`` names the
model, its version and the stream; ``ts_ns`` is the instant it is made for, from what was known
then; ``available_ns`` is when the model had worked it out."""

_FINGERPRINT_BITS: Final = 62


class ForecastUnit(StrEnum):
    """What strategies read."""

    BPS = "bps"
    """Standard deviation over the horizon, basis points."""
    BPS2 = "bps2"
    """Variance over the horizon, basis points squared."""


class ForecastPart(StrEnum):
    """Which number of a forecast a signal holds."""

    MEAN = "mean"
    LOW = "low"
    HIGH = "high"

    def signal(self, name: str) -> str:
        """Name the signal.

        >>> [part.signal("volatility") for part in ForecastPart]
        ['volatility', 'volatility_low', 'volatility_high']
        """
        return name if self is ForecastPart.MEAN else f"{name}_{self}"

    def number(self, unit: ForecastUnit) -> pl.Expr:
        """Compute the signal's value."""
        variance = pl.col(f"{self}_bps2")
        return variance.sqrt() if unit is ForecastUnit.BPS else variance


class ForecastSignal(StoredSignal):
    """One number of one series of a forecast table, at one version.

    Parameters
    ----------
    name
        What strategies ask for is `ForecastPart.signal` of it.
    lake, table
        Where it stands, in `FORECAST_SCHEMA`.
    part, unit
        Which number, and in what.
    series
        May be left out where the table has one.
    inference
        What the model takes for a forecast; as the table says where None. The three signals of a
        series draw alike, so that they become available together.
    link
        Lags of the store on top.
    version, seed
        As of `StoredSignal`.

    Raises
    ------
    DataError
        Where there is no such table, version or series, or it is no forecast table.
    """

    schema: ClassVar[pl.Schema] = FORECAST_SCHEMA
    about: ClassVar[str] = "series"
    remedy: ClassVar[str] = "write it with crossbook model forecast"

    def __init__(
        self,
        name: str,
        lake: Lake,
        table: TableName,
        part: ForecastPart = ForecastPart.MEAN,
        *,
        unit: ForecastUnit = ForecastUnit.BPS,
        series: str = "",
        inference: Lag | None = None,
        link: StoreLink | None = None,
        version: int | None = None,
        seed: int = 0,
    ) -> None:
        self._part, self._unit, self._inference = part, unit, inference
        super().__init__(
            part.signal(name), lake, table, scope=series, link=link, version=version, seed=seed
        )

    def _told(self) -> WrittenAndTold:
        return WrittenAndTold(
            self._link, seed=self._seed, client=self.scope, inference=self._inference
        )

    def _own(self) -> pl.LazyFrame:
        rows = self._lake.scan(self.table, self.version).filter(pl.col("series") == self.scope)
        recorded_ns = "available_ns" if self._inference is None else "ts_ns"
        return rows.select(
            scope="series",
            valid_ns="ts_ns",
            recorded_ns=recorded_ns,
            value=self._part.number(self._unit),
            state=pl.lit(None, SIGNAL_SCHEMA["state"]),
        )


def forecast_signals(
    name: str,
    lake: Lake,
    table: TableName,
    *,
    unit: ForecastUnit = ForecastUnit.BPS,
    series: str = "",
    inference: Lag | None = None,
    link: StoreLink | None = None,
    version: int | None = None,
    seed: int = 0,
) -> tuple[ForecastSignal, ...]:
    """Open the three signals of a series: NAME, NAME_low, NAME_high; as `ForecastSignal`."""
    return tuple(
        ForecastSignal(
            name,
            lake,
            table,
            part,
            unit=unit,
            series=series,
            inference=inference,
            link=link,
            version=version,
            seed=seed,
        )
        for part in ForecastPart
    )


def held_forecasts(
    name: str, rows: pl.DataFrame, *, unit: ForecastUnit = ForecastUnit.BPS
) -> tuple[HeldSignal, ...]:
    """Make the three signals of `FORECAST_SCHEMA` rows of one series, available as they say."""
    ordered = rows.sort("available_ns", "ts_ns")
    available_ns, valid_ns = (ordered[c].to_numpy() for c in ("available_ns", "ts_ns"))
    return tuple(
        HeldSignal(
            part.signal(name),
            available_ns,
            valid_ns,
            ordered.select(part.number(unit)).to_series().to_numpy(),
        )
        for part in ForecastPart
    )


def write_forecasts(lake: Lake, table: TableName, rows: pl.DataFrame) -> int | None:
    """Put the forecasts of one series in the place of those the table has of it.

    Returns
    -------
    int or None
        The version written; None where the table held these very rows already.

    Raises
    ------
    DataError
        Where the rows are not `FORECAST_SCHEMA`, of several series, or not sound.
    """
    if rows.schema != FORECAST_SCHEMA:
        raise DataError(
            f"{table} must have the columns {dict(FORECAST_SCHEMA)}, got {dict(rows.schema)}",
            remedy="make the rows with research.volatility.forecast_frame",
        )
    series = rows["series"].unique().to_list()
    if len(series) != 1:
        raise DataError(
            f"{table} takes the forecasts of one series at a time, got {len(series)}: "
            f"{', '.join(sorted(series)[:5])}",
            remedy="write them one after the other; there must be a row at least",
        )
    _check(rows, table)
    digest = hashlib.sha256(rows.write_csv().encode()).digest()
    content = int.from_bytes(digest, "big") >> (8 * len(digest) - _FINGERPRINT_BITS)
    with lake.sole_writer(table.name):
        return lake.replace(table, rows, column="series", value=str(series[0]), content=content)


def _check(rows: pl.DataFrame, table: TableName) -> None:
    low, mean, high = (rows[f"{part}_bps2"].to_numpy() for part in ("low", "mean", "high"))
    sound = (rows["available_ns"] >= rows["ts_ns"]).to_numpy() & (low >= 0.0) & (low <= high)
    sound &= np.isfinite(high) & np.isfinite(mean) & (mean > 0.0)
    wrong = np.flatnonzero(~sound)
    if wrong.size:
        raise DataError(
            f"{table}, row {int(wrong[0])} of the forecasts: one must be available no earlier than "
            f"it is made for, and be finite with low <= high, got {rows.row(int(wrong[0]))}",
            remedy="correct the model; nothing was written",
        )
