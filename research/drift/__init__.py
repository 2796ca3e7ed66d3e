"""Drift: do forecasts, costs and features still behave as where they were learnt?"""

from research.drift.baseline import Baseline, FeatureSample, Level, baseline, read_baseline
from research.drift.calibration import (
    FORECASTS,
    calibration,
    forecast_errors,
    kupiec,
    with_outcomes,
)
from research.drift.costs import CostDrift, cost_drift
from research.drift.finding import DRIFT_SCHEMA, Finding, Limits, judge
from research.drift.population import population, population_stability
from research.drift.serial import error_of_mean, memory

__all__ = [
    "DRIFT_SCHEMA",
    "FORECASTS",
    "Baseline",
    "CostDrift",
    "FeatureSample",
    "Finding",
    "Level",
    "Limits",
    "baseline",
    "calibration",
    "cost_drift",
    "error_of_mean",
    "forecast_errors",
    "judge",
    "kupiec",
    "memory",
    "population",
    "population_stability",
    "read_baseline",
    "with_outcomes",
]
