"""Volatility: how much there was, how much there will be, and how sure that is."""

from research.volatility.comparison import (
    Comparison,
    confidence_set,
    diebold_mariano,
    pooled_diebold_mariano,
)
from research.volatility.conformal import REGIMES, Conformal, regimes
from research.volatility.evaluation import Evaluation, evaluate, split_for_intervals
from research.volatility.exogenous import news_heat, with_known, with_news
from research.volatility.forecast import LEVELS, Forecast
from research.volatility.forecast_stream import (
    ForecastOrigin,
    ForecastStream,
    forecast_frame,
    measured_latency_ns,
)
from research.volatility.leakage import Leak, find_leaks
from research.volatility.losses import crps, pinball, qlike, squared
from research.volatility.measures import (
    bipower_variance,
    realised_kernel,
    realised_variance,
    signature,
    subsampled_variance,
    two_scale_variance,
)
from research.volatility.ranges import garman_klass, parkinson, rogers_satchell
from research.volatility.readings import READING_SCHEMA, quotes_of, read_quotes
from research.volatility.table import (
    TARGET,
    BarSettings,
    feature_names,
    is_risk,
    known_rows,
    volatility_table,
)

__all__ = [
    "LEVELS",
    "READING_SCHEMA",
    "REGIMES",
    "TARGET",
    "BarSettings",
    "Comparison",
    "Conformal",
    "Evaluation",
    "Forecast",
    "ForecastOrigin",
    "ForecastStream",
    "Leak",
    "bipower_variance",
    "confidence_set",
    "crps",
    "diebold_mariano",
    "evaluate",
    "feature_names",
    "find_leaks",
    "forecast_frame",
    "garman_klass",
    "is_risk",
    "known_rows",
    "measured_latency_ns",
    "news_heat",
    "parkinson",
    "pinball",
    "pooled_diebold_mariano",
    "qlike",
    "quotes_of",
    "read_quotes",
    "realised_kernel",
    "realised_variance",
    "regimes",
    "rogers_satchell",
    "signature",
    "split_for_intervals",
    "squared",
    "subsampled_variance",
    "two_scale_variance",
    "volatility_table",
    "with_known",
    "with_news",
]
