"""Quotes whose volatility is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from research.volatility import READING_SCHEMA

START_NS = 1_700_000_000 * NS_PER_S


def headlines(hours: float, *, seed: int, a_minute: float = 0.6) -> pl.DataFrame:
    """Draw headlines, available at once."""
    rng = np.random.default_rng([seed, 1])
    n = rng.poisson(a_minute * 60 * hours)
    at_ns = START_NS + np.sort(rng.integers(0, int(hours * 3600 * NS_PER_S), n))
    return pl.DataFrame({"available_ns": at_ns, "intensity": rng.exponential(size=n)})


def quotes(
    hours: float, *, seed: int, news: pl.DataFrame | None = None, persistence: float = 0.999
) -> pl.DataFrame:
    """Draw a quote every 200 ms whose volatility wanders, and is heated by news for 40 s."""
    rng = np.random.default_rng([seed, 2])
    n = int(hours * 3600 * 5)
    ts_ns = START_NS + np.arange(n) * NS_PER_S // 5
    shocks = rng.standard_normal(n)
    shocks[0] = 0.0
    wandering = pl.Series(shocks).ewm_mean(alpha=1 - persistence, adjust=False).to_numpy()
    variance = 0.04 * np.exp(0.8 * wandering / np.sqrt((1 - persistence) / 2))
    if news is not None:
        for at_ns, size in news.iter_rows():
            age_s = (ts_ns - at_ns) / NS_PER_S
            is_on = age_s >= 0
            variance[is_on] *= 1.0 + 4.0 * size * np.exp(-age_s[is_on] / 40.0)
    mid = 10_000.0 + np.cumsum(np.sqrt(variance) * rng.standard_normal(n))
    return pl.DataFrame(
        {
            "ts_ns": ts_ns,
            "mid_ticks": mid,
            "spread_pct": np.full(n, 0.01),
            "mid_deviation_ticks": np.sqrt(variance),
        },
        schema=READING_SCHEMA,
    )
