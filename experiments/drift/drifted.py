"""All tests of one question together, corrected for their number."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from experiments.drift.orders import WatchedCosts
from experiments.drift.watched import WatchedModel
from research.drift import Limits, calibration, judge, population


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """What has drifted, and what has not.

    Parameters
    ----------
    table
        `research.drift.DRIFT_SCHEMA`, findings first.
    limits
        What counts.
    model, costs
        What was tested; None where that was not asked for.
    """

    table: pl.DataFrame
    limits: Limits
    model: WatchedModel | None = None
    costs: WatchedCosts | None = None

    @property
    def title(self) -> str:
        """Name what was tested."""
        named = [] if self.model is None else [f"{self.model.name} version {self.model.version}"]
        return ", ".join([*named, *([] if self.costs is None else [f"run {self.costs.title}"])])

    @property
    def findings(self) -> pl.DataFrame:
        """The tests that found drift."""
        return self.table.filter("is_drift")


def drifted(limits: Limits, model: WatchedModel | None, costs: WatchedCosts | None) -> Drifted:
    """Test forecasts, features and costs, and correct for the number of tests."""
    found = []
    if model is not None:
        found += calibration(model.baseline, model.errors, limits)
        found += population(model.baseline, model.features, limits.psi)
    if costs is not None:
        found += costs.found.findings
    return Drifted(table=judge(found, limits.p), limits=limits, model=model, costs=costs)
