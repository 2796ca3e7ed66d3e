"""Drift of registered models and of costs: opened, tested, shown and recorded."""

from experiments.drift.drifted import Drifted, drifted
from experiments.drift.orders import WatchedCosts, find_trading, watch_costs
from experiments.drift.page import write_drift_page
from experiments.drift.watched import WatchedModel, watch_forecasts, watch_model
from experiments.drift.written import metrics, record_drift, write_tables

__all__ = [
    "Drifted",
    "WatchedCosts",
    "WatchedModel",
    "drifted",
    "find_trading",
    "metrics",
    "record_drift",
    "watch_costs",
    "watch_forecasts",
    "watch_model",
    "write_drift_page",
    "write_tables",
]
