"""Models of volatility trained on stored streams, tracked and registered in MLflow."""

from experiments.models.forecasting import (
    FORECASTS,
    Forecasts,
    forecast_registered,
    forecast_with_new,
)
from experiments.models.learning import Learnt, Source, learn, open_source
from experiments.models.registry import CHAMPION, ModelRegistry, Registered

__all__ = [
    "CHAMPION",
    "FORECASTS",
    "Forecasts",
    "Learnt",
    "ModelRegistry",
    "Registered",
    "Source",
    "forecast_registered",
    "forecast_with_new",
    "learn",
    "open_source",
]
