"""All tests of one question together, corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from experiments.drift.orders import WatchedCosts
from experiments.drift.watched import WatchedModel
from framework.core.errors import DataError
from research.drift import FORECASTS, Limits, calibration, judge, population


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """What has drifted, and what has not.

    Parameters
    ----------
    table
        `research.drift.DRIFT_SCHEMA`, findings first.
    limits
        What counts.
    models, costs
        What was tested.
    run
        Folder of the run tested, where it was one.
    """

    table: pl.DataFrame
    limits: Limits
    models: tuple[WatchedModel, ...] = ()
    costs: WatchedCosts | None = None
    run: Path | None = None

    @property
    def title(self) -> str:
        """Name what was tested."""
        named = [f"{one.name} version {one.version}" for one in self.models if one.of == FORECASTS]
        if self.run is not None:
            named.append(f"run {self.run.name}")
        elif self.costs is not None:
            named.append(f"costs of {self.costs.title}")
        return ", ".join(named)

    @property
    def findings(self) -> pl.DataFrame:
        """The tests that found drift."""
        return self.table.filter("is_drift")


def drifted(
    limits: Limits,
    models: Sequence[WatchedModel],
    costs: WatchedCosts | None,
    run: Path | None = None,
) -> Drifted:
    """Test forecasts, features and costs, and correct for the number of tests.

    Raises
    ------
    DataError
        Where there is nothing to test: no order has any alike.
    """
    found = []
    for model in models:
        found += calibration(model.baseline, model.errors, limits, model.of)
        if model.baseline is not None and model.features is not None:
            found += population(model.baseline, model.features, limits.psi)
    if costs is not None:
        found += costs.found.findings
    if not found:
        unmatched = 0 if costs is None else costs.found.unmatched
        raise DataError(
            f"drift of costs needs orders alike in the table of costs, of {unmatched:,} orders "
            "tested none has any",
            remedy="merge trading of the same symbol and liquidity: crossbook tca RUN --merge",
        )
    table = judge(found, limits.p)
    return Drifted(table=table, limits=limits, models=tuple(models), costs=costs, run=run)
