"""Signals: what a model said and since when it could be known, delivered as of now."""

from framework.signals.base import Signal, SignalRows
from framework.signals.forecasts import (
    FORECAST_SCHEMA,
    ForecastPart,
    ForecastSignal,
    ForecastUnit,
    forecast_signals,
    held_forecasts,
    write_forecasts,
)
from framework.signals.held import HeldSignal
from framework.signals.link import available_ns
from framework.signals.stored import SIGNAL_SCHEMA, StoredSignal, write_signal

__all__ = [
    "FORECAST_SCHEMA",
    "SIGNAL_SCHEMA",
    "ForecastPart",
    "ForecastSignal",
    "ForecastUnit",
    "HeldSignal",
    "Signal",
    "SignalRows",
    "StoredSignal",
    "available_ns",
    "forecast_signals",
    "held_forecasts",
    "write_forecasts",
    "write_signal",
]
