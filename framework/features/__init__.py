"""Streaming features: one implementation for strategies, studies and models."""

from framework.book.levels import read_levels
from framework.features.average import Ema, TimeEma
from framework.features.base import Feature
from framework.features.book import COLUMNS, BookFeatures, FeatureSettings
from framework.features.depth import gap_ticks, imbalance, sweep_bps
from framework.features.deviation import Deviation
from framework.features.frame import (
    FRAME_SCHEMA,
    Clock,
    When,
    feature_batches,
    feature_frame,
)
from framework.features.heat import Heat, faded_heat, log_heat
from framework.features.order_flow import OrderFlowImbalance
from framework.features.quote import (
    microprice_ticks,
    microprice_ticks_over,
    spread_pct,
    spread_pct_over,
)
from framework.features.recovery import RecoverySpeed
from framework.features.variance_bars import BAR_COLUMNS, BARS_TO_BEGIN, VarianceBars
from framework.features.volume_average import Vwap, Vwma

__all__ = [
    "BARS_TO_BEGIN",
    "BAR_COLUMNS",
    "COLUMNS",
    "FRAME_SCHEMA",
    "BookFeatures",
    "Clock",
    "Deviation",
    "Ema",
    "Feature",
    "FeatureSettings",
    "Heat",
    "OrderFlowImbalance",
    "RecoverySpeed",
    "TimeEma",
    "VarianceBars",
    "Vwap",
    "Vwma",
    "When",
    "faded_heat",
    "feature_batches",
    "feature_frame",
    "gap_ticks",
    "imbalance",
    "log_heat",
    "microprice_ticks",
    "microprice_ticks_over",
    "read_levels",
    "spread_pct",
    "spread_pct_over",
    "sweep_bps",
]
